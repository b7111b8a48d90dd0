"""What an object left behind on past frames: an immutable bank of memories.

Banks share tensors, so keeping an old one is how anything is undone. Shapes: L tokens of a frame,
or as many as a smaller memory has, D channels of a spatial memory, C channels of a pointer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from masklet.memory.cells import Cells


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What one frame left behind for one object."""

    frame_index: int
    spatial_LD: Tensor
    """The encoded mask, bfloat16 as the reference stores it unless asked otherwise (parity 6)."""
    pointer_C: Tensor
    """The object pointer."""
    object_score: Tensor
    """0-d logit: was the object visible? On its device; reading it is the caller's decision."""
    iou: Tensor
    """0-d predicted IoU of the mask that was remembered."""
    cells: Cells | None = None
    """Where the tokens lie and how much they count; None for a whole memory, the grid itself."""

    @property
    def nbytes(self) -> int:
        """Bytes of the spatial memory and of its cells, which is nearly all of it."""
        return self.spatial_LD.nbytes + (0 if self.cells is None else self.cells.nbytes)

    def cloned(self) -> "Memory":
        """The same memory with storage of its own, for one that outlives its batch."""
        return replace(
            self,
            spatial_LD=self.spatial_LD.clone(),
            pointer_C=self.pointer_C.clone(),
            object_score=self.object_score.clone(),
            iou=self.iou.clone(),
            cells=None if self.cells is None else self.cells.cloned(),
        )


@dataclass(frozen=True, slots=True)
class MemoryBank:
    """The memories of one object: of frames that were prompted, and of others. Both by frame."""

    conditioning: tuple[Memory, ...] = ()
    recent: tuple[Memory, ...] = ()

    def __len__(self) -> int:
        return len(self.conditioning) + len(self.recent)

    def __iter__(self) -> Iterator[Memory]:
        yield from self.conditioning
        yield from self.recent

    def at(self, frame_index: int) -> Memory | None:
        """The memory of that frame."""
        return next((memory for memory in self if memory.frame_index == frame_index), None)

    def remember(self, memory: Memory, *, keep: int | None) -> "MemoryBank":
        """With `memory` among the recent ones; of these at most `keep`, the nearest in time to it.

        A frame has one memory: an earlier one of the same frame, of either kind, is replaced.
        """
        recent = (*_without(self.recent, memory.frame_index), memory)
        if keep is not None and len(recent) > keep:
            by_distance = sorted(recent, key=lambda m: abs(m.frame_index - memory.frame_index))
            recent = tuple(by_distance[:keep])
        return MemoryBank(_without(self.conditioning, memory.frame_index), _by_frame(recent))

    def condition_on(self, memory: Memory) -> "MemoryBank":
        """With `memory` among the conditioning ones, in place of any memory of that frame."""
        others = _without(self.conditioning, memory.frame_index)
        return MemoryBank(
            _by_frame((*others, memory.cloned())), _without(self.recent, memory.frame_index)
        )

    def forget(self, frames: range) -> "MemoryBank":
        """Without the recent memories of these frames; conditioning ones stay."""
        return replace(self, recent=tuple(m for m in self.recent if m.frame_index not in frames))

    def unprompt(self, frame_index: int) -> "MemoryBank":
        """Without any memory of that frame."""
        return MemoryBank(
            _without(self.conditioning, frame_index), _without(self.recent, frame_index)
        )


def _without(memories: tuple[Memory, ...], frame_index: int) -> tuple[Memory, ...]:
    return tuple(memory for memory in memories if memory.frame_index != frame_index)


def _by_frame(memories: tuple[Memory, ...]) -> tuple[Memory, ...]:
    return tuple(sorted(memories, key=lambda memory: memory.frame_index))
