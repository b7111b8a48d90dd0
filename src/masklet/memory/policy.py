"""The seam between the network and what is done with it: which memories, which mask, what stays.

A policy is an ordinary object without access to the model. Its laws: state is immutable; `choose`
keeps at least one row per object; the standard policy reads no tensor on the host.

Shapes: B rows, M candidates, C channels, h w the mask-logit grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from torch import Tensor

from masklet.memory.bank import Memory, MemoryBank

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything about "now"."""

    frame_index: int
    reverse: bool = False
    """Whether frames are visited backwards."""
    num_frames: int | None = None
    """Length of the video where it is known; it scales pointer times in short clips (parity 1)."""

    def before(self, frames: int) -> int:
        """The frame that was visited so many frames ago."""
        return self.frame_index + (frames if self.reverse else -frames)


@dataclass(frozen=True, slots=True)
class Hypothesis(Generic[S]):
    """One way in which an object may have gone so far; an object is one or several of these."""

    object_id: int
    bank: MemoryBank
    state: S
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Recall:
    """What a row attends to: spatial memories with their slots, pointers with their times."""

    spatial: tuple[tuple[Memory, int], ...] = ()
    pointers: tuple[tuple[Memory, float], ...] = ()
    pooled_slots: frozenset[int] = frozenset()
    """Slots whose memories are read as the means of 2 x 2 tokens, unless they are small already."""


@dataclass(frozen=True, slots=True)
class Choice(Generic[S]):
    """The rows that survive a frame, and which candidate each of them takes."""

    parent: tuple[int, ...]
    """The row that survivor i continues."""
    mask_B: Tensor
    """int64, the candidate whose logits survivor i takes."""
    pointer_B: Tensor
    """int64, the candidate whose pointer it takes; under the stability fallback it differs from
    `mask_B` (parity 11)."""
    state: tuple[S, ...]
    shown: tuple[int, ...]
    """Per object, in the order of first rows, the survivor that is displayed."""


class Evidence(Protocol):
    """What the decoder computed for the rows of a frame; the model's `Candidates` are this."""

    @property
    def logits_BMhw(self) -> Tensor:
        """Mask logits."""

    @property
    def iou_BM(self) -> Tensor:
        """Predicted IoU."""

    @property
    def pointers_BMC(self) -> Tensor:
        """Object pointers."""

    @property
    def object_score_B(self) -> Tensor:
        """Logit of visibility."""


class MemoryPolicy(Protocol[S]):
    """Three decisions per frame and object."""

    @property
    def reach(self) -> int:
        """How many recent memories are ever needed; more are not kept while streaming."""

    @property
    def foveates(self) -> bool:
        """Whether frames that are not prompted are remembered in detail at the object only."""

    def start(self) -> S:
        """The state of an object that was just prompted."""

    def recall(self, track: Hypothesis[S], moment: Moment) -> Recall:
        """Which memories this row attends to."""

    def choose(
        self,
        rows: Sequence[Hypothesis[S]],
        evidence: Evidence,
        points: Sequence[int],
        moment: Moment,
    ) -> Choice[S]:
        """Which candidates survive; `points` counts the points, corners included, of every row."""

    def store(
        self, track: Hypothesis[S], memory: Memory, evidence: Evidence, moment: Moment
    ) -> Hypothesis[S]:
        """The row with what it remembers of this frame; `evidence` is of this row alone."""
