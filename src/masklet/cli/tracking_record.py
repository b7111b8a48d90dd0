"""What a run of `masklet track` has done so far, in files from which it can go on.

`masklets.partial.jsonl` has the masks of every frame that was tracked, `tracker.state` a place in
that file and all that the tracker knew there. The masks reach the disk before the state does, so
after any end, however sudden, the state tells of no frame that the log lacks.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from masklet.cli.tracking_steps import Checkpoint, Step
from masklet.errors import StateError
from masklet.io import json_parts as parts
from masklet.io.atomic import write_bytes
from masklet.io.masklet_json import LOG_FORMAT, describe_header
from masklet.io.masklets import MaskletLog, Masklets
from masklet.io.streamed import failure_told
from masklet.tracking.saving import state_from_bytes, state_to_bytes
from masklet.types import FrameMasks, ObjectId, ObjectMask

LOG_NAME = "masklets.partial.jsonl"
STATE_NAME = "tracker.state"

_STATE_FORMAT = "masklet-track-state"
_PLACE = ("walk", "step", "logged")
_WHAT = "the state of a tracker as `masklet track` saves it"
_SAVE_SECONDS = 10.0
# Many objects are a state of hundreds of megabytes: saving may take one part in so many of the time.
_SHARE = 20


class Record:
    """The frames that were tracked so far; grows with each of them.

    Make one with `begin_record` or `resume_record`.
    """

    def __init__(self, log: MaskletLog, checkpoint: Checkpoint | None = None) -> None:
        self.log = log
        self.checkpoint = checkpoint
        """The latest place from which tracking can go on."""
        self._logged = len(log)
        self._due = time.monotonic() + _SAVE_SECONDS

    def add(self, step: Step) -> None:
        """Add a frame, and save the state from time to time.

        Raises:
            OutputError: a file cannot be written; what was added before is kept.
        """
        self.log.append(step.result.kept())
        if step.checkpoint is not None:
            self.checkpoint, self._logged = step.checkpoint, len(self.log)
        if time.monotonic() >= self._due:
            self.save()

    def save(self) -> None:
        """Bring masks and state to the disk; raises `OutputError`."""
        begun = time.monotonic()
        self.log.sync()
        if self.checkpoint is not None:
            place = (self.checkpoint.walk, self.checkpoint.step, self._logged)
            head = {"format": _STATE_FORMAT, "format_version": 1}
            line = json.dumps(head | dict(zip(_PLACE, place, strict=True))).encode()
            state = state_to_bytes(self.checkpoint.state)
            write_bytes(self.log.path.with_name(STATE_NAME), line + b"\n" + state)
        now = time.monotonic()
        self._due = now + max(_SAVE_SECONDS, _SHARE * (now - begun))

    def masklets(self) -> Masklets:
        """All frames by rising index; of a frame that was tracked both ways, the objects of both."""
        return merged(self.log.header, self.log.frames())

    def discard(self) -> None:
        """Remove the files: the results are complete. Raises `OutputError`."""
        self.log.close()
        remove_record(self.log.path.parent)


def begin_record(folder: Path, header: Masklets) -> Record:
    """An empty record in a folder that exists; one that was there is removed.

    Raises:
        OutputError: a file cannot be written.
    """
    remove_record(folder)
    return Record(MaskletLog.create(folder / LOG_NAME, header))


def resume_record(folder: Path, header: Masklets, device: torch.device) -> Record:
    """The record of an earlier run, up to the last place from which tracking can go on.

    Args:
        folder: where the earlier run wrote.
        header: what this run would begin with; it must be the same.
        device: where the model is.

    Raises:
        StateError: the record is damaged, or of a run with another video, model, prompts or
            options.
        OutputError: a file cannot be written.
    """
    log = MaskletLog.open(folder / LOG_NAME)
    _check_same(log, header)
    _remove_half_written(folder)
    path = folder / STATE_NAME
    # Stopped before its first save: all begins again.
    checkpoint, logged = _read_state(path, device) if path.exists() else (None, 0)
    log.keep(logged)
    return Record(log, checkpoint)


def has_record(folder: Path) -> bool:
    """Whether an earlier run was not completed."""
    return (folder / LOG_NAME).exists()


def remove_record(folder: Path) -> None:
    """Remove the files of a record, if they are there; raises `OutputError`."""
    # The log first: a state without a log is ignored, a log with the state of another is not.
    for name in (LOG_NAME, STATE_NAME):
        with failure_told(folder / name):
            (folder / name).unlink(missing_ok=True)


def merged(header: Masklets, frames: Iterable[FrameMasks]) -> Masklets:
    """Frames by rising index, objects by rising id; of what comes twice the later one."""
    found: dict[int, dict[ObjectId, ObjectMask]] = {}
    for frame in frames:
        there = found.setdefault(frame.frame_index, {})
        there.update((mask.object_id, mask) for mask in frame.objects)
    together = (
        FrameMasks(index, tuple(mask for _, mask in sorted(found[index].items())))
        for index in sorted(found)
    )
    return replace(header, frames=tuple(together))


def _remove_half_written(folder: Path) -> None:
    """Remove what a run that was killed left of files that it was writing just then."""
    for depth in ("", "*/", "*/*/"):
        for path in folder.glob(f"{depth}.masklet-*.tmp"):
            with failure_told(path):
                path.unlink()


def _read_state(path: Path, device: torch.device) -> tuple[Checkpoint, int]:
    """The checkpoint, and how many frames the log held there."""
    try:
        line, _, data = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise StateError(
            f"{path} cannot be read: {error.strerror}; expected {_WHAT}. Check your rights to "
            "read it, or start anew with --overwrite."
        ) from error
    head = parts.parse_object(line, f"the first line of {path}", _WHAT)
    if head.get("format") != _STATE_FORMAT or head.get("format_version") != 1:
        raise StateError(
            f"{path} has the format {head.get('format')!r}, version {head.get('format_version')!r}; "
            f"expected {_STATE_FORMAT!r}, version 1. It is another file, or a newer masklet wrote "
            "it: start anew with --overwrite."
        )
    walk, step, logged = (parts.field(head, key, int, str(path)) for key in _PLACE)
    return Checkpoint(walk, step, state_from_bytes(data, device)), logged


def _check_same(log: MaskletLog, header: Masklets) -> None:
    then, now = (_told(each) for each in (log.header, header))
    for name in now:
        if then.get(name) != now[name]:
            raise StateError(
                f"{log.path} was begun with {_shown(name, then.get(name))}, now it is "
                f"{_shown(name, now[name])}; expected the same video, prompts, model and options. "
                "Repeat the command as it was, or start anew with --overwrite."
            )


def _told(header: Masklets) -> dict[str, Any]:  # Any: JSON
    described = describe_header(header, LOG_FORMAT)
    flat = described.pop("settings") | described.pop("video") | described
    read: dict[str, Any] = json.loads(json.dumps(flat))  # Any: JSON
    return read


def _shown(name: str, value: object) -> str:
    return "other prompts" if name == "prompts" else f"{name} {value!r}"
