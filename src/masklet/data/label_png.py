"""Pictures of labels: which object every pixel belongs to, and which objects there are."""

import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from masklet.errors import DatasetError

_GRAY = ("1", "L")
_INDEXED = ("P", *_GRAY)
_IN_COLOUR = ("RGB", "RGBA", "LA")

_FRAME_KINDS = ("JPEG", "PNG", "WEBP")

# What Pillow raises on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, zlib.error, Image.DecompressionBombError)

_LYING = (5, 6, 7, 8)
"""The EXIF orientations in which width and height are exchanged."""


def read_labels(path: Path) -> npt.NDArray[np.uint8]:
    """`(height, width)` uint8: the index of every pixel of an indexed or gray PNG.

    Gray that was saved as colours is read as gray.

    Raises:
        DatasetError: there is no such file, it is damaged, or it is in colour.
    """
    mode, labels = _read(path)
    if mode in _INDEXED:
        return labels
    if mode not in _IN_COLOUR or (labels != labels[..., :1]).any():
        raise DatasetError(
            f"the annotation {path} has colours of kind {mode}; expected an indexed or gray PNG, "
            "in which a pixel is the number of its object. Save it with a palette."
        )
    return labels[..., 0]


def ids_in(labels: npt.NDArray[np.uint8]) -> tuple[int, ...]:
    """The indices that occur, rising, without 0.

    >>> ids_in(np.array([[0, 7], [3, 7]], np.uint8))
    (3, 7)
    """
    return tuple((np.flatnonzero(np.bincount(labels.reshape(-1), minlength=2)[1:]) + 1).tolist())


def ids_of(path: Path) -> tuple[int, ...]:
    """`ids_in` of a file, which is read again only if it has changed; raises as `read_labels`."""
    try:
        status = path.stat()
    except OSError:
        return ids_in(read_labels(path))  # which tells why
    return _remembered_ids(path, status.st_mtime_ns, status.st_size)


def is_black_and_white(path: Path) -> bool | None:
    """Whether a picture is a plain mask of 0 and 255, without a palette; None if it is all 0."""
    mode, _ = _read(path)
    ids = ids_of(path)
    return (mode != "P" and ids == (255,)) if ids else None


def picture_size(path: Path) -> tuple[int, int]:
    """`(height, width)` of a frame the right way up, from its header.

    Raises:
        DatasetError: there is no such file, or it is no picture.
    """
    try:
        with Image.open(path, formats=_FRAME_KINDS) as picture:
            width, height = picture.size
            is_lying = picture.getexif().get(ExifTags.Base.Orientation) in _LYING
    except _DAMAGE as error:
        raise DatasetError(
            f"the frame {path} cannot be read: {error}; expected a JPEG, PNG or WebP. Copy or "
            "download it again."
        ) from error
    return (width, height) if is_lying else (height, width)


def check_annotation_size(annotation: Path, size: tuple[int, int], frame: Path) -> None:
    """Raise `DatasetError` unless an annotation has the size of its frame."""
    expected = picture_size(frame)
    if size != expected:
        raise DatasetError(
            f"the annotation {annotation} is {size[1]}x{size[0]}, its frame {expected[1]}x"
            f"{expected[0]}; expected them to be equal. Frames and annotations are of different "
            "resolutions or clips: take both from the same download."
        )


@lru_cache(maxsize=1 << 16)
def _remembered_ids(path: Path, _changed: int, _bytes: int) -> tuple[int, ...]:
    return ids_in(read_labels(path))


def _read(path: Path) -> tuple[str, npt.NDArray[np.uint8]]:
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            mode = picture.mode
            upright = picture.convert("RGB") if mode in _IN_COLOUR else picture
            return mode, np.asarray(upright).astype(np.uint8)
    except _DAMAGE as error:
        raise DatasetError(
            f"the annotation {path} cannot be read: {error}; expected an indexed PNG. Copy or "
            "download it again."
        ) from error
