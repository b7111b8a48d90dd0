"""A made-up video and its masks, and a disk that is full; shared by the tests of the writers."""

import contextlib

import numpy as np

from masklet.io.masklets import Masklets
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectMask, Prompt, VideoInfo

SIZE = (20, 30)
VIDEO = VideoInfo("clip.mp4", size=SIZE, num_frames=5, fps=29.97)


def square(top, left, side=6, size=SIZE):
    mask = np.zeros(size, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def seen(object_id, mask, iou=0.75, score=3.5, stability=0.9):
    return ObjectMask(object_id, rle.encode(mask), iou, score, stability)


def hidden(object_id):
    return seen(object_id, np.zeros(SIZE, bool), iou=0.25, score=-4.5, stability=0.5)


def frames(count=5):
    """Object 1 moves, object 3 comes on frame 1 and is hidden on frame 2."""
    made = []
    for index in range(count):
        objects = [seen(1, square(2, index), iou=0.5 + index / 8)]
        if index > 0:
            objects.append(hidden(3) if index == 2 else seen(3, square(12, 20 - index)))
        made.append(FrameMasks(index, tuple(objects)))
    return tuple(made)


def masklets(count=5):
    prompts = {
        0: {1: Prompt.point(4.5, 3) + Prompt.point(1, 2, label=0) + Prompt.box_xyxy(1, 2, 8, 9)},
        1: {3: Prompt.from_mask(square(12, 19))},
    }
    settings = {"threshold": 0.0, "memory": "float32", "objects": [1, 3]}
    return Masklets(VIDEO, "tiny", "1.2.3", prompts, frames(count), settings)


@contextlib.contextmanager
def files_of_at_most(count):
    """No file can grow beyond so many bytes, as if the disk were full."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
