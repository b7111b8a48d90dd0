"""Generated scenes in which objects are hard to see, or change as they go."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from masklet.data.scenes.cast import Stage, draw_body, draw_look
from masklet.data.scenes.dice import Dice
from masklet.data.scenes.film import Light, Scene
from masklet.data.scenes.motion import Curve, turned
from masklet.data.scenes.moves import (
    Stop,
    acting,
    away,
    bystanders,
    filmed,
    roaming,
    starts,
    straightened,
    wandering,
    within,
)
from masklet.data.scenes.outlines import (
    draw_beast,
    draw_bird,
    draw_compact,
    draw_fork,
    draw_ring,
    draw_rod,
    draw_shape,
    draw_soft,
    draw_stone,
    draw_wire,
)
from masklet.data.scenes.painter import Actor
from masklet.data.scenes.shapes import Shape

_Drawing: TypeAlias = Callable[[Dice], Shape]

_SMALL: Sequence[_Drawing] = (draw_stone, draw_stone, draw_beast, draw_bird)
_SOFT: Sequence[_Drawing] = (draw_soft, draw_soft, draw_shape)
_THIN: Sequence[Callable[[Dice, float], Shape]] = (
    *(draw_wire, draw_wire, draw_rod),
    *(draw_ring, draw_fork),
)


def draw_fast(dice: Dice, stage: Stage) -> Scene:
    """One or two objects that go farther from frame to frame than they are long."""
    actors = []
    for number in range(1, dice.whole(1, 2) + 1):
        radius = dice.between(13, 17) * stage.unit
        step = 2 * radius * dice.between(1.15, 1.5)
        stops = dice.pick((_bouncing, _circling, _dashing))(dice, stage, radius, step)
        # Of slim things little would be left when they are blurred.
        body = draw_body(dice, stage, radius, draw_compact(dice))
        actor = acting(dice, stage, body, stops, radius=radius, object_id=number)
        actors.append(straightened(actor))
    return filmed(dice, stage, (*bystanders(dice, stage), *actors))


def draw_long(dice: Dice, stage: Stage) -> Scene:
    """Two objects that slowly come to look otherwise; each is gone two or three times."""
    radius = dice.between(32, 46) * stage.unit
    actors = []
    for number, place in enumerate(starts(dice, stage, 2, radius + 4 * stage.unit), start=1):
        stops = _coming_and_going(dice, stage, place, radius)
        body = draw_body(dice, stage, radius)
        older = draw_look(dice, body.look.seed, stage.backdrop)
        later = replace(body, later=replace(older, pattern=body.look.pattern))
        actor = acting(dice, stage, later, stops, radius=radius, object_id=number)
        scale = actor.motion.scale.values[0]
        times = (0.0, 0.5 * stage.length, stage.length - 1.0)
        grown = Curve(
            times, (scale, scale * dice.between(0.7, 1.3), scale * dice.between(0.7, 1.2))
        )
        age = Curve(times, (0.0, dice.between(0.2, 0.6), dice.between(0.6, 0.9)))
        actors.append(replace(actor, motion=replace(actor.motion, scale=grown, age=age)))
    return filmed(dice, stage, (*bystanders(dice, stage), *actors))


def draw_small(dice: Dice, stage: Stage) -> Scene:
    """Three to five objects of a few pixels."""
    actors = []
    places = starts(dice, stage, dice.whole(3, 5), 12 * stage.unit)
    for number, place in enumerate(places, start=1):
        # Of this reach, stones fill about half and beasts less.
        radius = dice.between(5.5, 8.0) * max(stage.unit, 0.75)
        body = draw_body(dice, stage, radius, dice.pick(_SMALL)(dice))
        actors.append(roaming(dice, stage, body, place, radius=radius, object_id=number))
    return filmed(dice, stage, (*bystanders(dice, stage), *actors))


def draw_thin(dice: Dice, stage: Stage) -> Scene:
    """One or two wires, rods, rings or twigs, two to four pixels thick."""
    actors = []
    places = starts(dice, stage, dice.whole(1, 2), 58 * stage.unit)
    for number, place in enumerate(places, start=1):
        radius = dice.between(40, 58) * stage.unit
        thickness = dice.between(1.0, 1.9) * max(stage.unit, 1.0)
        body = draw_body(dice, stage, radius, dice.pick(_THIN)(dice, thickness / radius))
        actors.append(roaming(dice, stage, body, place, radius=radius, object_id=number))
    return filmed(dice, stage, (*bystanders(dice, stage), *actors))


def draw_deform(dice: Dice, stage: Stage) -> Scene:
    """One or two objects whose outline, proportions and size change."""
    actors = []
    places = starts(dice, stage, dice.whole(1, 2), 46 * stage.unit)
    for number, place in enumerate(places, start=1):
        radius = dice.between(34, 46) * stage.unit
        body = draw_body(dice, stage, radius, dice.pick(_SOFT)(dice))
        actor = roaming(dice, stage, body, place, radius=radius, object_id=number)
        actors.append(_deforming(dice, stage, actor))
    return filmed(dice, stage, (*bystanders(dice, stage), *actors))


def draw_light(dice: Dice, stage: Stage) -> Scene:
    """One or two objects in a picture that grows dark and bright, flickers and is full of noise."""
    radius = dice.between(34, 52) * stage.unit
    places = starts(dice, stage, dice.whole(1, 2), radius + 4 * stage.unit)
    actors = [
        roaming(dice, stage, draw_body(dice, stage, radius), place, radius=radius, object_id=number)
        for number, place in enumerate(places, start=1)
    ]
    dark, bright = dice.between(0.3, 0.5), dice.between(1.3, 1.7)
    times = tuple(stage.length * share for share in (0.0, 0.25, 0.5, 0.75, 1.0))
    swings = (dark, bright, dark) if dice.chance(0.5) else (bright, dark, bright)
    light = Light(
        gain=Curve(times, (1.0, *swings, 1.0)),
        warmth=Curve(times, tuple(dice.between(-0.18, 0.18) for _ in times)),
        flicker=dice.pick((0.04, 0.12, 0.22)),
        noise=dice.between(6.0, 16.0),
    )
    return filmed(dice, stage, (*bystanders(dice, stage), *actors), light)


def _coming_and_going(dice: Dice, stage: Stage, start: Stop, radius: float) -> list[Stop]:
    count = dice.whole(2, 3)
    stops = [start]
    for number in range(count):
        gone = stage.length * (number + 1) // (count + 1) + dice.whole(-14, 14)
        last = wandering(
            dice, stage, stops[-1], gone - dice.between(12, 16), margin=radius, pace=1.0
        )
        times = (gone, gone + dice.whole(8, 24))
        stops += [*last[1:], *away(dice, stage, last[-1], times, margin=radius)]
    return stops + wandering(dice, stage, stops[-1], stage.length, margin=radius, pace=1.0)[1:]


def _bouncing(dice: Dice, stage: Stage, radius: float, step: float) -> list[Stop]:
    """Straight on from one edge of the picture to the next."""
    margin, (height, width) = radius + 2 * stage.unit, stage.size
    far = (width - 1 - margin, height - 1 - margin)
    cosine, sine = turned(dice.between(0.15, 0.6))
    speed = [step * cosine * dice.sign(), step * sine * dice.sign()]
    stops = [Stop(0.0, dice.between(margin, far[0]), dice.between(margin, far[1]))]
    while stops[-1].time < stage.length:
        here = stops[-1].x, stops[-1].y
        until = [
            ((far[axis] if speed[axis] > 0 else margin) - here[axis]) / speed[axis]
            for axis in (0, 1)
        ]
        first = 0 if until[0] <= until[1] else 1
        x, y = (
            within(here[n] + until[first] * speed[n], margin, (width, height)[n]) for n in (0, 1)
        )
        # In a corner both edges are met at once, and no time may be the same twice.
        stops.append(Stop(stops[-1].time + until[first] + 1e-3, x, y))
        speed[first] = -speed[first]
    return stops


def _circling(dice: Dice, stage: Stage, radius: float, step: float) -> list[Stop]:
    """Round and round."""
    height, width = stage.size
    room = 0.5 * min(height, width) - radius - 3 * stage.unit
    reach = room * dice.between(0.85, 1.0)
    x = width / 2 + dice.between(-0.5, 0.5) * (width - min(height, width))
    # The way from frame to frame is a chord, a little shorter than the arc.
    angle, begin = dice.sign() * 1.06 * step / reach, dice.between(-3.0, 3.0)
    stops = []
    for quarter in range(4 * stage.length):
        cosine, sine = turned(begin + angle * quarter / 4)
        stops.append(Stop(quarter / 4, x + reach * cosine, height / 2 + reach * sine))
    return stops


def _dashing(dice: Dice, stage: Stage, radius: float, step: float) -> list[Stop]:
    """At rest for two to four frames, then somewhere else in one or two."""
    margin, (height, width) = radius + 2 * stage.unit, stage.size
    place = [dice.between(margin, width - margin), dice.between(margin, height - margin)]
    stops = [Stop(0.0, *place)]
    while stops[-1].time < stage.length:
        rest, flight = dice.whole(2, 4), dice.whole(1, 2)
        stops.append(replace(stops[-1], time=stops[-1].time + rest))
        way = step * flight
        right = way if place[0] < width / 2 else -way
        place = [
            within(place[0] + right, margin, width),
            dice.between(margin, height - margin),
        ]
        stops.append(Stop(stops[-1].time + flight, *place))
    return stops


def _deforming(dice: Dice, stage: Stage, actor: Actor) -> Actor:
    """Smaller and larger, longer and shorter on its way."""
    motion, end = actor.motion, stage.length - 1.0
    scale = motion.scale.values[0]
    times = (0.0, 0.33 * end, 0.66 * end, end)
    small, large = dice.between(0.5, 0.65), dice.between(1.2, 1.6)
    sizes = (1.0, small, large, 1.0) if dice.chance(0.5) else (1.0, large, small, 1.0)
    long, short = dice.between(1.15, 1.35), dice.between(0.75, 0.9)
    stretch = Curve((0.0, 0.25 * end, 0.6 * end, end), (1.0, long, short, 1.0))
    grown = Curve(times, tuple(scale * size for size in sizes))
    return replace(actor, motion=replace(motion, scale=grown, stretch=stretch))
