"""Clips whose objects are the indices of PNGs: DAVIS, YouTube-VOS, MOSE, LVOS and their like.

Frames are pictures and annotations indexed PNGs, both named by a number; what belongs together has
the same number, and its place in the folder says nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from masklet.data.label_png import check_annotation_size, ids_in, ids_of, read_labels
from masklet.data.numbered import (
    Numbered,
    annotated_frames,
    annotated_number,
    check_whole,
    open_whole,
)
from masklet.data.records import FrameTruth, ObjectRecord, Problem
from masklet.data.vos_meta import ObjectNote
from masklet.errors import DatasetError
from masklet.io.video import FrameSource


@dataclass(frozen=True, slots=True)
class IndexedLayout:
    """What a dataset means by its indices, and what it annotates."""

    name: str
    void: int | None = None
    """The index of pixels that nobody judged."""
    merges_objects: bool = False
    """Whether every index but 0 is object 1."""
    is_dense: bool = False
    """Whether every frame is annotated."""
    prompts_only: tuple[str, ...] = ()
    """The splits that may come with the first mask of each object and nothing else."""
    meta: str | None = None
    """A pattern for the name of the file that describes the objects of a split."""


# Its annotations are black and white, so 255 is the object; on those of DAVIS 2017 all are one.
DAVIS_2016 = IndexedLayout("davis-2016", merges_objects=True, is_dense=True)

# Its scores leave out pixels of 255; objects are numbered from 1 and few.
DAVIS_2017 = IndexedLayout(
    "davis-2017", void=255, is_dense=True, prompts_only=("test-dev", "test-challenge")
)

YOUTUBE_VOS = IndexedLayout("youtube-vos", prompts_only=("valid", "test"), meta="meta.json")

# Any splits without a description are opened as these, so 255 means what it does in any folder.
MOSE = IndexedLayout("mose", void=255)

LVOS = IndexedLayout("lvos", prompts_only=("test",), meta="*_meta.json")

# As in DAVIS 2017 and, before it, PASCAL VOC, from which the palette comes.
FOLDER = IndexedLayout("folder", void=255)

# A folder of masks of 0 and 255 without a palette has one object to a clip, number 255.
BLACK_AND_WHITE = IndexedLayout("folder")


@dataclass(frozen=True, slots=True)
class IndexedClip:
    """A clip with annotations in indexed PNGs; see `masklet.data.records.Clip`."""

    name: str
    layout: IndexedLayout
    frames: Numbered
    annotations: Numbered
    notes: tuple[ObjectNote, ...] | None = None
    """What a meta.json says of its objects; None where there is none."""
    is_prompts_only: bool = False
    """Whether an annotation shows objects only where they begin, and says nothing of the others."""
    problems: tuple[Problem, ...] = ()
    """What was seen to be wrong with it; with any, it is not opened."""

    @property
    def frame_names(self) -> tuple[str, ...]:
        """The names of the pictures without suffixes."""
        return self.frames.stems()

    @property
    def annotated(self) -> tuple[int, ...]:
        """The frames whose number is that of an annotation too."""
        return annotated_frames(self.frames, frozenset(self.annotations.numbers))

    def objects(self) -> tuple[ObjectRecord, ...]:
        """The objects that are drawn; reads annotations until all of meta.json were seen.

        Raises:
            DatasetError: the clip has problems, an annotation cannot be read, or no object is drawn.
        """
        check_whole(self.name, self.problems)
        known = None if self.notes is None else {note.object_id: note for note in self.notes}
        first: dict[int, int] = {}
        for frame_index in self.annotated:
            for object_id in self._drawn(self.frames.numbers[frame_index]):
                first.setdefault(object_id, frame_index)
            if known is not None and known.keys() <= first.keys():
                break
        if not first:
            raise DatasetError(
                f"no object is drawn on the {len(self.annotated)} annotations in "
                f"{self.annotations.folder}; expected indices of objects, from 1{self._but_void()}."
                " Draw one, or leave the clip out."
            )
        notes = known or {}
        return tuple(_record(each, first[each], notes.get(each)) for each in sorted(first))

    def truth(self, frame_index: int) -> FrameTruth:
        """The masks that are drawn, and empty ones of objects that were looked for and are hidden.

        Where meta.json says when an object begins it was not looked for before, else on every
        annotated frame.

        Raises:
            DatasetError: the annotation cannot be read, has another size than the frame, or shows
                an object that meta.json does not know.
            IndexError: the frame is not annotated.
        """
        drawn = frozenset(self.annotations.numbers)
        number = annotated_number(self.frames, drawn, frame_index)
        path = self.annotations.path_of(number)
        labels = read_labels(path)
        check_annotation_size(path, labels.shape, self.frames.path_of(number))
        ids = ids_in(labels)
        wanted = {*self._objects_among(ids, path), *self._looked_for(number)}
        merges, void = self.layout.merges_objects, self.layout.void
        return FrameTruth(
            {each: labels > 0 if merges else labels == each for each in sorted(wanted)},
            void=labels == void if void in ids else None,
        )

    def open(self) -> FrameSource:
        """The pictures as a video.

        Raises:
            DatasetError: the clip has problems, such as a frame that is missing.
            VideoError: a picture cannot be read.
        """
        return open_whole(self.name, self.frames, self.problems)

    def _drawn(self, number: int) -> tuple[int, ...]:
        path = self.annotations.path_of(number)
        return self._objects_among(ids_of(path), path)

    def _objects_among(self, ids: tuple[int, ...], path: Path) -> tuple[int, ...]:
        """The objects that indices mean; raises `DatasetError` where meta.json lacks one."""
        if self.layout.merges_objects:
            return (1,) if ids else ()
        objects = tuple(each for each in ids if each != self.layout.void)
        if self.notes is not None:
            known = {note.object_id for note in self.notes}
            unknown = [each for each in objects if each not in known]
            if unknown:
                raise DatasetError(
                    f"the annotation {path} shows objects {unknown}, meta.json knows "
                    f"{sorted(known)} in the clip {self.name}; expected no others. They are of "
                    "different versions of the dataset, or the picture is damaged: download both "
                    "again."
                )
        return objects

    def _looked_for(self, number: int) -> set[int]:
        if self.is_prompts_only:
            return set()
        if self.notes is not None:
            return {note.object_id for note in self.notes if note.first_number <= number}
        numbers = (self.frames.numbers[index] for index in self.annotated)
        return {each for other in numbers for each in self._drawn(other)}

    def _but_void(self) -> str:
        void = self.layout.void
        return "" if void is None else f", where {void} means that a pixel was not judged"


def _record(object_id: int, first_frame: int, note: ObjectNote | None) -> ObjectRecord:
    if note is None:
        return ObjectRecord(object_id, first_frame)
    return ObjectRecord(object_id, first_frame, note.category, note.is_seen)
