"""What a tracker remembers as bytes, safe to read from anyone, to be continued anywhere.

The layout is that of safetensors: the memories as tensors, and JSON in the header that says whose
they are. Nothing in it can be executed.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from masklet.errors import StateError
from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.cells import Cells
from masklet.memory.policy import Hypothesis
from masklet.tracking.tracker import TrackerState

S = TypeVar("S")
_FORMAT = "masklet tracker state"
_VERSION = 1


def state_to_bytes(state: TrackerState[S], *, config: str = "") -> bytes:
    """A tracker's state, for `state_from_bytes`.

    Args:
        state: of a tracker with any policy whose own state is made of numbers, strings, lists and
            None.
        config: of the model that it tracked with, `model.config.to_json()`; given here and there,
            it keeps memories from a model that cannot read them.

    Raises:
        StateError: the policy keeps something that JSON cannot say.
    """
    memories = _Numbered()
    tracks = [[_written(row, memories) for row in track] for track in state.tracks]
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "config": config,
        "frame_index": state.frame_index,
        "tracks": tracks,
        "memories": [memory.frame_index for memory in memories.held],
    }
    tensors = {
        f"{number}.{part}": _alone(tensor)
        for number, memory in enumerate(memories.held)
        for part, tensor in _parts(memory).items()
    }
    return save(tensors, {"masklet": json.dumps(header)})


def state_from_bytes(data: bytes, device: torch.device, *, config: str = "") -> TrackerState[Any]:
    """The state that `state_to_bytes` saw. Any: what a policy keeps.

    A tracker with the same model, policy and settings that is given this state goes on with the
    same masks.

    Args:
        data: the bytes.
        device: where the memories go: `model.device`.
        config: of the model that is to go on.

    Raises:
        StateError: the data are damaged, of a later version, or of another model.

    >>> import masklet, numpy
    >>> from masklet import Prompt
    >>> from masklet.tracking.tracker import Tracker
    >>> model, frame = masklet.load(), numpy.zeros((48, 64, 3), numpy.uint8)
    >>> tracker, other = Tracker(model), Tracker(model)
    >>> first = tracker.step(frame, {1: Prompt.point(32, 24)})
    >>> other.state = state_from_bytes(state_to_bytes(tracker.state), model.device)
    >>> other.step(frame).frame_index
    1
    """
    try:
        header, tensors = _header(data), load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StateError(
            f"these {len(data)} bytes are no tracker's state: {type(error).__name__} {error}; "
            "expected all bytes that `state_to_bytes` gave. Were they cut off?"
        ) from error
    _check_kind(header, config)
    try:
        memories = [
            _memory(tensors, number, frame, device)
            for number, frame in enumerate(header["memories"])
        ]
        tracks = tuple(tuple(_read(row, memories) for row in track) for track in header["tracks"])
        return TrackerState(int(header["frame_index"]), tracks)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise StateError(
            f"the tracker's state is damaged: {type(error).__name__} {error}; expected the bytes "
            "that `state_to_bytes` gave, unchanged. Start again from the prompts."
        ) from error


class _Numbered:
    """Memories, each once: hypotheses of one object share them."""

    def __init__(self) -> None:
        self.held: list[Memory] = []
        self._numbers: dict[int, int] = {}

    def number(self, memory: Memory) -> int:
        """The place of this memory, a new one if it has none."""
        if id(memory) not in self._numbers:
            self._numbers[id(memory)] = len(self.held)
            self.held.append(memory)
        return self._numbers[id(memory)]


def _json_state(state: object) -> object:
    try:
        comes_back = json.loads(json.dumps(state)) == state
    except (TypeError, ValueError):
        comes_back = False
    if not comes_back:
        raise StateError(
            f"the policy keeps {state!r:.80}, which JSON cannot say; expected a state of numbers, "
            "strings, lists and None. Let the policy keep such a state, or do not save its tracker."
        )
    return state


def _alone(tensor: Tensor) -> Tensor:
    """On the host, with storage of its own."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def _header(data: bytes) -> Mapping[str, Any]:
    """The JSON in the metadata of safetensors. Any: JSON."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])["__metadata__"]
    read = json.loads(header["masklet"])
    if not isinstance(read, dict):
        raise TypeError(f"the header is {read!r:.40}")
    return read


def _check_kind(header: Mapping[str, Any], config: str) -> None:
    if (header.get("format"), header.get("version")) != (_FORMAT, _VERSION):
        raise StateError(
            f"the data are {header.get('format')!r} version {header.get('version')!r}; this masklet "
            f"reads {_FORMAT!r} version {_VERSION}. Update masklet if the version is a later one."
        )
    if config and header.get("config") and header["config"] != config:
        raise StateError(
            "the tracker's state belongs to a model with another config; expected the one that it "
            "was tracked with, because memories mean nothing to others. Load that model."
        )


def _parts(memory: Memory) -> dict[str, Tensor]:
    parts = {
        "spatial_LD": memory.spatial_LD,
        "pointer_C": memory.pointer_C,
        "object_score": memory.object_score,
        "iou": memory.iou,
    }
    if memory.cells is not None:
        parts["places_S2"] = memory.cells.places_S2
        parts["log_counts_S"] = memory.cells.log_counts_S
    return parts


def _memory(tensors: Mapping[str, Tensor], number: int, frame: int, device: torch.device) -> Memory:
    def part(name: str) -> Tensor:
        return tensors[f"{number}.{name}"].to(device)

    has_cells = f"{number}.places_S2" in tensors
    return Memory(
        frame_index=frame,
        spatial_LD=part("spatial_LD"),
        pointer_C=part("pointer_C"),
        object_score=part("object_score"),
        iou=part("iou"),
        cells=Cells(part("places_S2"), part("log_counts_S")) if has_cells else None,
    )


def _written(row: Hypothesis[S], memories: _Numbered) -> dict[str, object]:
    return {
        "object_id": row.object_id,
        "score": row.score,
        "state": _json_state(row.state),
        "conditioning": [memories.number(memory) for memory in row.bank.conditioning],
        "recent": [memories.number(memory) for memory in row.bank.recent],
    }


def _read(row: Mapping[str, Any], memories: Sequence[Memory]) -> Hypothesis[Any]:
    bank = MemoryBank(
        conditioning=tuple(memories[number] for number in row["conditioning"]),
        recent=tuple(memories[number] for number in row["recent"]),
    )
    return Hypothesis(int(row["object_id"]), bank, row["state"], float(row["score"]))
