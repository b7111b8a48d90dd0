"""What tracking says about the frames of a video, on the device and as it is kept."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from masklet.ops.rle import Rle
from masklet.types.mask_set import MaskSet

ObjectId: TypeAlias = int
"""The user's number for an object: never reused, never renumbered."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video before its frames are read."""

    name: str
    """File or folder name, for people; empty for arrays."""
    size: tuple[int, int]
    """`(height, width)` of a frame as it is shown, after rotation."""
    num_frames: int | None
    """None where there is no telling, as with a camera."""
    fps: float | None
    """Mean frames per second; None where frames have no times."""


@dataclass(frozen=True, slots=True)
class ObjectMask:
    """One object on one frame, as it is kept and written: a few hundred bytes."""

    object_id: ObjectId
    segmentation: Rle
    """COCO run-length encoding at the size of the frame; all zero where the object is hidden."""
    predicted_iou: float
    """What the model expects of the mask, 0 to 1."""
    object_score: float
    """Logit that the object is visible; below 0 it is not."""
    stability: float
    """How little the mask depends on its threshold, 0 to 1 (`MaskSet.stability`)."""


@dataclass(frozen=True, slots=True)
class FrameMasks:
    """What is kept of a frame."""

    frame_index: int
    objects: tuple[ObjectMask, ...]

    def at(self, object_id: ObjectId) -> ObjectMask | None:
        """The mask of that object."""
        return next((mask for mask in self.objects if mask.object_id == object_id), None)


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What tracking says about one frame."""

    frame_index: int
    object_ids: tuple[ObjectId, ...]
    """Whose mask is where in `masks`, in the order in which the objects came."""
    masks: MaskSet

    def fetched(self) -> "FrameResult":
        """The same, with masks that are on their way to the host (`MaskSet.fetched`)."""
        return replace(self, masks=self.masks.fetched())

    def kept(self) -> FrameMasks:
        """The same as run-length encodings and numbers: two copies from the device."""
        ratings = self.masks.ratings()
        numbers = zip(
            self.object_ids,
            self.masks.rle(),
            ratings.iou.tolist(),
            ratings.object_score.tolist(),
            ratings.stability.tolist(),
            strict=True,
        )
        return FrameMasks(self.frame_index, tuple(ObjectMask(*each) for each in numbers))
