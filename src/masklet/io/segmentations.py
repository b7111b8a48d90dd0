"""COCO writes a mask in three ways: compressed runs, plain runs, polygons."""

from typing import Any

import numpy as np
import numpy.typing as npt

from masklet.errors import StateError
from masklet.io.json_parts import checked_rle
from masklet.ops import rle
from masklet.ops.rle import Rle


def any_segmentation(value: Any, size: tuple[int, int], where: str) -> Rle:  # Any: JSON
    """The mask of an annotation as compressed runs.

    Args:
        value: what stands under "segmentation".
        size: `(height, width)` of its picture.
        where: what it belongs to, for messages.

    Raises:
        StateError: it is none of the three, damaged, or of another size.

    >>> any_segmentation([[0, 0, 2, 0, 2, 1, 0, 1]], (2, 2), "the example")
    {'size': [2, 2], 'counts': '01100'}
    """
    if isinstance(value, list):
        return rle.encode(fill_polygons([_polygon(part, where) for part in value], size))
    if isinstance(value, dict) and isinstance(value.get("counts"), list):
        try:
            value = dict(rle.from_uncompressed(value))
        except ValueError as error:
            raise StateError(
                f"{where} has damaged runs: {error} Expected COCO's run-length encoding."
            ) from error
    return checked_rle(value, size, where)


def fill_polygons(
    polygons: list[npt.NDArray[np.float64]], size: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """`(height, width)` bool: the pixels whose centre lies in one of the polygons.

    Args:
        polygons: each `(K, 2)` x, y along pixel edges, so that the first pixel's centre is at
            (0.5, 0.5), as COCO has it. One that crosses itself is filled by the even-odd rule.
        size: `(height, width)` of the mask; what lies outside is cut off.

    pycocotools rounds corners to a fifth of a pixel instead; pixels on the edge may differ.
    """
    mask = np.zeros(size, np.bool_)
    for polygon in polygons:
        mask |= _filled(polygon, size)
    return mask


def _filled(polygon: npt.NDArray[np.float64], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    height, width = size
    # A row is entered or left wherever an edge crosses the line through its pixels' centres.
    flips = np.zeros((height, width + 1), np.int32)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        first, last = (np.clip(np.ceil(y - 0.5), 0, height) for y in sorted((y0, y1)))
        rows = np.arange(int(first), int(last))
        if len(rows):
            x = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            flips[rows, np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)] += 1
    return np.cumsum(flips, axis=1)[:, :width] % 2 == 1


def _polygon(part: Any, where: str) -> npt.NDArray[np.float64]:  # Any: JSON
    try:
        numbers = np.asarray(part, np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = np.zeros(0)
    fits = numbers.ndim == 1 and len(numbers) >= 6 and len(numbers) % 2 == 0
    if not fits or not np.isfinite(numbers).all():
        raise StateError(
            f"{where} has a polygon that is none; expected at least three corners as "
            "[x, y, x, y, x, y], finite numbers. The file is damaged or was edited."
        )
    return numbers.reshape(-1, 2)
