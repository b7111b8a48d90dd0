"""Outlines of things in generated clips, as signed distances.

A shape lies around (0, 0) in units of its own, about 1 large. Its distance is negative inside and
positive outside; a point at exactly 0 is inside. Near the edge it is close to the Euclidean one,
which makes edges soft in the picture; who is inside is exact. Only operations that IEEE 754 rounds
correctly are used on arrays, so that masks are the same on every machine.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from masklet.data.scenes.dice import Floats
from masklet.data.scenes.motion import turned


class Shape(Protocol):
    """An outline that can bend."""

    @property
    def reach(self) -> float:
        """The radius of a circle around (0, 0) that holds all of it, however it is bent."""

    @property
    def girth(self) -> float:
        """About how deep inside its thickest part is."""

    def distance(self, x: Floats, y: Floats, bend: float) -> Floats:
        """The signed distance at every point, with the outline bent so far.

        What `bend` means is the shape's own; those that swing take -1 to 1, the others 0 to 1.
        """


@dataclass(frozen=True, slots=True)
class Blob:
    """A closed outline around its middle: a circle of radius 1 with waves.

    Bent by 1 it has the waves of `bent`; in between it is in between.

    >>> Blob().distance(np.array([0.0, 3.0]), np.array([0.0, 4.0]), 0.0).tolist()
    [-1.0, 4.0]
    """

    waves: tuple[tuple[float, float], ...] = ()
    """Cosine and sine parts of the waves that go twice, three times, ... around."""
    bent: tuple[tuple[float, float], ...] | None = None
    """As many waves; None where bending changes nothing."""

    @property
    def reach(self) -> float:
        """With all crests in one place."""
        return 1.0 + max(_swing(self.waves), _swing(self.bent or ()))

    @property
    def girth(self) -> float:
        """Half of its mean radius."""
        return 0.5

    @property
    def core(self) -> float:
        """The radius of a circle around (0, 0) that lies within it, however it is bent."""
        return 1.0 - max(_swing(self.waves), _swing(self.bent or ()))

    def distance(self, x: Floats, y: Floats, bend: float) -> Floats:
        """How far outside the waves a point is, by their steepness there."""
        radius = np.sqrt(x * x + y * y)
        safe = np.maximum(radius, 1e-9)
        cosine, sine = x / safe, y / safe
        edge, slope = np.ones_like(radius), np.zeros_like(radius)
        # Sines of multiples by the addition formula: np.sin differs from machine to machine.
        turned_cosine, turned_sine = cosine, sine
        for number, (even, odd) in enumerate(self._waves(bend), start=2):
            turned_cosine, turned_sine = (
                turned_cosine * cosine - turned_sine * sine,
                turned_sine * cosine + turned_cosine * sine,
            )
            edge += even * turned_cosine + odd * turned_sine
            slope += number * (odd * turned_cosine - even * turned_sine)
        lean = slope / np.maximum(radius, 0.5)
        return (radius - edge) / np.sqrt(1.0 + lean * lean)

    def _waves(self, bend: float) -> tuple[tuple[float, float], ...]:
        if self.bent is None:
            return self.waves
        return tuple(
            (even + bend * (even_then - even), odd + bend * (odd_then - odd))
            for (even, odd), (even_then, odd_then) in zip(self.waves, self.bent, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Slab:
    """A rectangle with round corners; bent by 1, it sags at its ends by 0.3 times x squared.

    >>> Slab(2.0, 1.0).distance(np.array([0.0, 3.0]), np.array([0.0, 0.0]), 0.0).tolist()
    [-1.0, 1.0]
    """

    half_width: float
    half_height: float
    corner: float = 0.0

    @property
    def reach(self) -> float:
        """To a corner, bent as far as it goes."""
        width = self.half_width
        height = self.half_height + 0.3 * width * width
        return math.sqrt(width * width + height * height)

    @property
    def girth(self) -> float:
        """Half of its shorter side."""
        return min(self.half_width, self.half_height)

    def distance(self, x: Floats, y: Floats, bend: float) -> Floats:
        """To the sides or, outside of a corner, to its round."""
        beside = np.abs(x) - (self.half_width - self.corner)
        beyond = np.abs(y - 0.3 * bend * x * x) - (self.half_height - self.corner)
        right, down = np.maximum(beside, 0.0), np.maximum(beyond, 0.0)
        inside = np.minimum(np.maximum(beside, beyond), 0.0)
        return np.sqrt(right * right + down * down) + inside - self.corner


@dataclass(frozen=True, slots=True)
class Ring:
    """A band along the edge of a blob; what it encloses is not part of it."""

    blob: Blob
    half_width: float

    @property
    def reach(self) -> float:
        """Of its outer edge."""
        # Where waves are steep, the blob's distance is less than Euclidean and the band wider.
        return self.blob.reach + 2.0 * self.half_width

    @property
    def girth(self) -> float:
        """Half of its band."""
        return self.half_width

    def distance(self, x: Floats, y: Floats, bend: float) -> Floats:
        """From the band."""
        return np.abs(self.blob.distance(x, y, bend)) - self.half_width


@dataclass(frozen=True, slots=True)
class Limb:
    """A rod with round ends of two radii, which swings about its first end."""

    start: tuple[float, float]
    end: tuple[float, float]
    start_radius: float
    end_radius: float
    swing: float = 0.0
    """The angle it turns by, from x towards y, when the shape is bent by 1."""


@dataclass(frozen=True, slots=True)
class Limbs:
    """Rods that grow together where they meet: beasts, people, branches.

    >>> figure = Limbs((Limb((-1.0, 0.0), (1.0, 0.0), 0.5, 0.5),))
    >>> figure.distance(np.array([0.0, 2.0]), np.array([1.5, 0.0]), 0.0).tolist()
    [1.0, 0.5]
    """

    limbs: tuple[Limb, ...]
    softness: float = 0.0
    """How far from a meeting the outline is rounded; 0 keeps it sharp."""

    @property
    def reach(self) -> float:
        """To the end of the longest limb, wherever it swings."""
        # Two rods that grow together are thicker by a quarter of the softness where they meet.
        return max(map(_limb_reach, self.limbs)) + 0.25 * self.softness * len(self.limbs)

    @property
    def girth(self) -> float:
        """Of the thickest limb."""
        return max(max(limb.start_radius, limb.end_radius) for limb in self.limbs)

    def distance(self, x: Floats, y: Floats, bend: float) -> Floats:
        """To the nearest limb."""
        nearest = _to_limb(self.limbs[0], x, y, bend)
        for limb in self.limbs[1:]:
            other = _to_limb(limb, x, y, bend)
            joined = np.minimum(nearest, other)
            if self.softness:
                close = np.maximum(1.0 - np.abs(nearest - other) / self.softness, 0.0)
                joined -= close * close * (0.25 * self.softness)
            nearest = joined
        return nearest


@dataclass(frozen=True, slots=True)
class Wire:
    """A line of one thickness through points; bent by 1 it goes through others."""

    points: tuple[tuple[float, float], ...]
    bent: tuple[tuple[float, float], ...]
    half_width: float

    @property
    def reach(self) -> float:
        """To the farthest point."""
        return max(math.hypot(*point) for point in self.points + self.bent) + self.half_width

    @property
    def girth(self) -> float:
        """Half of its thickness."""
        return self.half_width

    def distance(self, x: Floats, y: Floats, bend: float) -> Floats:
        """To the nearest piece."""
        points = [
            (here[0] + bend * (there[0] - here[0]), here[1] + bend * (there[1] - here[1]))
            for here, there in zip(self.points, self.bent, strict=True)
        ]
        pieces = [_to_rod(x, y, start, end) for start, end in itertools.pairwise(points)]
        return np.sqrt(np.minimum.reduce(pieces)) - self.half_width


def _swing(waves: Sequence[tuple[float, float]]) -> float:
    return sum(math.sqrt(even * even + odd * odd) for even, odd in waves)


def _limb_reach(limb: Limb) -> float:
    """To the farther one of its ends, the second where it swings farthest out."""
    (x, y), (to_x, to_y) = limb.start, limb.end
    start, length = math.hypot(x, y), math.hypot(to_x - x, to_y - y)
    outward = math.atan2(y, x) - math.atan2(to_y - y, to_x - x)
    aside = abs(math.remainder(outward, math.tau))
    nearest = max(0.0, aside - abs(limb.swing))
    square = start * start + length * length + 2.0 * start * length * math.cos(nearest)
    return max(start + limb.start_radius, math.sqrt(max(square, 0.0)) + limb.end_radius)


def _to_limb(limb: Limb, x: Floats, y: Floats, bend: float) -> Floats:
    (from_x, from_y), (to_x, to_y) = limb.start, limb.end
    cosine, sine = turned(limb.swing * bend)
    east, south = to_x - from_x, to_y - from_y
    across, along = cosine * east - sine * south, sine * east + cosine * south
    right, down = x - from_x, y - from_y
    share = _share(right, down, across, along)
    right, down = right - share * across, down - share * along
    radius = limb.start_radius + share * (limb.end_radius - limb.start_radius)
    return np.sqrt(right * right + down * down) - radius


def _to_rod(x: Floats, y: Floats, start: tuple[float, float], end: tuple[float, float]) -> Floats:
    """The square of the distance to a line between two points."""
    east, south = end[0] - start[0], end[1] - start[1]
    right, down = x - start[0], y - start[1]
    share = _share(right, down, east, south)
    right, down = right - share * east, down - share * south
    return right * right + down * down


def _share(right: Floats, down: Floats, east: float, south: float) -> Floats:
    """How far along a line the point of it lies that is nearest, 0 to 1."""
    length = max(east * east + south * south, 1e-12)
    share = (right * east + down * south) / length
    return np.minimum(np.maximum(share, 0.0), 1.0)
