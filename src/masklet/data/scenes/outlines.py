"""Drawing outlines by lot: beasts, people, fish, birds, stones, stars, boxes, rings, wires."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from masklet.data.scenes.dice import Dice
from masklet.data.scenes.motion import turned
from masklet.data.scenes.shapes import Blob, Limb, Limbs, Ring, Shape, Slab, Wire

Points: TypeAlias = tuple[tuple[float, float], ...]


def draw_shape(dice: Dice) -> Shape:
    """A thing of any kind that is not thin."""
    return dice.pick(_FAMILIES)(dice)


def draw_compact(dice: Dice) -> Shape:
    """A thing that is about as long as it is high, and thick everywhere."""
    return dice.pick(_COMPACT)(dice)


def is_upright(shape: Shape) -> bool:
    """Whether it has an up and a down and looks to the right when it is not mirrored."""
    return isinstance(shape, Limbs)


def draw_stone(dice: Dice, roughness: float = 0.2) -> Blob:
    """A closed outline with two to five waves around; the more roughness, the deeper."""
    return Blob(_draw_waves(dice, dice.whole(2, 5), roughness))


def draw_soft(dice: Dice) -> Blob:
    """An outline that becomes another one as it bends."""
    count = dice.whole(2, 4)
    return Blob(_draw_waves(dice, count, 0.34), _draw_waves(dice, count, 0.34))


def draw_beast(dice: Dice) -> Limbs:
    """Four legs, a head and a tail; it trots as it bends to and fro."""
    slim, leg, neck = dice.between(0.7, 1.15), dice.between(0.5, 0.95), dice.between(0.1, 0.6)
    stride, back, chest = dice.between(0.35, 0.7), 0.32 * slim, 0.36 * slim
    thick = dice.between(0.09, 0.14)
    legs = tuple(
        Limb((x, 0.12), (x + lean, 0.12 + leg), thick * 1.3, thick * 0.8, swing)
        for x, lean, swing in (
            (-0.55, -0.06, stride),
            (-0.42, 0.08, -stride),
            (0.36, -0.06, -stride),
            (0.5, 0.08, stride),
        )
    )
    head = (0.78 + 0.2 * neck, -0.25 - neck)
    return Limbs(
        (
            *legs,
            Limb((-0.55, 0.0), (0.48, -0.04), back, chest),
            Limb((0.5, -0.1), head, 0.2 * slim, 0.15),
            Limb(head, (head[0] + dice.between(0.2, 0.4), head[1] + 0.08), 0.19, 0.1),
            Limb((-0.8, -0.12), (-1.2, dice.between(-0.6, 0.2)), 0.08, 0.05, 0.3),
        ),
        softness=0.14,
    )


def draw_person(dice: Dice) -> Limbs:
    """A head, a body, arms and legs; it walks as it bends to and fro."""
    wide, stride = dice.between(0.18, 0.3), dice.between(0.3, 0.6)
    arm, leg = dice.between(0.5, 0.65), dice.between(0.6, 0.75)
    return Limbs(
        (
            Limb((-0.08, 0.2), (-0.12, 0.2 + leg), 0.14, 0.1, stride),
            Limb((0.08, 0.2), (0.12, 0.2 + leg), 0.14, 0.1, -stride),
            Limb((0.0, -0.42), (0.0, 0.2), wide, 0.8 * wide),
            Limb((-0.8 * wide, -0.48), (-0.1 - wide, -0.48 + arm), 0.1, 0.08, -stride),
            Limb((0.8 * wide, -0.48), (0.1 + wide, -0.48 + arm), 0.1, 0.08, stride),
            Limb((0.0, -0.9), (0.04, -0.86), 0.19, 0.18),
        ),
        softness=0.08,
    )


def draw_fish(dice: Dice) -> Limbs:
    """A body with fins, whose tail beats as it bends to and fro."""
    high, tail = dice.between(0.26, 0.42), dice.between(0.25, 0.5)
    return Limbs(
        (
            Limb((-0.5, 0.0), (0.4, 0.0), 0.16, high),
            Limb((0.4, 0.0), (0.75, 0.02), high, 0.14),
            Limb((-0.55, 0.0), (-1.0, -tail), 0.12, 0.07, 0.35),
            Limb((-0.55, 0.0), (-1.0, tail), 0.12, 0.07, 0.35),
            Limb((0.1, -0.2), (-0.2, -0.3 - high), 0.12, 0.05, 0.15),
        ),
        softness=0.16,
    )


def draw_bird(dice: Dice) -> Limbs:
    """Two wings that beat as it bends to and fro."""
    span, sweep = dice.between(0.7, 0.95), dice.between(-0.35, 0.05)
    return Limbs(
        (
            Limb((-0.35, 0.02), (0.35, -0.04), 0.13, 0.19),
            Limb((0.4, -0.08), (0.62, -0.1), 0.15, 0.09),
            Limb((-0.35, 0.0), (-0.8, 0.04), 0.1, 0.14),
            Limb((0.08, -0.05), (sweep, -span), 0.2, 0.06, 0.55),
            Limb((0.02, 0.0), (sweep - 0.1, -0.8 * span), 0.16, 0.05, 0.35),
        ),
        softness=0.12,
    )


def draw_ring(dice: Dice, half_width: float) -> Ring:
    """A closed band, such as a hoop or a rubber."""
    return Ring(Blob(_draw_waves(dice, 2, dice.pick((0.0, 0.1, 0.2)))), half_width)


def draw_rod(dice: Dice, half_width: float) -> Slab:
    """A straight bar with round ends."""
    return Slab(dice.between(0.8, 1.0), 1.05 * half_width, half_width)


def draw_wire(dice: Dice, half_width: float) -> Wire:
    """A line that winds from left to right and winds otherwise when it is bent."""
    here, there = _draw_course(dice), _draw_course(dice)
    return Wire(here, there, half_width)


def draw_fork(dice: Dice, half_width: float) -> Limbs:
    """A branch with two to four twigs."""
    twigs = [
        Limb((x, 0.0), (x + dice.between(0.2, 0.5), side * length), half_width, 0.8 * half_width)
        for x in (-0.5, -0.15, 0.2, 0.5)[: dice.whole(2, 4)]
        for side, length in ((dice.sign(), dice.between(0.3, 0.7)),)
    ]
    return Limbs((Limb((-1.0, 0.0), (1.0, 0.0), 1.2 * half_width, half_width), *twigs))


def _draw_waves(dice: Dice, count: int, roughness: float) -> Points:
    waves = []
    for number in range(count):
        height = roughness * dice.between(0.3, 1.0) / (1.0 + 0.7 * number)
        cosine, sine = turned(dice.between(-3.1416, 3.1416))
        waves.append((height * cosine, height * sine))
    return tuple(waves)


def _draw_course(dice: Dice) -> Points:
    """Points with short steps on a line that swings up and down twice."""
    heights = (*(dice.between(-0.6, 0.6) for _ in range(5)),)
    points = []
    for step in range(17):
        place = step / 4
        before = min(int(place), 3)
        share = place - before
        eased = share * share * (3.0 - 2.0 * share)
        height = heights[before] + eased * (heights[before + 1] - heights[before])
        points.append((place / 2 - 1.0, height))
    return tuple(points)


def _draw_star(dice: Dice) -> Blob:
    """Five to seven points around."""
    count = dice.whole(5, 7)
    cosine, sine = turned(dice.between(-3.1416, 3.1416))
    height = dice.between(0.12, 0.26)
    return Blob((*((0.0, 0.0),) * (count - 2), (height * cosine, height * sine)))


def _draw_box(dice: Dice) -> Slab:
    """A crate, a book, a bar with round corners."""
    half_height = dice.between(0.45, 1.0)
    return Slab(1.0, half_height, dice.between(0.05, 0.9) * half_height)


def _draw_pot(dice: Dice) -> Limbs:
    """A vessel with a belly, a neck, and sometimes a handle on one side."""
    belly, neck = dice.between(0.4, 0.6), dice.between(0.12, 0.3)
    parts = [
        Limb((0.0, 0.35), (0.0, 0.1), belly, 0.9 * belly),
        Limb((0.0, 0.0), (0.0, -0.85), 0.8 * neck + 0.1, neck),
    ]
    if dice.chance(0.5):
        parts += [
            Limb((0.15, -0.55), (0.65, -0.45), 0.08, 0.08),
            Limb((0.65, -0.45), (0.5, 0.3), 0.08, 0.08),
        ]
    return Limbs(tuple(parts), softness=0.1)


_Drawing: TypeAlias = Callable[[Dice], Shape]

_FAMILIES: Sequence[_Drawing] = (
    *(draw_beast, draw_person, draw_fish, draw_bird),
    *(draw_stone, draw_stone, _draw_star, _draw_box, _draw_pot),
)
_COMPACT: Sequence[_Drawing] = (draw_stone, draw_stone, _draw_star, _draw_box)
