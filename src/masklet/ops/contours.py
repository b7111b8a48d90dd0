"""Outlines of a mask along the edges of its pixels.

Coordinates are corners of pixels, (x, y), x to the right and y down; the top left corner of the
image is (0, 0). Regions are 4-connected. An outer ring runs clockwise as seen on the screen, a
hole counter-clockwise, so the inside is always on the right hand, the shoelace formula gives outer
rings a positive and holes a negative area, and the sum is the area of the mask.
"""

import numpy as np
import numpy.typing as npt


def polygons(
    mask: npt.NDArray[np.bool_], *, tolerance: float = 0.0
) -> tuple[npt.NDArray[np.float32], ...]:
    """Every ring of a `(height, width)` bool mask, `(K, 2)` x, y each, the first point not repeated.

    Rings stand in reading order of their topmost edge. With `tolerance` 0 they hold every corner
    and filling them (even-odd) gives the mask back exactly; above that, every corner left out lies
    within `tolerance` pixels of its ring, and neighbouring rings may cross by as much. A ring that
    would shrink to a line keeps all its corners.

    Raises:
        ValueError: the array is not two-dimensional or not bool, or the tolerance is negative.

    >>> [ring.tolist() for ring in polygons(np.array([[False, True]]))]
    [[[1.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 1.0]]]
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(
            f"the mask is {mask.dtype} of shape {mask.shape}; expected bool of shape "
            "(height, width). Threshold it, and outline one mask at a time."
        )
    if not tolerance >= 0:
        raise ValueError(
            f"tolerance is {tolerance}; expected pixels, 0 or more. 0 keeps every corner."
        )
    rings = _rings(mask)
    if tolerance > 0:
        rings = [_simplified(ring, tolerance) for ring in rings]
    return tuple(rings)


def signed_area(ring: npt.NDArray[np.float32]) -> float:
    """Area inside a ring in pixels, by the shoelace formula: positive outside, negative for holes.

    >>> signed_area(np.array([[0, 0], [2, 0], [2, 1], [0, 1]], np.float32))
    2.0
    """
    x, y = ring.astype(np.float64).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def _rings(mask: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.float32]]:
    corners_across = mask.shape[1] + 1
    across_from, across_to = _across(mask)
    down_from, down_to = _down(mask)
    # Where two pixels meet at a corner only, two edges arrive and two leave, and the way turns to
    # the right, around its own pixel: rightward goes on down and leftward up, downward goes on
    # left and upward right. The last bit of these keys tells the two apart; everywhere else one
    # edge arrives, one leaves, and the bit changes nothing.
    turn_down = _pair(
        2 * across_to + (across_to > across_from), 2 * down_from + (down_to > down_from)
    )
    turn_across = _pair(
        2 * down_to + (down_to > down_from), 2 * across_from + (across_to < across_from)
    )
    following = turn_across[turn_down].tolist()
    seen = [False] * len(following)
    rings = []
    for first in range(len(following)):
        edges = []
        edge = first
        while not seen[edge]:
            seen[edge] = True
            edges.append(edge)
            edge = following[edge]
        if edges:
            corners = np.stack([across_from[edges], across_to[edges]], axis=1).reshape(-1)
            xy = np.stack([corners % corners_across, corners // corners_across], axis=1)
            rings.append(xy.astype(np.float32))
    return rings


def _across(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """From where to where each horizontal edge leads, as corners counted in reading order.

    The top of a region leads to the right, its bottom to the left.
    """
    padded = np.pad(mask.view(np.int8), 1)
    side = np.diff(padded, axis=0)
    changes = side[:, 1:] != side[:, :-1]
    left = np.flatnonzero(changes & (side[:, 1:] != 0))
    right = np.flatnonzero(changes & (side[:, :-1] != 0))
    is_top = side[:, 1:].reshape(-1)[left] > 0
    return np.where(is_top, left, right), np.where(is_top, right, left)


def _down(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The same for vertical edges: the left side of a region leads up, its right side down."""
    corners_across, corners_down = mask.shape[1] + 1, mask.shape[0] + 1
    # In the transposed mask the left side is the top, but seen in a mirror: its ends change places.
    to, start = _across(np.ascontiguousarray(mask.T))
    return (
        start % corners_down * corners_across + start // corners_down,
        to % corners_down * corners_across + to // corners_down,
    )


def _pair(arriving: npt.NDArray[np.int64], leaving: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For every arriving edge the leaving one at the same place in sorted order, by index."""
    following = np.empty(len(arriving), np.int64)
    following[np.argsort(arriving)] = np.argsort(leaving)
    return following


def _simplified(ring: npt.NDArray[np.float32], tolerance: float) -> npt.NDArray[np.float32]:
    """Douglas and Peucker's choice of corners of a closed ring, split at its two far ends."""
    closed = np.concatenate([ring, ring[:1]]).astype(np.float64)
    middle = int(np.argmax(((closed - closed[0]) ** 2).sum(axis=1)))
    kept = np.zeros(len(closed), bool)
    kept[[0, middle]] = True
    pending = [(0, middle), (middle, len(ring))]
    while pending:
        first, last = pending.pop()
        if last - first < 2:
            continue
        distances = _distances(closed[first + 1 : last], closed[first], closed[last])
        farthest = int(np.argmax(distances))
        if distances[farthest] > tolerance:
            split = first + 1 + farthest
            kept[split] = True
            pending += [(first, split), (split, last)]
    return ring[kept[:-1]] if kept[:-1].sum() >= 3 else ring


def _distances(
    points: npt.NDArray[np.float64], start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """From points `(K, 2)` to the segment between two points."""
    along = end - start
    length = max(float(along @ along), 1e-12)
    share = np.clip((points - start) @ along / length, 0, 1)
    return np.hypot(*(points - start - share[:, None] * along).T)
