"""Validation and test clips of SA-V: frames as pictures, and a folder of masks for each object.

Frames lie in `JPEGImages_24fps/{video}/00000.jpg`, the masks of object 3 in
`Annotations_6fps/{video}/003/00000.png`, of every fourth frame; a file with the name of the split
lists the videos.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from masklet.data.label_png import check_annotation_size
from masklet.data.numbered import (
    ANNOTATION_SUFFIXES,
    FRAME_SUFFIXES,
    Numbered,
    annotated_frames,
    annotated_number,
    check_whole,
    folders_in,
    list_numbered,
    number_of,
    open_whole,
)
from masklet.data.records import Dataset, FrameTruth, Mask, ObjectRecord, Problem, VideoDataset
from masklet.data.split_lists import read_list
from masklet.errors import DatasetError, ImageError
from masklet.io.images import read_mask
from masklet.io.video import FrameSource

FRAMES, ANNOTATIONS = "JPEGImages_24fps", "Annotations_6fps"


@dataclass(frozen=True, slots=True)
class DrawnObject:
    """The masks of an object."""

    object_id: int
    files: Numbered


@dataclass(frozen=True, slots=True)
class SavFramesClip:
    """A clip of which every object has its own PNGs; see `masklet.data.records.Clip`."""

    name: str
    frames: Numbered
    drawn: tuple[DrawnObject, ...]
    """By rising id."""
    problems: tuple[Problem, ...] = ()
    """What was seen to be wrong with it; with any, it is not opened."""

    @property
    def frame_names(self) -> tuple[str, ...]:
        """The names of the pictures without suffixes."""
        return self.frames.stems()

    @property
    def annotated(self) -> tuple[int, ...]:
        """The frames of which some object has a mask."""
        return annotated_frames(self.frames, self._numbers())

    def objects(self) -> tuple[ObjectRecord, ...]:
        """The objects that have pixels on some frame; reads their masks up to the first that has.

        Raises:
            DatasetError: the clip has problems, a mask cannot be read, or none has pixels.
        """
        check_whole(self.name, self.problems)
        found = []
        for each in self.drawn:
            first = next(self._shown(each.files), None)
            if first is not None:
                found.append(ObjectRecord(each.object_id, self.frames.numbers.index(first)))
        if not found:
            raise DatasetError(
                f"none of the {len(self.drawn)} objects of the clip {self.name} has a mask with "
                "pixels; expected at least one. Leave the clip out, or download it again."
            )
        return tuple(found)

    def truth(self, frame_index: int) -> FrameTruth:
        """The masks of the objects that have a PNG of the frame, all False where it is black.

        Raises:
            DatasetError: a mask cannot be read, or has another size than the frame.
            IndexError: the frame is not annotated.
        """
        number = annotated_number(self.frames, self._numbers(), frame_index)
        masks = {}
        for each in self.drawn:
            if number in each.files.numbers:
                path = each.files.path_of(number)
                masks[each.object_id] = _mask(path)
                size = masks[each.object_id].shape
                check_annotation_size(path, size, self.frames.path_of(number))
        return FrameTruth(masks)

    def open(self) -> FrameSource:
        """The pictures as a video.

        Raises:
            DatasetError: the clip has problems, such as a frame that is missing.
            VideoError: a picture cannot be read.
        """
        return open_whole(self.name, self.frames, self.problems)

    def _numbers(self) -> frozenset[int]:
        return frozenset(number for each in self.drawn for number in each.files.numbers)

    def _shown(self, files: Numbered) -> Iterator[int]:
        return (number for number in files.numbers if _mask(files.path_of(number)).any())


def open_sav_frames(root: Path) -> VideoDataset:
    """The validation or test split of SA-V.

    Args:
        root: what holds JPEGImages_24fps, Annotations_6fps and perhaps sav_val.txt or sav_test.txt.

    Raises:
        DatasetError: it holds no clips, or the list cannot be read.
    """
    lists = sorted(root.glob("sav_*.txt"))
    names = read_list(lists[0]) if lists else folders_in(root / FRAMES)
    if not names:
        raise DatasetError(
            f"{root} holds no clips; expected {FRAMES}/video/00000.jpg and {ANNOTATIONS}/video/000/"
            "00000.png. Check the path, or unpack the archive again."
        )
    clips = tuple(_clip(root, name) for name in names)
    problems = tuple(problem for clip in clips for problem in clip.problems)
    return Dataset(root.name, root, "sav", clips, problems)


def _clip(root: Path, name: str) -> SavFramesClip:
    frames = list_numbered(root / FRAMES / name, FRAME_SUFFIXES, name)
    place = root / ANNOTATIONS / name
    problems, drawn = list(frames.problems), dict[int, Numbered]()
    for folder in folders_in(place):
        object_id = number_of(folder)
        if object_id is None or object_id in drawn:
            what = "its name is no number of an object, or one that was there already"
            problems.append(Problem(name, str(place / folder), what))
            continue
        listed = list_numbered(place / folder, ANNOTATION_SUFFIXES, name)
        problems += listed.problems
        drawn[object_id] = listed.files
    objects = tuple(DrawnObject(each, drawn[each]) for each in sorted(drawn))
    clip = SavFramesClip(name, frames.files, objects)
    return replace(clip, problems=(*problems, *_lacking(clip, place)))


def _lacking(clip: SavFramesClip, place: Path) -> list[Problem]:
    """Frames and masks that ought to be there."""
    if not clip.frames.numbers:
        return [Problem(clip.name, str(clip.frames.folder), "there are no frames")]
    if not any(each.files.numbers for each in clip.drawn):
        return [Problem(clip.name, str(place), "there are no annotations")]
    there = set(clip.frames.numbers)
    return [
        Problem(clip.name, str(each.files.path_of(number)), "there is no frame of this number")
        for each in clip.drawn
        for number in each.files.numbers
        if number not in there
    ]


def _mask(path: Path) -> Mask:
    try:
        return read_mask(path)
    except ImageError as error:
        raise DatasetError(f"the annotation of an object cannot be used: {error}") from error
