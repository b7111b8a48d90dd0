"""Pictures with masks drawn in any paint program: `images/NAME.jpg` beside `masks/NAME.png`.

A mask is an indexed or gray PNG, in which the value of a pixel is the number of its object and 0 is
none. Where all other pixels are 255 that is the one object; else 255 is what nobody judged. Instead of
one file, `masks/NAME/` may hold a black and white PNG for every object.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masklet.data.label_png import ids_in, read_labels
from masklet.data.pictures import check_picture_size, errors_of_dataset
from masklet.data.records import Dataset, ImageDataset, Mask, PictureObject, Problem
from masklet.errors import DatasetError
from masklet.io.images import SUFFIXES, read_image
from masklet.ops import rle

IMAGES, MASKS = "images", "masks"

_UNJUDGED = 255


@dataclass(frozen=True, slots=True)
class FolderPicture:
    """A `Picture` of such a folder."""

    name: str
    file: Path
    masks: tuple[Path, ...]
    """One with numbers, or several that are black and white."""

    def image(self) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)` RGB; raises `DatasetError` as `Picture` says."""
        with errors_of_dataset():
            pixels = read_image(self.file)
        size = read_labels(self.masks[0]).shape
        return check_picture_size(pixels, (size[0], size[1]), str(self.file))

    def objects(self) -> tuple[PictureObject, ...]:
        """Those that have pixels; raises `DatasetError` as `Picture` says."""
        found = [
            PictureObject(number, rle.encode(mask)) for number, mask in self._drawn() if mask.any()
        ]
        return tuple(found)

    def _drawn(self) -> list[tuple[int, Mask]]:
        if len(self.masks) > 1 or self.masks[0].parent.name == self.name:
            return [(n, read_labels(path) > 0) for n, path in enumerate(self.masks, start=1)]
        labels = read_labels(self.masks[0])
        ids = ids_in(labels)
        numbers = ids if ids == (_UNJUDGED,) else tuple(n for n in ids if n != _UNJUDGED)
        return [(number, labels == number) for number in numbers]


def is_picture_folder(path: Path) -> bool:
    """Whether a folder holds pictures and masks in this way.

    >>> is_picture_folder(Path("gone"))
    False
    """
    return (path / IMAGES).is_dir() and (path / MASKS).is_dir()


def open_picture_folder(path: Path) -> ImageDataset:
    """List the pictures of a folder that have masks; they are read when they are asked for.

    Raises:
        DatasetError: there is no picture with a mask.

    >>> from tempfile import mkdtemp
    >>> open_picture_folder(Path(mkdtemp()))
    Traceback (most recent call last):
    masklet.errors.DatasetError: ... holds no picture with a mask; expected ...
    """
    masks = _masks_in(path / MASKS)
    items: list[FolderPicture] = []
    problems: list[Problem] = []
    files = sorted((path / IMAGES).glob("*")) if is_picture_folder(path) else []
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            continue
        if file.stem in masks:
            items.append(FolderPicture(file.stem, file, masks[file.stem]))
        else:
            problems.append(Problem(file.stem, str(file), f"there is no {MASKS}/{file.stem}.png"))
    if not items:
        raise DatasetError(
            f"{path} holds no picture with a mask; expected pairs such as {IMAGES}/cat.jpg and "
            f"{MASKS}/cat.png. Check the names of folders and files."
        )
    return Dataset(path.name, path, "picture-folder", tuple(items), tuple(problems))


def _masks_in(folder: Path) -> Mapping[str, tuple[Path, ...]]:
    """By the name of the picture, its masks."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in sorted(folder.glob("*")):
        if path.is_dir():
            inner = tuple(sorted(path.glob("*.png")))
            if inner:
                found[path.name] = inner
        elif path.suffix.lower() == ".png":
            found[path.stem] = (path,)
    return found
