"""Smooth ways on which the camera and the cast of a clip move.

Places are x, y from -1 to 1, and maps take places to where they come from, as in
`masklet.data.warps`. Shapes: V clips, T frames, H W pictures.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from masklet.data.casting import Cast, MotionOptions
from masklet.data.draws import Draws
from masklet.data.warps import mirroring, moving, tilting, turning, zooming

# A camera shows this much less than the picture at most, so that it has room to move.
_CLOSEST = 1.35
# The share of the time between two frames in which a shutter is open at most.
_SHUTTER = 0.7
# How far a thing goes that leaves: from any place across the border, however large it is.
_AWAY = 2.5
# How fast an occluder passes, in halves of a picture per clip.
_PASSING = (1.0, 3.5)
# How far a twin is from the thing that it resembles.
_APART = (0.4, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """How something moves."""

    maps_VT33: Tensor
    smear_V2: Tensor
    """How far it goes while the shutter is open, in its own picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """How something is bent, smoothly, and more or less so over time."""

    knots_V2NN: Tensor
    strength_VT: Tensor

    def at(self, time: int, size: tuple[int, int]) -> Tensor:
        """What is added to the places of a frame, `(V, H, W, 2)`."""
        field_V2HW = F.interpolate(self.knots_V2NN, size=size, mode="bicubic", align_corners=True)
        return (field_V2HW * self.strength_VT[:, time, None, None, None]).permute(0, 2, 3, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How everything moves: the camera over the scene, and things in the scene."""

    camera: Track
    mover: Track
    twin: Track
    occluder: Track
    scene_bend: Bend
    mover_bend: Bend


def draw_plan(cast: Cast, options: MotionOptions, length: int, draws: Draws) -> Plan:
    """A way for everything; on the first frame the leading object is where it is in its picture."""
    clips = len(cast.centre_V2)
    open_V1 = draws.happens(options.smear, clips, 1) * draws.uniform(0.2, _SHUTTER, clips, 1)
    way_VT2 = cast.centre_V2[:, None] + drawn_ways(options.way, clips, length, draws)
    is_leaving_V = draws.happens(options.leaving, clips)
    outwards_V2 = F.normalize(2 * cast.centre_V2 + draws.normal(clips, 2), dim=1)
    away_VT = _AWAY * away_and_back(length, draws.device) * is_leaving_V[:, None]
    mover_VT2 = way_VT2 + away_VT[..., None] * outwards_V2[:, None]
    return Plan(
        camera=_camera(cast, options, open_V1, length, draws),
        mover=_rigid(cast.centre_V2, mover_VT2, options, open_V1, draws),
        twin=_twin(cast, options, open_V1, length, draws),
        occluder=_occluder(cast, way_VT2, options, open_V1, draws),
        scene_bend=_drawn_bend(options.bend, clips, length, draws),
        mover_bend=_drawn_bend(options.bend, clips, length, draws),
    )


def times(length: int, device: torch.device) -> Tensor:
    """When the frames of a clip are, from 0 for the first to 1 for the last, `(T,)`.

    >>> times(3, torch.device("cpu")).tolist(), times(1, torch.device("cpu")).tolist()
    ([0.0, 0.5, 1.0], [0.0])
    """
    return torch.arange(length, device=device) / max(length - 1, 1)


def drawn_paths(reach: float, clips: int, length: int, draws: Draws) -> Tensor:
    """Numbers `(V, T)` that begin with 0 and end within the reach, on a way that is bent.

    >>> draws = Draws(torch.Generator().manual_seed(0), torch.device("cpu"))
    >>> paths = drawn_paths(2.0, 100, 5, draws)
    >>> bool((paths[:, 0] == 0).all()), bool(paths.abs().max() <= 4)
    (True, True)
    """
    time_T = times(length, draws.device)
    end_V1, bow_V1 = (draws.uniform(-reach, reach, clips, 1) for _ in range(2))
    return end_V1 * time_T + bow_V1 * 2 * time_T * (1 - time_T)


def drawn_ways(reach: float, clips: int, length: int, draws: Draws) -> Tensor:
    """Paths of x and y, `(V, T, 2)`."""
    x_VT, y_VT = (drawn_paths(reach, clips, length, draws) for _ in range(2))
    return torch.stack([x_VT, y_VT], dim=-1)


def away_and_back(length: int, device: torch.device) -> Tensor:
    """From 0 up to 1 in the middle of a clip and back to 0, with rests at both ends, `(T,)`.

    >>> [round(value, 2) for value in away_and_back(7, torch.device("cpu")).tolist()]
    [0.0, 0.3, 0.81, 1.0, 0.81, 0.3, 0.0]
    """
    rise_T = (math.pi * times(length, device)).sin()
    return (1.4 * rise_T - 0.4).clamp(min=0)


def rigid_maps(centre_V2: Tensor, way_VT2: Tensor, angle_VT: Tensor, scale_VT: Tensor) -> Tensor:
    """Maps `(V, T, 3, 3)` for things that turn and grow around their own centre.

    Args:
        centre_V2: of each thing in its stored picture.
        way_VT2: where its centre is in the new one.
        angle_VT: radians, with the clock.
        scale_VT: how many times as large it is.
    """
    grown_VT33 = zooming(scale_VT[..., None].expand_as(way_VT2), torch.zeros_like(way_VT2))
    return moving(-centre_V2)[:, None] @ turning(angle_VT) @ grown_VT33 @ moving(way_VT2)


def _camera(
    cast: Cast, options: MotionOptions, open_V1: Tensor, length: int, draws: Draws
) -> Track:
    clips = len(cast.centre_V2)
    closeness_V1 = draws.uniform(1.0, _CLOSEST, clips, 1)
    scale_VT = closeness_V1 * _growth(options.growth / 2, clips, length, draws)
    # A little more of the scene than there is may be seen; its border is then continued.
    room_VT1 = (1 - 1 / scale_VT).clamp(min=0)[..., None]
    begin_V12 = (cast.centre_V2 + 0.2 * draws.normal(clips, 2))[:, None]
    begin_V12 = begin_V12.minimum(room_VT1[:, :1]).maximum(-room_VT1[:, :1])
    centre_VT2 = begin_V12 + drawn_ways(options.camera_way, clips, length, draws)
    centre_VT2 = centre_VT2.minimum(room_VT1).maximum(-room_VT1)
    turn = math.radians(options.turn) / 3
    maps_VT33 = (
        zooming(scale_VT[..., None].expand_as(centre_VT2), centre_VT2)
        @ turning(drawn_paths(turn, clips, length, draws))
        @ tilting(drawn_ways(options.tilt, clips, length, draws))
    )
    return Track(maps_VT33, _per_frame(centre_VT2) * open_V1)


def _rigid(
    centre_V2: Tensor, way_VT2: Tensor, options: MotionOptions, open_V1: Tensor, draws: Draws
) -> Track:
    clips, length = way_VT2.shape[:2]
    angle_VT = drawn_paths(math.radians(options.turn), clips, length, draws)
    scale_VT = _growth(options.growth, clips, length, draws)
    maps_VT33 = rigid_maps(centre_V2, way_VT2, angle_VT, scale_VT)
    return Track(maps_VT33, _per_frame(way_VT2) * open_V1)


def _twin(cast: Cast, options: MotionOptions, open_V1: Tensor, length: int, draws: Draws) -> Track:
    """At some distance from where the mover begins, perhaps mirrored."""
    clips = len(cast.centre_V2)
    apart_V2 = F.normalize(draws.normal(clips, 2), dim=1) * draws.uniform(*_APART, clips, 1)
    # On the other side of what would be out of view.
    begin_V2 = cast.centre_V2 + apart_V2
    begin_V2 = torch.where(begin_V2.abs() > 0.9, cast.centre_V2 - apart_V2, begin_V2)
    way_VT2 = begin_V2[:, None] + drawn_ways(options.way, clips, length, draws)
    track = _rigid(cast.centre_V2, way_VT2, options, open_V1, draws)
    mirror_V33 = (
        moving(-cast.centre_V2) @ mirroring(draws.happens(0.5, clips)) @ moving(cast.centre_V2)
    )
    return Track(mirror_V33[:, None] @ track.maps_VT33, track.smear_V2)


def _occluder(
    cast: Cast, target_VT2: Tensor, options: MotionOptions, open_V1: Tensor, draws: Draws
) -> Track:
    """Straight across the place where the leading object is on some frame after the first."""
    clips, length = target_VT2.shape[:2]
    meeting_V = draws.whole(min(1, length - 1), length - 1, clips)
    time_T = times(length, draws.device)
    target_V2 = target_VT2[torch.arange(clips, device=draws.device), meeting_V]
    pace_V2 = F.normalize(draws.normal(clips, 2), dim=1) * draws.uniform(*_PASSING, clips, 1)
    since_VT1 = (time_T - time_T[meeting_V, None])[..., None]
    way_VT2 = target_V2[:, None] + since_VT1 * pace_V2[:, None]
    scale_V1 = cast.occluder_scale_V[:, None] * draws.uniform(0.8, 1.7, clips, 1)
    scale_V1 = scale_V1.clamp(0.25, 5.0)
    angle_VT = drawn_paths(math.radians(options.turn), clips, length, draws)
    maps_VT33 = rigid_maps(cast.occluder_centre_V2, way_VT2, angle_VT, scale_V1.expand_as(angle_VT))
    return Track(maps_VT33, _per_frame(way_VT2) * open_V1 / scale_V1)


def _drawn_bend(amount: float, clips: int, length: int, draws: Draws) -> Bend:
    return Bend(amount * draws.normal(clips, 2, 4, 4), drawn_paths(1.0, clips, length, draws))


def _growth(share: float, clips: int, length: int, draws: Draws) -> Tensor:
    """How many times as large something is over time, `(V, T)`, 1 at first."""
    return drawn_paths(math.log1p(share), clips, length, draws).exp()


def _per_frame(way_VT2: Tensor) -> Tensor:
    """How far something goes from one frame to the next, on the mean of a clip."""
    return (way_VT2[:, -1] - way_VT2[:, 0]) / max(way_VT2.shape[1] - 1, 1)
