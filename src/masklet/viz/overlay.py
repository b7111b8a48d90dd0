"""Masks and prompts drawn on a picture.

Everything is drawn by coverage: how much of a pixel, 0 to 1, a shape covers, so edges are smooth.
Line widths grow with the picture, so an overlay looks the same at any size. Pictures are
`(height, width, 3)` uint8 RGB and are never changed; the drawn copy is returned.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from masklet.types import Prompt
from masklet.viz.palette import BESIDE, INK, ON, WHITE, Colour, colour_of

Picture: TypeAlias = npt.NDArray[np.uint8]
Coverage: TypeAlias = npt.NDArray[np.float32]


def draw_masks(
    image: Picture,
    masks: npt.NDArray[np.bool_],
    *,
    ids: Sequence[int] | None = None,
    alpha: float = 0.4,
) -> Picture:
    """Tint every mask in the colour of its object and outline it.

    Large masks are drawn first, so that small ones on them stay visible.

    Args:
        image: the picture.
        masks: `(N, height, width)` bool.
        ids: the object of each mask, 1, 2, 3 and so on if not given.
        alpha: how much the tint covers, 0 (outline only) to 1.

    >>> draw_masks(np.zeros((9, 9, 3), np.uint8), np.ones((1, 9, 9), bool))[4, 4].tolist()
    [12, 54, 102]
    """
    canvas = image.copy()
    width = line_width(image.shape[:2])
    numbers = range(1, len(masks) + 1) if ids is None else ids
    for row in np.argsort(-masks.sum(axis=(1, 2)), kind="stable"):
        colour = colour_of(numbers[row])
        _draw_mask(canvas, masks[row], colour, width, alpha)
    return canvas


def draw_prompts(
    image: Picture, prompts: Sequence[Prompt], *, ids: Sequence[int] | None = None
) -> Picture:
    """Draw what was said: clicks on the object as green discs with a plus, clicks beside it as red
    squares with a minus, boxes with strong corners and first guesses of a mask as white outlines.

    Args:
        image: the picture.
        prompts: one per object, in pixels of the picture.
        ids: the object of each prompt, 1, 2, 3 and so on if not given.

    >>> picture = np.zeros((99, 99, 3), np.uint8)
    >>> draw_prompts(picture, [Prompt.point(50, 50)])[50, 50].tolist()
    [255, 255, 255]
    """
    canvas = image.copy()
    width = line_width(image.shape[:2])
    numbers = range(1, len(prompts) + 1) if ids is None else ids
    for prompt, number in zip(prompts, numbers, strict=True):
        if prompt.mask is not None:
            _draw_mask(canvas, prompt.mask, WHITE, width * 0.7, 0.0)
        if prompt.box is not None:
            _draw_box(canvas, prompt.box, colour_of(number), width)
    # Clicks lie on top of everything, or a box of another object could hide them.
    for prompt in prompts:
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
            _draw_click(canvas, float(x), float(y), width * 2.6, on=bool(label))
    return canvas


def line_width(size: tuple[int, ...]) -> float:
    """Width of an outline, in pixels, for a picture of `(height, width)`.

    >>> line_width((1000, 1000))
    3.5
    """
    return max(1.5, 0.0035 * math.sqrt(size[0] * size[1]))


def _draw_mask(
    canvas: Picture, mask: npt.NDArray[np.bool_], colour: Colour, width: float, alpha: float
) -> None:
    if not mask.any():
        return
    margin = int(width * 3) + 2
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    inside = mask[top : int(rows[-1]) + margin + 1, left : int(columns[-1]) + margin + 1]
    _paint(canvas, inside * np.float32(alpha), colour, top, left)
    casing, line = _outline(inside, width * 1.7), _outline(inside, width)
    _paint(canvas, casing * np.float32(0.35), INK, top, left)
    _paint(canvas, line, colour, top, left)


def _outline(inside: npt.NDArray[np.bool_], width: float) -> Coverage:
    """Coverage of a line along the edge of a mask, of which half lies outside.

    A straight edge, blurred, has at distance d the value of the normal distribution at d / sigma;
    so 256 levels of blur are 256 distances, and the line is a look-up.
    """
    sigma = max(width / 2, 0.8)
    levels = Image.fromarray(inside.astype(np.uint8) * 255)
    blurred = np.asarray(levels.filter(ImageFilter.GaussianBlur(sigma)))
    normal = NormalDist(sigma=sigma)
    distances = [normal.inv_cdf(min(max(level / 255, 1e-6), 1 - 1e-6)) for level in range(256)]
    lookup = np.clip(width / 2 + 0.5 - np.abs(np.array(distances, np.float32)), 0, 1)
    coverage: Coverage = lookup[blurred]
    # What is thinner than the blur has no edge left in it, and is all line.
    coverage[inside & (blurred < 128)] = 1
    return coverage


def _draw_box(canvas: Picture, box: npt.NDArray[np.float32], colour: Colour, width: float) -> None:
    x0, y0, x1, y1 = (float(value) for value in box)
    margin = int(width * 2) + 2
    top, left = max(int(y0) - margin, 0), max(int(x0) - margin, 0)
    shape = canvas[top : int(y1) + margin + 1, left : int(x1) + margin + 1].shape[:2]
    side = min(x1 - x0, y1 - y0)
    corner = min(max(side * 0.18, width * 5), side / 2)
    for casing, shade, covers in ((width * 0.5, INK, 0.45), (0.0, colour, 1.0)):
        coverage = np.zeros(shape, np.float32)
        for half, length in ((width * 0.4 + casing, None), (width * 0.9 + casing, corner)):
            across = _ends(x0, x1, half, length, left, shape[1])
            down = _ends(y0, y1, half, length, top, shape[0])
            for y in (y0, y1):
                line = _span(y - half, y + half, top, shape[0])
                np.maximum(coverage, line[:, None] * across, out=coverage)
            for x in (x0, x1):
                line = _span(x - half, x + half, left, shape[1])
                np.maximum(coverage, down[:, None] * line, out=coverage)
        _paint(canvas, coverage * np.float32(covers), shade, top, left)


def _ends(
    start: float, end: float, half: float, length: float | None, first: int, count: int
) -> Coverage:
    """A side of a box, square ended: the whole of it, or `length` from either end."""
    if length is None:
        return _span(start - half, end + half, first, count)
    head = _span(start - half, start + length, first, count)
    return np.maximum(head, _span(end - length, end + half, first, count))


def _span(start: float, end: float, first: int, count: int) -> Coverage:
    """How much of each of `count` pixels, numbered from `first`, lies between start and end.

    The centre of pixel 0 is at 0.
    """
    places = np.arange(first, first + count)
    covered: Coverage = np.minimum(end, places + 0.5) - np.maximum(start, places - 0.5)
    return covered.clip(0, 1).astype(np.float32)


def _draw_click(canvas: Picture, x: float, y: float, radius: float, *, on: bool) -> None:
    reach = int(radius * 1.7) + 3
    top, left = max(round(y) - reach, 0), max(round(x) - reach, 0)
    bottom, right = round(y) + reach + 1, round(x) + reach + 1
    rows, columns = canvas[top:bottom, left:right].shape[:2]
    dy = np.arange(top, top + rows, dtype=np.float32)[:, None] - np.float32(y)
    dx = np.arange(left, left + columns, dtype=np.float32)[None, :] - np.float32(x)
    # The square has the area of the disc, and rounded corners.
    distance = np.hypot(dx, dy) if on else _square_distance(dx, dy, radius * 0.62)
    edge = radius if on else radius * 0.27
    thick, long = max(radius * 0.15, 0.5), radius * 0.52
    sign = _within(np.abs(dx), long) * _within(np.abs(dy), thick)
    if on:
        sign = np.maximum(sign, _within(np.abs(dy), long) * _within(np.abs(dx), thick))
    shadow = np.clip(1 - (distance - edge - radius * 0.2) / (radius * 0.45), 0, 1) * 0.4
    _paint(canvas, shadow.astype(np.float32), INK, top, left)
    _paint(canvas, _within(distance, edge + max(radius * 0.24, 1)), WHITE, top, left)
    _paint(canvas, _within(distance, edge), ON if on else BESIDE, top, left)
    _paint(canvas, sign, WHITE, top, left)


def _square_distance(dx: Coverage, dy: Coverage, half: float) -> Coverage:
    return np.hypot(np.maximum(np.abs(dx) - half, 0), np.maximum(np.abs(dy) - half, 0))


def _within(distance: Coverage, reach: float) -> Coverage:
    return (reach + 0.5 - distance).clip(0, 1).astype(np.float32)


def _paint(canvas: Picture, coverage: Coverage, colour: Colour, top: int, left: int) -> None:
    """Blend a colour into the canvas, in place, by coverage."""
    height, width = coverage.shape
    for channel, level in enumerate(colour):
        under = canvas[top : top + height, left : left + width, channel]
        blended = under + (np.float32(level) - under) * coverage
        under[...] = np.rint(blended).astype(np.uint8)
