"""The sample clip: things of the sample picture that move, drawn by the project, with exact masks."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from masklet.viz.raymarch import Floats, Solid, render
from masklet.viz.sample import Sample, mug, orange, room, tin

CLIP_NAMES = ("orange", "mug", "tin")
"""The objects of the clip, in the order of their masks."""
CLIP_FRAMES = 40
CLIP_FPS = 16.0
CLIP_SIZE = (320, 480)
"""(height, width) at which the clip is drawn unless asked otherwise."""

_ORANGE_RADIUS = 0.6


def sample_clip(size: tuple[int, int] = CLIP_SIZE) -> Iterator[Sample]:
    """Draw the clip frame by frame; the same every time, at any `(height, width)`.

    An orange rolls over the table from the left, before a mug and a tin that are pulled the other
    way, and leaves at the right in the last frames. All 40 frames take about ten seconds at the
    default size.

    >>> next(sample_clip((16, 24))).masks.shape
    (3, 16, 24)
    """
    for number in range(CLIP_FRAMES):
        image, masks = render(_solids_at(number / (CLIP_FRAMES - 1)), room(), size)
        yield Sample(image, masks)


def _solids_at(time: float) -> tuple[Solid, Solid, Solid]:
    """The things where they are at a time from 0 to 1."""
    rolled = -3.35 + 6.6 * time
    return (
        _moved(_rolling(orange(), rolled / _ORANGE_RADIUS), (rolled, 0.0, 0.45)),
        _moved(mug(), (0.95 - 0.75 * time, 0.0, -0.5)),
        _moved(tin(), (0.45 - 0.9 * time, 0.0, 0.0)),
    )


def _moved(solid: Solid, by: tuple[float, float, float]) -> Solid:
    offset = np.array(by, np.float32)[:, None]

    def at_home(function: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
        return lambda p: function(p - offset)

    x, y, z = (own + shift for own, shift in zip(solid.centre, by, strict=True))
    return replace(
        solid,
        centre=(x, y, z),
        distance=at_home(solid.distance),
        colour=at_home(solid.colour),
    )


def _rolling(solid: Solid, angle: float) -> Solid:
    """Turned to the right about its centre, as a ball that rolls to the right is; radians."""
    centre = np.array(solid.centre, np.float32)[:, None]
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)

    def unrolled(function: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
        return lambda p: function(turn @ (p - centre) + centre)

    return replace(solid, distance=unrolled(solid.distance), colour=unrolled(solid.colour))
