"""A cut-out in a tar file: `00042.png`, one object on nothing, beside `00042.json` with its parts.

The JSON is `{"image": {"width", "height"}, "parts": [{"segmentation": RLE, "parent": place}]}`, where
RLE is COCO's compressed run-length encoding of the pixels of a part that are visible, at the size of
the picture, and `parent` the place in the list of the part that it belongs to, which stands before it,
or -1 for the whole object. What else it holds is passed over, and so are files of other kinds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from masklet.data.packed_pictures import described_size, pictures_in
from masklet.data.pictures import check_picture_size, errors_of_dataset, read_packed_layers
from masklet.data.records import Mask, Problem
from masklet.data.spans import Span
from masklet.errors import DatasetError
from masklet.io import json_parts as parts
from masklet.ops import rle
from masklet.ops.rle import Rle

_WHAT = "the parts of a cut-out"


@dataclass(frozen=True, slots=True)
class CutoutPart:
    """A piece of the object of a cut-out."""

    segmentation: Rle
    """Its visible pixels, at the size of the cut-out."""
    area: int
    """How many there are, one at least."""
    parent: int | None
    """The place of the part that it belongs to, which comes before it; None: the object itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object on nothing."""

    pixels: npt.NDArray[np.uint8]
    """`(height, width, 4)` RGBA, not premultiplied."""
    parts: tuple[CutoutPart, ...]


@dataclass(frozen=True, slots=True)
class PackedCutout:
    """A cut-out of a pack. A value that can be sent to another process; nothing in it is open."""

    name: str
    picture: Span
    annotations: Span

    def pixels(self) -> npt.NDArray[np.uint8]:
        """`(height, width, 4)` RGBA, read now.

        Raises:
            DatasetError: the picture is damaged, or no pixel of it is more than half opaque.
        """
        pixels = read_packed_layers(self.picture)
        if not opaque(pixels).any():
            raise DatasetError(
                f"{self.picture} has no pixel that is more than half opaque; expected an object on "
                "nothing. Take it out, or make the pack again."
            )
        return pixels

    def read(self) -> Cutout:
        """The pixels and parts, read now.

        Raises:
            DatasetError: as `pixels`; or the JSON is damaged or for another size, or a part has no
                pixel or a parent that does not stand before it.
        """
        where = str(self.annotations)
        with errors_of_dataset():
            document = parts.parse_object(self.annotations.read(), where, _WHAT)
            size = described_size(document, where)
            described = parts.objects(document, "parts", where)
            found = tuple(
                _read_part(place, each, size, f"{where}, parts[{place}]")
                for place, each in enumerate(described)
            )
        return Cutout(check_picture_size(self.pixels(), size, str(self.picture)), found)


def opaque(pixels: npt.NDArray[np.uint8]) -> Mask:
    """Where the object of a cut-out is: the pixels `(height, width)` that are more than half opaque.

    >>> opaque(np.array([[[9, 9, 9, 127], [9, 9, 9, 128]]], np.uint8)).tolist()
    [[False, True]]
    """
    mask: Mask = pixels[..., 3] > 127
    return mask


def cutouts_in(files: Sequence[Span]) -> Iterator[PackedCutout | Problem]:
    """The cut-outs of a tar that have parts, in their order, and what lacks its other half."""
    for found in pictures_in(files):
        if isinstance(found, Problem):
            yield found
        else:
            yield PackedCutout(found.name, found.picture, found.annotations)


def _read_part(
    place: int, part: dict[str, Any], size: tuple[int, int], where: str
) -> CutoutPart:  # Any: JSON
    segmentation = parts.checked_rle(part.get("segmentation"), size, where)
    area = rle.area(segmentation)
    if area == 0:
        raise DatasetError(
            f"{where} has a mask without pixels; expected at least one. Take the part out, or make "
            "the pack again."
        )
    parent = parts.field(part, "parent", int, where)
    if not -1 <= parent < place:
        raise DatasetError(
            f"{where} says that it is a part of parts[{parent}]; expected -1 for the whole object, "
            "or a part that stands before it. Make the pack again."
        )
    return CutoutPart(segmentation, area, None if parent == -1 else parent)
