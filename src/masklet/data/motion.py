"""Clips out of still pictures: the camera moves, things move by themselves, cross and come back.

What is visible is known exactly, because every thing is drawn with its mask.

Shapes: V clips, T frames, K objects of a picture, two more in the clips, C channels, H W pictures.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from masklet.data.batches import RawClips
from masklet.data.casting import Cast, MotionOptions, draw_cast
from masklet.data.colour import light_paths
from masklet.data.draws import Draws
from masklet.data.layers import smeared
from masklet.data.paths import Plan, draw_plan
from masklet.data.warps import is_inside, mapped, plain_grid
from masklet.errors import DatasetError

__all__ = ["MotionOptions", "animate"]


def animate(
    pictures: RawClips, *, length: int, options: MotionOptions, generator: torch.Generator
) -> RawClips:
    """Make clips of pictures.

    The clips have two objects more than the pictures: the twin and the occluder, known where there is
    one. An object that would have to move in an unknown way, because it overlaps with what moves, is
    not known.

    Args:
        pictures: clips of one frame, on any device, which is where the work is done.
        length: frames of each clip.
        options: what happens.
        generator: for all that is drawn, on the device of the pictures if it is to be fast.

    Raises:
        DatasetError: the clips have several frames.

    >>> pictures = RawClips(
    ...     torch.zeros(2, 1, 3, 32, 32, dtype=torch.uint8),
    ...     torch.zeros(2, 1, 1, 32, 32, dtype=torch.bool),
    ...     torch.ones(2, 1, 1, dtype=torch.bool),
    ...     ("a", "b"),
    ... )
    >>> generator = torch.Generator().manual_seed(0)
    >>> clips = animate(pictures, length=4, options=MotionOptions(), generator=generator)
    >>> clips.masks_VTKHW.shape
    torch.Size([2, 4, 3, 32, 32])
    """
    if pictures.length != 1:
        raise DatasetError(
            f"clips of {pictures.length} frames were to be set in motion; expected pictures, clips of "
            "one frame. Sample them with a length of 1."
        )
    draws = Draws(generator, pictures.device)
    cast = draw_cast(pictures, options, draws)
    plan = draw_plan(cast, options, length, draws)
    if options.smear > 0:
        cast = _smeared_cast(cast, plan)
    shots = [_shot(cast, plan, time) for time in range(length)]
    light_VT = light_paths(options.drift, len(pictures), length, draws)
    frames_VT3HW = torch.stack([shot.frames_V3HW for shot in shots], dim=1)
    frames_VT3HW = frames_VT3HW * (255 * light_VT)[..., None, None, None]
    known_V1K = torch.cat(
        [cast.known_VK, cast.has_twin_V[:, None], cast.has_occluder_V[:, None]], dim=1
    )[:, None]
    masks_VTKHW = torch.stack([shot.masks_VKHW for shot in shots], dim=1)
    return RawClips(
        frames_VT3HW=frames_VT3HW.round().clamp(0, 255).to(torch.uint8),
        masks_VTKHW=masks_VTKHW & known_V1K[..., None, None],
        known_VTK=known_V1K.expand(-1, length, -1).contiguous(),
        names=pictures.names,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Shot:
    """A frame of every clip."""

    frames_V3HW: Tensor
    masks_VKHW: Tensor


def _smeared_cast(cast: Cast, plan: Plan) -> Cast:
    """The cast as it looks when it moves while the shutter is open."""
    colours_V3HW = smeared(cast.background_VCHW[:, :3], plan.camera.smear_V2)
    return replace(
        cast,
        background_VCHW=torch.cat([colours_V3HW, cast.background_VCHW[:, 3:]], dim=1),
        mover_VCHW=smeared(cast.mover_VCHW, plan.mover.smear_V2),
        twin_VCHW=smeared(cast.twin_VCHW, plan.twin.smear_V2),
        occluder_VCHW=smeared(cast.occluder_VCHW, plan.occluder.smear_V2),
    )


def _shot(cast: Cast, plan: Plan, time: int) -> _Shot:
    """Everything drawn on one frame, from the back to the front."""
    clips, _, height, width = cast.background_VCHW.shape
    plain_VHW2 = plain_grid(clips, (height, width), cast.background_VCHW.device)
    bent_VHW2 = plain_VHW2 + plan.scene_bend.at(time, (height, width))
    place_VHW2 = mapped(plan.camera.maps_VT33[:, time], bent_VHW2)
    behind_VCHW = F.grid_sample(
        cast.background_VCHW, place_VHW2, padding_mode="border", align_corners=False
    )
    masks_VKHW = (behind_VCHW[:, 3:] > 0.5) & is_inside(place_VHW2)[:, None]
    nothing_VKHW = masks_VKHW.new_zeros((clips, 2, height, width))
    shot = _Shot(behind_VCHW[:, :3], torch.cat([masks_VKHW, nothing_VKHW], dim=1))
    objects = masks_VKHW.shape[1]
    mover_bend_VHW2 = plan.mover_bend.at(time, (height, width))
    for layer_VCHW, track, bend_VHW2, first in (
        (cast.twin_VCHW, plan.twin, 0.0, objects),
        (cast.mover_VCHW, plan.mover, mover_bend_VHW2, 0),
        (cast.occluder_VCHW, plan.occluder, 0.0, objects + 1),
    ):
        own_VHW2 = mapped(track.maps_VT33[:, time], place_VHW2) + bend_VHW2
        seen_VCHW = F.grid_sample(layer_VCHW, own_VHW2, align_corners=False)
        shot = _drawn_on(shot, seen_VCHW, first)
    return shot


def _drawn_on(shot: _Shot, layer_VCHW: Tensor, first: int) -> _Shot:
    """One layer in front of what is there; what moves with it are the objects from `first` on."""
    masks_VKHW = layer_VCHW[:, 4:] > 0.5
    covered_V1HW, own_VKHW = masks_VKHW[:, :1], masks_VKHW[:, 1:]
    claimed_VKHW = torch.zeros_like(shot.masks_VKHW)
    claimed_VKHW[:, first : first + own_VKHW.shape[1]] = own_VKHW & covered_V1HW
    return _Shot(
        frames_V3HW=shot.frames_V3HW * (1 - layer_VCHW[:, 3:4]) + layer_VCHW[:, :3],
        masks_VKHW=(shot.masks_VKHW & ~covered_V1HW) | claimed_VKHW,
    )
