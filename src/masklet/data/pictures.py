"""What all labelled pictures need: errors told as those of a dataset, pixels of the right size."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from masklet.data.spans import Span
from masklet.errors import DatasetError, ImageError, StateError
from masklet.io.images import read_image

PACKED_SUFFIXES = (".jpg", ".jpeg", ".png")
"""What the names of pictures in packs end in, lower case."""

_KINDS = ("JPEG", "PNG")

# What Pillow raises on damaged files, and `read_image` on what Pillow opened.
_DAMAGE = (
    ImageError,
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@contextmanager
def errors_of_dataset() -> Iterator[None]:
    """What is wrong with a picture or with JSON becomes a `DatasetError` of the same words."""
    try:
        yield
    except (ImageError, StateError) as error:
        raise DatasetError(str(error)) from error


def read_packed_picture(source: Span) -> npt.NDArray[np.uint8]:
    """Read a JPEG or PNG that is a part of a file, as `masklet.io.images.read_image` reads files.

    Returns:
        `(height, width, 3)` uint8 RGB, contiguous, the right way up.

    Raises:
        DatasetError: the bytes cannot be read or are no whole picture.
    """
    return _read_packed(source, _KINDS, read_image)


def read_packed_layers(source: Span) -> npt.NDArray[np.uint8]:
    """Read a PNG that is a part of a file with its opacity, `(height, width, 4)` uint8 RGBA.

    Raises:
        DatasetError: the bytes cannot be read or are no whole PNG.
    """
    return _read_packed(source, ("PNG",), lambda image: np.array(image.convert("RGBA")))


def _read_packed(
    source: Span,
    kinds: tuple[str, ...],
    pixels_of: Callable[[Image.Image], npt.NDArray[np.uint8]],
) -> npt.NDArray[np.uint8]:
    data = source.read()
    try:
        with warnings.catch_warnings():
            # Pillow only warns of pictures that are made to fill the memory.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=kinds) as image:
                return pixels_of(image)
    except UnidentifiedImageError as error:
        # Its text names a buffer, which nobody can look up.
        why = "it is of another kind, or its beginning is damaged"
        raise _unreadable(source, kinds, why) from error
    except _DAMAGE as error:
        raise _unreadable(source, kinds, str(error)) from error


def check_picture_size(
    pixels: npt.NDArray[np.uint8], size: tuple[int, int], where: str
) -> npt.NDArray[np.uint8]:
    """The picture, which has the size that its annotations state.

    Args:
        pixels: `(height, width, 3)`.
        size: `(height, width)` in the annotations.
        where: what the picture is called in messages.

    Raises:
        DatasetError: it has another.

    >>> check_picture_size(np.zeros((2, 3, 3), np.uint8), (2, 3), "a.jpg").shape
    (2, 3, 3)
    """
    height, width = pixels.shape[:2]
    if (height, width) != size:
        raise DatasetError(
            f"{where} is {width}x{height} pixels, its annotations are for {size[1]}x{size[0]}; "
            "expected them to be equal. The picture was resized, or is another of the same name."
        )
    return pixels


def _unreadable(source: Span, kinds: tuple[str, ...], reason: str) -> DatasetError:
    return DatasetError(
        f"{source} cannot be read as a picture: {reason}; expected a whole {' or '.join(kinds)}. "
        "Copy or make the pack again."
    )
