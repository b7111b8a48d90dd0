"""What stands behind the things of generated clips: drawn places, not flat colours.

Shapes: S side of a tile, a power of two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from masklet.data.scenes.dice import Dice, Floats
from masklet.data.scenes.motion import Pose, View
from masklet.data.scenes.painter import Body, Canvas, Sun, paint, surfaces_of
from masklet.data.scenes.textures import (
    Colour,
    Tile,
    cells,
    clouds,
    enlarged,
    mixed,
    sampled,
    sharpened,
    tile_of,
    waves,
)

Place: TypeAlias = Literal[
    "meadow", "wall", "boards", "cobbles", "hills", "street", "room", "lights", "water"
]


@dataclass(frozen=True, slots=True)
class Prop:
    """A thing that lies about and never moves."""

    body: Body
    pose: Pose
    """In pixels of the scene."""


@dataclass(frozen=True, slots=True)
class Backdrop:
    """A place and what lies about in it."""

    place: Place
    base: Colour
    """Of most of it."""
    light: Colour
    dark: Colour
    seed: str
    props: tuple[Prop, ...] = ()


@dataclass(frozen=True, slots=True)
class _Paints:
    """The colours of a backdrop as numbers to mix."""

    base: Floats
    light: Floats
    dark: Floats


def backdrop_tile(backdrop: Backdrop, size: tuple[int, int], sun: Sun) -> Tile:
    """Draw a place with all that lies about; it reaches well beyond a picture of that size."""
    side = 1 << int(1.3 * max(size)).bit_length()
    dice = Dice(backdrop.seed)
    paints = _Paints(
        *(np.array(colour, float) for colour in (backdrop.base, backdrop.light, backdrop.dark))
    )
    light = 0.78 + 0.44 * clouds(dice, side, 2, octaves=1)
    colours = _PLACES[backdrop.place](dice, side, paints) * light[..., None]
    canvas = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    down, right = (side - size[0]) // 2, (side - size[1]) // 2
    for prop in backdrop.props:
        pose = replace(prop.pose, x=prop.pose.x + right, y=prop.pose.y + down)
        paint(canvas, prop.body, (pose,), surfaces_of(prop.body), sun)
    return tile_of(canvas.astype(float))


def seen_through(tile: Tile, view: View, size: tuple[int, int]) -> Canvas:
    """The picture of a place that the camera takes."""
    height, width = size
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    rows, columns = np.ogrid[:height, :width]
    right, down = (columns - middle_x) / view.zoom, (rows - middle_y) / view.zoom
    x = view.cosine * right + view.sine * down + (middle_x + view.x + (tile.side - width) // 2)
    y = view.cosine * down - view.sine * right + (middle_y + view.y + (tile.side - height) // 2)
    return sampled(tile, x, y)


def _rough(dice: Dice, side: int, strength: float) -> Floats:
    """Brightness that varies from pixel to pixel and from patch to patch, around 1."""
    return (1.0 + strength * (clouds(dice, side, 8, octaves=6) - 0.5))[..., None]


def _grown(side: int, length: float) -> Floats:
    """Places along an edge, from 0 to just below `length`."""
    return np.arange(side) * np.float64(length / side)


def _meadow(dice: Dice, side: int, paints: _Paints) -> Floats:
    ground = mixed(paints.dark, paints.base, sharpened(clouds(dice, side, 4, octaves=5), 2.5))
    blades = enlarged(dice.many(side // 8, side // 2), side)
    stalks = enlarged(dice.many(side // 4, side // 2), side)
    lit = mixed(ground, paints.light, 0.6 * sharpened(blades, 2.0, 0.7))
    return mixed(lit, paints.dark, 0.5 * sharpened(stalks, 2.0, 0.75))


def _wall(dice: Dice, side: int, paints: _Paints) -> Floats:
    rows, columns = dice.pick((16, 24, 32)), dice.pick((8, 12, 16))
    y = _grown(side, rows)[:, None]
    row = y.astype(np.int64)
    x = _grown(side, columns) + 0.5 * (row % 2)
    tone = dice.many(rows, columns)[row % rows, x.astype(np.int64) % columns]
    stones = mixed(paints.base, paints.dark, 0.8 * tone)
    joint = np.maximum(sharpened(waves(y), 10.0, 0.88), sharpened(waves(x), 16.0, 0.94))
    return mixed(stones, paints.light, joint) * _rough(dice, side, 0.7)


def _boards(dice: Dice, side: int, paints: _Paints) -> Floats:
    count, ends = dice.pick((8, 12, 16)), dice.pick((2, 3))
    y = _grown(side, count)[:, None]
    row = y.astype(np.int64)
    x = _grown(side, ends) + dice.many(count)[row % count]
    tone = dice.many(count, ends)[row % count, x.astype(np.int64) % ends]
    grain = enlarged(dice.many(side // 2, 16), side) + enlarged(dice.many(side // 4, 8), side)
    wood = mixed(paints.base, paints.light, np.clip(0.6 * tone + 0.35 * grain - 0.2, 0.0, 1.0))
    gap = np.maximum(sharpened(waves(y), 10.0, 0.93), sharpened(waves(x), 40.0, 0.985))
    return mixed(wood, paints.dark, 0.85 * gap)


def _cobbles(dice: Dice, side: int, paints: _Paints) -> Floats:
    stones = cells(dice, side, dice.pick((12, 16, 24)))
    dome = 1.0 - 0.5 * stones.nearest_SS * stones.nearest_SS
    top = mixed(paints.base, paints.light, stones.tone_SS) * dome[..., None]
    joint = sharpened(stones.second_SS - stones.nearest_SS, 9.0, 0.1)
    return mixed(paints.dark, top, joint) * _rough(dice, side, 0.5)


def _hills(dice: Dice, side: int, paints: _Paints) -> Floats:
    y = _grown(side, 1)[:, None]
    sky = mixed(paints.light, paints.base, np.clip(0.9 - 1.6 * y + np.zeros(side), 0.0, 1.0))
    white = 0.8 * sharpened(clouds(dice, side, 2, octaves=5), 3.0, 0.62)
    picture = mixed(sky, np.full(3, 245.0), white)
    ridges = dice.whole(3, 4)
    for number in range(ridges):
        height = 0.4 + 0.42 * number / ridges
        line = sum(
            swing * enlarged(dice.many(1, count), side)[:1]
            for count, swing in ((4, 0.16), (16, 0.05), (64, 0.012))
        )
        nearness = np.full((side, side), (number + 1) / ridges)
        hill = mixed(0.5 * (paints.base + paints.light), paints.dark, nearness)
        below = np.clip((y - height + 0.11 - line) * side, 0.0, 1.0)
        picture = mixed(picture, hill * _rough(dice, side, 0.3 + 0.5 * number / ridges), below)
    return picture


def _street(dice: Dice, side: int, paints: _Paints) -> Floats:
    y, x = _grown(side, 1)[:, None], _grown(side, 1)
    horizon = dice.between(0.38, 0.48)
    asphalt = mixed(paints.dark, paints.base, np.full((side, side), 0.12))
    # Lanes that are parallel in the scene meet at the horizon in the picture.
    depth = np.maximum(y - horizon, 0.02)
    lanes = (x - dice.between(0.3, 0.7)) / depth * dice.between(0.2, 0.35)
    dashes = sharpened(waves(lanes + 0.5), 14.0, 0.93) * sharpened(waves(0.4 / depth), 6.0)
    fading = np.clip(8.0 * depth - 0.3, 0.0, 0.8)
    road = mixed(asphalt * _rough(dice, side, 0.6), paints.light, dashes * fading)
    across, up = dice.whole(8, 14), dice.whole(10, 16)
    window = sharpened(waves(across * x), 8.0) * sharpened(waves(up * y), 8.0)
    floor, flat = np.rint(up * y).astype(int) % up, np.rint(across * x).astype(int) % across
    pane = 0.3 * paints.dark + 70.0 * dice.many(up, across)[floor, flat][..., None]
    house = mixed(paints.base * _rough(dice, side, 0.4), pane, window)
    return mixed(house, road, np.clip((y - horizon) * side / 2.0 + np.zeros(side), 0.0, 1.0))


def _room(dice: Dice, side: int, paints: _Paints) -> Floats:
    y, x = _grown(side, 1)[:, None], _grown(side, 1)
    edge = dice.between(0.52, 0.62)
    stripes = sharpened(waves(dice.whole(12, 28) * x + np.zeros((side, 1))), 4.0)
    paper = mixed(paints.base, paints.light, 0.25 * stripes) * _rough(dice, side, 0.25)
    wood = _boards(dice, side, _Paints(paints.dark * 1.3, paints.light * 0.7, paints.dark * 0.5))
    picture = mixed(paper, wood, np.clip((y - edge) * side + np.zeros(side), 0.0, 1.0))
    ledge = np.clip((0.012 - np.abs(y - edge)) * side + np.zeros(side), 0.0, 1.0)
    picture = mixed(picture, 0.5 * (paints.light + 230.0), ledge)
    left, top = dice.between(0.25, 0.7), dice.between(0.3, 0.38)
    frame = np.maximum(np.abs(x - left) / dice.between(0.07, 0.13), np.abs(y - top) / 0.1)
    view = mixed(paints.dark, paints.light, sharpened(clouds(dice, side, 8, octaves=5), 2.5))
    picture = mixed(picture, paints.dark, np.clip((1.12 - frame) * 40.0, 0.0, 1.0))
    return mixed(picture, view, np.clip((1.0 - frame) * 40.0, 0.0, 1.0))


def _lights(dice: Dice, side: int, paints: _Paints) -> Floats:
    picture = mixed(paints.dark, paints.base, sharpened(clouds(dice, side, 2, octaves=4), 1.6))
    for count in (5, 9, 14):
        # Points are at least half a piece apart, and disks of a quarter never cut each other.
        spots = cells(dice, side, count, jitter=0.5)
        radius = 0.25 * dice.between(0.7, 1.0)
        disk = sharpened(-spots.nearest_SS, 0.3 * side / count, -radius)
        glow = disk * np.clip(1.4 * spots.tone_SS - 0.7, 0.0, 1.0)
        picture = mixed(picture, mixed(paints.light, paints.base, dice.many(1))[0], glow)
    return picture * _rough(dice, side, 0.25)


def _water(dice: Dice, side: int, paints: _Paints) -> Floats:
    long, short = enlarged(dice.many(32, 8), side), enlarged(dice.many(128, 32), side)
    fine = enlarged(dice.many(side // 2, side // 8), side)
    swell = 0.5 * long + 0.3 * short + 0.2 * fine
    picture = mixed(paints.dark, paints.base, sharpened(swell, 2.5))
    return mixed(picture, paints.light, 0.8 * sharpened(swell, 9.0, 0.66))


_PLACES: Mapping[Place, Callable[[Dice, int, _Paints], Floats]] = MappingProxyType(
    {
        "meadow": _meadow,
        "wall": _wall,
        "boards": _boards,
        "cobbles": _cobbles,
        "hills": _hills,
        "street": _street,
        "room": _room,
        "lights": _lights,
        "water": _water,
    }
)
PLACES: tuple[Place, ...] = tuple(_PLACES)
