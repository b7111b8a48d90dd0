"""What users hold: a `Prompt` says which object is meant, a `MaskSet` is the answer.

Coordinates are pixels of the original image, `(x, y)`, x to the right and y down; the centre of the
top left pixel is (0, 0). Sizes are `(height, width)`.
"""

from masklet.types.close_up import CloseUp
from masklet.types.host_copy import Ratings
from masklet.types.mask_set import MaskSet
from masklet.types.prompt import Prompt
from masklet.types.video import FrameMasks, FrameResult, ObjectId, ObjectMask, VideoInfo

__all__ = [
    "CloseUp",
    "FrameMasks",
    "FrameResult",
    "MaskSet",
    "ObjectId",
    "ObjectMask",
    "Prompt",
    "Ratings",
    "VideoInfo",
]
