"""Drawing by lot what is seen in a generated clip: a place, and things with their surfaces."""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from masklet.data.scenes.backdrops import PLACES, Backdrop, Place, Prop
from masklet.data.scenes.dice import Dice
from masklet.data.scenes.motion import Pose, turned
from masklet.data.scenes.outlines import draw_shape, is_upright
from masklet.data.scenes.painter import Body, Sun
from masklet.data.scenes.shapes import Shape
from masklet.data.scenes.textures import PATTERNS, Colour, Look

_Paints: TypeAlias = tuple[Colour, Colour, Colour]

# Most of a place, what is brighter, what is darker.
_PAINTS: Mapping[Place, Sequence[_Paints]] = MappingProxyType(
    {
        "meadow": (
            ((96, 122, 52), (176, 184, 98), (44, 62, 30)),
            ((150, 134, 78), (206, 190, 128), (84, 72, 44)),
            ((202, 210, 214), (240, 244, 248), (140, 152, 160)),
        ),
        "wall": (
            ((160, 86, 64), (192, 182, 168), (108, 58, 48)),
            ((152, 150, 144), (196, 192, 184), (104, 104, 102)),
            ((198, 184, 154), (226, 216, 194), (150, 134, 108)),
        ),
        "boards": (
            ((140, 100, 65), (190, 150, 105), (60, 40, 28)),
            ((118, 112, 104), (170, 164, 154), (52, 48, 46)),
            ((94, 58, 40), (138, 92, 62), (36, 22, 16)),
        ),
        "cobbles": (
            ((120, 118, 112), (170, 165, 155), (50, 48, 45)),
            ((128, 100, 82), (178, 150, 128), (56, 42, 36)),
            ((84, 92, 104), (132, 140, 150), (34, 38, 46)),
        ),
        "hills": (
            ((90, 140, 200), (215, 225, 230), (50, 80, 50)),
            ((150, 110, 130), (250, 210, 170), (60, 44, 60)),
            ((128, 140, 150), (206, 208, 206), (84, 80, 62)),
        ),
        "street": (
            ((160, 150, 135), (225, 222, 210), (85, 86, 90)),
            ((150, 98, 80), (230, 226, 200), (70, 72, 78)),
            ((112, 124, 134), (220, 220, 214), (96, 94, 90)),
        ),
        "room": (
            ((190, 175, 150), (220, 210, 190), (110, 80, 60)),
            ((122, 150, 150), (188, 206, 200), (88, 70, 60)),
            ((170, 120, 112), (216, 184, 170), (70, 52, 48)),
        ),
        "lights": (
            ((70, 50, 60), (230, 190, 120), (18, 18, 30)),
            ((40, 66, 84), (190, 220, 230), (12, 22, 34)),
            ((120, 108, 84), (244, 232, 190), (62, 56, 44)),
        ),
        "water": (
            ((50, 110, 130), (190, 220, 225), (20, 60, 85)),
            ((84, 110, 92), (186, 200, 176), (40, 60, 52)),
            ((96, 110, 126), (206, 212, 220), (54, 64, 78)),
        ),
    }
)

# How far colours lie from those of the place at least, in levels of 0 to 255, to stand out from it.
_FAR_FROM_MOST, _FAR_FROM_REST = 100.0, 60.0
_TRIES = 24


@dataclass(frozen=True, slots=True)
class Stage:
    """What is settled before anything moves."""

    name: str
    """Of the clip; everything is drawn from it."""
    size: tuple[int, int]
    length: int
    backdrop: Backdrop
    sun: Sun

    @property
    def unit(self) -> float:
        """Pixels by which everything is measured: 1 in a picture that is 240 high."""
        return min(self.size) / 240.0


def draw_stage(dice: Dice, name: str, size: tuple[int, int], length: int) -> Stage:
    """A place, its light, and what lies about there."""
    unit = min(size) / 240.0
    sun = Sun(
        x=dice.sign() * dice.between(0.4, 0.8),
        y=-dice.between(0.5, 0.9),
        shadow=dice.between(0.2, 0.45),
        throw=dice.between(2.0, 6.0) * unit,
    )
    return Stage(name, size, length, draw_backdrop(dice, f"{name} place", size), sun)


def draw_backdrop(
    dice: Dice, seed: str, size: tuple[int, int], *, but: Place | None = None
) -> Backdrop:
    """A place, other than `but`, with two to seven things lying about."""
    place = dice.pick([each for each in PLACES if each != but])
    factor = dice.between(0.88, 1.1)
    base, light, dark = (_scaled(each, factor) for each in dice.pick(_PAINTS[place]))
    bare = Backdrop(place, base, light, dark, seed)
    props = [_draw_prop(dice, bare, f"{seed} prop {n}", size) for n in range(dice.whole(2, 7))]
    return replace(bare, props=tuple(props))


def draw_look(dice: Dice, seed: str, backdrop: Backdrop) -> Look:
    """A surface that stands out from a place."""
    colours = [_draw_colour(dice) for _ in range(_TRIES)]
    main = max(colours, key=lambda each: prominence(each, backdrop))

    def beside_main(colour: Colour) -> float:
        return min(_difference(colour, main) / _FAR_FROM_REST, prominence(colour, backdrop))

    second = max((_draw_colour(dice) for _ in range(_TRIES // 2)), key=beside_main)
    light, dark = sorted((main, second), key=sum, reverse=True)
    return Look(dice.pick(PATTERNS), light, dark, seed)


def prominence(colour: Colour, backdrop: Backdrop) -> float:
    """How far a colour stands out from those of a place; 1 is enough and the most there is."""
    rest = min(_difference(colour, other) for other in (backdrop.light, backdrop.dark))
    most = _difference(colour, backdrop.base)
    return min(most / _FAR_FROM_MOST, rest / _FAR_FROM_REST, 1.0)


def quiet(look: Look, backdrop: Backdrop) -> Look:
    """The same less bright and colourful, as most of what belongs to a place is."""
    return replace(
        look,
        light=_between(look.light, backdrop.base, 0.4),
        dark=_between(look.dark, backdrop.dark, 0.4),
    )


def draw_body(dice: Dice, stage: Stage, radius: float, shape: Shape | None = None) -> Body:
    """A thing that reaches so many pixels from its middle, of that shape or one drawn by lot."""
    outline = draw_shape(dice) if shape is None else shape
    seed = f"{stage.name} look {dice.whole(0, 10**9)}"
    look = draw_look(dice, seed, stage.backdrop)
    return Body(outline, look, detail=radius / outline.reach / stage.unit * dice.between(0.9, 1.5))


def _draw_prop(dice: Dice, backdrop: Backdrop, seed: str, size: tuple[int, int]) -> Prop:
    """Something in or around the picture; where there is a sky, on the ground."""
    unit, (height, width) = min(size) / 240.0, size
    has_ground = backdrop.place in ("hills", "street", "room")
    shape = draw_shape(dice)
    radius = unit * dice.between(9.0, 30.0)
    cosine, sine = turned(dice.between(-0.2, 0.2) if is_upright(shape) else dice.between(-3.0, 3.0))
    pose = Pose(
        x=width * dice.between(-0.1, 1.1),
        y=height * dice.between(0.62 if has_ground else -0.1, 1.1),
        scale=radius / shape.reach,
        cosine=cosine,
        sine=sine,
        facing=dice.sign(),
    )
    look = quiet(draw_look(dice, seed, backdrop), backdrop)
    return Prop(Body(shape, look, detail=pose.scale / unit), pose)


def _draw_colour(dice: Dice) -> Colour:
    is_vivid = dice.chance(0.4)
    saturation = dice.between(0.45, 0.8) if is_vivid else dice.between(0.05, 0.4)
    shares = colorsys.hsv_to_rgb(dice.between(0, 1), saturation, dice.between(0.25, 0.95))
    return round(255 * shares[0]), round(255 * shares[1]), round(255 * shares[2])


def _difference(one: Colour, other: Colour) -> float:
    """How different two colours are, green counting most, as in the eye."""
    red, green, blue = (a - b for a, b in zip(one, other, strict=True))
    return float((red * red + 1.5 * green * green + 0.5 * blue * blue) ** 0.5)


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(factor * level)) for level in colour)
    return red, green, blue


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue
