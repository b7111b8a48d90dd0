"""Paste objects of other clips of the batch on a clip, where they are in their own picture.

Shapes: V clips, T frames, K objects, P pasted objects, S side.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from masklet.data.batches import areas
from masklet.data.draws import Draws
from masklet.data.views import Scene


@dataclass(frozen=True, slots=True)
class PasteOptions:
    """How objects are pasted. Without changes never, as in the released recipe."""

    chance: float = 0.0
    """The share of clips on which something is pasted."""
    most: int = 4
    """How many objects at most."""
    sizes: tuple[float, float] = (0.002, 0.35)
    """The least and largest share of the picture that a pasted object covers on the first frame."""
    left_over: float = 0.3
    """The share of every object of the clip that has to stay visible on the first frame."""


def pasted(scene: Scene, options: PasteOptions, draws: Draws) -> Scene:
    """The clips with objects of others on them, which come after their own objects.

    Pasted objects move as they do in their own clip; what they cover is hidden. A place for an
    object that is not pasted is not known. Nothing is pasted if there is a single clip.

    >>> frames = torch.zeros(2, 1, 3, 8, 8)
    >>> masks = torch.zeros(2, 1, 1, 8, 8, dtype=torch.bool)
    >>> masks[0, :, :, :2], masks[1, :, :, 4:6] = True, True
    >>> known = torch.ones(2, 1, 1, dtype=torch.bool)
    >>> draws = Draws(torch.Generator().manual_seed(0), frames.device)
    >>> scene = pasted(Scene(frames, masks, known), PasteOptions(chance=1.0, most=1), draws)
    >>> scene.masks_VTKSS.sum(dim=(3, 4)).flatten(1).tolist()
    [[16, 16], [16, 16]]
    """
    clips = len(scene.frames_VT3SS)
    if options.chance == 0 or clips == 1:
        return scene
    donors = _drawn_donors(scene, options, draws)
    result = scene
    for place in range(options.most):
        donor_V, object_V = donors.clip_VP[:, place], donors.object_VP[:, place]
        sheet_VTSS = scene.masks_VTKSS[donor_V, :, object_V]
        leaves_enough_V = _leaves_enough(result, sheet_VTSS, options.left_over)
        is_pasted_V = donors.is_drawn_VP[:, place] & leaves_enough_V
        result = _covered(result, scene.frames_VT3SS[donor_V], sheet_VTSS, is_pasted_V)
    return result


def feathered(mask: Tensor) -> Tensor:
    """How much an object covers, 0 to 1, for masks `(N, H, W)`: softer along the inside of its edge.

    >>> mask = torch.zeros(1, 5, 5, dtype=torch.bool)
    >>> mask[:, 1:4, 1:4] = True
    >>> (feathered(mask)[0, 2] * 12).round().int().tolist()
    [0, 10, 12, 10, 0]
    """
    # Sums of slices take a tenth of the time of torch's pooling on a CPU.
    padded = F.pad(mask.float(), (1, 1, 1, 1))
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    around = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9
    # At least a half, so that thin things stay visible.
    return mask * (0.5 + 0.5 * around)


@dataclass(frozen=True, slots=True, eq=False)
class _Donors:
    """What is pasted on every clip."""

    clip_VP: Tensor
    object_VP: Tensor
    is_drawn_VP: Tensor
    """bool."""


def _drawn_donors(scene: Scene, options: PasteOptions, draws: Draws) -> _Donors:
    clips, most = len(scene.frames_VT3SS), options.most
    own_V1 = torch.arange(clips, device=draws.device)[:, None]
    clip_VP = (own_V1 + draws.whole(1, clips - 1, clips, most)) % clips
    least, largest = options.sizes
    first_VKSS = scene.masks_VTKSS[:, 0]
    share_VK = areas(first_VKSS) / first_VKSS.shape[-1] ** 2
    fits_VK = (share_VK >= least) & (share_VK <= largest) & scene.known_VTK.all(dim=1)
    fits_VPK = fits_VK[clip_VP]
    object_VP = draws.pick(fits_VPK.float())
    fits_VP = fits_VPK.gather(2, object_VP[..., None])[..., 0]
    places_P = torch.arange(most, device=draws.device)
    count_V1 = draws.whole(1, most, clips, 1) * draws.happens(options.chance, clips, 1)
    return _Donors(clip_VP, object_VP, is_drawn_VP=fits_VP & (places_P < count_V1))


def _leaves_enough(scene: Scene, sheet_VTSS: Tensor, left_over: float) -> Tensor:
    """Whether every object that is there on the first frame stays visible, bool `(V,)`."""
    # Counted on every fourth pixel: a share is wanted, and this was half of the time of pasting.
    first_VKSS = scene.masks_VTKSS[:, 0, :, ::2, ::2]
    hidden_VK = areas(first_VKSS & sheet_VTSS[:, :1, ::2, ::2])
    return (hidden_VK <= (1 - left_over) * areas(first_VKSS)).all(dim=1)


def _covered(scene: Scene, frames_VT3SS: Tensor, sheet_VTSS: Tensor, is_pasted_V: Tensor) -> Scene:
    """The clips with one more object each, which other frames show where the sheet is True."""
    sheet_VTSS = sheet_VTSS & is_pasted_V[:, None, None, None]
    alpha_VTSS = feathered(sheet_VTSS.flatten(0, 1)).view(sheet_VTSS.shape)
    sheet_VT1SS = sheet_VTSS[:, :, None]
    known_VT1 = is_pasted_V[:, None, None].expand(-1, sheet_VTSS.shape[1], 1)
    return Scene(
        frames_VT3SS=torch.lerp(scene.frames_VT3SS, frames_VT3SS, alpha_VTSS[:, :, None]),
        masks_VTKSS=torch.cat([scene.masks_VTKSS & ~sheet_VT1SS, sheet_VT1SS], dim=2),
        known_VTK=torch.cat([scene.known_VTK, known_VT1], dim=2),
    )
