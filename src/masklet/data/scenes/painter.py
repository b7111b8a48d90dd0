"""Painting the things of a generated clip, and saying exactly which pixels show them.

A thing hides what was painted before it. In the picture its edge is soft: a pixel is covered as far
as its middle lies within half a pixel of the outline. In the truth a pixel belongs to the foremost
thing that holds its middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from masklet.data.records import Mask
from masklet.data.scenes.dice import Floats
from masklet.data.scenes.motion import Motion, Pose
from masklet.data.scenes.shapes import Shape
from masklet.data.scenes.textures import Look, Tile, sampled, surface
from masklet.types import ObjectId

Canvas: TypeAlias = npt.NDArray[np.uint8]
"""`(height, width, 3)` RGB, painted in place."""

# What a thing is darkened by at its edge, and by how much its two sides differ.
_ROUND, _SIDED = 0.32, 0.26


@dataclass(frozen=True, slots=True)
class Body:
    """A thing as it is, wherever it goes."""

    shape: Shape
    look: Look
    detail: float
    """Pixels of its surface per unit of its shape."""
    later: Look | None = None
    """The surface it has when its age is 1."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A thing that moves."""

    body: Body
    motion: Motion
    object_id: ObjectId | None = None
    """None for what belongs to the scene: it may hide objects and is none."""


@dataclass(frozen=True, slots=True)
class Surfaces:
    """The tiles of a body."""

    now: Tile
    later: Tile | None


@dataclass(frozen=True, slots=True)
class Sun:
    """Where light comes from: the direction in the picture in which things grow brighter."""

    x: float
    y: float
    shadow: float = 0.35
    """How dark shadows are, 0 to 1."""
    throw: float = 4.0
    """How far they fall, in pixels."""


@dataclass(frozen=True, slots=True)
class _Box:
    """A part of a picture; empty where it holds no pixel."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def window(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        return max(0, self.bottom - self.top), max(0, self.right - self.left)


@dataclass(frozen=True, slots=True)
class _Cutout:
    """Where the pixels of a box lie on a thing."""

    x: Floats
    """In units of its shape, as `y`."""
    y: Floats
    distance: Floats
    """To the outline, in pixels of the picture."""


def silhouette(shape: Shape, pose: Pose, size: tuple[int, int]) -> Mask:
    """All pixels whose middle the thing holds, whatever stands before it."""
    mask = np.zeros(size, np.bool_)
    box = _around(shape, (pose,), size, 1.0)
    if 0 not in box.shape:
        mask[box.window] = _cut(shape, pose, box).distance <= 0.0
    return mask


def surfaces_of(body: Body) -> Surfaces:
    """Draw what a body is covered with."""
    return Surfaces(surface(body.look), None if body.later is None else surface(body.later))


def paint(canvas: Canvas, body: Body, poses: Sequence[Pose], surfaces: Surfaces, sun: Sun) -> None:
    """Paint a thing and its shadow; with several poses, blurred evenly between them."""
    size = canvas.shape[0], canvas.shape[1]
    _paint_shadow(canvas, body.shape, poses[len(poses) // 2], sun)
    box = _around(body.shape, poses, size, 1.0)
    if 0 in box.shape:
        return
    cover, colours = np.zeros(box.shape), np.zeros((*box.shape, 3))
    for pose in poses:
        cutout = _cut(body.shape, pose, box)
        covered = np.clip(0.5 - cutout.distance, 0.0, 1.0)
        light = covered * _lit(body.shape, pose, cutout, box, sun)
        cover += covered
        colours += _coloured(body, pose, cutout, surfaces) * light[..., None]
    window = canvas[box.window]
    uncovered = 1.0 - cover / len(poses)
    painted = window * uncovered[..., None] + colours / len(poses)
    window[...] = np.minimum(np.rint(painted), 255.0)


def _paint_shadow(canvas: Canvas, shape: Shape, pose: Pose, sun: Sun) -> None:
    """Darken what lies beneath the thing, away from the light, with an edge as soft as it is far."""
    thrown = replace(pose, x=pose.x - sun.throw * sun.x, y=pose.y - sun.throw * sun.y)
    softness = 1.0 + 1.2 * sun.throw
    box = _around(shape, (thrown,), (canvas.shape[0], canvas.shape[1]), softness)
    if 0 in box.shape:
        return
    far = _cut(shape, thrown, box).distance
    left = 1.0 - sun.shadow * np.clip(0.5 - far / softness, 0.0, 1.0)
    window = canvas[box.window]
    window[...] = np.rint(window * left[..., None])


def _around(shape: Shape, poses: Sequence[Pose], size: tuple[int, int], margin: float) -> _Box:
    """A box that holds a thing in all its poses and so many pixels around it, within the picture."""
    reaches = [
        shape.reach * pose.scale * max(pose.stretch, 1.0 / pose.stretch) + margin for pose in poses
    ]
    both = list(zip(poses, reaches, strict=True))
    return _Box(
        top=max(0, int(min(pose.y - reach for pose, reach in both))),
        left=max(0, int(min(pose.x - reach for pose, reach in both))),
        bottom=min(size[0], int(max(pose.y + reach for pose, reach in both)) + 2),
        right=min(size[1], int(max(pose.x + reach for pose, reach in both)) + 2),
    )


def _cut(shape: Shape, pose: Pose, box: _Box) -> _Cutout:
    rows, columns = np.ogrid[box.window]
    down, right = rows - pose.y, columns - pose.x
    along = pose.facing / (pose.scale * pose.stretch)
    across = pose.stretch / pose.scale
    x = (pose.cosine * right + pose.sine * down) * along
    y = (pose.cosine * down - pose.sine * right) * across
    return _Cutout(x, y, shape.distance(x, y, pose.bend) * pose.scale)


def _lit(shape: Shape, pose: Pose, cutout: _Cutout, box: _Box, sun: Sun) -> Floats:
    """How bright it is where: less at the edge, as round things are, and more towards the light."""
    depth = np.clip(cutout.distance / (-0.9 * shape.girth * pose.scale), 0.0, 1.0)
    edge = (1.0 - depth) * (1.0 - depth)
    rows, columns = np.ogrid[box.window]
    side = (columns - pose.x) * sun.x + (rows - pose.y) * sun.y
    turned_to = np.clip(side / (shape.reach * pose.scale), -1.0, 1.0)
    return 1.0 - _ROUND * edge + _SIDED * turned_to


def _coloured(
    body: Body, pose: Pose, cutout: _Cutout, surfaces: Surfaces
) -> npt.NDArray[np.uint8] | Floats:
    x, y = cutout.x * body.detail, cutout.y * body.detail
    now = sampled(surfaces.now, x, y)
    if surfaces.later is None or pose.age <= 0.0:
        return now
    return now * (1.0 - pose.age) + sampled(surfaces.later, x, y) * pose.age
