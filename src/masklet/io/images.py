"""Pictures come in as RGB arrays and go out as PNG files."""

import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from masklet.errors import ImageError
from masklet.io.atomic import write_bytes

# Any: an array of a dtype that is no picture is refused with a message, not by the type checker.
ImageSource: TypeAlias = str | os.PathLike[str] | Image.Image | npt.NDArray[Any]
"""What a picture can be read from."""

DEFAULT_MAX_PIXELS = 200_000_000
"""The largest picture that is read unless the caller says otherwise; 600 MB as RGB."""

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif"),
    *(".tif", ".tiff", ".bmp", ".avif", ".jp2", ".ppm", ".pgm"),
)
"""What the names of pictures end in, lower case; what a file is, its content decides."""

# Pillow opens some fifty kinds, and runs another program for PostScript. These are the kinds that
# people have pictures in, and all the code that a hostile file can reach.
_KINDS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000", "PPM")

# What Pillow raises on damaged files; tests/io feeds it some.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_pillow_limit = threading.Lock()


def read_image(
    source: ImageSource, *, max_pixels: int = DEFAULT_MAX_PIXELS
) -> npt.NDArray[np.uint8]:
    """Read a picture as `(height, width, 3)` uint8 RGB, contiguous, the right way up.

    Transparency is dropped, as `Image.convert("RGB")` does: the colours beneath it show. Of an
    animation or a file of several pages the first is read (see `count_frames`), of an open Pillow
    image the current one. EXIF orientation is applied to files and to Pillow images. 16-bit values
    are scaled to 8 bits; 32-bit integers count as 16-bit values.

    Args:
        source: a path, an open Pillow image, or an array of `(height, width)` or
            `(height, width, 1, 3 or 4)` in RGB order: uint8, uint16, bool, or float from 0 to 1.
        max_pixels: a larger file is refused by its header, before it is decoded.

    Raises:
        ImageError: there is no such file, it is empty, damaged, cut off, too large or of an unknown
            kind, or the array is no picture.

    >>> read_image(np.zeros((2, 5), np.uint8)).shape
    (2, 5, 3)
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        _check_pixels(source, "the image", max_pixels)
        return _from_pillow(source, "the image")
    if isinstance(source, str | os.PathLike):
        with _open(Path(source), max_pixels) as image:
            return _from_pillow(image, str(source))
    raise ImageError(
        f"a picture cannot be read from {type(source).__name__}; expected a path, a Pillow image "
        "or a numpy array. Convert it first, for example with numpy.asarray."
    )


def read_mask(
    path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS
) -> npt.NDArray[np.bool_]:
    """Read a picture of one mask as `(height, width)` bool: 0 is outside, the other value inside.

    Gray, black and white, palette (by index) and colour pictures whose three channels agree.

    Raises:
        ImageError: as `read_image`; or the picture holds more than two values, or two without 0.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "mask.png"
    >>> write_png(path, np.eye(3, dtype=bool))
    >>> int(read_mask(path).sum())
    3
    """
    with _open(Path(path), max_pixels) as image:
        values = _mask_values(image, str(path))
    found = np.unique(values)
    if len(found) > 2 or (len(found) == 2 and found[0] != 0):
        shown = ", ".join(str(value) for value in found[:4])
        more = ", ..." if len(found) > 4 else ""
        raise ImageError(
            f"{path} holds {len(found)} values ({shown}{more}); a mask has 0 outside and one other "
            "value inside. Keep one object, threshold it, and save it as PNG: JPEG blurs edges."
        )
    return values > 0


def count_frames(path: str | os.PathLike[str], *, max_pixels: int = DEFAULT_MAX_PIXELS) -> int:
    """How many frames or pages a picture file holds; `read_image` reads the first.

    The small previews that some cameras append do not count. Raises `ImageError` as `read_image`.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "mask.png"
    >>> write_png(path, np.eye(3, dtype=bool))
    >>> count_frames(path)
    1
    """
    with _open(Path(path), max_pixels) as image, _damage_explained(str(path)):
        return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def write_png(path: str | os.PathLike[str], picture: npt.NDArray[Any]) -> None:
    """Write a PNG, whole or not at all.

    Args:
        path: the file; its folder exists.
        picture: `(height, width)` bool (written as 0 and 255) or uint8, or `(height, width, 3)` RGB
            or `(height, width, 4)` RGBA uint8.

    Raises:
        ImageError: the array is none of these.
        OutputError: the file cannot be written.

    >>> from tempfile import mkdtemp
    >>> write_png(Path(mkdtemp()) / "clear.png", np.zeros((2, 3, 4), np.uint8))
    """
    fits = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))
    if not fits or picture.size == 0 or picture.dtype not in (np.bool_, np.uint8):
        raise ImageError(
            f"{path} was to hold an array of shape {picture.shape} and {picture.dtype}; expected "
            "(height, width) of bool or uint8, or (height, width, 3 or 4) of uint8. Convert it."
        )
    levels = picture.astype(np.uint8) * 255 if picture.dtype == np.bool_ else picture
    # Encoded in memory: written straight to a file, Pillow hides why a write failed.
    encoded = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).save(encoded, format="PNG", compress_level=4)
    write_bytes(Path(path), encoded.getvalue())


@contextmanager
def _open(path: Path, max_pixels: int) -> Iterator[Image.Image]:
    """Open a file of a known kind and a bearable size; pixels are not decoded yet."""
    _check_file(path)
    with ExitStack() as stack:
        with _damage_explained(str(path)):
            file = stack.enter_context(path.open("rb"))
            image = stack.enter_context(_open_within(file, str(path), max_pixels))
        yield image


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise ImageError(
            f"there is no file {path}; expected a picture. Check the name and the folder, which is "
            f"{Path.cwd()} for names without one."
        ) from error
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{path} cannot be read: {error}; expected the path of a picture. Check the name and "
            "your rights to read it."
        ) from error
    if path.is_dir():
        raise ImageError(
            f"{path} is a folder; expected a picture. In Python read its files one by one; in the "
            "shell `masklet segment` takes folders."
        )
    if not path.is_file():
        raise ImageError(
            f"{path} is a device or a pipe; expected a picture. Save what it gives to a file."
        )
    if status.st_size == 0:
        raise ImageError(f"{path} is an empty file; expected a picture. Copy or download it again.")


def _open_within(file: io.BufferedReader, name: str, max_pixels: int) -> Image.Image:
    # Pillow checks its limit from the header, but keeps it in a global number, and warns until
    # twice that. A limit of None would be wrong too: GIF frames are allocated when opened.
    with _pillow_limit, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            return Image.open(file, formats=_known_kinds())
        except UnidentifiedImageError as error:
            raise ImageError(
                f"{name} is no picture of a kind that can be read, or its beginning is damaged; "
                f"expected {', '.join(_known_kinds())}. Check what the file is, or save it as PNG."
            ) from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_large(name, max_pixels) from error
        finally:
            Image.MAX_IMAGE_PIXELS = theirs


@cache
def _known_kinds() -> tuple[str, ...]:
    Image.init()
    return tuple(kind for kind in _KINDS if kind in Image.OPEN)


def _check_pixels(image: Image.Image, name: str, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise _too_large(name, max_pixels)


def _too_large(name: str, max_pixels: int) -> ImageError:
    return ImageError(
        f"{name} has more than {max_pixels:,} pixels; expected at most that, a limit against files "
        "made to fill the memory. If you trust it, raise max_pixels (--max-pixels in the shell)."
    )


@contextmanager
def _damage_explained(name: str) -> Iterator[None]:
    try:
        yield
    except ImageError:
        raise
    except _DAMAGE as error:
        raise ImageError(
            f"{name} is damaged or cut off: {error}; expected a whole picture. "
            "Copy, download or save it again."
        ) from error


def _from_pillow(image: Image.Image, name: str) -> npt.NDArray[np.uint8]:
    upright = _upright(image, name)
    if upright.mode.startswith("I"):
        return _rgb_of_gray(_levels_of_16_bits(np.asarray(upright), name))
    if upright.mode == "F":
        return _rgb_of_gray(_levels_of_floats(np.asarray(upright), name))
    if upright.mode == "P":
        # Straight to RGB, Pillow warns about palettes with transparency.
        upright = upright.convert("RGBA")
    return np.array(_to_rgb(upright, name))


def _upright(image: Image.Image, name: str) -> Image.Image:
    with _damage_explained(name):
        image.load()
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DAMAGE:
        # The picture itself is whole; a viewer too shows it as it lies in the file.
        return image
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError(
            f"{name} has colours of kind {image.mode}, which have no RGB here; expected gray, RGB, "
            "CMYK or a palette. Save it as RGB."
        ) from error


def _mask_values(image: Image.Image, name: str) -> npt.NDArray[np.int64]:
    upright = _upright(image, name)
    if upright.mode in ("1", "L", "P") or upright.mode.startswith("I"):
        return np.asarray(upright).astype(np.int64)
    channels = np.asarray(_to_rgb(upright, name)).astype(np.int64)
    if (channels != channels[..., :1]).any():
        raise ImageError(
            f"{name} is in colour; expected a mask, black outside and white inside. "
            "Save it as a gray PNG, or as a palette PNG of one object."
        )
    return channels[..., 0]


def _from_array(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    _check_layout(array.shape)
    match array.dtype.kind, array.dtype.itemsize:
        case ("u", 1):
            levels = array
        case ("u", 2):
            levels = _levels_of_16_bits(array, "the array")
        case ("b", _):
            levels = array.astype(np.uint8) * 255
        case ("f", _):
            levels = _levels_of_floats(array, "the array")
        case _:
            raise ImageError(
                f"the array holds {array.dtype}; expected uint8, uint16, bool or float from 0 to "
                "1. Values of 0 to 255 become a picture with array.astype(numpy.uint8)."
            )
    if levels.ndim == 2 or levels.shape[2] == 1:
        return _rgb_of_gray(levels.reshape(levels.shape[:2]))
    return np.ascontiguousarray(levels[..., :3])


def _check_layout(shape: tuple[int, ...]) -> None:
    if len(shape) == 3 and shape[0] in (1, 3, 4) and shape[2] not in (1, 3, 4):
        raise ImageError(
            f"the array has shape {shape}, channels first; expected (height, width, channels). "
            "Turn it with array.transpose(1, 2, 0)."
        )
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        raise ImageError(
            f"the array has shape {shape}; expected (height, width) or (height, width, 1, 3 or 4). "
            "Pass one picture at a time, in RGB order."
        )
    if 0 in shape:
        raise ImageError(
            f"the array has shape {shape}, no pixels; expected at least one. Check how it was cut."
        )


def _levels_of_16_bits(values: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint8]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ImageError(
            f"{name} holds integers from {low} to {high}; expected 8 or 16 bits, 0 to 65535. "
            "Scale it first: only you know which value is white."
        )
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _levels_of_floats(values: npt.NDArray[Any], name: str) -> npt.NDArray[np.uint8]:
    if not np.isfinite(values).all():
        raise ImageError(
            f"{name} holds NaN or infinite values; expected floats from 0 to 1. "
            "Look for a division by zero, or replace them with numpy.nan_to_num."
        )
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise ImageError(
            f"{name} holds floats from {low:g} to {high:g}; expected 0 to 1. Divide values of "
            "0 to 255 by 255, and undo a normalisation by mean and deviation."
        )
    return np.rint(values.astype(np.float32) * 255).astype(np.uint8)


def _rgb_of_gray(gray: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.repeat(gray[..., None], 3, axis=2)
