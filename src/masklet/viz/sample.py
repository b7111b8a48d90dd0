"""The sample picture: a still life that the project draws itself, with its exact masks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from masklet.viz.raymarch import Floats, Solid, Stage, render

NAMES = ("mug", "straw", "ring", "orange", "tin", "cherries")
"""The objects, in the order of their masks."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture and what is where in it."""

    image: npt.NDArray[np.uint8]
    """`(height, width, 3)` RGB."""
    masks: npt.NDArray[np.bool_]
    """`(6, height, width)`, one per name in `NAMES`."""


def sample_picture(size: tuple[int, int] = (640, 960)) -> Sample:
    """Draw the still life; the same picture every time, at any `(height, width)`.

    A mug with a handle to see through and a thin straw in it, a ring, an orange, a tin and two
    cherries on stems, on a wooden table. Takes a few seconds at the default size.

    >>> sample_picture((16, 24)).masks.shape
    (6, 16, 24)
    """
    solids = (mug(), straw(), ring(), orange(), tin(), cherries())
    image, masks = render(solids, room(), size)
    return Sample(image, masks)


def room() -> Stage:
    """The wooden table, the wall behind it, the lamp, and where they are seen from."""
    return Stage(
        eye=(0.35, 2.7, 7.6),
        target=(0.18, 0.82, 0.0),
        zoom=3.35,
        light=(-0.75, 1.25, 0.75),
        table=_wood,
        wall=_wall,
    )


def mug() -> Solid:
    """A glazed mug with a handle, at the left."""
    x0, z0 = -1.45, -0.15

    def distance(p: Floats) -> Floats:
        x, y, z = p[0] - x0, p[1] - 0.8, p[2] - z0
        around = np.hypot(x, z)
        outside = _rounded(around - 0.72, np.abs(y) - 0.78, 0.06)
        inside = _rounded(around - 0.62, np.abs(y - 0.2) - 0.85, 0.04)
        # The handle points to the left and a little to the front.
        u, w = x * -0.92 + z * 0.39, x * 0.39 + z * 0.92
        handle = np.hypot(np.hypot(u - 0.74, (y - 0.02) * 0.92) - 0.43, w) - 0.095
        surface: Floats = np.maximum(np.minimum(outside, handle), -inside)
        return surface

    def colour(p: Floats) -> Floats:
        y = p[1]
        glaze = _tint(p, (0.05, 0.26, 0.34))
        drips = 1.02 + 0.1 * np.sin(9 * np.arctan2(p[2] - z0, p[0] - x0))
        cream = (y > drips) | (np.hypot(p[0] - x0, p[2] - z0) < 0.66)
        return np.where(cream, _tint(p, (0.78, 0.70, 0.55)), glaze) * _grain(p, 14, 0.05)

    return Solid((x0 - 0.25, 0.8, z0), 1.35, distance, colour, gloss=0.75)


def straw() -> Solid:
    """A striped straw that leans in the mug."""
    foot, top = (-1.6, 0.15, -0.3), (-0.72, 2.62, 0.0)

    def colour(p: Floats) -> Floats:
        turn = np.arctan2(p[2] - foot[2], p[0] - foot[0]) / 6 + p[1] * 3.2
        white = (turn % 1) < 0.5
        return np.where(white, _tint(p, (0.85, 0.84, 0.80)), _tint(p, (0.72, 0.05, 0.07)))

    return Solid((-1.16, 1.38, -0.15), 1.42, lambda p: _capsule(p, foot, top, 0.045), colour, 0.4)


def ring() -> Solid:
    """A wooden ring that stands on its edge."""

    def distance(p: Floats) -> Floats:
        x, y, z = p[0] - 0.42, p[1] - 0.76, p[2] + 0.75
        u, w = x * 0.88 - z * 0.47, x * 0.47 + z * 0.88
        y, w = y * 0.97 - w * 0.24, y * 0.24 + w * 0.97
        surface: Floats = np.hypot(np.hypot(u, y) - 0.56, w) - 0.19
        return surface

    def colour(p: Floats) -> Floats:
        rings = 0.5 + 0.5 * np.sin(p[0] * 30 + 6 * np.sin(p[1] * 2 + p[2] * 3))
        wood: Floats = _tint(p, (0.60, 0.34, 0.13)) * (0.8 + 0.25 * rings) * _grain(p, 31, 0.08)
        return wood

    return Solid((0.42, 0.76, -0.75), 0.8, distance, colour, gloss=0.35)


def orange() -> Solid:
    """An orange, in front."""
    centre, radius = (1.28, 0.6, 0.55), 0.6

    def distance(p: Floats) -> Floats:
        x, y, z = p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]
        pores = np.sin(x * 61) * np.sin(y * 57 + 1) * np.sin(z * 59 + 2)
        dimple = 0.05 * np.exp(-((x + 0.1) ** 2 + (z - 0.12) ** 2) * 60) * (y > 0)
        # Pores are steeper than a distance may be, so it is understated.
        surface: Floats = np.sqrt(x * x + y * y + z * z) - radius + dimple + 0.004 * pores
        return surface * np.float32(0.85)

    def colour(p: Floats) -> Floats:
        x, z = p[0] - centre[0] + 0.1, p[2] - centre[2] - 0.12
        stalk = np.exp(-(x * x + z * z) * 260) * (p[1] > centre[1])
        peel = _tint(p, (0.90, 0.30, 0.02)) * _grain(p, 5, 0.12) * _grain(p, 60, 0.06)
        skin: Floats = peel * (1 - stalk) + _tint(p, (0.10, 0.16, 0.03)) * stalk
        return skin

    return Solid(centre, 0.66, distance, colour, gloss=0.35)


def tin() -> Solid:
    """A tin with a label, at the right."""

    def distance(p: Floats) -> Floats:
        x, y, z = p[0] - 2.2, p[1] - 0.86, p[2] + 0.75
        u, w = x * 0.94 + z * 0.34, z * 0.94 - x * 0.34
        gaps = np.stack([np.abs(u) - 0.52, np.abs(y) - 0.8, np.abs(w) - 0.36])
        outside = np.sqrt((np.maximum(gaps, 0) ** 2).sum(0))
        surface: Floats = outside + np.minimum(gaps.max(0), 0) - 0.06
        return surface

    def colour(p: Floats) -> Floats:
        x, z = p[0] - 2.2, p[2] + 0.75
        u, y = x * 0.94 + z * 0.34, p[1]
        label = np.where((y * 9 + u * 3) % 2 < 1, 0.9, 1.15) * _tint(p, (0.16, 0.33, 0.16))
        badge = np.hypot(u, y - 0.95) < 0.3
        label = np.where(badge, _tint(p, (0.80, 0.72, 0.50)), label)
        metal = (y > 1.5) | (y < 0.2)
        return np.where(metal, _tint(p, (0.45, 0.47, 0.50)), label) * _grain(p, 23, 0.04)

    return Solid((2.2, 0.86, -0.75), 1.12, distance, colour, gloss=0.5)


def cherries() -> Solid:
    """Two cherries on stems, in the very front."""
    left, right, joint = (-0.42, 0.2, 1.5), (0.12, 0.2, 1.72), (-0.02, 1.0, 1.45)

    def distance(p: Floats) -> Floats:
        fruit = np.minimum(_ball(p, left, 0.21), _ball(p, right, 0.2))
        bend = (-0.3, 0.72, 1.46)
        stems = np.minimum(
            np.minimum(
                _capsule(p, (-0.42, 0.36, 1.5), bend, 0.018), _capsule(p, bend, joint, 0.018)
            ),
            _capsule(p, (0.12, 0.36, 1.72), joint, 0.018),
        )
        return np.minimum(fruit, stems)

    def colour(p: Floats) -> Floats:
        skin = _tint(p, (0.42, 0.01, 0.03)) * _grain(p, 9, 0.25)
        stem = np.minimum(_ball(p, left, 0.21), _ball(p, right, 0.2)) > 0.012
        return np.where(stem, _tint(p, (0.16, 0.24, 0.05)), skin)

    return Solid((-0.13, 0.5, 1.55), 0.75, distance, colour, gloss=0.9)


def _wood(p: Floats) -> Floats:
    x, z = p[0], p[2] + 10
    plank = np.floor(z / 0.9)
    shift = x + 3.7 * np.sin(plank * 12.9)
    # Fine lines would shimmer where the table is far away.
    near = np.clip((p[2] + 2.5) / 3.5, 0, 1)
    rings = z + 0.16 * np.sin(shift * 0.8 + plank) + 0.05 * np.sin(shift * 2.3 + z * 2)
    veins = np.sin(rings * 21) + 0.5 * near * np.sin(rings * 67 + shift)
    pores = near * np.sin(shift * 9 + 4 * np.sin(z * 31)) * np.sin(z * 173)
    tone = 0.9 + 0.06 * veins + 0.09 * np.sin(plank * 7.3) + 0.03 * pores
    seam = 1 - 0.6 * np.exp(-(np.minimum(z / 0.9 % 1, 1 - z / 0.9 % 1) ** 2) * 9000)
    planks: Floats = _tint(p, (0.33, 0.165, 0.075)) * tone * seam
    return planks


def _wall(rays: Floats) -> Floats:
    low, high = _tint(rays, (0.40, 0.33, 0.27)), _tint(rays, (0.10, 0.15, 0.19))
    rise = np.clip(rays[1] * 2.4 + 0.62, 0, 1)
    glow = np.exp(-((rays[0] + 0.2) ** 2 + (rays[1] + 0.1) ** 2) * 9)
    shade: Floats = (low * (1 - rise) + high * rise) * (0.7 + 0.75 * glow)
    return shade


def _tint(like: Floats, colour: tuple[float, float, float]) -> Floats:
    return np.repeat(np.array(colour, np.float32)[:, None], like.shape[1], axis=1)


def _grain(p: Floats, frequency: float, depth: float) -> Floats:
    """Uneven colour: 1 and up to `depth` more or less."""
    x, y, z = p * np.float32(frequency)
    first = np.sin(x + 1.7 * np.sin(y * 0.9)) * np.sin(y * 1.1 + 1.3 * np.sin(z))
    second = np.sin(z * 1.2 + 1.9 * np.sin(x * 0.7))
    uneven: Floats = 1 + depth * (0.6 * first + 0.4 * second)
    return uneven


def _rounded(across: Floats, along: Floats, radius: float) -> Floats:
    a, b = across + np.float32(radius), along + np.float32(radius)
    corner = np.hypot(np.maximum(a, 0), np.maximum(b, 0))
    surface: Floats = corner + np.minimum(np.maximum(a, b), 0) - np.float32(radius)
    return surface


def _ball(p: Floats, centre: tuple[float, float, float], radius: float) -> Floats:
    apart = p - np.array(centre, np.float32)[:, None]
    surface: Floats = np.sqrt((apart * apart).sum(0)) - np.float32(radius)
    return surface


def _capsule(
    p: Floats, foot: tuple[float, float, float], top: tuple[float, float, float], radius: float
) -> Floats:
    start = np.array(foot, np.float32)[:, None]
    axis = np.array(top, np.float32)[:, None] - start
    along = np.clip(((p - start) * axis).sum(0) / (axis * axis).sum(), 0, 1)
    apart = p - start - axis * along
    surface: Floats = np.sqrt((apart * apart).sum(0)) - np.float32(radius)
    return surface
