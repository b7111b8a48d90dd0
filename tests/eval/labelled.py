"""Clips made of label maps, and the masks that some tool might leave for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masklet.data.records import Dataset, FrameTruth, ObjectRecord
from masklet.errors import DatasetError
from masklet.io.arrays import ArrayVideo
from masklet.io.given import given_mask
from masklet.io.video import FrameSource
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectId

Labels = npt.NDArray[np.uint8]
SIZE = (24, 32)


@dataclass(frozen=True)
class LabelClip:
    """A clip whose every annotated frame has a map of ids; 255 was not judged."""

    name: str
    labels: tuple[Labels, ...]
    """Of the annotated frames."""
    step: int = 1
    """From one annotated frame to the next."""
    names: tuple[str, ...] = ()
    """Of the frames, where they are not 00000, 00001 and so on."""
    unjudged: tuple[tuple[int, ObjectId], ...] = ()
    """Frame and object that were not looked for there."""
    seen: tuple[ObjectId, ...] = ()
    """Objects of categories in the training set."""

    @property
    def frame_names(self) -> tuple[str, ...]:
        count = (len(self.labels) - 1) * self.step + 1
        return self.names or tuple(f"{index:05d}" for index in range(count))

    @property
    def annotated(self) -> tuple[int, ...]:
        return tuple(range(0, len(self.labels) * self.step, self.step))

    def objects(self) -> tuple[ObjectRecord, ...]:
        return tuple(
            ObjectRecord(each, self._first(each), "thing", each in self.seen if self.seen else None)
            for each in ids_of(self.labels)
        )

    def truth(self, frame_index: int) -> FrameTruth:
        labels = self.labels[frame_index // self.step]
        looked_for = [
            each for each in ids_of(self.labels) if (frame_index, each) not in self.unjudged
        ]
        void = labels == 255
        return FrameTruth(
            {each: labels == each for each in looked_for}, void if void.any() else None
        )

    def open(self) -> FrameSource:
        return ArrayVideo(np.zeros((len(self.frame_names), *SIZE, 3), np.uint8))

    def _first(self, object_id: ObjectId) -> int:
        shown = [
            index
            for index in self.annotated
            if (self.labels[index // self.step] == object_id).any()
        ]
        return shown[0]


@dataclass(frozen=True)
class BrokenClip(LabelClip):
    """A clip whose annotations cannot be read."""

    def truth(self, frame_index: int) -> FrameTruth:
        raise DatasetError(
            f"frame {frame_index} of {self.name} is damaged; expected a PNG. Mend it."
        )


def ids_of(labels: Iterable[Labels]) -> list[int]:
    return sorted({int(value) for each in labels for value in np.unique(each)} - {0, 255})


def squares(*placed: tuple[ObjectId, int, int], side: int = 8) -> Labels:
    """A map with squares: id, left, top."""
    labels = np.zeros(SIZE, np.uint8)
    for object_id, left, top in placed:
        labels[top : top + side, left : left + side] = object_id
    return labels


def masks_of(labels: Iterable[Labels], step: int = 1) -> tuple[FrameMasks, ...]:
    """The same as a tool's answer."""
    return tuple(
        FrameMasks(
            place * step,
            tuple(given_mask(each, rle.encode(of_frame == each)) for each in ids_of([of_frame])),
        )
        for place, of_frame in enumerate(labels)
    )


def dataset_of(*clips: LabelClip) -> Dataset:
    return Dataset("made", Path("nowhere"), "made", clips)


def walk(frames: int, *, slower: int = 1) -> tuple[Labels, ...]:
    """Object 1 moves to the right, object 3 rests."""
    return tuple(squares((1, index // slower, 2), (3, 20, 14)) for index in range(frames))
