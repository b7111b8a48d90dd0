"""SA-1B's pictures with masks: `sa_1.jpg` beside `sa_1.json`.

The JSON is `{"image": {"file_name", "width", "height"}, "annotations": [{"id", "segmentation": RLE}]}`
with COCO's run-length encoding. SA-1B does not tell whole objects from parts: all count as objects.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from masklet.data.pictures import check_picture_size, errors_of_dataset
from masklet.data.records import Dataset, ImageDataset, PictureObject, Problem
from masklet.data.spans import failures_told
from masklet.errors import DatasetError
from masklet.io import json_parts as parts
from masklet.io.images import read_image
from masklet.io.segmentations import any_segmentation
from masklet.ops import rle

_NAME = re.compile(r"sa_([0-9]{1,18})\.(jpg|json)")
_WHAT = "the annotations of a picture of SA-1B"


@dataclass(frozen=True, slots=True)
class Sa1bPicture:
    """A `Picture` of SA-1B."""

    name: str
    file: Path
    annotations: Path

    def image(self) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)` RGB; raises `DatasetError` as `Picture` says."""
        with errors_of_dataset():
            size = self._size(self._document())
            pixels = read_image(self.file)
        return check_picture_size(pixels, size, str(self.file))

    def objects(self) -> tuple[PictureObject, ...]:
        """All of them; raises `DatasetError` as `Picture` says."""
        with errors_of_dataset():
            document = self._document()
            size = self._size(document)
            described = parts.objects(document, "annotations", str(self.annotations))
            found = tuple(
                _read_object(each, size, f"{self.annotations}, annotations[{place}]")
                for place, each in enumerate(described)
            )
        if len({each.object_id for each in found}) < len(found):
            raise DatasetError(
                f"{self.annotations} has two annotations of one id; expected different ids. The "
                "file was edited: download it again."
            )
        return found

    def _document(self) -> dict[str, Any]:  # Any: JSON
        return parts.read_document(self.annotations, _WHAT)

    def _size(self, document: dict[str, Any]) -> tuple[int, int]:  # Any: JSON
        image = parts.field(document, "image", dict, str(self.annotations))
        where = f"{self.annotations}, its image,"
        named = parts.field(image, "file_name", str, where)
        if named != self.file.name:
            raise DatasetError(
                f"{self.annotations} is of {named}; expected {self.file.name}. The file was renamed."
            )
        return parts.field(image, "height", int, where), parts.field(image, "width", int, where)


def open_sa1b(folder: Path) -> ImageDataset:
    """List the pictures of some unpacked parts of SA-1B, by their numbers.

    Args:
        folder: what holds `sa_1.jpg`, `sa_1.json` and so on, itself or in folders such as
            `sa_000020`. Other files are passed over.

    Raises:
        DatasetError: the folder cannot be listed or holds no picture with its annotations.

    >>> from tempfile import mkdtemp
    >>> open_sa1b(Path(mkdtemp()))
    Traceback (most recent call last):
    masklet.errors.DatasetError: ... holds no picture of SA-1B with its annotations; ...
    """
    items: dict[str, Sa1bPicture] = {}
    problems: list[Problem] = []
    for place in (folder, *_folders_in(folder)):
        names = _names_in(place)
        for name in sorted({file.partition(".")[0] for file in names}):
            found = _paired(place, name, names)
            if isinstance(found, Problem):
                problems.append(found)
            elif name in items:
                what = f"its name was in {items[name].file.parent} already; this one is left out"
                problems.append(Problem(name, str(found.file), what))
            else:
                items[name] = found
    if not items:
        raise DatasetError(
            f"{folder} holds no picture of SA-1B with its annotations; expected pairs such as "
            "sa_1.jpg and sa_1.json. Unpack one of its tar files there."
        )
    ordered = tuple(items[name] for name in sorted(items, key=_number))
    return Dataset(folder.name, folder, "sa-1b", ordered, tuple(problems))


def _folders_in(folder: Path) -> list[Path]:
    with failures_told(folder):
        return sorted(path for path in folder.iterdir() if path.is_dir())


def _names_in(folder: Path) -> set[str]:
    with failures_told(folder):
        return {path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)}


def _paired(folder: Path, name: str, names: Set[str]) -> Sa1bPicture | Problem:
    picture, annotations = f"{name}.jpg", f"{name}.json"
    if picture in names and annotations in names:
        return Sa1bPicture(name, folder / picture, folder / annotations)
    there, missing = (picture, annotations) if picture in names else (annotations, picture)
    return Problem(name, str(folder / there), f"there is no {missing} beside it")


def _number(name: str) -> int:
    return int(name.removeprefix("sa_"))


def _read_object(
    annotation: dict[str, Any],  # Any: JSON
    size: tuple[int, int],
    where: str,
) -> PictureObject:
    segmentation = any_segmentation(annotation.get("segmentation"), size, where)
    if rle.area(segmentation) == 0:
        raise DatasetError(
            f"{where} has a mask without pixels; expected at least one. The file was edited: "
            "download it again."
        )
    return PictureObject(parts.field(annotation, "id", int, where), segmentation)
