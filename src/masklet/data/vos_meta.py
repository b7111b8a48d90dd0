"""What meta.json says of the objects of each video: YouTube-VOS lists their frames, LVOS a range.

`{"videos": {VIDEO: {"objects": {ID: {"category": "fox", "frames": ["00000", "00005"]}}}}}`, or in place
of `frames` `"frame_range": {"start": "00000001", "end": "00000300"}`. An id is an index in the PNGs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from masklet.data.numbered import number_of
from masklet.errors import DatasetError, StateError
from masklet.io.json_parts import field, read_document

_WHAT = "the objects of every video, as YouTube-VOS and LVOS describe them"


@dataclass(frozen=True, slots=True)
class ObjectNote:
    """What is said of an object."""

    object_id: int
    first_number: int
    """The number of the frame from which on it is looked for."""
    numbers: tuple[int, ...] = ()
    """Of the frames on which it is said to be; none where only a range is said."""
    category: str | None = None
    is_seen: bool | None = None
    """As in `masklet.data.records.ObjectRecord`; no file says it."""


VideoNotes: TypeAlias = Mapping[str, tuple[ObjectNote, ...]]
"""The objects of each video, by rising id."""


def read_meta(path: Path) -> VideoNotes:
    """All that a meta.json says.

    Raises:
        DatasetError: it cannot be read, is no JSON, or says something else.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "meta.json"
    >>> bear = '{"objects": {"2": {"category": "bear", "frames": ["00005", "00010"]}}}'
    >>> _ = path.write_text('{"videos": {"0043f083b5": ' + bear + "}}")
    >>> read_meta(path)["0043f083b5"]
    (ObjectNote(object_id=2, first_number=5, numbers=(5, 10), category='bear', is_seen=None),)
    """
    try:
        videos = field(read_document(path, _WHAT), "videos", dict, str(path))
        return {name: _notes(videos, name, str(path)) for name in videos}
    except StateError as error:
        raise DatasetError(str(error)) from error


def _notes(videos: dict[str, Any], name: str, file: str) -> tuple[ObjectNote, ...]:  # Any: JSON
    where = f"{file}, video {name},"
    objects = field(field(videos, name, dict, file), "objects", dict, where)
    notes = [_note(objects, object_id, where) for object_id in objects]
    return tuple(sorted(notes, key=lambda note: note.object_id))


def _note(objects: dict[str, Any], text: str, where: str) -> ObjectNote:  # Any: JSON
    object_id = number_of(text)
    if object_id is None or not 1 <= object_id <= 255:
        raise DatasetError(
            f"{where} names an object {text!r}; expected a number from 1 to 255, its index in the "
            "annotations. The file is damaged or of another dataset: download it again."
        )
    document = field(objects, text, dict, where)
    category = document.get("category")
    numbers = _numbers(document, f"{where} object {text},")
    return ObjectNote(
        object_id,
        first_number=min(numbers),
        numbers=numbers if "frames" in document else (),
        category=category if isinstance(category, str) else None,
    )


def _numbers(document: dict[str, Any], where: str) -> tuple[int, ...]:  # Any: JSON
    """The numbers of its frames, or of the first one alone."""
    if "frames" in document:
        said = field(document, "frames", list, where)
    else:
        said = [field(document, "frame_range", dict, where).get("start")]
    numbers = [number_of(str(each)) for each in said]
    known = [number for number in numbers if number is not None]
    if not known or len(known) < len(said):
        raise DatasetError(
            f"{where} is on frames {str(said)[:40]}; expected at least one, each a number such as "
            '"00005". The file is damaged: download it again.'
        )
    return tuple(sorted(set(known)))
