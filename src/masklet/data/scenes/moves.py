"""Ways in which things and the camera move in generated clips."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from masklet.data.scenes.cast import Stage, draw_body
from masklet.data.scenes.dice import Dice
from masklet.data.scenes.film import Light, Scene, Shot
from masklet.data.scenes.motion import Camera, Curve, Motion, still
from masklet.data.scenes.outlines import is_upright
from masklet.data.scenes.painter import Actor, Body
from masklet.data.scenes.shapes import Limbs, Shape
from masklet.types import ObjectId

CAMERA_REACH = 12.0
"""How far the camera moves in both directions, in units of the stage."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A place at a time, in pixels of the scene."""

    time: float
    x: float
    y: float


def handheld(dice: Dice, stage: Stage) -> Camera:
    """A camera that begins at rest and is never quite still."""
    times = _beats(dice, stage.length, 10, 20)
    far = CAMERA_REACH * stage.unit * dice.pick((0.3, 1.0))

    def drifting(reach: float, rest: float = 0.0) -> Curve:
        later = (rest + dice.between(-reach, reach) for _ in times[1:])
        return Curve(times, (rest, *later))

    return Camera(drifting(far), drifting(far), drifting(0.04, 1.0), drifting(0.025))


def acting(
    dice: Dice,
    stage: Stage,
    body: Body,
    stops: Sequence[Stop],
    *,
    radius: float,
    object_id: ObjectId | None = None,
) -> Actor:
    """A thing that goes from stop to stop, reaches so far, and walks, turns or bends on its way."""
    times = tuple(stop.time for stop in stops)
    motion = Motion(
        x=Curve(times, tuple(stop.x for stop in stops)),
        y=Curve(times, tuple(stop.y for stop in stops)),
        scale=still(radius / body.shape.reach),
        turn=_turning(dice, stage, body.shape),
        bend=walking(dice, stage, body.shape),
        facing=1 if stops[-1].x >= stops[0].x else -1,
    )
    return Actor(body, motion, object_id)


def roaming(
    dice: Dice,
    stage: Stage,
    body: Body,
    start: Stop,
    *,
    radius: float,
    object_id: ObjectId | None = None,
) -> Actor:
    """A thing that wanders about the picture from a stop to the end of the clip."""
    # Small things would be out of the picture as soon as the camera moves.
    margin = max(radius, CAMERA_REACH * stage.unit)
    stops = wandering(dice, stage, start, stage.length, margin=margin)
    return acting(dice, stage, body, stops, radius=radius, object_id=object_id)


def straightened(actor: Actor) -> Actor:
    """The same on straight ways without slowing down, as things move that are fast."""
    motion = actor.motion
    straight = replace(
        motion, x=replace(motion.x, is_smooth=False), y=replace(motion.y, is_smooth=False)
    )
    return replace(actor, motion=straight)


def wandering(
    dice: Dice, stage: Stage, start: Stop, until: float, *, margin: float, pace: float = 1.5
) -> list[Stop]:
    """From a stop to others, within the picture by `margin` pixels.

    Args:
        dice: where the others come from.
        stage: the picture.
        start: the first stop; it is the first of the answer too.
        until: the time of the last stop.
        margin: how far the thing reaches, and what it keeps from the edge.
        pace: about how fast, in units of the stage per frame.
    """
    height, width = stage.size
    stops = [start]
    while stops[-1].time < until:
        wait = dice.between(10, 22)
        # What is left after a stop is long enough that the thing need not rush.
        time = until if until - stops[-1].time < wait + 8 else stops[-1].time + wait
        step = pace * stage.unit * (time - stops[-1].time)
        x = within(stops[-1].x + dice.between(-1.4, 1.4) * step, margin, width)
        y = within(stops[-1].y + dice.between(-0.7, 0.7) * step, margin, height)
        stops.append(Stop(time, x, y))
    return stops


def away(
    dice: Dice, stage: Stage, last: Stop, times: tuple[int, int], *, margin: float
) -> list[Stop]:
    """Out of the picture after `last`, and back in, often elsewhere.

    Args:
        dice: where to.
        stage: the picture.
        last: where it was seen last.
        times: the frames between which, both included, no camera sees it.
        margin: as for `wandering`.
    """
    gone, back = times
    beyond = margin + (CAMERA_REACH + 14.0) * stage.unit
    out_x, out_y = _beyond(dice, stage, last, beyond)
    elsewhere = Stop(back, dice.between(0, stage.size[1]), dice.between(0, stage.size[0]))
    in_x, in_y = _beyond(dice, stage, elsewhere, beyond)
    height, width = stage.size
    # Between two frames it is carried to where it comes back, which nobody sees.
    return [
        Stop(gone, out_x, out_y),
        Stop(gone + 0.4, out_x, out_y),
        Stop(gone + 0.6, in_x, in_y),
        Stop(back, in_x, in_y),
        Stop(
            back + dice.between(8, 11),
            within(dice.between(0.2, 0.8) * width, margin, width),
            within(dice.between(0.2, 0.8) * height, margin, height),
        ),
    ]


def walking(dice: Dice, stage: Stage, shape: Shape) -> Curve:
    """To and fro from the first frame to the last: what has limbs swings them, others bend."""
    has_limbs = isinstance(shape, Limbs)
    times = _beats(dice, stage.length, 4, 8) if has_limbs else _beats(dice, stage.length, 8, 18)
    low = -1.0 if has_limbs else 0.0
    return Curve(times, tuple(float(n % 2) or low for n in range(len(times))))


def starts(dice: Dice, stage: Stage, count: int, margin: float, time: float = 0.0) -> list[Stop]:
    """So many stops at a time, in columns of the picture of their own, in any order."""
    height, width = stage.size
    column = (width - 2 * margin) / count
    places = [
        Stop(
            time,
            margin + (number + dice.between(0.35, 0.65)) * column,
            within(dice.between(0.25, 0.75) * height, margin, height),
        )
        for number in range(count)
    ]
    return dice.shuffled(places)


def within(place: float, margin: float, length: int) -> float:
    """The place, or the nearest one that keeps the margin from both ends."""
    margin = min(margin, (length - 1) / 2)
    return min(max(place, margin), length - 1 - margin)


def bystanders(dice: Dice, stage: Stage) -> tuple[Actor, ...]:
    """None to two things that move too and are no objects; they belong behind those that are."""
    actors = []
    for _ in range(dice.pick((0, 0, 1, 2))):
        radius = dice.between(12, 22) * stage.unit
        height, width = stage.size
        start = Stop(0.0, dice.between(0, width), dice.between(0, height))
        actors.append(roaming(dice, stage, draw_body(dice, stage, radius), start, radius=radius))
    return tuple(actors)


def filmed(dice: Dice, stage: Stage, actors: Sequence[Actor], light: Light | None = None) -> Scene:
    """A scene of one shot, with a camera in somebody's hand."""
    shot = Shot(0, stage.backdrop, stage.sun, handheld(dice, stage), tuple(actors))
    calm = Light(
        gain=Curve((0.0, stage.length), (1.0, dice.between(0.92, 1.08))),
        noise=dice.between(1.0, 3.0),
    )
    return Scene(
        stage.size,
        stage.length,
        (shot,),
        seed=stage.name,
        light=calm if light is None else light,
    )


def _turning(dice: Dice, stage: Stage, shape: Shape) -> Curve:
    times = _beats(dice, stage.length, 8, 16)
    if is_upright(shape):
        return Curve(times, tuple(dice.between(-0.15, 0.15) for _ in times))
    begin, speed = dice.between(-3.0, 3.0), dice.between(-0.06, 0.06)
    return Curve(times, tuple(begin + speed * time for time in times))


def _beats(dice: Dice, length: int, shortest: float, longest: float) -> tuple[float, ...]:
    """Times from the first frame to the last or a little later."""
    times = [0.0]
    while times[-1] < length - 1:
        times.append(times[-1] + dice.between(shortest, longest))
    return tuple(times)


def _beyond(dice: Dice, stage: Stage, near: Stop, beyond: float) -> tuple[float, float]:
    """A place so far outside of the picture, straight across from one within."""
    height, width = stage.size
    if dice.chance(0.7):
        return (width - 1 + beyond if near.x > width / 2 else -beyond), near.y
    return near.x, (height - 1 + beyond if near.y > height / 2 else -beyond)
