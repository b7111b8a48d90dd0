"""A small renderer: solids given by their distance functions, on a table, in soft light.

Every solid is walked towards on its own, by the distance to its surface, and only by rays that
meet a ball around it (sphere tracing: Hart 1996, doi 10.1007/s003710050084; its soft shadows: Quilez
2010). Units are those of the scene: x to the right, y up, z towards the eye; the table is y = 0.
Points and colours are float32 arrays of `(3, N)`, N rays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]

_FAR = np.float32(1e6)
_STEPS = 70
_TOUCH = np.float32(1e-3)


@dataclass(frozen=True, slots=True)
class Solid:
    """One thing: where it is, what shape and what colour."""

    centre: tuple[float, float, float]
    radius: float
    """A ball of this radius around the centre holds all of it."""
    distance: Callable[[Floats], Floats]
    """Signed distance to the surface, or less, of `(3, N)` points: `(N,)`, negative inside."""
    colour: Callable[[Floats], Floats]
    """Linear reflectance, 0 to 1, of points on the surface: `(3, N)`."""
    gloss: float = 0.3
    """Strength of the highlight."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What is around the solids."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    zoom: float
    """Half the picture's height over its distance is 1 / zoom."""
    light: tuple[float, float, float]
    """Direction to the light."""
    table: Callable[[Floats], Floats]
    """Colour of the table at `(3, N)` points."""
    wall: Callable[[Floats], Floats]
    """Colour of what is behind, by `(3, N)` ray directions."""


def render(
    solids: Sequence[Solid], stage: Stage, size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """The picture, `(height, width, 3)` uint8 RGB, and where each solid is seen, `(N, h, w)` bool.

    A pixel belongs to the solid that the ray through its centre meets. Edges are smooth: pixels
    unlike their neighbours are drawn again from 9 rays.

    >>> ball = Solid((0, 1, 0), 1, lambda p: np.hypot(np.hypot(p[0], p[1] - 1), p[2]) - 1, abs)
    >>> stage = Stage((0, 2, 6), (0, 1, 0), 3.0, (1, 2, 1), np.ones_like, np.ones_like)
    >>> image, masks = render([ball], stage, (8, 12))
    >>> image.shape, masks.shape
    ((8, 12, 3), (1, 8, 12))
    """
    height, width = size
    y, x = (grid.astype(np.float32).ravel() for grid in np.mgrid[:height, :width])
    colours, seen = _shoot(solids, stage, _directions(stage, size, x, y))
    again = np.flatnonzero(_unlike_neighbours(colours.reshape(3, height, width)))
    offsets = [(dx, dy) for dy in (-1 / 3, 0.0, 1 / 3) for dx in (-1 / 3, 0.0, 1 / 3)]
    smooth = np.zeros((3, len(again)), np.float32)
    for dx, dy in offsets:
        rays = _directions(stage, size, x[again] + np.float32(dx), y[again] + np.float32(dy))
        smooth += _shoot(solids, stage, rays)[0] / len(offsets)
    colours[:, again] = smooth
    image = np.rint(_encoded(colours) * 255).astype(np.uint8).T.reshape(height, width, 3)
    masks = np.stack([seen == row for row in range(len(solids))]).reshape(-1, height, width)
    return np.ascontiguousarray(image), masks


def _directions(stage: Stage, size: tuple[int, int], x: Floats, y: Floats) -> Floats:
    height, width = size
    forward = _unit(np.subtract(stage.target, stage.eye, dtype=np.float32)[:, None])
    right = _unit(np.cross(forward, [[0], [1], [0]], axis=0).astype(np.float32))
    up = np.cross(right, forward, axis=0)
    half = np.float32(height / 2)
    across = (x - np.float32((width - 1) / 2)) / half
    down = (y - np.float32((height - 1) / 2)) / half
    return _unit(forward * np.float32(stage.zoom) + right * across - up * down)


def _shoot(
    solids: Sequence[Solid], stage: Stage, rays: Floats
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Linear colours, `(3, N)`, and the solid seen, `(N,)`, -1 for none."""
    eye = np.array(stage.eye, np.float32)[:, None]
    light = _unit(np.array(stage.light, np.float32)[:, None])
    reach = np.full(rays.shape[1], _FAR)
    falls = rays[1] < -1e-4
    reach[falls] = -eye[1, 0] / rays[1, falls]
    seen = np.full(rays.shape[1], -1)
    on_table = falls.copy()
    for row, solid in enumerate(solids):
        found = _march(solid, eye, rays)
        nearer = found < reach
        reach = np.where(nearer, found, reach)
        seen[nearer] = row
        on_table &= ~nearer
    colours = stage.wall(rays)
    points = eye + rays[:, on_table] * reach[on_table]
    up = np.zeros_like(points)
    up[1] = 1
    table = stage.table(points) * _lit(solids, points, up, light)
    # The table fades into the wall instead of ending at a line.
    fade = np.clip((np.hypot(points[0], points[2]) - 5) / 9, 0, 1)
    colours[:, on_table] = table * (1 - fade) + colours[:, on_table] * fade
    for row, solid in enumerate(solids):
        here = seen == row
        colours[:, here] = _surface(
            solid, solids, eye + rays[:, here] * reach[here], rays[:, here], light
        )
    return colours, seen


def _march(solid: Solid, eye: Floats, rays: Floats) -> Floats:
    """How far along each ray the solid is, `(N,)`; far away where it is missed."""
    reach = np.full(rays.shape[1], _FAR)
    middle, half = _through_ball(solid, eye, rays)
    active = np.flatnonzero((half > 0) & (middle + half > 0))
    walked = np.maximum(middle[active] - half[active], 0)
    for _ in range(_STEPS):
        left = solid.distance(eye + rays[:, active] * walked)
        touches = left < _TOUCH
        reach[active[touches]] = walked[touches]
        walked = walked + left
        goes_on = ~touches & (walked < middle[active] + half[active])
        active, walked = active[goes_on], walked[goes_on]
        if not len(active):
            break
    return reach


def _through_ball(solid: Solid, start: Floats, rays: Floats) -> tuple[Floats, Floats]:
    """Where a ray is in the middle of the solid's ball, and half the way through, 0 if it misses."""
    towards = np.array(solid.centre, np.float32)[:, None] - start
    middle = (towards * rays).sum(0)
    square = np.float32(solid.radius**2) - (towards * towards).sum(0) + middle * middle
    return middle, np.sqrt(np.maximum(square, 0))


def _surface(
    solid: Solid, solids: Sequence[Solid], points: Floats, rays: Floats, light: Floats
) -> Floats:
    normals = _normals(solid, points)
    base = solid.colour(points) * _lit(solids, points, normals, light)
    middle = _unit(light - rays)
    highlight = np.maximum((normals * middle).sum(0), 0) ** 60 * solid.gloss
    # Everything mirrors a little of the bright room at a grazing angle (Schlick 1994).
    edge = (1 - np.maximum(-(normals * rays).sum(0), 0)) ** 5 * solid.gloss
    edge *= 0.5 * np.clip(normals[1] + np.float32(0.35), 0, 1)
    colours: Floats = base + highlight + edge
    return colours


def _normals(solid: Solid, points: Floats) -> Floats:
    step = np.float32(2e-3)
    slopes = []
    for axis in range(3):
        shift = np.zeros((3, 1), np.float32)
        shift[axis] = step
        slopes.append(solid.distance(points + shift) - solid.distance(points - shift))
    return _unit(np.stack(slopes))


def _lit(solids: Sequence[Solid], points: Floats, normals: Floats, light: Floats) -> Floats:
    """Light that arrives, `(3, N)`: a warm lamp with soft shadows, a cool room around."""
    lifted = points + normals * np.float32(0.02)
    facing = np.maximum((normals * light).sum(0), 0)
    lamp = facing * _shadow(solids, lifted, light)
    room = (0.6 + 0.4 * normals[1]) * _openness(solids, points, normals)
    warm = np.array([[1.0], [0.93], [0.82]], np.float32)
    cool = np.array([[0.78], [0.88], [1.0]], np.float32)
    light_in_all: Floats = np.float32(0.95) * warm * lamp + np.float32(0.42) * cool * room
    return light_in_all


def _shadow(solids: Sequence[Solid], points: Floats, light: Floats) -> Floats:
    """How much of the lamp is seen, 0 to 1: the narrowest gap on the way, relative to its distance."""
    seen = np.ones(points.shape[1], np.float32)
    softness = np.float32(7)
    for solid in solids:
        ball = Solid(solid.centre, solid.radius * 1.35, solid.distance, solid.colour)
        middle, half = _through_ball(ball, points, light)
        active = np.flatnonzero((half > 0) & (middle + half > 0))
        walked = np.maximum(middle[active] - half[active], np.float32(0.01))
        for _ in range(28):
            left = solid.distance(points[:, active] + light * walked)
            seen[active] = np.minimum(seen[active], np.clip(softness * left / walked, 0, 1))
            walked = walked + np.clip(left, np.float32(0.02), np.float32(0.4))
            goes_on = (left > _TOUCH) & (walked < middle[active] + half[active])
            active, walked = active[goes_on], walked[goes_on]
            if not len(active):
                break
    return seen * seen * (3 - 2 * seen)


def _openness(solids: Sequence[Solid], points: Floats, normals: Floats) -> Floats:
    """How much of the room is seen, 0 to 1, judged by the nearest surface a little way out."""
    open_ = np.ones(points.shape[1], np.float32)
    for out in (0.12, 0.35):
        outside = points + normals * np.float32(out)
        for solid in solids:
            centre = np.array(solid.centre, np.float32)[:, None]
            apart = np.sqrt(((outside - centre) ** 2).sum(0))
            near = np.flatnonzero(apart < solid.radius + out)
            gap = np.clip(solid.distance(outside[:, near]) / np.float32(out), 0, 1)
            open_[near] *= np.float32(0.45) + np.float32(0.55) * gap
    return open_


def _unlike_neighbours(colours: Floats) -> npt.NDArray[np.bool_]:
    levels = _encoded(colours)
    unlike = np.zeros(levels.shape[1:], bool)
    down = (np.abs(np.diff(levels, axis=1)) > 0.06).any(0)
    across = (np.abs(np.diff(levels, axis=2)) > 0.06).any(0)
    unlike[1:] |= down
    unlike[:-1] |= down
    unlike[:, 1:] |= across
    unlike[:, :-1] |= across
    return unlike


def _encoded(colours: Floats) -> Floats:
    """Linear light to display levels, 0 to 1, on a film's curve (a fit by Narkowicz, 2015)."""
    x = colours * np.float32(0.92)
    film = x * (np.float32(2.51) * x + np.float32(0.03))
    film /= x * (np.float32(2.43) * x + np.float32(0.59)) + np.float32(0.14)
    return np.clip(film, 0, 1) ** np.float32(1 / 2.2)


def _unit(vectors: Floats) -> Floats:
    units: Floats = vectors / np.maximum(np.sqrt((vectors * vectors).sum(0)), np.float32(1e-9))
    return units
