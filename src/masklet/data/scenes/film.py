"""A scene that is filmed: its frames, and exactly which pixels show which object."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np

from masklet.data.records import Mask
from masklet.data.scenes.backdrops import Backdrop, backdrop_tile, seen_through
from masklet.data.scenes.dice import Dice
from masklet.data.scenes.motion import ONE, ZERO, Camera, Curve, Pose
from masklet.data.scenes.painter import Actor, Canvas, Sun, Surfaces, paint, silhouette, surfaces_of
from masklet.data.scenes.textures import Tile
from masklet.io.video import Frame, Timeless, checked_index
from masklet.types import ObjectId
from masklet.types.video import VideoInfo

# Between two poses of a blurred thing, in pixels, and how many there are at most.
_BLUR_STEP, _MOST_POSES = 1.5, 17

# Of the sum of two bytes.
_NOISE_DEVIATION = math.sqrt(2 * (256**2 - 1) / 12)


@dataclass(frozen=True, slots=True)
class Shot:
    """A stretch of a clip from one cut to the next."""

    start: int
    """Its first frame; times of its motions are counted from the first frame of the clip."""
    backdrop: Backdrop
    sun: Sun
    camera: Camera
    actors: tuple[Actor, ...]
    """Each stands before those that come earlier."""


@dataclass(frozen=True, slots=True)
class Light:
    """What happens between the scene and the picture."""

    gain: Curve = ONE
    warmth: Curve = ZERO
    """How much stronger red is and weaker blue, as a share."""
    flicker: float = 0.0
    """How far the gain jumps from frame to frame at most, as a share."""
    noise: float = 2.0
    """Its standard deviation in levels of 0 to 255."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is seen in a clip."""

    size: tuple[int, int]
    """`(height, width)`."""
    length: int
    """Frames."""
    shots: tuple[Shot, ...]
    """By rising start, the first of which is 0."""
    seed: str
    """Of its noise."""
    light: Light = Light()
    shutter: float = 0.25
    """How long the shutter is open, as a share of the time between frames."""

    def shot_at(self, frame_index: int) -> Shot:
        """The shot to which a frame belongs."""
        return next(shot for shot in reversed(self.shots) if shot.start <= frame_index)

    def pose(self, actor: Actor, shot: Shot, time: float) -> Pose:
        """Where an actor is in the picture."""
        middle = (self.size[1] - 1) / 2, (self.size[0] - 1) / 2
        return actor.motion.pose(time, shot.camera.view(time), middle)

    def visible(self, frame_index: int) -> Mapping[ObjectId, Mask]:
        """The pixels that show each object of the scene, all False where it is hidden or gone.

        That is at the middle of the exposure: of a blurred thing the pixels that it covers for at
        least half of it, where it moves straight and less than its own length.
        """
        shot = self.shot_at(frame_index)
        masks = {each: np.zeros(self.size, np.bool_) for each in self.object_ids()}
        free = np.ones(self.size, np.bool_)
        for actor in reversed(shot.actors):
            pose = self.pose(actor, shot, frame_index)
            mask = silhouette(actor.body.shape, pose, self.size)
            if actor.object_id is not None:
                masks[actor.object_id] |= mask & free
            free &= ~mask
        return masks

    def object_ids(self) -> tuple[ObjectId, ...]:
        """The objects, by rising id."""
        actors = [actor for shot in self.shots for actor in shot.actors]
        return tuple(sorted({each.object_id for each in actors if each.object_id is not None}))


@dataclass(frozen=True, slots=True)
class _Set:
    """A shot with everything drawn that does not change."""

    backdrop: Tile
    surfaces: tuple[Surfaces, ...]


class Film(Timeless):
    """The frames of a scene, painted as they are asked for; see `FrameSource`.

    Places and surfaces are drawn once for each shot, when the first of its frames is asked for.

    >>> backdrop = Backdrop("water", (50, 110, 130), (190, 220, 225), (20, 60, 85), "a")
    >>> shot = Shot(0, backdrop, Sun(-0.6, -0.8), Camera(), ())
    >>> Film(Scene((32, 48), 5, (shot,), "a"), "sea")[4].shape
    (32, 48, 3)
    """

    def __init__(self, scene: Scene, name: str) -> None:
        super().__init__(VideoInfo(name, scene.size, scene.length, None), scene.length)
        self._scene = scene
        self._sets: dict[int, _Set] = {}

    def __getitem__(self, frame_index: SupportsIndex) -> Frame:
        """One frame, painted now."""
        index = checked_index(frame_index, len(self))
        scene = self._scene
        shot = scene.shot_at(index)
        drawn = self._set(shot)
        canvas = seen_through(drawn.backdrop, shot.camera.view(index), scene.size)
        for actor, surfaces in zip(shot.actors, drawn.surfaces, strict=True):
            paint(canvas, actor.body, _poses(scene, actor, shot, index), surfaces, shot.sun)
        return _exposed(canvas, scene, index)

    def _set(self, shot: Shot) -> _Set:
        if shot.start not in self._sets:
            self._sets[shot.start] = _Set(
                backdrop=backdrop_tile(shot.backdrop, self._scene.size, shot.sun),
                surfaces=tuple(surfaces_of(actor.body) for actor in shot.actors),
            )
        return self._sets[shot.start]


def _poses(scene: Scene, actor: Actor, shot: Shot, frame_index: int) -> list[Pose]:
    """The poses that an actor takes while the shutter is open; the middle one is the frame's."""
    half = scene.shutter / 2.0
    first = scene.pose(actor, shot, frame_index - half)
    last = scene.pose(actor, shot, frame_index + half)
    way = max(abs(last.x - first.x), abs(last.y - first.y))
    steps = min(int(way / _BLUR_STEP), _MOST_POSES) // 2
    if steps == 0:
        return [scene.pose(actor, shot, frame_index)]
    return [
        scene.pose(actor, shot, frame_index + half * step / steps)
        for step in range(-steps, steps + 1)
    ]


def _exposed(canvas: Canvas, scene: Scene, frame_index: int) -> Canvas:
    """The canvas as a camera records it, in whole numbers."""
    light, dice = scene.light, Dice(f"{scene.seed} frame {frame_index}")
    gain = light.gain.at(frame_index) * (1.0 + light.flicker * dice.between(-1.0, 1.0))
    warmth = light.warmth.at(frame_index)
    gains = np.rint(np.array([gain * (1.0 + warmth), gain, gain * (1.0 - warmth)]) * 256.0)
    grain = dice.levels(2 * canvas.size).reshape(2, *canvas.shape).sum(axis=0, dtype=np.int32)
    strength = round(256.0 * light.noise / _NOISE_DEVIATION)
    levels = canvas * gains.astype(np.int32) + (grain - 255) * np.int32(strength)
    return np.clip((levels + 128) >> 8, 0, 255).astype(np.uint8)
