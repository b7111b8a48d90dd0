"""How well masks agree with the truth: their regions (J) and their outlines (F).

Both measures are DAVIS's (Perazzi et al., CVPR 2016), from 0 to 1.

Shapes: arrays are `(..., height, width)` bool, and there is a score for every mask.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from masklet.data.records import Mask

Scores: TypeAlias = npt.NDArray[np.float64]
"""One number for every mask, `(...)`."""

# How far two outlines may lie apart, as a share of the picture's diagonal.
_TOLERANCE = 0.008


def region_similarity(said: Mask, truth: Mask, *, void: Mask | None = None) -> Scores:
    """J, the area that both have over the area that either has; 1 where both are empty.

    Args:
        said: what a method answered.
        truth: what is right.
        void: pixels that nobody judged; they count as outside in both.

    Raises:
        ValueError: the arrays are not bool or not of one shape.

    >>> said, truth = np.array([[True, True, False]]), np.array([[False, True, True]])
    >>> float(region_similarity(said, truth))
    0.3333333333333333
    """
    return _for_each(_region, said, truth, void)


def boundary_similarity(said: Mask, truth: Mask, *, void: Mask | None = None) -> Scores:
    """F, the harmonic mean of the shares of either outline that the other one comes near.

    Near is up to `boundary_tolerance` pixels. Of an outline without pixels the share is 1, as that
    of an empty mask, and of one that fills the picture.

    Args and Raises as for `region_similarity`.

    >>> mask = np.eye(8, dtype=bool)
    >>> float(boundary_similarity(mask, ~mask))
    1.0
    """
    return _for_each(_boundary, said, truth, void)


def boundary_tolerance(size: tuple[int, int]) -> int:
    """How many pixels two outlines may lie apart in a picture of `(height, width)`.

    >>> boundary_tolerance((480, 854))
    8
    """
    return math.ceil(_TOLERANCE * math.hypot(*size))


def _for_each(
    measure: Callable[[Mask, Mask], float], said: Mask, truth: Mask, void: Mask | None
) -> Scores:
    _check(said, truth, void)
    if void is not None:
        said, truth = said & ~void, truth & ~void
    pairs = (array.reshape(-1, *array.shape[-2:]) for array in (said, truth))
    scores = [measure(*pair) for pair in zip(*pairs, strict=True)]
    return np.array(scores, np.float64).reshape(said.shape[:-2])


def _check(said: Mask, truth: Mask, void: Mask | None) -> None:
    arrays = [said, truth] if void is None else [said, truth, void]
    fits = all(array.dtype == np.bool_ and array.shape == said.shape for array in arrays)
    if not fits or said.ndim < 2:
        shown = ", ".join(f"{array.dtype} of shape {array.shape}" for array in arrays)
        raise ValueError(
            f"the masks are {shown}; expected bool of one shape, (height, width) or (frames, "
            "height, width). Threshold them, and resize them to the truth."
        )


def _region(said: Mask, truth: Mask) -> float:
    union = np.count_nonzero(said | truth)
    return np.count_nonzero(said & truth) / union if union else 1.0


def _boundary(said: Mask, truth: Mask) -> float:
    reach = boundary_tolerance((said.shape[0], said.shape[1]))
    window = _window(said | truth)
    said_edge, true_edge = _outline(said[window]), _outline(truth[window])
    precision = _share_near(said_edge, true_edge, reach)
    recall = _share_near(true_edge, said_edge, reach)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _window(either: Mask) -> tuple[slice, slice]:
    """The box of a mask and a pixel around it, as far as there is one."""
    return _span(either, axis=0), _span(either, axis=1)


def _span(either: Mask, *, axis: int) -> slice:
    places = np.flatnonzero(either.any(axis=1 - axis))
    if not len(places):
        return slice(0, 0)
    return slice(max(int(places[0]) - 1, 0), int(places[-1]) + 2)


def _outline(mask: Mask) -> Mask:
    """The pixels that differ from the one to the right, the one below, or the one below that."""
    edge = np.zeros_like(mask)
    edge[:, :-1] = mask[:, :-1] ^ mask[:, 1:]
    edge[:-1] |= mask[:-1] ^ mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def _share_near(edge: Mask, other: Mask, reach: int) -> float:
    """Which share of the pixels of an outline has a pixel of the other within `reach`."""
    places = np.flatnonzero(edge)
    if not len(places):
        return 1.0
    # Only pixels of the outline are looked at, and around each the rows of a disk: how many pixels
    # of the other lie within a row is the difference of two counts from the left.
    height, width = edge.shape
    stride = width + 2 * reach + 1
    upto = np.zeros((height + 2 * reach, stride), np.int32)
    counted = upto[reach : reach + height]
    np.cumsum(other, axis=1, out=counted[:, reach + 1 : reach + 1 + width])
    counted[:, reach + 1 + width :] = counted[:, reach + width, None]
    flat = upto.reshape(-1)
    alone = places // width * stride + places % width + reach * (stride + 1)
    # Most are near one in their own row, so the middle of the disk comes first.
    for row in sorted(range(-reach, reach + 1), key=abs):
        half_width = math.isqrt(reach**2 - row**2)
        line = alone + row * stride
        alone = alone[flat[line + half_width + 1] == flat[line - half_width]]
    return (len(places) - len(alone)) / len(places)
