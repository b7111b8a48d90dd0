"""Generated scenes in which objects are lost from sight or taken for each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from masklet.data.scenes.cast import Stage, draw_backdrop, draw_body, prominence, quiet
from masklet.data.scenes.dice import Dice
from masklet.data.scenes.film import Scene, Shot
from masklet.data.scenes.motion import Curve, Motion, still
from masklet.data.scenes.moves import (
    Stop,
    acting,
    away,
    bystanders,
    filmed,
    handheld,
    roaming,
    starts,
    wandering,
)
from masklet.data.scenes.outlines import draw_stone
from masklet.data.scenes.painter import Actor, Body
from masklet.data.scenes.shapes import Slab


@dataclass(frozen=True, slots=True)
class _Crossing:
    """Where and when something that reaches `radius` pixels is behind something else."""

    x: float
    y: float
    gone: float
    """From this time on it is wholly hidden."""
    back: float
    """Until this time."""
    radius: float
    gap: float
    """How far its middle moves at most, in pixels to both sides, while it is hidden."""


def draw_occlusion(dice: Dice, stage: Stage) -> Scene:
    """Object 1 passes wholly behind something, often partly behind a post too."""
    unit, (height, width) = stage.unit, stage.size
    gone = dice.whole(stage.length // 3, stage.length // 2)
    place = _Crossing(
        x=width * dice.between(0.47, 0.53),
        y=height * dice.between(0.42, 0.58),
        gone=gone,
        back=gone + dice.whole(4, 9),
        radius=dice.between(26, 33) * unit,
        gap=dice.between(4, 8) * unit,
    )
    hider = dice.pick((_pillar, _boulder, _passer))(dice, stage, place)
    actors = [_walker(dice, stage, place), hider]
    if dice.chance(0.6):
        actors.insert(1, _post(dice, stage, place))
    if hider.object_id is None and dice.chance(0.5):
        actors.insert(0, _onlooker(dice, stage, place.radius))
    everybody = (*bystanders(dice, stage), *actors)
    if dice.chance(0.5):
        everybody = tuple(_mirrored(actor, width) for actor in everybody)
    return filmed(dice, stage, everybody)


def draw_look_alikes(dice: Dice, stage: Stage) -> Scene:
    """Two or three objects of one kind meet; they pass each other or turn back."""
    unit, (height, width) = stage.unit, stage.size
    radius = dice.between(32, 42) * unit
    left, right = radius + 4 * unit, width - radius - 5 * unit
    meeting = Stop(
        dice.between(0.4, 0.6) * stage.length,
        width * dice.between(0.45, 0.55),
        height * dice.between(0.35, 0.5),
    )
    apart, end = dice.between(0.1, 0.3) * radius, float(stage.length - 1)
    turn_back = dice.chance(0.4)
    ways = [
        [
            Stop(0.0, before, height * dice.between(0.3, 0.5)),
            replace(meeting, x=meeting.x + side * apart, y=meeting.y + side * 0.3 * apart),
            Stop(end, before if turn_back else after, height * dice.between(0.3, 0.7)),
        ]
        for before, after, side in ((left, right, -1), (right, left, 1))
    ]
    if dice.chance(0.4):
        low = height - radius - 4 * unit
        third = replace(meeting, time=dice.between(0.55, 0.75) * stage.length)
        ways.append([Stop(0.0, meeting.x, low), third, Stop(end, meeting.x, low)])
    body = draw_body(dice, stage, radius)
    alike = [
        acting(dice, stage, body, way, radius=radius, object_id=number)
        for number, way in enumerate(ways, start=1)
    ]
    return filmed(dice, stage, (*bystanders(dice, stage), *dice.shuffled(alike)))


def draw_leaving(dice: Dice, stage: Stage) -> Scene:
    """Object 1 leaves the picture and comes back; sometimes another one stays."""
    unit = stage.unit
    radius = dice.between(34, 52) * unit
    count = dice.whole(1, 2)
    places = starts(dice, stage, count, radius + 4 * unit)
    gone = dice.whole(16, stage.length // 2 - 2)
    before = wandering(dice, stage, places[0], gone - dice.between(11, 15), margin=radius)
    times = (gone, gone + dice.whole(6, 10))
    absent = away(dice, stage, before[-1], times, margin=radius)
    after = wandering(dice, stage, absent[-1], stage.length, margin=radius)[1:]
    body, stops = draw_body(dice, stage, radius), [*before, *absent, *after]
    leaver = acting(dice, stage, body, stops, radius=radius, object_id=1)
    others = [
        roaming(dice, stage, draw_body(dice, stage, radius), place, radius=radius, object_id=number)
        for number, place in enumerate(places[1:], start=2)
    ]
    return filmed(dice, stage, (*bystanders(dice, stage), *others, leaver))


def draw_cut(dice: Dice, stage: Stage) -> Scene:
    """Two or three shots: another place, camera and distance, and the same objects elsewhere."""
    radius = dice.between(34, 50) * stage.unit
    bodies = [draw_body(dice, stage, radius) for _ in range(dice.whole(1, 2))]
    count = dice.whole(2, 3)
    cuts = [
        stage.length * number // count + (number > 0) * dice.whole(-3, 3) for number in range(count)
    ]
    shots = [_shot(dice, stage, 0, bodies, radius)]
    for start in cuts[1:]:
        elsewhere = _elsewhere(dice, stage, f"{stage.name} place {start}", bodies)
        closer = radius * dice.between(0.75, 1.4)
        shots.append(_shot(dice, elsewhere, start, bodies, closer))
    plain = filmed(dice, stage, ())
    return replace(plain, shots=tuple(shots))


def _pillar(dice: Dice, stage: Stage, place: _Crossing) -> Actor:
    """Something that stands from below the picture to above it."""
    half_width = place.radius + place.gap
    return Actor(_upright(dice, stage, half_width), _standing(place.x, place.y, half_width))


def _boulder(dice: Dice, stage: Stage, place: _Crossing) -> Actor:
    """Something that lies there."""
    shape = draw_stone(dice, 0.12)
    scale = (place.radius + place.gap) / shape.core
    body = draw_body(dice, stage, scale * shape.reach, shape)
    return Actor(_as_scenery(body, stage), _standing(place.x, place.y, scale))


def _passer(dice: Dice, stage: Stage, place: _Crossing) -> Actor:
    """Object 2, which comes from the other side and passes before object 1."""
    shape, slow = draw_stone(dice, 0.12), place.gap
    scale = (place.radius + place.gap + slow) / shape.core
    radius = scale * shape.reach
    times = (0.0, place.gone, place.back, float(stage.length - 1))
    begin = max(stage.size[1] - radius, place.x + radius)
    ways = (begin, place.x + slow, place.x - slow, place.x - slow - 0.3 * radius)
    motion = replace(_standing(place.x, place.y, scale), x=Curve(times, ways))
    return Actor(draw_body(dice, stage, radius, shape), motion, 2)


def _walker(dice: Dice, stage: Stage, place: _Crossing) -> Actor:
    """Object 1, from the left to the right."""
    unit, (height, width) = stage.unit, stage.size
    end = width - place.radius - 20 * unit
    stops = [
        Stop(0.0, place.radius + 3 * unit, place.y + height * dice.between(-0.1, 0.1)),
        Stop(place.gone, place.x - place.gap, place.y),
        Stop(place.back, place.x + place.gap, place.y),
        Stop(stage.length - 1, end, place.y + height * dice.between(-0.1, 0.1)),
    ]
    body = draw_body(dice, stage, place.radius)
    return acting(dice, stage, body, stops, radius=place.radius, object_id=1)


def _post(dice: Dice, stage: Stage, place: _Crossing) -> Actor:
    """A thin thing that stands to the right of the crossing and hides little."""
    half_width = dice.between(4, 7) * stage.unit
    x = stage.size[1] * dice.between(0.74, 0.8)
    return Actor(_upright(dice, stage, half_width), _standing(x, place.y, half_width))


def _onlooker(dice: Dice, stage: Stage, radius: float) -> Actor:
    """Object 2, which moves about behind all the others, on the right at first."""
    height, width = stage.size
    start = Stop(0.0, width - radius - 4 * stage.unit, height * dice.between(0.2, 0.8))
    body = draw_body(dice, stage, radius)
    return roaming(dice, stage, body, start, radius=radius, object_id=2)


def _upright(dice: Dice, stage: Stage, half_width: float) -> Body:
    """A bar that is higher than the picture, whose shape is 1 from its middle to its sides."""
    shape = Slab(1.0, 1.2 * max(stage.size) / half_width, 0.1)
    body = draw_body(dice, stage, half_width, shape)
    return _as_scenery(replace(body, detail=half_width / stage.unit), stage)


def _as_scenery(body: Body, stage: Stage) -> Body:
    return replace(body, look=quiet(body.look, stage.backdrop))


def _standing(x: float, y: float, scale: float) -> Motion:
    return Motion(still(x), still(y), still(scale))


def _mirrored(actor: Actor, width: int) -> Actor:
    """The same from right to left."""
    motion = actor.motion
    return replace(
        actor,
        motion=replace(
            motion,
            x=replace(motion.x, values=tuple(width - 1 - value for value in motion.x.values)),
            turn=replace(motion.turn, values=tuple(-value for value in motion.turn.values)),
            facing=-motion.facing,
        ),
    )


def _shot(dice: Dice, stage: Stage, start: int, bodies: Sequence[Body], radius: float) -> Shot:
    places = starts(dice, stage, len(bodies), radius + 4 * stage.unit, time=start)
    actors = [
        roaming(dice, stage, body, place, radius=radius, object_id=number)
        for number, (body, place) in enumerate(zip(bodies, places, strict=True), start=1)
    ]
    camera = handheld(dice, stage)
    everybody = (*bystanders(dice, stage), *dice.shuffled(actors))
    return Shot(start, stage.backdrop, stage.sun, camera, everybody)


def _elsewhere(dice: Dice, stage: Stage, seed: str, bodies: Sequence[Body]) -> Stage:
    """Another place, the one of four in which the bodies stand out most."""
    here = stage.backdrop.place
    choices = [draw_backdrop(dice, f"{seed} {n}", stage.size, but=here) for n in range(4)]

    def contrast(number: int) -> float:
        colours = [colour for body in bodies for colour in (body.look.light, body.look.dark)]
        return sum(prominence(colour, choices[number]) for colour in colours)

    best = choices[max(range(4), key=contrast)]
    return replace(stage, backdrop=best)
