"""Look at clips anew: where every pixel of a training picture lies in a stored one.

Coordinates are x, y from -1 to 1 over the whole picture, to the outer edges of its pixels. A map is
a matrix that takes places of the new picture to places of the stored one.

Shapes: V clips, T frames, K objects, C channels, H W stored pictures, S side of the new ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

# Eight stored pixels to one new pixel are the most that is asked for: a picture that is shrunk to
# 0.3 of its side, or its half in a mosaic.
_MOST_LEVELS = 3


def turning(angle_V: Tensor) -> Tensor:
    """Maps `(..., 3, 3)` that turn a picture by an angle in radians, with the clock.

    >>> turning(torch.tensor([math.pi / 2])).round().int().tolist()
    [[[0, 1, 0], [-1, 0, 0], [0, 0, 1]]]
    """
    cos, sin, zero = angle_V.cos(), angle_V.sin(), torch.zeros_like(angle_V)
    return matrices([[cos, sin, zero], [-sin, cos, zero], [zero, zero, zero + 1]])


def leaning(angle_V: Tensor) -> Tensor:
    """Maps that lean upright lines of a picture over by an angle in radians."""
    zero = torch.zeros_like(angle_V)
    return matrices(
        [[zero + 1, angle_V.tan(), zero], [zero, zero + 1, zero], [zero, zero, zero + 1]]
    )


def zooming(scale_V2: Tensor, centre_V2: Tensor) -> Tensor:
    """Maps that make a picture `scale` times as large and put its `centre` in the middle.

    >>> zooming(torch.tensor([[2.0, 2.0]]), torch.tensor([[0.5, 0.0]])).tolist()
    [[[0.5, 0.0, 0.5], [0.0, 0.5, 0.0], [0.0, 0.0, 1.0]]]
    """
    (x, y), (across, down) = centre_V2.unbind(-1), (1 / scale_V2).unbind(-1)
    zero = torch.zeros_like(x)
    return matrices([[across, zero, x], [zero, down, y], [zero, zero, zero + 1]])


def mirroring(is_mirrored_V: Tensor) -> Tensor:
    """Maps that swap left and right where that is said."""
    zero = torch.zeros(is_mirrored_V.shape, device=is_mirrored_V.device)
    sign = 1 - 2 * is_mirrored_V.float()
    return matrices([[sign, zero, zero], [zero, zero + 1, zero], [zero, zero, zero + 1]])


def matrices(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """`(..., 3, 3)` from nine tensors `(...)`."""
    return torch.stack([torch.stack(list(row), dim=-1) for row in rows], dim=-2)


def moving(way_V2: Tensor) -> Tensor:
    """Maps that move a picture to the right and down."""
    x, y = way_V2.unbind(-1)
    zero = torch.zeros_like(x)
    return matrices([[zero + 1, zero, -x], [zero, zero + 1, -y], [zero, zero, zero + 1]])


def tilting(amount_V2: Tensor) -> Tensor:
    """Maps that push the right and the lower edge of a picture away, to where it looks smaller."""
    x, y = amount_V2.unbind(-1)
    zero = torch.zeros_like(x)
    return matrices([[zero + 1, zero, zero], [zero, zero + 1, zero], [-x, -y, zero + 1]])


def plain_grid(clips: int, size: tuple[int, int], device: torch.device) -> Tensor:
    """`(V, H, W, 2)`: the places of the pixels' centres."""
    height, width = size
    y_H = (torch.arange(height, device=device) + 0.5) * 2 / height - 1
    x_W = (torch.arange(width, device=device) + 0.5) * 2 / width - 1
    y_HW, x_HW = torch.meshgrid(y_H, x_W, indexing="ij")
    return torch.stack([x_HW, y_HW], dim=-1).expand(clips, height, width, 2)


def mapped(maps_V33: Tensor, places_VN2: Tensor) -> Tensor:
    """Where maps take places, `(V, ..., 2)` as they came."""
    flat_VN2 = places_VN2.flatten(1, -2)
    moved_VN2 = flat_VN2 @ maps_V33[:, :2, :2].mT + maps_V33[:, None, :2, 2]
    depth_VN1 = flat_VN2 @ maps_V33[:, 2:, :2].mT + maps_V33[:, None, 2:, 2]
    return (moved_VN2 / depth_VN1).view(places_VN2.shape)


def middles(masks_VKHW: Tensor) -> Tensor:
    """The mean place of every mask, `(V, K, 2)`; the middle of the picture where there is none.

    >>> mask = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    >>> mask[..., 0, 2:] = True
    >>> middles(mask).tolist()
    [[[0.5, -0.75]]]
    """
    height, width = masks_VKHW.shape[-2:]
    x_W, y_H = (
        (torch.arange(side, device=masks_VKHW.device) + 0.5) * 2 / side - 1
        for side in (width, height)
    )
    weights_VKHW = masks_VKHW.float()
    by_row_VKH = weights_VKHW.sum(dim=3)
    total_VK2 = torch.stack([weights_VKHW.sum(dim=2) @ x_W, by_row_VKH @ y_H], dim=-1)
    return total_VK2 / by_row_VKH.sum(dim=2).clamp(min=1)[..., None]


def shrinking(maps_V33: Tensor, size: tuple[int, int], side: int) -> Tensor:
    """How many stored pixels lie along the side of a new one, `(V,)`."""
    across_V2, down_V2 = maps_V33[:, 0, :2], maps_V33[:, 1, :2]
    area_V = across_V2[:, 0] * down_V2[:, 1] - across_V2[:, 1] * down_V2[:, 0]
    return area_V.abs().sqrt() * math.sqrt(size[0] * size[1]) / side


def sampled(layers_VCHW: Tensor, grid_VSS2: Tensor, shrink_V: Tensor, most_shrink: float) -> Tensor:
    """The values of stored pictures at the places of a grid, `(V, C, S, S)`, bilinear.

    Beyond the border a picture goes on as its border is; see `is_inside`.

    Args:
        layers_VCHW: float, colours and masks alike.
        grid_VSS2: places in the stored pictures.
        shrink_V: stored pixels along the side of a new one: where they are many, values are taken
            from a copy that was averaged over 2, 4 or 8 of them, so that nothing flickers.
        most_shrink: no entry of `shrink_V` is larger; with less than 1.5 no copies are made.
    """
    height, width = layers_VCHW.shape[-2:]
    levels = min(round(math.log2(max(most_shrink, 1.0))), _MOST_LEVELS)
    if levels == 0:
        return F.grid_sample(layers_VCHW, grid_VSS2, padding_mode="border", align_corners=False)
    atlas = _atlas_of(layers_VCHW, levels)
    level_V = shrink_V.clamp(min=1e-6).log2().round().clamp(0, levels).long()
    half = grid_VSS2.new_tensor([width / 2, height / 2])
    factor_V = torch.exp2(-level_V.float())[:, None, None, None]
    pixel_VSS2 = (grid_VSS2 + 1) * half * factor_V - 0.5
    pixel_VSS2 = pixel_VSS2.clamp(min=0).minimum(atlas.last_N2[level_V][:, None, None])
    place_VSS2 = pixel_VSS2 + atlas.first_N2[level_V][:, None, None] + 0.5
    atlas_height, atlas_width = atlas.layers_VCHW.shape[-2:]
    half = grid_VSS2.new_tensor([atlas_width / 2, atlas_height / 2])
    return F.grid_sample(atlas.layers_VCHW, place_VSS2 / half - 1, align_corners=False)


def is_inside(grid_VSS2: Tensor) -> Tensor:
    """Whether places lie in the stored picture, bool `(V, S, S)`."""
    return (grid_VSS2.abs() <= 1).all(dim=-1)


@dataclass(frozen=True, slots=True, eq=False)
class _Atlas:
    """A picture above its smaller copies, which stand side by side.

    One picture holds all N of them so that every clip of a batch finds its own with one look-up.
    """

    layers_VCHW: Tensor
    first_N2: Tensor
    """Where each copy begins, as pixels x, y."""
    last_N2: Tensor
    """The last pixel x, y of each copy, counted from its own first."""


def _atlas_of(layers_VCHW: Tensor, levels: int) -> _Atlas:
    device = layers_VCHW.device
    layers_VCHW = _evened(layers_VCHW, 2**levels)
    clips, channels, height, width = layers_VCHW.shape
    shelf = layers_VCHW.new_zeros((clips, channels, height // 2, width))
    copy, left = layers_VCHW, 0
    first, last = [(0, 0)], [(width - 1, height - 1)]
    for _ in range(levels):
        copy = _halved(copy)
        down, across = copy.shape[-2:]
        shelf[:, :, :down, left : left + across] = copy
        first.append((left, height))
        last.append((across - 1, down - 1))
        left += across
    return _Atlas(
        layers_VCHW=torch.cat([layers_VCHW, shelf], dim=2),
        first_N2=torch.tensor(first, device=device),
        last_N2=torch.tensor(last, device=device),
    )


def _evened(layers_VCHW: Tensor, factor: int) -> Tensor:
    """Continued at the right and below until the sides are multiples of a factor."""
    height, width = layers_VCHW.shape[-2:]
    if height % factor == width % factor == 0:
        return layers_VCHW
    return F.pad(layers_VCHW, (0, -width % factor, 0, -height % factor), mode="replicate")


def _halved(layers_VCHW: Tensor) -> Tensor:
    """The means of 2 x 2 pixels."""
    rows = layers_VCHW[..., ::2, :] + layers_VCHW[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4
