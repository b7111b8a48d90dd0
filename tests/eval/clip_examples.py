"""A clip and a picture in memory: discs on a textured ground, with their exact masks."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from masklet.data.records import FrameTruth, Mask, ObjectRecord, PictureObject
from masklet.io.arrays import ArrayVideo
from masklet.io.video import FrameSource
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectMask

SIZE = (90, 160)
FRAMES = 24


@dataclass(frozen=True, slots=True)
class DiscClip:
    """Two discs that move to the right; every second frame is annotated, the second on some only."""

    name: str = "discs"

    @property
    def frame_names(self) -> tuple[str, ...]:
        return tuple(f"{frame:05d}" for frame in range(FRAMES))

    @property
    def annotated(self) -> tuple[int, ...]:
        return tuple(range(0, FRAMES, 2))

    def objects(self) -> tuple[ObjectRecord, ...]:
        return ObjectRecord(1, 0), ObjectRecord(2, 0)

    def truth(self, frame_index: int) -> FrameTruth:
        return FrameTruth({number: disc(number, frame_index) for number in (1, 2)})

    def open(self) -> FrameSource:
        return ArrayVideo(_pixels())


@dataclass(frozen=True, slots=True)
class DiscPicture:
    """The first frame of the clip."""

    name: str = "still"

    def image(self) -> npt.NDArray[np.uint8]:
        return _pixels()[0]

    def objects(self) -> tuple[PictureObject, ...]:
        return tuple(
            PictureObject(number, rle.encode(disc(number, 0)), f"disc {number}")
            for number in (1, 2)
        )


def disc(number: int, frame: int, *, shift: int = 0) -> Mask:
    """Where a disc is, moved to the right by `shift` pixels."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    inside: Mask = np.hypot(y - 25 * number - 5, x - 30 - 3 * frame - shift) < 12
    return inside


def answers(*, lost_at: int) -> tuple[FrameMasks, ...]:
    """Right masks for both discs, but for the first one on the frames from `lost_at` on."""
    return tuple(
        FrameMasks(
            frame,
            tuple(
                ObjectMask(
                    number,
                    rle.encode(disc(number, frame, shift=20 * (number == 1 and frame >= lost_at))),
                    0.9,
                    5.0,
                    0.9,
                )
                for number in (1, 2)
            ),
        )
        for frame in range(FRAMES)
    )


def overlap(first: Mask, second: Mask) -> float:
    """IoU."""
    return float((first & second).sum() / (first | second).sum())


@cache
def _pixels() -> npt.NDArray[np.uint8]:
    ground = np.random.default_rng(3).integers(60, 120, (*SIZE, 3))
    frames = np.repeat(ground[None], FRAMES, axis=0)
    for frame in range(FRAMES):
        frames[frame][disc(1, frame)] += (90, 40, 0)
        frames[frame][disc(2, frame)] += (0, 30, 90)
    return frames.astype(np.uint8)
