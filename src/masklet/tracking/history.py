"""What a session knows, as frozen values that share tensors, and the list of those that were.

An edit makes a new state and leaves the old one as it is, so undo and redo move an index. A state
holds small things only: prompts with their answers, and masks as run lengths. The memories of
tracked frames are elsewhere, under the keys of `masklet.tracking.checkpoints`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from masklet.memory.bank import Memory
from masklet.tracking.answers import Chosen
from masklet.tracking.frame_map import FrameMap
from masklet.types import ObjectId, ObjectMask, Prompt


@dataclass(frozen=True, slots=True, eq=False)
class Prompted:
    """One object on one frame on which something was said about it."""

    prompt: Prompt
    """All that was said, together."""
    chosen: Chosen
    """The answer, one row; it is settled, because the user saw it."""
    mask: ObjectMask
    memory: Memory | None = None
    """None for a draft: nothing was tracked from it yet."""
    before: "ObjectState | None" = None
    """Of a draft that corrects a tracked mask: the object as it was before."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """One object on one frame to which it was tracked."""

    mask: ObjectMask
    reverse: bool
    """Whether the walk came from a later frame."""
    key: int
    """Of the checkpoint: what the object remembers after this frame."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectState:
    """All that is known of one object; whatever is here is up to date."""

    object_id: ObjectId
    prompted: Mapping[int, Prompted] = field(default_factory=lambda: MappingProxyType({}))
    tracked: FrameMap[Tracked] = field(default_factory=FrameMap)

    def mask_at(self, frame: int) -> ObjectMask | None:
        """The mask of that frame, if there is one."""
        known = self.prompted.get(frame) or self.tracked.get(frame)
        return known.mask if known else None

    def with_prompt(self, frame: int, prompted: Prompted) -> "ObjectState":
        """With what was said on a frame; nothing that depends on it is forgotten yet."""
        return replace(self, prompted=MappingProxyType({**self.prompted, frame: prompted}))

    def without_prompt(self, frame: int) -> "ObjectState":
        """With nothing said on a frame; nothing that depends on it is forgotten yet."""
        kept = {other: said for other, said in self.prompted.items() if other != frame}
        return replace(self, prompted=MappingProxyType(kept))

    def with_tracked(self, frame: int, tracked: Tracked) -> "ObjectState":
        """With the mask of a frame, in place of an earlier one."""
        return replace(self, tracked=self.tracked.with_frame(frame, tracked))

    def forget(self, frames: Collection[int]) -> "ObjectState":
        """Without what was tracked on these frames."""
        return replace(self, tracked=self.tracked.without(frames))


@dataclass(frozen=True, slots=True, eq=False)
class SessionState:
    """All that a session knows."""

    objects: Mapping[ObjectId, ObjectState] = field(default_factory=lambda: MappingProxyType({}))
    """In the order in which they came."""
    removed: frozenset[ObjectId] = frozenset()
    """Objects whose number is not given again."""

    def with_object(self, known: ObjectState) -> "SessionState":
        """With an object as it is now; a new one comes last."""
        objects = {**self.objects, known.object_id: known}
        return replace(self, objects=MappingProxyType(objects))

    def without_object(self, object_id: ObjectId) -> "SessionState":
        """Without an object, for good."""
        kept = {number: known for number, known in self.objects.items() if number != object_id}
        return SessionState(MappingProxyType(kept), self.removed | {object_id})


@dataclass(frozen=True, slots=True)
class Scores:
    """Where the model is sure of an object and where it is not: one number per known frame."""

    frame_index: npt.NDArray[np.int64]
    predicted_iou: npt.NDArray[np.float32]
    """What the model expects of the mask, 0 to 1."""
    object_score: npt.NDArray[np.float32]
    """Logit that the object is visible."""
    stability: npt.NDArray[np.float32]
    """How little the mask depends on its threshold, 0 to 1."""
    is_prompted: npt.NDArray[np.bool_]


def scores_of(known: ObjectState) -> Scores:
    """The scores of an object on every frame that is known, ascending."""
    frames = sorted({*known.prompted, *known.tracked})
    masks = [mask for frame in frames if (mask := known.mask_at(frame)) is not None]
    return Scores(
        frame_index=np.array(frames, np.int64),
        predicted_iou=np.array([mask.predicted_iou for mask in masks], np.float32),
        object_score=np.array([mask.object_score for mask in masks], np.float32),
        stability=np.array([mask.stability for mask in masks], np.float32),
        is_prompted=np.array([frame in known.prompted for frame in frames], np.bool_),
    )


class History:
    """States in the order in which they were made, and which of them is current."""

    def __init__(self) -> None:
        self._states = [SessionState()]
        self._index = 0

    @property
    def current(self) -> SessionState:
        """The state that is shown."""
        return self._states[self._index]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._index > 0

    @property
    def can_redo(self) -> bool:
        """Whether a later state was undone."""
        return self._index + 1 < len(self._states)

    def push(self, state: SessionState) -> None:
        """A new step; what was undone before cannot be redone."""
        del self._states[self._index + 1 :]
        self._states.append(state)
        self._index += 1

    def amend(self, state: SessionState) -> None:
        """The current step goes on."""
        self._states[self._index] = state

    def undo(self) -> None:
        """To the state before; only where `can_undo`."""
        assert self.can_undo
        self._index -= 1

    def redo(self) -> None:
        """To the state after; only where `can_redo`."""
        assert self.can_redo
        self._index += 1
