"""A clip and a picture made of arrays, and the squares that move through the tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from masklet.data.records import FrameTruth, ObjectRecord, PictureObject
from masklet.io.arrays import ArrayVideo
from masklet.ops.rle import encode


@dataclass(frozen=True, eq=False)
class ArrayClip:
    """Masks by object, `(frames, height, width)`, on pixels that show them."""

    masks: Mapping[int, np.ndarray]
    annotated: tuple[int, ...]
    voids: Mapping[int, np.ndarray] = field(default_factory=dict)
    name: str = "made"

    @property
    def frame_names(self):
        return tuple(f"{index:05d}" for index in range(len(next(iter(self.masks.values())))))

    def objects(self):
        return tuple(
            ObjectRecord(i, next(f for f in self.annotated if masks[f].any()), f"square {i}")
            for i, masks in sorted(self.masks.items())
        )

    def truth(self, frame_index):
        assert frame_index in self.annotated
        masks = {i: each[frame_index] for i, each in self.masks.items()}
        return FrameTruth(masks, self.voids.get(frame_index))

    def open(self):
        pixels = np.full((*next(iter(self.masks.values())).shape, 3), 90, np.uint8)
        for i, masks in self.masks.items():
            pixels[masks] = (250 // i, 7 * i, 30)
        return ArrayVideo(pixels)


@dataclass(frozen=True, eq=False)
class ArrayPicture:
    """Masks by object on one picture."""

    masks: Mapping[int, np.ndarray]
    name: str = "made"

    def image(self):
        pixels = np.full((*next(iter(self.masks.values())).shape, 3), 90, np.uint8)
        for i, mask in self.masks.items():
            pixels[mask] = (250 // i, 7 * i, 30)
        return pixels

    def objects(self):
        return tuple(
            PictureObject(i, encode(mask), f"square {i}") for i, mask in self.masks.items()
        )


def square(x, y, *, side=20, size=(48, 96)):
    """One mask."""
    mask = np.zeros(size, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def moving_square(*, frames=12, first=0, y=4, start=10, step=1):
    """`(frames, 48, 96)`: a square of 20 pixels that moves to the right, not there before `first`."""
    masks = np.stack([square(start + step * index, y) for index in range(frames)])
    masks[:first] = False
    return masks
