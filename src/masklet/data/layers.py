"""Take pictures apart: things that are cut out, and what is behind them.

Shapes: V clips, K objects, C channels, H W pictures.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from masklet.data.colour import hue_matrices
from masklet.data.paste import feathered
from masklet.data.warps import plain_grid

# How many poses of a moving thing are seen while the shutter is open.
_POSES = 5


def cut_out(frames_V3HW: Tensor, mask_VHW: Tensor, riders_VKHW: Tensor) -> Tensor:
    """A thing as a layer, float32 `(V, 5 + K, H, W)`: colours, how much it covers, mask, riders.

    Args:
        frames_V3HW: pixels from 0 to 1.
        mask_VHW: bool, the thing.
        riders_VKHW: bool, masks that move with it.

    >>> mask = torch.eye(4, dtype=torch.bool)[None]
    >>> layer = cut_out(torch.ones(1, 3, 4, 4), mask, mask[:, None])
    >>> layer.shape, bool((layer[:, 0] == layer[:, 3]).all())
    (torch.Size([1, 6, 4, 4]), True)
    """
    alpha_V1HW = feathered(mask_VHW)[:, None]
    # Multiplied at once, so that nothing of what is around it shows when it is sampled anew.
    parts = [frames_V3HW * alpha_V1HW, alpha_V1HW, mask_VHW[:, None], riders_VKHW]
    return torch.cat([part.float() for part in parts], dim=1)


def hue_shifted(layer_VCHW: Tensor, angle_V: Tensor) -> Tensor:
    """A layer whose colours are turned around the circle by an angle in radians."""
    colours = torch.einsum("vij,vjhw->vihw", hue_matrices(angle_V), layer_VCHW[:, :3])
    alpha_V1HW = layer_VCHW[:, 3:4]
    bounded = colours.clamp(min=0).minimum(alpha_V1HW)
    return torch.cat([bounded, layer_VCHW[:, 3:]], dim=1)


def smeared(layer_VCHW: Tensor, way_V2: Tensor) -> Tensor:
    """A layer as it looks when it moves while the shutter is open.

    Args:
        layer_VCHW: float32.
        way_V2: how far it moves, where the picture reaches from -1 to 1.
    """
    clips, _, height, width = layer_VCHW.shape
    grid_VHW2 = plain_grid(clips, (height, width), layer_VCHW.device)
    total = torch.zeros_like(layer_VCHW)
    for step in range(_POSES):
        share = step / (_POSES - 1) - 0.5
        shifted = grid_VHW2 + share * way_V2[:, None, None]
        total += F.grid_sample(layer_VCHW, shifted, align_corners=False)
    return total / _POSES


def filled_in(frames_V3HW: Tensor, hole_VHW: Tensor) -> Tensor:
    """Pictures without a thing: where it was is the mean of what is around, from near to far.

    >>> frames = torch.full((1, 3, 16, 16), 0.25)
    >>> hole = torch.zeros(1, 16, 16, dtype=torch.bool)
    >>> frames[..., 4:9, 4:9], hole[:, 4:9, 4:9] = 1.0, True
    >>> bool((filled_in(frames, hole) - 0.25).abs().max() < 1e-6)
    True
    """
    size = frames_V3HW.shape[-2:]
    rest_V1HW = (~hole_VHW)[:, None].float()
    coarse = torch.cat([frames_V3HW * rest_V1HW, rest_V1HW], dim=1)
    filled, weight = coarse[:, :3], coarse[:, 3:]
    while min(coarse.shape[-2:]) > 1:
        half = tuple(max(side // 2, 1) for side in coarse.shape[-2:])
        coarse = F.interpolate(coarse, size=half, mode="area")
        grown = F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
        # What is known nearby counts; only the rest is taken from farther away.
        filled = filled + (1 - weight) * grown[:, :3]
        weight = weight + (1 - weight) * grown[:, 3:]
    filled = filled / weight.clamp(min=1e-6)
    return torch.where(hole_VHW[:, None], filled, frames_V3HW)


def widened(mask_VHW: Tensor, pixels: int) -> Tensor:
    """Masks that reach further by some pixels, bool."""
    side = 2 * pixels + 1
    grown = F.max_pool2d(mask_VHW[:, None].float(), side, stride=1, padding=pixels)
    return grown[:, 0] > 0
