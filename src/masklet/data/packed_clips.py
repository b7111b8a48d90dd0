"""A labelled clip in a tar file: a folder with `00000.jpg`, `00001.jpg`, ... and `masks.json`.

The JSON is `{"video": {"height", "width", "objects": [{"id", "first", "last"}]}, "masklet": [[RLE |
null, one per object], one list per frame]}`, where RLE is COCO's compressed run-length encoding at
the size of a frame, without pixels where the object is hidden. null says that nobody looked for the
object on that frame, as is so outside of "first" to "last". What else it holds is passed over.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, SupportsIndex

from masklet.data.json_entries import read_entries
from masklet.data.pictures import (
    PACKED_SUFFIXES,
    check_picture_size,
    errors_of_dataset,
    read_packed_picture,
)
from masklet.data.records import FrameTruth, ObjectRecord, Problem
from masklet.data.spans import Span
from masklet.errors import DatasetError, VideoError
from masklet.io import json_parts as parts
from masklet.io.video import Frame, Timeless, check_size, checked_index
from masklet.ops import rle
from masklet.ops.rle import Rle
from masklet.types import ObjectId, VideoInfo

_MASKS = "masks.json"
_WHAT = "the masks of a clip"
_TRACK = ("id", "first", "last")
# Longer numbers are no counts of frames.
_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class PackedClip:
    """A `Clip` of a pack."""

    name: str
    frames: tuple[Span, ...]
    rows: tuple[Span, ...]
    """Of every frame, the list of its masks in the JSON."""
    size: tuple[int, int]
    """`(height, width)` of frames and masks."""
    object_ids: tuple[ObjectId, ...]
    """In the order of the masks."""
    annotated: tuple[int, ...]

    @property
    def frame_names(self) -> tuple[str, ...]:
        """Such as "00005"."""
        return tuple(PurePosixPath(frame.name).stem for frame in self.frames)

    def objects(self) -> tuple[ObjectRecord, ...]:
        """Those that are seen; raises `DatasetError` as `Clip` says."""
        first: dict[ObjectId, int] = {}
        for index in self.annotated:
            for object_id, segmentation in self._masks(index).items():
                if object_id not in first and rle.area(segmentation) > 0:
                    first[object_id] = index
            if len(first) == len(self.object_ids):
                break
        return tuple(ObjectRecord(object_id, first[object_id]) for object_id in sorted(first))

    def truth(self, frame_index: int) -> FrameTruth:
        """The masks of a frame; raises `DatasetError` and `IndexError` as `Clip` says."""
        if frame_index not in self.annotated:
            raise IndexError(
                f"frame {frame_index} of {self.name} is not annotated; expected one of "
                f"{len(self.annotated)}, from {self.annotated[0]} to {self.annotated[-1]}. Ask "
                "for those that `annotated` lists."
            )
        masks = self._masks(frame_index)
        return FrameTruth({object_id: rle.decode(mask) for object_id, mask in masks.items()})

    def open(self) -> "PackedVideo":
        """The frames, read from the tar one by one."""
        return PackedVideo(self.frames, VideoInfo(self.name, self.size, len(self.frames), None))

    def _masks(self, frame_index: int) -> Mapping[ObjectId, Rle]:
        """Of the objects that are annotated on the frame."""
        where = f"{self.rows[frame_index]}, frame {frame_index}"
        row = _parse_row(self.rows[frame_index].read(), len(self.object_ids), where)
        with errors_of_dataset():
            return {
                object_id: parts.checked_rle(mask, self.size, f"{where}, object {object_id}")
                for object_id, mask in zip(self.object_ids, row, strict=True)
                if mask is not None
            }


class PackedVideo(Timeless):
    """The frames of a clip in a tar; see `FrameSource`."""

    def __init__(self, frames: Sequence[Span], info: VideoInfo) -> None:
        super().__init__(info, len(frames))
        self._frames = tuple(frames)

    def __getitem__(self, frame_index: SupportsIndex) -> Frame:
        """One frame, read now."""
        source = self._frames[checked_index(frame_index, len(self))]
        try:
            frame = read_packed_picture(source)
        except DatasetError as error:
            raise VideoError(str(error)) from error
        return check_size(frame, str(source), self._info)


def clips_in(files: Sequence[Span]) -> Iterator[PackedClip | Problem]:
    """The clips of a tar, in the order of their first files, and those that are broken."""
    folders: dict[str, list[Span]] = {}
    for file in files:
        folders.setdefault(file.name.rpartition("/")[0], []).append(file)
    for folder, inside in folders.items():
        frames = [file for file in inside if _suffix(file) in PACKED_SUFFIXES]
        masks = [file for file in inside if PurePosixPath(file.name).name == _MASKS]
        name = folder.rpartition("/")[2]
        if not frames and not masks:
            continue
        if not (name and frames and masks):
            missing = _MASKS if frames else "00000.jpg"
            what = f"there is no {missing} beside it" if name else "it is in no folder of a clip"
            yield Problem(name, str((frames + masks)[0]), what)
            continue
        try:
            yield _open_clip(name, frames, masks[0])
        except DatasetError as error:
            yield Problem(name, _MASKS, str(error))


def _suffix(file: Span) -> str:
    return PurePosixPath(file.name).suffix.lower()


def _open_clip(name: str, frames: Sequence[Span], masks: Span) -> PackedClip:
    """Look at everything but the pixels of masks and of all frames but the first."""
    ordered = _in_order(frames)
    video: Any = None  # Any: JSON
    rows: list[Span] = []
    drawn: list[tuple[bool, ...]] = []
    for entry in read_entries(masks, _WHAT):
        if entry.section == "video":
            video = entry.value
        elif entry.section == "masklet":
            rows.append(entry.span)
            drawn.append(tuple(mask is not None for mask in _list(entry.value, str(masks))))
    if len(rows) != len(ordered):
        raise DatasetError(
            f"{masks} has masks of {len(rows)} frames, the clip has {len(ordered)} frames; expected "
            "as many. Frames are missing, or the masks are those of another clip."
        )
    size, tracks = _read_video(video, str(masks))
    _check_drawn(drawn, tracks, str(masks))
    check_picture_size(read_packed_picture(ordered[0]), size, str(ordered[0]))
    annotated = tuple(index for index, row in enumerate(drawn) if any(row))
    ids = tuple(track.object_id for track in tracks)
    return PackedClip(name, ordered, tuple(rows), size, ids, annotated)


def _in_order(frames: Sequence[Span]) -> tuple[Span, ...]:
    """By their numbers, which count from 0 without gaps: masks know frames by their place."""
    numbered: dict[int, Span] = {}
    for frame in frames:
        stem = PurePosixPath(frame.name).stem
        if not (stem.isascii() and stem.isdecimal() and len(stem) <= _LONGEST_NUMBER):
            raise DatasetError(
                f"{frame} has no number for a name; expected frames such as 00000.jpg. Move what is "
                "no frame to another folder."
            )
        other = numbered.setdefault(int(stem), frame)
        if other is not frame:
            raise DatasetError(
                f"{other} and {frame} are both frame {int(stem)}; expected one picture per frame. "
                "Make the pack again."
            )
    missing = [index for index in range(len(numbered)) if index not in numbered]
    if missing:
        raise DatasetError(
            f"{frames[0]} is one of {len(frames)} frames, of which number {missing[0]} is missing; "
            f"expected 0 to {len(frames) - 1}. Put the frame back, or number them anew."
        )
    return tuple(numbered[index] for index in range(len(numbered)))


@dataclass(frozen=True, slots=True)
class _Track:
    object_id: ObjectId
    first: int
    last: int


def _read_video(
    video: Any,  # Any: JSON
    where: str,
) -> tuple[tuple[int, int], tuple[_Track, ...]]:
    """Size and objects of a clip."""
    with errors_of_dataset():
        video = parts.field({"video": video}, "video", dict, where)
        size = parts.field(video, "height", int, where), parts.field(video, "width", int, where)
        objects = parts.objects(video, "objects", f"{where}, video,")
        tracks = tuple(
            _Track(*(parts.field(each, name, int, f"{where}, objects[{place}]") for name in _TRACK))
            for place, each in enumerate(objects)
        )
    ids = [track.object_id for track in tracks]
    if len(set(ids)) < len(ids) or min(ids, default=1) < 1:
        raise DatasetError(
            f"{where} has objects of the ids {ids}; expected different numbers from 1 on. Make the "
            "pack again."
        )
    return size, tracks


def _check_drawn(drawn: Sequence[tuple[bool, ...]], tracks: Sequence[_Track], where: str) -> None:
    """Every frame has a place for every object, and no mask stands where none was annotated."""
    for index, row in enumerate(drawn):
        if len(row) != len(tracks):
            raise DatasetError(
                f"{where}, frame {index} has {len(row)} places for masks, the clip has "
                f"{len(tracks)} objects; expected as many. Make the pack again."
            )
        for track, is_drawn in zip(tracks, row, strict=True):
            if is_drawn and not track.first <= index <= track.last:
                raise DatasetError(
                    f"{where}, frame {index} has a mask of object {track.object_id}, which is "
                    f"annotated from {track.first} to {track.last}; expected null. Make the pack "
                    "again."
                )
    if not any(any(row) for row in drawn):
        raise DatasetError(
            f"{where} has no masks; expected one at least. Take the clip out of the pack."
        )


def _parse_row(data: bytes, count: int, where: str) -> list[Any]:  # Any: JSON
    try:
        row = _list(json.loads(data), where)
    except (ValueError, RecursionError):
        row = []
    if len(row) != count:
        raise DatasetError(
            f"{where} is no list of {count} masks any more; expected what was there when the pack "
            "was opened. It was written anew: open it again."
        )
    return row


def _list(value: Any, where: str) -> list[Any]:  # Any: JSON
    with errors_of_dataset():
        return parts.field({"masklet": value}, "masklet", list, where)
