"""Surfaces of generated clips: square pictures that repeat without a seam.

Shapes: S side of a tile, a power of two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from masklet.data.scenes.dice import Dice, Floats

Colour: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

Pattern: TypeAlias = Literal[
    "stripes", "checks", "spots", "cells", "clouds", "plaid", "scales", "marble"
]

_BYTES = np.int64(0xFF)


@dataclass(frozen=True, slots=True)
class Look:
    """What the surface of a thing looks like."""

    pattern: Pattern
    light: Colour
    dark: Colour
    seed: str
    """Looks that differ in nothing else are the same pattern of other forms."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture that repeats, as it is looked up."""

    packed_SS: npt.NDArray[np.int64]
    """Red in bits 0 to 7, green in 16 to 23, blue in 32 to 39."""

    @property
    def side(self) -> int:
        """Pixels along an edge."""
        return len(self.packed_SS)


def tile_of(colours: Floats) -> Tile:
    """Pack a picture `(S, S, 3)` of 0 to 255, rounded and clipped."""
    levels = np.clip(np.rint(colours), 0, 255).astype(np.int64)
    return Tile(levels[..., 0] | (levels[..., 1] << 16) | (levels[..., 2] << 32))


def sampled(tile: Tile, x: Floats, y: Floats) -> npt.NDArray[np.uint8]:
    """The colours `(*x.shape, 3)` at places of the tile in pixels, to a sixteenth of one.

    >>> gray = tile_of(np.full((4, 4, 3), 7.0))
    >>> sampled(gray, np.array([2.5]), np.array([-9.25])).tolist()
    [[7, 7, 7]]
    """
    # Whole numbers, so that no machine rounds differently. Weights add up to 256: each colour stays
    # within its 16 bits, and one product does for all three.
    column = np.floor(x * 16.0).astype(np.int64)
    row = np.floor(y * 16.0).astype(np.int64)
    right, down = column & 15, row & 15
    last = tile.side - 1
    left, above = (column >> 4) & last, ((row >> 4) & last) * tile.side
    after, below = (left + 1) & last, (above + tile.side) & (tile.side * last)
    flat = tile.packed_SS.ravel()
    mixed = flat.take(above + left) * ((16 - right) * (16 - down))
    mixed += flat.take(above + after) * (right * (16 - down))
    mixed += flat.take(below + left) * ((16 - right) * down)
    mixed += flat.take(below + after) * (right * down)
    colours = np.empty((*x.shape, 3), np.uint8)
    for channel in range(3):
        colours[..., channel] = (mixed >> (16 * channel + 8)) & _BYTES
    return colours


def surface(look: Look, side: int = 128) -> Tile:
    """Draw the tile of a look."""
    dice = Dice(look.seed)
    tones = _PATTERNS[look.pattern](dice, side)
    grain = 0.82 + 0.36 * clouds(dice, side, 8, octaves=4)
    light, dark = np.array(look.light, float), np.array(look.dark, float)
    mixed = dark + tones[..., None] * (light - dark)
    return tile_of(mixed * grain[..., None])


def clouds(dice: Dice, side: int, coarsest: int, *, octaves: int) -> Floats:
    """Noise `(S, S)` from 0 to 1, mostly near a half, in waves of `side / coarsest` pixels down.

    Args:
        dice: where it comes from.
        side: a power of two.
        coarsest: how many waves fit into the tile, a power of two.
        octaves: how often they are halved.
    """
    total, weight, sum_of_weights = np.zeros((side, side)), 1.0, 0.0
    for octave in range(octaves):
        waves = min(coarsest << octave, side)
        total += weight * enlarged(dice.many(waves, waves), side)
        sum_of_weights += weight
        weight *= 0.6
    return total / sum_of_weights


def enlarged(grid: Floats, side: int) -> Floats:
    """A few rows and columns of numbers as `(S, S)`, with a soft way from each to the next.

    It goes on around the edges too.
    """
    above, below, down = _steps(grid.shape[0], side)
    left, right, across = _steps(grid.shape[1], side)
    tall = grid[above] + down[:, None] * (grid[below] - grid[above])
    return tall[:, left] + across * (tall[:, right] - tall[:, left])


def _steps(count: int, side: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """For every pixel the number before it, the one after it, and how far on the way it lies."""
    place = np.arange(side) * (count / side)
    before = place.astype(np.int64)
    share = place - before
    return before, (before + 1) % count, share * share * (3.0 - 2.0 * share)


@dataclass(frozen=True, slots=True)
class Cells:
    """A tile in pieces, like cobbles: which point is nearest to each pixel."""

    nearest_SS: Floats
    """How far it is, in widths of a piece."""
    second_SS: Floats
    """How far the next one is."""
    tone_SS: Floats
    """0 to 1, the same all over a piece."""


def cells(dice: Dice, side: int, count: int, *, jitter: float = 0.9) -> Cells:
    """Cut a tile into `count` x `count` pieces of about one size."""
    offsets, tones = 0.5 + jitter * (dice.many(2, count, count) - 0.5), dice.many(count, count)
    place = np.arange(side) * (count / side)
    whole = place.astype(np.int64)
    x, y = np.meshgrid(place - whole, place - whole)
    nearest = np.full((side, side), 9.0)
    second, tone = nearest.copy(), np.zeros_like(nearest)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            piece = np.ix_((whole + down) % count, (whole + right) % count)
            east = offsets[0][piece] + right - x
            south = offsets[1][piece] + down - y
            square = east * east + south * south
            is_nearer = square < nearest
            second = np.where(is_nearer, nearest, np.minimum(second, square))
            nearest = np.where(is_nearer, square, nearest)
            tone = np.where(is_nearer, tones[piece], tone)
    return Cells(np.sqrt(nearest), np.sqrt(second), tone)


def waves(phase: Floats) -> Floats:
    """0 to 1 and back again, once for every whole number of the phase, in straight lines."""
    return np.abs(2.0 * (phase - np.floor(phase)) - 1.0)


def mixed(start: Floats, end: Floats, share: Floats) -> Floats:
    """Colours on the way from one to the other, `(S, S, 3)`; either may be a picture already."""
    return start + share[..., None] * (end - start)


def sharpened(tones: Floats, factor: float, middle: float = 0.5) -> Floats:
    """What lies above `middle` goes to 1, what lies below to 0; steeper by the factor."""
    return np.clip((tones - middle) * factor + 0.5, 0.0, 1.0)


def _grid(side: int) -> tuple[Floats, Floats]:
    x, y = np.meshgrid(np.arange(side) / side, np.arange(side) / side)
    return x, y


def _stripes(dice: Dice, side: int) -> Floats:
    x, y = _grid(side)
    across, along = dice.whole(0, 6), dice.whole(3, 7) * dice.sign()
    bent = dice.between(0.2, 1.2) * clouds(dice, side, 2, octaves=2)
    return sharpened(waves(across * x + along * y + bent), dice.between(3.0, 9.0))


def _checks(dice: Dice, side: int) -> Floats:
    x, y = _grid(side)
    across, along = dice.whole(1, 5), dice.whole(1, 5)
    one = sharpened(waves(across * x + along * y), 7.0)
    other = sharpened(waves(along * x - across * y), 7.0)
    return one + other - 2.0 * one * other


def _spots(dice: Dice, side: int) -> Floats:
    places = cells(dice, side, dice.whole(4, 8), jitter=0.6)
    return sharpened(places.nearest_SS, 9.0, dice.between(0.22, 0.34))


def _cells(dice: Dice, side: int) -> Floats:
    pieces = cells(dice, side, dice.whole(4, 8))
    joint = sharpened(pieces.second_SS - pieces.nearest_SS, 12.0, dice.between(0.08, 0.2))
    return joint * (0.55 + 0.45 * pieces.tone_SS)


def _clouds(dice: Dice, side: int) -> Floats:
    return sharpened(clouds(dice, side, dice.pick((2, 4)), octaves=4), dice.between(2.5, 6.0))


def _plaid(dice: Dice, side: int) -> Floats:
    x, y = _grid(side)
    many, few = dice.whole(3, 6), dice.whole(1, 3)
    wide = sharpened(waves(many * x), 8.0) + sharpened(waves(many * y), 8.0)
    thin = sharpened(waves(few * x), 20.0, 0.9) + sharpened(waves(few * y), 20.0, 0.9)
    return np.clip(0.42 * wide + 0.3 * thin, 0.0, 1.0)


def _scales(dice: Dice, side: int) -> Floats:
    x, y = _grid(side)
    count = dice.pick((4, 6, 8))
    row = np.floor(2 * count * y)
    shifted = count * x + 0.5 * (row - 2.0 * np.floor(row / 2.0))
    across = 2.0 * (shifted - np.floor(shifted)) - 1.0
    down = 2 * count * y - row
    return np.clip(1.0 - 0.5 * down - 0.5 * across * across, 0.0, 1.0)


def _marble(dice: Dice, side: int) -> Floats:
    x, y = _grid(side)
    bent = dice.between(1.5, 3.5) * clouds(dice, side, 4, octaves=4)
    veins = waves(dice.whole(1, 2) * x + dice.whole(1, 2) * y + bent)
    return veins * veins * (3.0 - 2.0 * veins)


_PATTERNS: Mapping[Pattern, Callable[[Dice, int], Floats]] = MappingProxyType(
    {
        "stripes": _stripes,
        "checks": _checks,
        "spots": _spots,
        "cells": _cells,
        "clouds": _clouds,
        "plaid": _plaid,
        "scales": _scales,
        "marble": _marble,
    }
)
PATTERNS: tuple[Pattern, ...] = tuple(_PATTERNS)
