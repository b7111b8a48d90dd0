"""COCO run-length encoding, byte for byte as `pycocotools` writes it.

The pixels of a mask are read column after column; runs alternate, the first one is outside. The
compressed form writes every run as a signed number in groups of five bits, low group first, one
printable character each; from the fourth run on it is the difference to the run two before.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

# 35 bits hold every run of an image of up to 17 gigapixels; pycocotools itself stops at 32.
_MAX_GROUPS = 7
# From so many pixels per change on, sorting the changes beats reading a picture by its columns:
# 0.10 instead of 0.68 ms for a disc in 720x1280 (one thread of AMD EPYC).
_SPARSE = 64


class Rle(TypedDict):
    """A mask in COCO's compressed form, ready for JSON."""

    size: list[int]
    """Height and width."""
    counts: str
    """The runs, compressed."""


class UncompressedRle(TypedDict):
    """A mask in COCO's uncompressed form, ready for JSON."""

    size: list[int]
    """Height and width."""
    counts: list[int]
    """Lengths of the runs in pixels, the first one outside the mask."""


def encode(mask: npt.NDArray[np.bool_]) -> Rle:
    """The compressed encoding of one `(height, width)` bool mask.

    Raises:
        ValueError: the array is not two-dimensional or not bool.

    >>> encode(np.array([[False, True], [True, True]]))
    {'size': [2, 2], 'counts': '13'}
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(
            f"the mask is {mask.dtype} of shape {mask.shape}; expected bool of shape "
            "(height, width). Threshold it, and encode one mask at a time."
        )
    return encode_changes(_column_changes(mask), (mask.shape[0], mask.shape[1]))


def encode_changes(changes: npt.NDArray[np.int64], size: tuple[int, int]) -> Rle:
    """The compressed encoding of the mask whose pixels change at these places.

    Args:
        changes: rising places, counted down column after column, of the pixels that differ from the
            one before; before the first one is outside.
        size: height and width.

    >>> encode_changes(np.array([1]), (2, 2))
    {'size': [2, 2], 'counts': '13'}
    """
    runs = np.diff(np.concatenate([[0], changes, [size[0] * size[1]]]))
    return {"size": list(size), "counts": _compress(runs)}


def decode(rle: Rle | Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """The `(height, width)` bool mask of a compressed encoding; `counts` may be str or bytes.

    Raises:
        ValueError: the size or the counts are malformed, or the runs do not fill the mask.

    >>> decode({"size": [2, 2], "counts": b"13"})
    array([[False,  True],
           [ True,  True]])
    """
    (height, width), runs = _size_and_runs(rle)
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def area(rle: Rle | Mapping[str, Any]) -> int:
    """Pixels of the mask, counted without decoding it; raises what `decode` raises.

    >>> area({"size": [2, 2], "counts": "13"})
    3
    """
    _, runs = _size_and_runs(rle)
    return int(runs[1::2].sum())


def to_uncompressed(rle: Rle | Mapping[str, Any]) -> UncompressedRle:
    """The same mask with its runs as a list of numbers; raises what `decode` raises.

    >>> to_uncompressed({"size": [2, 2], "counts": "13"})
    {'size': [2, 2], 'counts': [1, 3]}
    """
    size, runs = _size_and_runs(rle)
    return {"size": list(size), "counts": runs.tolist()}


def from_uncompressed(rle: UncompressedRle | Mapping[str, Any]) -> Rle:
    """The same mask with its runs compressed.

    Raises:
        ValueError: the size is malformed, a run is no whole number or negative, or the runs do not
            fill the mask.

    >>> from_uncompressed({"size": [2, 2], "counts": [1, 3]})
    {'size': [2, 2], 'counts': '13'}
    """
    size, counts = _size(rle), rle.get("counts")
    runs = np.asarray([] if counts is None or isinstance(counts, str | bytes) else counts)
    if runs.ndim != 1 or len(runs) == 0 or not np.issubdtype(runs.dtype, np.integer):
        raise ValueError(
            f"counts are {_short(counts)}; expected a list of whole numbers, the lengths of the "
            "runs. A compressed string is read by decode()."
        )
    _check_runs(runs, size)
    return {"size": list(size), "counts": _compress(runs)}


def _column_changes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Where pixels change, as `encode_changes` takes it."""
    height, width = mask.shape
    differs = np.empty_like(mask)
    np.not_equal(mask[1:], mask[:-1], out=differs[1:])
    np.not_equal(mask[:1, 1:], mask[-1:, :-1], out=differs[:1, 1:])
    differs[:1, :1] = mask[:1, :1]
    if np.count_nonzero(differs) * _SPARSE > differs.size or differs.T.flags.c_contiguous:
        return np.flatnonzero(differs.T)
    rows, columns = np.divmod(np.flatnonzero(differs), max(width, 1))
    return np.sort(columns * height + rows)


def _compress(runs: npt.NDArray[np.int64]) -> str:
    values = runs.astype(np.int64)
    values[3:] -= runs[1:-2]
    # A number takes the fewest groups whose highest bit still tells its sign.
    magnitude = np.where(values < 0, ~values, values)
    lengths = np.ones(len(values), np.int64)
    for group in range(1, _MAX_GROUPS):
        lengths += magnitude >> (5 * group - 1) > 0
    ends = np.cumsum(lengths)
    characters = np.empty(ends[-1], np.uint8)
    for group in range(int(lengths.max())):
        longer = lengths > group
        bits = values[longer] >> (5 * group) & 31
        follows = lengths[longer] > group + 1
        characters[(ends - lengths)[longer] + group] = bits + 32 * follows + 48
    return characters.tobytes().decode("ascii")


def _size_and_runs(
    rle: Rle | Mapping[str, Any],
) -> tuple[tuple[int, int], npt.NDArray[np.int64]]:
    size, counts = _size(rle), rle.get("counts")
    if isinstance(counts, str) and counts.isascii():
        counts = counts.encode("ascii")
    if not isinstance(counts, bytes) or len(counts) == 0:
        raise ValueError(
            f"counts are {_short(counts)}; expected a string of COCO's compressed runs. "
            "A list of numbers is read by from_uncompressed()."
        )
    runs = _decompress(counts)
    _check_runs(runs, size)
    return size, runs


def _decompress(counts: bytes) -> npt.NDArray[np.int64]:
    codes = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    wrong = np.flatnonzero((codes < 0) | (codes > 63))
    if len(wrong) > 0:
        raise ValueError(
            f"counts hold {counts[wrong[0] : wrong[0] + 1]!r} at position {wrong[0]}; expected only "
            "characters from '0' to 'o'. The string is damaged or was escaped twice."
        )
    last = np.flatnonzero(codes < 32)
    first = np.concatenate([[0], last + 1])
    if first[-1] != len(codes):
        raise ValueError(
            f"counts end inside a number, after {_short(counts)}; expected a last character below "
            "'P'. The string was cut off."
        )
    lengths = np.diff(first)
    if lengths.max() > _MAX_GROUPS:
        raise ValueError(
            f"counts hold a number of {lengths.max()} characters; expected at most {_MAX_GROUPS}. "
            "The string is damaged."
        )
    place = np.arange(len(codes)) - np.repeat(first[:-1], lengths)
    runs = np.add.reduceat((codes & 31) << (5 * place), first[:-1])
    runs -= np.where(codes[last] & 16, 1 << (5 * lengths), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def _size(rle: Rle | UncompressedRle | Mapping[str, Any]) -> tuple[int, int]:
    size = rle.get("size")
    if (
        not isinstance(size, list | tuple)
        or len(size) != 2
        or not all(isinstance(side, int | np.integer) and side >= 0 for side in size)
    ):
        raise ValueError(
            f"size is {_short(size)}; expected [height, width], two whole numbers that are not "
            "negative."
        )
    return int(size[0]), int(size[1])


def _check_runs(runs: npt.NDArray[np.integer[Any]], size: tuple[int, int]) -> None:
    height, width = size
    if runs.min() < 0:
        raise ValueError(
            f"run {int(runs.argmin())} has length {runs.min()}; expected no negative run. "
            "The counts are damaged."
        )
    covered = runs.sum(dtype=np.float64)  # int64 could overflow into the right number
    if covered != height * width:
        raise ValueError(
            f"the runs cover {covered:.0f} pixels, the mask has {height} x {width} = "
            f"{height * width}; expected them to be equal. Is the size [height, width], and of "
            "this mask?"
        )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
