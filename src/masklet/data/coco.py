"""Pictures with masks in the JSON of COCO's instances, and of LVIS, which has the same form."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from masklet.data.coco_folders import find_pictures
from masklet.data.coco_listing import WHAT, ListedImage, list_coco
from masklet.data.pictures import check_picture_size, errors_of_dataset
from masklet.data.records import Dataset, ImageDataset, PictureObject, Problem
from masklet.data.spans import Span
from masklet.errors import DatasetError
from masklet.io import json_parts as parts
from masklet.io.images import read_image
from masklet.io.segmentations import any_segmentation
from masklet.ops import rle
from masklet.ops.rle import Rle

# Corners are written in tenths of a pixel, and some tools count from the pixel's centre.
_ROUNDING_PIXELS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class CocoPicture:
    """A `Picture` of a COCO or LVIS file: it knows where its own annotations stand in the file."""

    listed: ListedImage
    file: Path
    annotations: Path

    @property
    def name(self) -> str:
        """The name of its file in the annotations, such as "val2017/000000000139.jpg"."""
        return self.listed.file_name

    def image(self) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)` RGB; raises `DatasetError` as `Picture` says."""
        with errors_of_dataset():
            pixels = read_image(self.file)
        return check_picture_size(pixels, self.listed.size, str(self.file))

    def objects(self) -> tuple[PictureObject, ...]:
        """Those that are no crowds; raises `DatasetError` as `Picture` says.

        A polygon so thin that it covers no pixel's centre is no object that could be meant.
        """
        found = []
        entries = zip(self.listed.places.tolist(), self.listed.categories, strict=True)
        for (object_id, offset, size), category in entries:
            source = Span(self.annotations, f"annotation {object_id}", offset, size)
            segmentation = self._segmentation(source, object_id)
            if rle.area(segmentation) > 0:
                found.append(PictureObject(object_id, segmentation, category))
        return tuple(found)

    def _segmentation(self, source: Span, object_id: int) -> Rle:
        with errors_of_dataset():
            annotation = parts.parse_object(source.read(), str(source), WHAT)
            ids = annotation.get("id"), annotation.get("image_id")
            if ids != (object_id, self.listed.image_id):
                raise DatasetError(
                    f"{source} is annotation {ids[0]} of image {ids[1]} now; expected image "
                    f"{self.listed.image_id}. The file was written anew: open it again."
                )
            value = annotation.get("segmentation")
            segmentation = any_segmentation(value, self.listed.size, str(source))
        _check_given(value, segmentation, self.listed.size, str(source))
        return segmentation


def open_coco(annotations: Path, images: Path | None = None) -> ImageDataset:
    """List the pictures of a COCO or LVIS file; their masks are read when they are asked for.

    Args:
        annotations: the JSON file.
        images: the folder of the pictures; if None, it is looked for in the usual places beside the
            file (`masklet.data.coco_folders`).

    Raises:
        DatasetError: the file cannot be read or is no such file, or its pictures are not found.

    >>> open_coco(Path("instances_val2017.json"))
    Traceback (most recent call last):
    masklet.errors.DatasetError: instances_val2017.json cannot be read: No such file ...
    """
    listing = list_coco(annotations)
    files = find_pictures(annotations, [image.file_name for image in listing.images], images)
    items, missing = [], []
    for image in listing.images:
        file = files.get(image.file_name)
        if file is None:
            what = "its picture is not in the folder of the others"
            missing.append(Problem(image.file_name, str(annotations), what))
        else:
            items.append(CocoPicture(image, file, annotations))
    problems = (*listing.problems, *missing)
    return Dataset(annotations.stem, annotations.parent, "coco", tuple(items), problems)


def _check_given(
    value: Any,  # Any: JSON
    segmentation: Rle,
    size: tuple[int, int],
    where: str,
) -> None:
    """A mask was given, and its polygons lie in the picture."""
    height, width = size
    is_polygons = isinstance(value, list)
    if value == [] or (not is_polygons and rle.area(segmentation) == 0):
        raise DatasetError(
            f"{where} has a mask without pixels; expected at least one. Take the annotation out, or "
            "draw its mask."
        )
    for polygon in value if is_polygons else ():
        xy = np.asarray(polygon, np.float64).reshape(-1, 2)
        beyond = float(max(-xy.min(), (xy - (width, height)).max()))
        if beyond > _ROUNDING_PIXELS:
            raise DatasetError(
                f"{where} has a polygon that reaches {beyond:.0f} pixels out of its "
                f"{width}x{height} picture; expected all corners within. It belongs to another "
                "picture or was not scaled with it."
            )
