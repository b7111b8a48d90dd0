"""What stands in a COCO or LVIS file: its images, and the place of every annotation of theirs.

Read entry by entry; of an annotation five numbers are kept, forty bytes.
"""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from masklet.data.json_entries import Entry, read_entries
from masklet.data.records import Problem
from masklet.data.spans import whole_file
from masklet.errors import DatasetError, StateError
from masklet.io import json_parts as parts
from masklet.io.images import DEFAULT_MAX_PIXELS

WHAT = "the instances of COCO or LVIS"

# Ids of categories count from 0 or 1.
_NO_CATEGORY = -1
# What fits a column of whole numbers.
_LARGEST_ID = 2**63 - 1
_NOTHING = np.zeros((0, 3), np.int64)
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


@dataclass(frozen=True, slots=True, eq=False)
class ListedImage:
    """An image of the file, and where its annotations stand."""

    image_id: int
    file_name: str
    """Relative to the folder of pictures, with slashes."""
    size: tuple[int, int]
    """`(height, width)`."""
    places: npt.NDArray[np.int64]
    """`(K, 3)`: id of the annotation, its offset and its size in the file, in bytes."""
    categories: tuple[str | None, ...]
    """Of the annotations, by name."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All of a file."""

    images: tuple[ListedImage, ...]
    problems: tuple[Problem, ...]


def list_coco(path: Path) -> Listing:
    """Read the file once. Annotations of crowds ("iscrowd": 1) are passed over.

    Raises:
        DatasetError: the file cannot be read, is no JSON, or has no images or no annotations.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "a.json"
    >>> image = '{"id": 3, "file_name": "a.jpg", "width": 8, "height": 6}'
    >>> _ = path.write_text('{"images": [' + image + '], "annotations": [{"id": 1, "image_id": 3}]}')
    >>> list_coco(path).images[0].places.tolist()
    [[1, 87, 24]]
    """
    draft = _Draft()
    for entry in read_entries(whole_file(path), WHAT):
        if entry.place is None:
            continue
        try:
            _add(draft, entry)
        except (StateError, DatasetError) as error:
            where = f"{path}, {entry.section}[{entry.place}]"
            draft.problems.append(Problem("", where, str(error)))
    if not draft.images or not draft.rows:
        raise DatasetError(
            f"{path} has {len(draft.images)} images that can be used and {len(draft.rows) // 5} "
            f"annotations of objects; expected {WHAT}, some of both. Check which file it is."
        )
    rows = _checked(draft, str(path))
    starts, ends = (np.searchsorted(rows[:, 0], list(draft.images), side) for side in _SIDES)
    images = tuple(
        _with_annotations(image, rows[start:end], draft.categories)
        for image, start, end in zip(draft.images.values(), starts, ends, strict=True)
    )
    return Listing(images, tuple(draft.problems))


@dataclass(slots=True)
class _Draft:
    """What was read so far."""

    images: dict[int, ListedImage] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    """Ids of images, also of those that are left out."""
    names: set[str] = field(default_factory=set)
    rows: "array[int]" = field(default_factory=lambda: array("q"))
    """Five numbers per annotation: of its image, its own, of its category, offset and size."""
    categories: dict[int, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def _add(draft: _Draft, entry: Entry) -> None:
    """Keep what is needed of an entry; raises `StateError` or `DatasetError`."""
    if entry.section not in ("images", "annotations", "categories"):
        return
    fields = entry.value
    if not isinstance(fields, dict):
        raise DatasetError("it is no JSON object; expected one. The file is damaged.")
    if entry.section == "images":
        _add_image(draft, fields)
    elif entry.section == "categories":
        number = parts.field(fields, "id", int, "it")
        draft.categories[number] = parts.field(fields, "name", str, "it")
    elif not fields.get("iscrowd"):
        has_category = fields.get("category_id") is not None
        category = parts.field(fields, "category_id", int, "it") if has_category else _NO_CATEGORY
        ids = parts.field(fields, "image_id", int, "it"), parts.field(fields, "id", int, "it")
        if any(abs(number) > _LARGEST_ID for number in (*ids, category)):
            raise DatasetError(f"its ids are too large; expected at most {_LARGEST_ID:,}.")
        draft.rows += array("q", (*ids, category, entry.span.offset, entry.span.size))


def _add_image(draft: _Draft, fields: dict[str, Any]) -> None:  # Any: JSON
    image_id = parts.field(fields, "id", int, "it")
    is_known = image_id in draft.known
    draft.known.add(image_id)
    name = _file_name(fields)
    if is_known or name in draft.names:
        raise DatasetError(
            f"its id {image_id} or its file {name} stood before; expected every image once. The "
            "first is kept."
        )
    height, width = (parts.field(fields, side, int, "it") for side in ("height", "width"))
    if height < 1 or width < 1 or height * width > DEFAULT_MAX_PIXELS:
        raise DatasetError(
            f"it says {width}x{height} pixels; expected 1 to {DEFAULT_MAX_PIXELS:,}. The file is "
            "damaged."
        )
    draft.names.add(name)
    draft.images[image_id] = ListedImage(image_id, name, (height, width), _NOTHING, ())


def _file_name(fields: dict[str, Any]) -> str:  # Any: JSON
    """COCO names the file; LVIS has only an address that ends in train2017/000000000001.jpg."""
    if "file_name" in fields:
        name = parts.field(fields, "file_name", str, "it")
    else:
        name = "/".join(parts.field(fields, "coco_url", str, "it").split("/")[-2:])
    # As Windows has it, both slashes divide, and a drive leads away.
    path = PureWindowsPath(name)
    if path.anchor or ".." in path.parts or not path.parts or "\0" in name:
        raise DatasetError(
            f"its file is {name!a}; expected a path below the folder of pictures. Make it relative."
        )
    return path.as_posix()


def _checked(draft: _Draft, path: str) -> npt.NDArray[np.int64]:
    """The rows that belong to an image and stand once, by the ids of images; the rest is told."""
    rows = np.array(draft.rows, np.int64).reshape(-1, 5)
    is_known = np.isin(rows[:, 0], list(draft.known))
    _tell(draft, path, rows[~is_known, 0], "left out: {} of image {}, which is not in the file")
    rows = rows[is_known]
    _, first = np.unique(rows[:, 1], return_index=True)
    is_first = np.zeros(len(rows), np.bool_)
    is_first[first] = True
    _tell(draft, path, rows[~is_first, 1], "left out: {} with the id {}, which stood before")
    rows = rows[is_first]
    if draft.categories:
        is_named = np.isin(rows[:, 2], list(draft.categories))
        _tell(
            draft,
            path,
            rows[~is_named, 2],
            "without a name: {} of category {}, which is not in the file",
        )
    return rows[np.argsort(rows[:, 0], kind="stable")]


def _tell(draft: _Draft, path: str, numbers: npt.NDArray[np.int64], what: str) -> None:
    """One problem for every number: there may be a million annotations of it."""
    for number, count in Counter(numbers.tolist()).items():
        draft.problems.append(Problem("", path, f"annotations {what.format(count, number)}"))


def _with_annotations(
    image: ListedImage, rows: npt.NDArray[np.int64], categories: Mapping[int, str]
) -> ListedImage:
    names = tuple(categories.get(number) for number in rows[:, 2].tolist())
    return replace(image, places=rows[:, [1, 3, 4]], categories=names)
