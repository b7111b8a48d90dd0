"""Decide what moves in a clip that is made from a picture, and cut it out.

Shapes: V clips, K objects of a picture, C channels, H W pictures.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from masklet.data.batches import RawClips, areas
from masklet.data.draws import Draws
from masklet.data.layers import cut_out, filled_in, hue_shifted, widened
from masklet.data.warps import middles

# A part of an object moves with it, as far as people drew it within the object.
_RIDES = 0.9
# What hardly overlaps with an object stays when it leaves; of all else it is not known what happens.
_STAYS = 0.05
# How far the place of an object is filled in beyond its mask, in pixels.
_MARGIN = 2
_PART_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class MotionOptions:
    """What happens in the clips. Ways are as long as half a picture is wide, times the number."""

    mover: float = 0.7
    """The share of clips in which an object moves by itself."""
    elsewhere: float = 0.4
    """Of those, the share in which it moves before another picture of the batch."""
    twin: float = 0.3
    """Of those, the share in which a copy in other colours moves about, too."""
    leaving: float = 0.2
    """Of those, the share in which it leaves the picture and comes back."""
    occluder: float = 0.35
    """The share of clips in which an object of another picture passes before the first one."""
    smear: float = 0.3
    """The share of clips in which what moves is blurred by it."""
    way: float = 0.35
    turn: float = 20.0
    """Degrees, of things; a camera turns by a third."""
    growth: float = 0.2
    """How much larger or smaller things become, as a share."""
    camera_way: float = 0.25
    tilt: float = 0.08
    """Of the camera: how much smaller the far edge becomes, as a share."""
    bend: float = 0.03
    """How far the picture is bent out of shape, and each moving thing, too."""
    drift: float = 0.3
    """How much brighter or darker a clip becomes at most, in stops."""
    sizes: tuple[float, float] = (0.003, 0.5)
    """The least and largest share of the picture of an object that moves."""


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """What is in the clips, in pictures of their own: layers as `cut_out` makes them."""

    background_VCHW: Tensor
    """Colours, and the masks of objects that stay."""
    mover_VCHW: Tensor
    """With its parts and itself as riders."""
    twin_VCHW: Tensor
    """With itself as rider, as the occluder."""
    occluder_VCHW: Tensor
    known_VK: Tensor
    has_mover_V: Tensor
    has_twin_V: Tensor
    has_occluder_V: Tensor
    centre_V2: Tensor
    """x, y from -1 to 1: the middle of each picture's leading object."""
    occluder_centre_V2: Tensor
    """Of the occluder in its own picture."""
    occluder_scale_V: Tensor
    """What makes the occluder as large as the leading object."""


def draw_cast(pictures: RawClips, options: MotionOptions, draws: Draws) -> Cast:
    """Choose a leading object of every picture, what it does, and what else there is."""
    clips = len(pictures)
    frames_V3HW = pictures.frames_VT3HW[:, 0].float() / 255
    masks_VKHW, known_VK = pictures.masks_VTKHW[:, 0], pictures.known_VTK[:, 0]
    lead = _drawn_leads(masks_VKHW, known_VK, options, draws)
    # Whatever needs another picture does not happen where there is none.
    has_others = clips > 1
    other_V = draws.others(clips)
    has_mover_V = lead.is_there_V & draws.happens(options.mover, clips)
    is_elsewhere_V = has_mover_V & draws.happens(options.elsewhere * has_others, clips)
    has_twin_V = has_mover_V & draws.happens(options.twin, clips)
    passer_V = draws.others(clips)
    has_occluder_V = lead.is_there_V & lead.is_there_V[passer_V]
    has_occluder_V = has_occluder_V & draws.happens(options.occluder * has_others, clips)

    within_VK = areas(masks_VKHW & lead.mask_VHW[:, None]) / areas(masks_VKHW).clamp(min=1)
    rides_VK = has_mover_V[:, None] & (within_VK >= _RIDES)
    stays_VK = ~has_mover_V[:, None] | ((within_VK <= _STAYS) & ~is_elsewhere_V[:, None])
    mover_mask_VHW = lead.mask_VHW & _wide(has_mover_V)
    behind_V3HW = filled_in(frames_V3HW, widened(mover_mask_VHW, _MARGIN))
    behind_V3HW = torch.where(_wide(is_elsewhere_V)[:, None], frames_V3HW[other_V], behind_V3HW)
    standing_VKHW = masks_VKHW & ~mover_mask_VHW[:, None] & _wide(stays_VK)
    twin_mask_VHW = lead.mask_VHW & _wide(has_twin_V)
    twin_VCHW = cut_out(frames_V3HW, twin_mask_VHW, twin_mask_VHW[:, None])
    turn_V = draws.uniform(0.3, 2.0, clips) * draws.sign(clips)
    occluder_mask_VHW = lead.mask_VHW[passer_V] & _wide(has_occluder_V)
    return Cast(
        background_VCHW=torch.cat([behind_V3HW, standing_VKHW.float()], dim=1),
        mover_VCHW=cut_out(frames_V3HW, mover_mask_VHW, masks_VKHW & _wide(rides_VK)),
        twin_VCHW=hue_shifted(twin_VCHW, turn_V),
        occluder_VCHW=cut_out(frames_V3HW[passer_V], occluder_mask_VHW, occluder_mask_VHW[:, None]),
        known_VK=known_VK & (rides_VK | stays_VK),
        has_mover_V=has_mover_V,
        has_twin_V=has_twin_V,
        has_occluder_V=has_occluder_V,
        centre_V2=lead.centre_V2,
        occluder_centre_V2=lead.centre_V2[passer_V],
        occluder_scale_V=(lead.area_V / lead.area_V[passer_V].clamp(min=1)).sqrt(),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Leads:
    """The leading object of every picture, if it has one that can move."""

    mask_VHW: Tensor
    area_V: Tensor
    centre_V2: Tensor
    is_there_V: Tensor


def _drawn_leads(
    masks_VKHW: Tensor, known_VK: Tensor, options: MotionOptions, draws: Draws
) -> _Leads:
    """Parts of other objects lead less often: they seldom move by themselves."""
    area_VK = areas(masks_VKHW)
    least, largest = (share * masks_VKHW[0, 0].numel() for share in options.sizes)
    fits_VK = known_VK & (area_VK >= least) & (area_VK <= largest)
    flat_VKN = masks_VKHW.flatten(2).float()
    within_VKK = flat_VKN @ flat_VKN.mT / area_VK.clamp(min=1)[..., None]
    is_larger_VKK = area_VK[:, None] > area_VK[..., None]
    is_part_VK = ((within_VKK >= _RIDES) & is_larger_VKK).any(dim=2)
    lead_V = draws.pick(fits_VK * torch.where(is_part_VK, _PART_WEIGHT, 1.0))
    clips_V = torch.arange(len(lead_V), device=draws.device)
    mask_VHW = masks_VKHW[clips_V, lead_V]
    return _Leads(
        mask_VHW=mask_VHW,
        area_V=area_VK[clips_V, lead_V],
        centre_V2=middles(mask_VHW[:, None])[:, 0],
        is_there_V=fits_VK[clips_V, lead_V],
    )


def _wide(values_V: Tensor) -> Tensor:
    """Of clips, `(V, 1, 1)`, or of their objects, `(V, K, 1, 1)`."""
    return values_V[..., None, None]
