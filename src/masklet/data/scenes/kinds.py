"""The kinds of generated clips, and a scene of each drawn by lot."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from masklet.data.scenes.cast import Stage, draw_stage
from masklet.data.scenes.changing import (
    draw_deform,
    draw_fast,
    draw_light,
    draw_long,
    draw_small,
    draw_thin,
)
from masklet.data.scenes.dice import Dice
from masklet.data.scenes.film import Scene
from masklet.data.scenes.hiding import draw_cut, draw_leaving, draw_look_alikes, draw_occlusion

SceneKind: TypeAlias = Literal[
    "occlusion",
    "look-alikes",
    "leaving",
    "cut",
    "fast",
    "long",
    "small",
    "thin",
    "deform",
    "light",
]
"""What is hard about a clip: an object passes behind another; things of one kind meet; an object
leaves the picture and returns; the place changes at once; an object moves farther than its length
from frame to frame; 300 frames; few pixels; wires and rings; changing outlines; changing light."""

_DRAWN: Mapping[SceneKind, Callable[[Dice, Stage], Scene]] = MappingProxyType(
    {
        "occlusion": draw_occlusion,
        "look-alikes": draw_look_alikes,
        "leaving": draw_leaving,
        "cut": draw_cut,
        "fast": draw_fast,
        "long": draw_long,
        "small": draw_small,
        "thin": draw_thin,
        "deform": draw_deform,
        "light": draw_light,
    }
)
SCENE_KINDS: tuple[SceneKind, ...] = tuple(_DRAWN)

_LONG = 300


def draw_scene(kind: SceneKind, seed: str, size: tuple[int, int]) -> Scene:
    """A scene of that kind, 40 to 60 frames long, the long ones 300; the same for the same seed."""
    dice = Dice(seed)
    length = _LONG if kind == "long" else dice.whole(40, 60)
    return _DRAWN[kind](dice, draw_stage(dice, seed, size, length))
