"""Three clips of a few small frames, for tests: one object, one that is hidden, one that is late."""

from masklet.data.scenes.backdrops import Backdrop
from masklet.data.scenes.film import Light, Scene, Shot
from masklet.data.scenes.motion import Camera, Curve, Motion, still
from masklet.data.scenes.painter import Actor, Body, Sun
from masklet.data.scenes.shapes import Blob, Limb, Limbs, Slab
from masklet.data.scenes.suite import GeneratedClip
from masklet.data.scenes.textures import Colour, Look, Pattern

TINY_SIZE = (64, 96)
"""`(height, width)`."""

_SUN = Sun(-0.5, -0.8, shadow=0.3, throw=2.0)
_EGG = Blob(((0.16, 0.0), (0.0, 0.08)))
_DOG = Limbs(
    (
        Limb((-0.5, 0.1), (-0.55, 0.8), 0.16, 0.12, 0.5),
        Limb((0.45, 0.1), (0.5, 0.8), 0.16, 0.12, -0.5),
        Limb((-0.5, 0.0), (0.5, 0.0), 0.34, 0.36),
        Limb((0.5, -0.1), (0.95, -0.5), 0.24, 0.26),
    ),
    softness=0.15,
)


def tiny_clips() -> tuple[GeneratedClip, ...]:
    """The clips "alone" (one object), "behind" (two) and "late" (three).

    In "behind", object 1 is hidden on frames 4 to 6 and seen before and after. In "late", object 2
    is first seen on frame 4.

    >>> [(clip.name, len(clip.frame_names), len(clip.objects())) for clip in tiny_clips()]
    [('alone', 8, 1), ('behind', 10, 2), ('late', 12, 3)]
    """
    return _alone(), _behind(), _late()


def _alone() -> GeneratedClip:
    """A dog trots to the right."""
    backdrop = Backdrop("meadow", (96, 122, 52), (176, 184, 98), (44, 62, 30), "tiny meadow")
    trot = Motion(
        Curve((0, 7), (26.0, 68.0)),
        Curve((0, 4, 7), (32.0, 36.0, 31.0)),
        still(16.0),
        bend=Curve((0, 2, 4, 6, 8), (-1.0, 1.0, -1.0, 1.0, -1.0)),
    )
    coat = _body(_DOG, "spots", (236, 226, 210), (120, 66, 40))
    return _clip("alone", 8, backdrop, Actor(coat, trot, 1))


def _behind() -> GeneratedClip:
    """An egg rolls behind a post; another one lies before it all the time."""
    backdrop = Backdrop("boards", (140, 100, 65), (190, 150, 105), (60, 40, 28), "tiny boards")
    roll = Motion(
        Curve((0, 4, 6, 9), (15.0, 46.0, 50.0, 80.0)),
        still(24.0),
        still(9.0),
        turn=Curve((0, 9), (0.0, 5.0)),
    )
    post = Motion(still(48.0), still(32.0), still(14.0))
    rest = Motion(Curve((0, 9), (22.0, 26.0)), still(48.0), still(11.0), turn=still(0.6))
    return _clip(
        "behind",
        10,
        backdrop,
        Actor(_body(_EGG, "stripes", (240, 240, 230), (40, 70, 170)), roll, 1),
        Actor(_body(Slab(1.0, 9.0, 0.1), "marble", (150, 150, 150), (96, 92, 90)), post),
        Actor(_body(_EGG, "checks", (230, 210, 60), (150, 40, 40)), rest, 2),
    )


def _late() -> GeneratedClip:
    """An egg and a box move about; a dog jumps in from above."""
    backdrop = Backdrop("wall", (152, 150, 144), (196, 192, 184), (104, 104, 102), "tiny wall")
    jump = Motion(
        Curve((0, 11), (66.0, 74.0)),
        Curve((3, 4, 8, 11), (-40.0, 16.0, 30.0, 26.0), is_smooth=False),
        still(13.0),
        facing=-1,
    )
    roll = Motion(
        Curve((0, 11), (20.0, 40.0)),
        Curve((0, 11), (20.0, 24.0)),
        still(11.0),
        turn=Curve((0, 11), (0.0, 2.5)),
    )
    slide = Motion(Curve((0, 11), (78.0, 24.0)), still(52.0), still(11.0))
    return _clip(
        "late",
        12,
        backdrop,
        Actor(_body(_EGG, "cells", (120, 220, 90), (20, 90, 40)), roll, 1),
        Actor(_body(_DOG, "plaid", (240, 120, 60), (150, 30, 30)), jump, 2),
        Actor(_body(Slab(1.2, 0.7, 0.2), "scales", (110, 90, 220), (40, 30, 110)), slide, 3),
    )


def _body(shape: Blob | Limbs | Slab, pattern: Pattern, light: Colour, dark: Colour) -> Body:
    return Body(shape, Look(pattern, light, dark, f"tiny {pattern}"), detail=24.0)


def _clip(name: str, length: int, backdrop: Backdrop, *actors: Actor) -> GeneratedClip:
    camera = Camera(x=Curve((0, length), (0.0, 2.0)))
    shot = Shot(0, backdrop, _SUN, camera, actors)
    scene = Scene(TINY_SIZE, length, (shot,), seed=f"tiny {name}", light=Light(noise=1.5))
    return GeneratedClip(name, scene)
