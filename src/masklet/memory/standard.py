"""How the released models remember: the rules of SAM 2 (arXiv 2408.00714).

Shapes: B rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import torch

from masklet.memory.bank import Memory
from masklet.memory.policy import Choice, Evidence, Hypothesis, Moment, Recall
from masklet.ops.masks import stable_candidate

MemoryForm: TypeAlias = Literal["full", "pooled", "foveated"]

# Recent spatial memories, besides the conditioning ones, and frames whose pointers are read.
_RECENT = 6
_POINTERS = 16


@dataclass(frozen=True, slots=True)
class StandardPolicy:
    """SAM 2's own rule: all conditioning frames, six recent memories, sixteen pointers.

    Args:
        stride: recent memories are taken every so many frames.
        max_conditioning: at most so many conditioning frames are attended to, the closest ones;
            None is all of them.
        stability_fallback: whether an unstable single mask gives way to the best of the three.
        memories: "full" is exact. The others are faster and change the masks; prompted frames are
            remembered in full in any case. "pooled": all but the latest memory are read as means of
            2 x 2 tokens. "foveated": of every memory an eighth of the tokens is kept, at the
            object, and means of 4 x 4 of the others; it is a fifth as large.

    Raises:
        ValueError: there is no such form of memories.
    """

    stride: int = 1
    max_conditioning: int | None = None
    stability_fallback: bool = True
    memories: MemoryForm = "full"

    def __post_init__(self) -> None:
        if self.memories not in get_args(MemoryForm):
            raise ValueError(
                f"memories are to be {self.memories!r}; expected one of "
                f"{', '.join(get_args(MemoryForm))}. Check the spelling."
            )

    @property
    def reach(self) -> int:
        """Recent memories that can ever be recalled."""
        return max(_RECENT * self.stride, _POINTERS - 1)

    @property
    def foveates(self) -> bool:
        """Whether memories are kept in detail at the object only."""
        return self.memories == "foveated"

    def start(self) -> None:
        """No state."""

    def recall(self, track: Hypothesis[None], moment: Moment) -> Recall:
        """Conditioning memories at slot 0, then recent ones, farthest first (parity 2 and 3)."""
        bank = track.bank
        chosen, unchosen = _selected(bank.conditioning, moment, self.max_conditioning)
        others = {m.frame_index: m for m in (*unchosen, *bank.recent)}
        spatial = [(memory, 0) for memory in chosen]
        for slot in range(1, _RECENT + 1):
            memory = others.get(_recent_frame(moment, _RECENT + 1 - slot, self.stride))
            if memory is not None:
                spatial.append((memory, slot))
        pooled = range(1, _RECENT) if self.memories == "pooled" else ()
        pointers = tuple(_pointers(chosen, others, moment))
        return Recall(tuple(spatial), pointers, frozenset(pooled))

    def choose(
        self,
        rows: Sequence[Hypothesis[None]],
        evidence: Evidence,
        points: Sequence[int],
        moment: Moment,  # the rule does not depend on when
    ) -> Choice[None]:
        """The best of three for at most one point, else the single mask (parity 8 and 11)."""
        device = evidence.iou_BM.device
        if evidence.iou_BM.shape[1] == 1:  # an adopted mask is its own only candidate
            mask_B = pointer_B = torch.zeros(len(rows), dtype=torch.int64, device=device)
        else:
            several = torch.tensor([count <= 1 for count in points]).to(device, non_blocking=True)
            best_of_three = 1 + evidence.iou_BM[:, 1:].argmax(dim=1)
            single = torch.zeros_like(best_of_three)
            if self.stability_fallback:
                single = stable_candidate(evidence.logits_BMhw, evidence.iou_BM)
            mask_B = torch.where(several, best_of_three, single)
            pointer_B = torch.where(several, best_of_three, 0)
        everyone = tuple(range(len(rows)))
        return Choice(everyone, mask_B, pointer_B, (None,) * len(rows), everyone)

    def store(
        self,
        track: Hypothesis[None],
        memory: Memory,
        evidence: Evidence,  # the rule remembers every frame
        moment: Moment,
    ) -> Hypothesis[None]:
        """Every frame is remembered."""
        return replace(track, bank=track.bank.remember(memory, keep=self.reach))


def closest_conditioning(
    frames: Sequence[int], now: int, limit: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which conditioning frames are attended to, and which are left over.

    The nearest frame before `now` comes first, then the nearest from `now` on, then the others by
    their distance; of two at the same distance the one that stands first in `frames`.

    Args:
        frames: conditioning frames, each once.
        now: the frame that is looked at.
        limit: how many to attend to, at least 2; -1 for all of them.

    Returns:
        The selected frames in the order above, or in their own if all are selected; the rest in
        their own order.

    Raises:
        ValueError: the limit leaves no room for a frame on either side of `now`.

    >>> closest_conditioning([0, 3, 9, 12], now=5, limit=3)
    ((3, 9, 0), (12,))
    """
    if limit != -1 and limit < 2:
        raise ValueError(
            f"the limit of conditioning frames is {limit}; expected -1 for no limit, or at least "
            "2: the nearest frame on each side."
        )
    if limit == -1 or len(frames) <= limit:
        return tuple(frames), ()
    before = max((frame for frame in frames if frame < now), default=None)
    after = min((frame for frame in frames if frame >= now), default=None)
    nearest = [frame for frame in (before, after) if frame is not None]
    others = [frame for frame in frames if frame not in nearest]
    others.sort(key=lambda frame: abs(frame - now))
    selected = (*nearest, *others)[:limit]
    return selected, tuple(frame for frame in frames if frame not in selected)


def _selected(
    conditioning: Sequence[Memory], moment: Moment, limit: int | None
) -> tuple[list[Memory], list[Memory]]:
    by_frame = {memory.frame_index: memory for memory in conditioning}
    frames, rest = closest_conditioning(
        list(by_frame), moment.frame_index, -1 if limit is None else limit
    )
    return [by_frame[frame] for frame in frames], [by_frame[frame] for frame in rest]


def _recent_frame(moment: Moment, back: int, stride: int) -> int:
    """The frame of a recent memory `back` places ago: the last frame, or multiples of the stride."""
    now = moment.frame_index
    if back == 1:
        return moment.before(1)
    if moment.reverse:
        return -(-(now + 2) // stride) * stride + (back - 2) * stride
    return (now - 2) // stride * stride - (back - 2) * stride


def _pointers(
    chosen: Sequence[Memory], others: Mapping[int, Memory], moment: Moment
) -> Iterator[tuple[Memory, float]]:
    """Pointers of conditioning frames that are not in the future, then of the latest frames."""
    # A stream without a length is as long as any (parity 1); one frame has no distances at all.
    frames = _POINTERS if moment.num_frames is None else min(moment.num_frames, _POINTERS)
    unit = max(frames - 1, 1)
    for memory in chosen:
        distance = moment.frame_index - memory.frame_index
        distance = -distance if moment.reverse else distance
        if distance >= 0:
            yield memory, distance / unit
    for back in range(1, frames):
        recent = others.get(moment.before(back))
        if recent is not None:
            yield recent, back / unit
