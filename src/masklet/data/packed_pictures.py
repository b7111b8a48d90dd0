"""A labelled picture in a tar file: `000123.jpg` beside `000123.json`, as WebDataset has it.

The JSON is `{"image": {"width", "height"}, "annotations": [{"segmentation": RLE, "kind": "instance" |
"part" | "region", "label"?}]}`, where RLE is COCO's compressed run-length encoding at the size of the
picture. What else it holds is passed over, and so are files of other kinds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from masklet.data.pictures import (
    PACKED_SUFFIXES,
    check_picture_size,
    errors_of_dataset,
    read_packed_picture,
)
from masklet.data.records import Kind, PictureObject, Problem
from masklet.data.spans import Span
from masklet.errors import DatasetError
from masklet.io import json_parts as parts
from masklet.ops import rle

_WHAT = "the annotations of a picture"
_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


@dataclass(frozen=True, slots=True)
class PackedPicture:
    """A `Picture` of a pack; its objects count from 1, as they stand in the JSON."""

    name: str
    picture: Span
    annotations: Span

    def image(self) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)` RGB; raises `DatasetError` as `Picture` says."""
        size = self._size(self._document())
        return check_picture_size(read_packed_picture(self.picture), size, str(self.picture))

    def objects(self) -> tuple[PictureObject, ...]:
        """All of them; raises `DatasetError` as `Picture` says."""
        document = self._document()
        size = self._size(document)
        with errors_of_dataset():
            described = parts.objects(document, "annotations", str(self.annotations))
            return tuple(
                _read_object(place + 1, each, size, f"{self.annotations}, annotations[{place}]")
                for place, each in enumerate(described)
            )

    def _document(self) -> dict[str, Any]:  # Any: JSON
        with errors_of_dataset():
            return parts.parse_object(self.annotations.read(), str(self.annotations), _WHAT)

    def _size(self, document: dict[str, Any]) -> tuple[int, int]:  # Any: JSON
        with errors_of_dataset():
            return described_size(document, str(self.annotations))


def pictures_in(files: Sequence[Span]) -> Iterator[PackedPicture | Problem]:
    """The pictures of a tar that have annotations, in their order, and what lacks its other half."""
    pictures: dict[str, list[Span]] = {}
    annotations: dict[str, Span] = {}
    for file in files:
        key, kind = _split(file.name)
        if f".{kind}" in PACKED_SUFFIXES:
            pictures.setdefault(key, []).append(file)
        elif kind == "json":
            annotations[key] = file
    for key, found in pictures.items():
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            yield Problem(key, str(found[0].path), f"it has {len(found)} pictures: {names}")
        elif key not in annotations:
            yield Problem(key, str(found[0]), f"there is no {key}.json with its annotations")
        else:
            yield PackedPicture(key, found[0], annotations[key])
    for key in annotations.keys() - pictures.keys():
        yield Problem(key, str(annotations[key]), "the picture that it annotates is not there")


def described_size(document: dict[str, Any], where: str) -> tuple[int, int]:  # Any: JSON
    """What a JSON says of its picture, `(height, width)`; raises `StateError` where it does not."""
    image = parts.field(document, "image", dict, where)
    height, width = (
        parts.field(image, name, int, f"{where}, its image,") for name in ("height", "width")
    )
    return height, width


def _split(name: str) -> tuple[str, str]:
    """What the files of one picture have in common, up to the first dot, and the rest, lower case."""
    folder, slash, file = name.rpartition("/")
    key, _, kind = file.partition(".")
    return folder + slash + key, kind.lower()


def _read_object(
    object_id: int, annotation: dict[str, Any], size: tuple[int, int], where: str
) -> PictureObject:
    segmentation = parts.checked_rle(annotation.get("segmentation"), size, where)
    if rle.area(segmentation) == 0:
        raise DatasetError(
            f"{where} has a mask without pixels; expected at least one. Take the annotation out, or "
            "make the pack again."
        )
    kind = parts.field(annotation, "kind", str, where)
    if kind not in _KINDS:
        raise DatasetError(
            f"{where} is of kind {kind!r}; expected {', '.join(_KINDS)}. Make the pack again."
        )
    label = parts.field(annotation, "label", str, where) if "label" in annotation else None
    return PictureObject(object_id, segmentation, label, _KINDS[kind])
