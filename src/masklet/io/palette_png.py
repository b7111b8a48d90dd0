"""Masks as one indexed PNG per frame, as DAVIS and YouTube-VOS want them.

Files are named by frame index, 00000.png, unless the dataset has other names for frames; a pixel
holds the id of its object, 0 where there is none.
"""

import io
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from masklet.errors import ImageError, OutputError
from masklet.io.atomic import make_folder, write_bytes
from masklet.io.given import given_mask
from masklet.ops import rle
from masklet.types import FrameMasks

_LARGEST_ID = 255


def picture_name(frame_index: int) -> str:
    """The file that holds a frame where nothing else is said.

    >>> picture_name(7)
    '00007.png'
    """
    return f"{frame_index:05d}.png"


def write_palette_pngs(
    folder: str | Path,
    frames: Iterable[FrameMasks],
    size: tuple[int, int],
    *,
    name_of: Callable[[int], str] = picture_name,
) -> int:
    """Write a PNG for every frame and return how many; frames are taken one at a time.

    Args:
        folder: it is made if need be; files of the same names are replaced.
        frames: what to write.
        size: `(height, width)` of the frames.
        name_of: the file that holds a frame, by frame index.

    Raises:
        OutputError: an object has an id that no pixel can hold, or a file cannot be written; those
            written before are whole and stay.

    >>> from tempfile import mkdtemp
    >>> write_palette_pngs(mkdtemp(), [FrameMasks(0, ())], (48, 64))
    1
    """
    place = make_folder(folder)
    count = 0
    for frame in frames:
        picture = Image.fromarray(label_map(frame, size))
        picture.putpalette(davis_palette())
        encoded = io.BytesIO()
        picture.save(encoded, format="PNG")
        write_bytes(place / name_of(frame.frame_index), encoded.getvalue())
        count += 1
    return count


def read_palette_pngs(folder: str | Path) -> Iterator[FrameMasks]:
    """Read such a folder frame by frame, by rising frame index; every mask counts as certain.

    Whatever index is in a picture is an object, also 255, which some datasets mean as "not judged".

    Raises:
        ImageError: the folder holds no PNGs named by frame index, or one is damaged or in colour.
    """
    for index, path in numbered_pngs(folder):
        labels = _read_labels(path)
        ids = [int(value) for value in np.unique(labels) if value > 0]
        yield FrameMasks(index, tuple(given_mask(each, rle.encode(labels == each)) for each in ids))


def label_map(frame: FrameMasks, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """`(height, width)` uint8: the id of the object at every pixel, 0 where there is none.

    Where objects overlap, the pixel belongs to the one with the higher predicted IoU, and of equal
    ones to the one that comes first in the frame.

    Raises:
        OutputError: an id is not between 1 and 255.
    """
    labels = np.zeros(size, np.uint8)
    # A sort keeps the order of equals, also a reversed one; so painted backwards, the best is last.
    best_first = sorted(frame.objects, key=lambda each: each.predicted_iou, reverse=True)
    for mask in reversed(best_first):
        if not 1 <= mask.object_id <= _LARGEST_ID:
            raise OutputError(
                f"object {mask.object_id} does not fit into an indexed PNG; expected ids from 1 to "
                f"{_LARGEST_ID}. Track with such ids, or write one PNG per object, or JSON."
            )
        labels[rle.decode(mask.segmentation)] = mask.object_id
    return labels


@cache
def davis_palette() -> bytes:
    """Red, green and blue of the 256 indices, as PASCAL VOC began and DAVIS went on.

    The bits of an index are dealt out to the three colours in turn, and fill each from the top.

    >>> davis_palette()[3:9].hex(" ", 3)
    '800000 008000'
    """
    return bytes(
        sum(((index >> (3 * place + colour)) & 1) << (7 - place) for place in range(8))
        for index in range(256)
        for colour in range(3)
    )


def numbered_pngs(folder: str | Path) -> list[tuple[int, Path]]:
    """Frame index and path of every PNG in a folder, by rising index.

    Raises:
        ImageError: there is no such folder, it holds no PNG, a name is no number, or two names are
            the same number.
    """
    paths = list(Path(folder).glob("*.png"))
    strange = [path.name for path in paths if not (path.stem.isascii() and path.stem.isdigit())]
    if not paths or strange:
        found = f"holds {min(strange)}" if strange else "holds no PNG or is none"
        raise ImageError(
            f"the folder {folder} {found}; expected PNGs named by frame index, such as 00012.png. "
            "Check the folder, or rename the files."
        )
    numbered = sorted((int(path.stem), path) for path in paths)
    for (index, path), (following, twin) in itertools.pairwise(numbered):
        if index == following:
            raise ImageError(
                f"{path.name} and {twin.name} in {folder} are both frame {index}; expected one "
                "picture per frame. Remove one."
            )
    return numbered


def _read_labels(path: Path) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            mode, labels = picture.mode, np.asarray(picture)
    except (OSError, SyntaxError, ValueError, zlib.error, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{path} cannot be read: {error}; expected an indexed PNG. Copy or write it again."
        ) from error
    if mode not in ("P", "L", "1"):
        raise ImageError(
            f"{path} has colours of kind {mode}; expected an indexed or gray PNG, in which a pixel "
            "is the id of its object. Save it with a palette."
        )
    return labels.astype(np.uint8)
