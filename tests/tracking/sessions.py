"""What tests of sessions share: prompts about the clip, and ways to compare what is shown."""

import numpy as np

from masklet.ops.rle import decode
from masklet.tracking.session import Session
from masklet.types import Prompt

DISC = Prompt.point(12, 20)
SQUARE = Prompt.box_xyxy(53, 27, 67, 41)
OTHER = Prompt.point(36, 10)
BESIDE = Prompt.point(40, 40, label=0)


def exact(model, clip, frames=10, **options):
    """A session in which one object at a time goes through the network: nothing rounds."""
    return Session(model, clip[:frames], max_rows=1, **options)


def shown(session, object_id=None):
    """Everything that is known, or all of one object, by frame."""
    return {
        (frame.frame_index, mask.object_id): mask
        for frame in session.frames()
        for mask in frame.objects
        if object_id in (None, mask.object_id)
    }


def run(session, *arguments, **options):
    """The frames that a propagation visits."""
    return [frame.frame_index for frame in session.propagate(*arguments, **options)]


def disc_of(clip_frame_index):
    """The true mask of the disc."""
    y, x = np.mgrid[:48, :72]
    return (y - 20) ** 2 + (x - 12 - clip_frame_index) ** 2 < 60


def overlap(one, other):
    """The IoU of two kept masks; that of two empty ones is 1."""
    first, second = decode(one.segmentation), decode(other.segmentation)
    union = (first | second).sum()
    return 1.0 if union == 0 else (first & second).sum() / union
