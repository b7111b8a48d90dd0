"""What a dataset holds: clips and pictures with known objects, read when they are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from masklet.io.video import FrameSource
from masklet.ops.rle import Rle
from masklet.types import ObjectId

Mask: TypeAlias = npt.NDArray[np.bool_]
"""`(height, width)`, True on the object."""

Kind: TypeAlias = Literal["instance", "part", "region"]
"""A whole object, a piece of one, or a part of a picture that may split or join objects."""


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """An object of a clip."""

    object_id: ObjectId
    first_frame: int
    """The first annotated frame on which it is visible: where it is prompted."""
    category: str | None = None
    is_seen: bool | None = None
    """Whether objects of its category are in the training set (YouTube-VOS); None: not known."""


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """What people drew on one frame."""

    masks: Mapping[ObjectId, Mask]
    """Of every object that was looked for on this frame, all False where it is hidden. An object
    that is missing here was not annotated on this frame, and nothing is known of it."""
    void: Mask | None = None
    """Pixels that nobody judged; None where all were."""


class Clip(Protocol):
    """A labelled video. A value that can be sent to another process; nothing in it is open."""

    @property
    def name(self) -> str:
        """What it is called in its dataset; names of a dataset are different, and are file names."""

    @property
    def frame_names(self) -> tuple[str, ...]:
        """What every frame is called without a suffix, such as "00005", in order."""

    @property
    def annotated(self) -> tuple[int, ...]:
        """The frames, counted from 0 in `open()`, that people annotated, ascending."""

    def objects(self) -> tuple[ObjectRecord, ...]:
        """The objects that are visible on some annotated frame, by rising id; may read all of it.

        Raises `DatasetError` where an annotation cannot be read.
        """

    def truth(self, frame_index: int) -> FrameTruth:
        """The masks of an annotated frame, read now.

        Raises `DatasetError` where the annotation is missing, damaged or of another size than the
        frame, and `IndexError` where the frame is not annotated.
        """

    def open(self) -> FrameSource:
        """The frames; close it. Raises `DatasetError` or `VideoError` where they cannot be read."""


@dataclass(frozen=True, slots=True)
class PictureObject:
    """An object of a labelled picture."""

    object_id: ObjectId
    """Its id in the annotations, or its place in them counted from 1."""
    segmentation: Rle
    """Run-length encoding at the size of the picture, never empty."""
    category: str | None = None
    kind: Kind = "instance"
    parent: ObjectId | None = None
    """The object that it is a part of; None where it is none, or nobody knows."""


class Picture(Protocol):
    """A labelled picture. A value that can be sent to another process; nothing in it is open."""

    @property
    def name(self) -> str:
        """What it is called in its dataset; names of a dataset are different."""

    def image(self) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)` RGB, read now. Raises `DatasetError`."""

    def objects(self) -> tuple[PictureObject, ...]:
        """The objects that one click or box can mean; crowds are left out. Raises `DatasetError`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is missing or broken in a dataset."""

    item: str
    """The clip or picture; empty where it is about the whole dataset."""
    where: str
    """The file, or the frame and object."""
    what: str
    """What is wrong, as a clause: "the annotation is 480x854, its frame 480x853"."""

    def __str__(self) -> str:
        """One line."""
        return ": ".join(part for part in (self.item, self.where, self.what) if part)


Item = TypeVar("Item", Clip, Picture)


# No slots: in Python 3.11, calling `VideoDataset(...)` fails on a frozen generic class with slots.
@dataclass(frozen=True)
class Dataset(Generic[Item]):
    """The items of a dataset, listed but not read."""

    name: str
    """Such as "davis-2017 val", or the name of a folder."""
    root: Path
    layout: str
    """The layout in which it was found, such as "davis" or "sav"."""
    items: tuple[Item, ...]
    problems: tuple[Problem, ...] = field(default=())
    """What was seen to be wrong while listing, such as frames without annotations where some are
    expected; a full check is `masklet.data.check`."""


VideoDataset: TypeAlias = Dataset[Clip]
ImageDataset: TypeAlias = Dataset[Picture]
