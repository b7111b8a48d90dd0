"""How things of a generated clip move: keyframes, and where they put a thing at a time.

Places are (x, y) in pixels of the scene, which are those of the picture while the camera rests. A
pixel's centre lies at its whole numbers. Times are in frames; only sums, products and rounded sines
are used, so that a place is the same to the last bit on every machine.
"""

import bisect
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Curve:
    """A number that changes with time; before the first keyframe and after the last it rests.

    >>> Curve((0, 10), (5.0, 7.0)).at(5)
    6.0
    """

    times: tuple[float, ...]
    """Ascending."""
    values: tuple[float, ...]
    is_smooth: bool = True
    """Smooth curves slow down where they turn and never leave the span between two keyframes;
    others are straight from keyframe to keyframe."""

    def at(self, time: float) -> float:
        """The number at a time."""
        times, values = self.times, self.values
        if time <= times[0]:
            return values[0]
        if time >= times[-1]:
            return values[-1]
        after = bisect.bisect_right(times, time)
        span = times[after] - times[after - 1]
        share = (time - times[after - 1]) / span
        start, end = values[after - 1], values[after]
        if not self.is_smooth:
            return start + share * (end - start)
        rise = end - start
        leave, arrive = self._slope(after - 1) * span, self._slope(after) * span
        eased = share * share * (3.0 - 2.0 * share)
        bent = share * (1.0 - share) * ((1.0 - share) * leave - share * arrive)
        return start + rise * eased + bent

    def _slope(self, key: int) -> float:
        """Of two neighbouring spans the harmonic mean; nothing at a turning point and at the ends.

        With it, a cubic is monotone between keyframes (Fritsch and Butland, 1984).
        """
        if key in (0, len(self.times) - 1):
            return 0.0
        before, after = self._steepness(key - 1), self._steepness(key)
        if before * after <= 0:
            return 0.0
        return 2.0 * before * after / (before + after)

    def _steepness(self, key: int) -> float:
        rise = self.values[key + 1] - self.values[key]
        return rise / (self.times[key + 1] - self.times[key])


def still(value: float) -> Curve:
    """A number that does not change."""
    return Curve((0.0,), (value,))


ZERO, ONE = still(0.0), still(1.0)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a thing is at one time, in pixels of the picture."""

    x: float
    y: float
    scale: float
    """Pixels per unit of its shape."""
    cosine: float
    """Of the angle by which it is turned, from x towards y."""
    sine: float
    stretch: float = 1.0
    """How much longer it is along its own x; it is thinner across by as much."""
    bend: float = 0.0
    """How far it is bent, see `masklet.data.scenes.shapes.Shape`."""
    facing: int = 1
    """-1 where it is mirrored, left for right."""
    age: float = 0.0
    """0 to 1: how far its surface has changed to what it will be."""


@dataclass(frozen=True, slots=True)
class Camera:
    """How the picture is cut out of the scene."""

    x: Curve = ZERO
    """How far it has moved to the right."""
    y: Curve = ZERO
    zoom: Curve = ONE
    roll: Curve = ZERO
    """The angle by which the scene appears turned, from x towards y."""

    def view(self, time: float) -> "View":
        """The camera at a time."""
        cosine, sine = turned(self.roll.at(time))
        return View(self.x.at(time), self.y.at(time), self.zoom.at(time), cosine, sine)


@dataclass(frozen=True, slots=True)
class View:
    """The camera at one time."""

    x: float
    y: float
    zoom: float
    cosine: float
    sine: float


@dataclass(frozen=True, slots=True)
class Motion:
    """How a thing moves through the scene."""

    x: Curve
    y: Curve
    scale: Curve
    turn: Curve = ZERO
    stretch: Curve = ONE
    bend: Curve = ZERO
    age: Curve = ZERO
    facing: int = 1

    def pose(self, time: float, view: View, middle: tuple[float, float]) -> Pose:
        """Where it is in the picture, whose middle is (x, y)."""
        east = (self.x.at(time) - middle[0] - view.x) * view.zoom
        south = (self.y.at(time) - middle[1] - view.y) * view.zoom
        cosine, sine = turned(self.turn.at(time))
        return Pose(
            x=middle[0] + view.cosine * east - view.sine * south,
            y=middle[1] + view.sine * east + view.cosine * south,
            scale=self.scale.at(time) * view.zoom,
            cosine=view.cosine * cosine - view.sine * sine,
            sine=view.sine * cosine + view.cosine * sine,
            stretch=self.stretch.at(time),
            bend=self.bend.at(time),
            facing=self.facing,
            age=self.age.at(time),
        )


def turned(angle: float) -> tuple[float, float]:
    """Cosine and sine, without the last digits, in which libraries differ."""
    return round(math.cos(angle), 12), round(math.sin(angle), 12)
