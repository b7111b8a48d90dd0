"""Draw how each clip of a batch is looked at: mirrored, turned, leaning, larger or smaller, fourfold.

Shapes: V clips, T frames, K objects, G tries, H W stored pictures, S side of the new ones.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from masklet.data.batches import RawClips
from masklet.data.draws import Draws
from masklet.data.mosaic import draw_mosaic, folded, is_meant
from masklet.data.warps import (
    is_inside,
    leaning,
    mapped,
    middles,
    mirroring,
    plain_grid,
    sampled,
    shrinking,
    turning,
    zooming,
)
from masklet.ops.resize import resize_image


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """How clips are looked at; all frames of a clip alike. Without changes the released recipe's."""

    mirror: float = 0.5
    """The share of clips whose left and right are swapped."""
    turn: float = 25.0
    """The largest angle, in degrees, to either side."""
    lean: float = 20.0
    """How far upright lines lean over at most, in degrees."""
    scale: tuple[float, float] = (1.0, 1.0)
    """The least and largest size of the picture in the new one (large-scale jitter): of a larger
    one a part is seen, around a smaller one there is room. As many are shrunk to a half as doubled.
    """
    tries: int = 1
    """How often a view is drawn before the clip is only mirrored, if too few objects stay in it."""
    staying: float = 1.0
    """The share of the objects of the first frame whose middle has to stay in view."""
    mosaic: float = 0.0
    """The share of clips shown four times in one picture, of which one copy keeps its masks."""
    fills_with_others: bool = False
    """What is around a picture: another clip of the batch, or else the picture's mean colour."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Where the pixels of the new clips are in the stored ones."""

    grid_VSS2: Tensor
    shrink_V: Tensor
    """Stored pixels along the side of a new one."""
    most_shrink: float
    """No entry of `shrink_V` is larger."""
    is_meant_VSS: Tensor
    """bool: where masks are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Clips as they are seen."""

    frames_VT3SS: Tensor
    """float32 RGB, 0 to 1."""
    masks_VTKSS: Tensor
    """bool."""
    known_VTK: Tensor


def draw_view(raw: RawClips, options: ViewOptions, side: int, draws: Draws) -> View:
    """A way to look at every clip of a batch.

    >>> raw = RawClips(
    ...     torch.zeros(2, 1, 3, 32, 32, dtype=torch.uint8),
    ...     torch.ones(2, 1, 1, 32, 32, dtype=torch.bool),
    ...     torch.ones(2, 1, 1, dtype=torch.bool),
    ...     ("a", "b"),
    ... )
    >>> draws = Draws(torch.Generator().manual_seed(0), raw.device)
    >>> draw_view(raw, ViewOptions(), 16, draws).grid_VSS2.shape
    torch.Size([2, 16, 16, 2])
    """
    clips = len(raw)
    maps_V33 = _good_maps(raw, options, draws)
    mosaic = draw_mosaic(draws, clips, options.mosaic)
    grid_VSS2 = plain_grid(clips, (side, side), raw.device)
    meant_VSS = is_meant(grid_VSS2, mosaic)
    if options.mosaic > 0:
        grid_VSS2 = folded(grid_VSS2, mosaic)
    cells_V = 1 + mosaic.is_tiled_V.float()
    return View(
        grid_VSS2=mapped(maps_V33, grid_VSS2),
        shrink_V=shrinking(maps_V33, raw.size, side) * cells_V,
        most_shrink=_most_shrink(raw.size, options, side),
        is_meant_VSS=meant_VSS,
    )


def seen(raw: RawClips, view: View, *, fills_with_others: bool, draws: Draws) -> Scene:
    """The clips as a view shows them; masks are where more than half of a pixel is covered."""
    clips, length, objects = raw.known_VTK.shape
    # All frames of a clip are looked at alike, so they go through one look-up as channels.
    colours_VCHW = raw.frames_VT3HW.flatten(1, 2).float() / 255
    layers_VCHW = torch.cat([colours_VCHW, raw.masks_VTKHW.flatten(1, 2).float()], dim=1)
    new_VCSS = sampled(layers_VCHW, view.grid_VSS2, view.shrink_V, view.most_shrink)
    side = new_VCSS.shape[-1]
    frames_VT3SS = new_VCSS[:, : 3 * length].reshape(clips, length, 3, side, side)
    masks_VTKSS = new_VCSS[:, 3 * length :].reshape(clips, length, objects, side, side) > 0.5
    inside_VSS = is_inside(view.grid_VSS2)
    around_VT3SS = _others(raw, side, draws) if fills_with_others else _mean_colours(raw)
    return Scene(
        frames_VT3SS=torch.where(inside_VSS[:, None, None], frames_VT3SS, around_VT3SS),
        masks_VTKSS=masks_VTKSS & (inside_VSS & view.is_meant_VSS)[:, None, None],
        known_VTK=raw.known_VTK,
    )


def _good_maps(raw: RawClips, options: ViewOptions, draws: Draws) -> Tensor:
    """Of some tries the first that keeps enough objects in view, else only the mirror."""
    clips, tries = len(raw), options.tries
    mirror_V33 = mirroring(draws.happens(options.mirror, clips))
    moves_VG33 = _drawn_moves(options, draws, clips * tries).view(clips, tries, 3, 3)
    untouched_V133 = torch.eye(3, device=raw.device).expand(clips, 1, 3, 3)
    maps_VG33 = mirror_V33[:, None] @ torch.cat([moves_VG33, untouched_V133], dim=1)
    is_good_VG = _staying(raw, maps_VG33) >= options.staying
    is_good_VG[:, -1] = True
    # Of equal values the first is taken.
    first_V = is_good_VG.int().argmax(dim=1)
    return maps_VG33[torch.arange(clips, device=raw.device), first_V]


def _drawn_moves(options: ViewOptions, draws: Draws, count: int) -> Tensor:
    """Maps `(count, 3, 3)` without the mirror."""
    turn, lean = math.radians(options.turn), math.radians(options.lean)
    least, most = (math.log(scale) for scale in options.scale)
    scale = draws.uniform(least, most, count, 1).exp()
    # However large it is, the picture fills the new one or lies in it as a whole.
    centre = draws.uniform(-1.0, 1.0, count, 2) * (1 - 1 / scale).abs()
    return (
        turning(draws.uniform(-turn, turn, count))
        @ leaning(draws.uniform(-lean, lean, count))
        @ zooming(scale.expand(-1, 2), centre)
    )


def _staying(raw: RawClips, maps_VG33: Tensor) -> Tensor:
    """The share of the objects of the first frame whose middle is in view, `(V, G)`."""
    middle_VK2 = middles(raw.masks_VTKHW[:, 0])
    is_there_VK = raw.known_VTK[:, 0] & raw.masks_VTKHW[:, 0].flatten(2).any(dim=2)
    # `inv` itself would wait for the device to say that all went well.
    back_VG33, _ = torch.linalg.inv_ex(maps_VG33)
    clips, tries = maps_VG33.shape[:2]
    places_VGK2 = middle_VK2[:, None].expand(-1, tries, -1, -1)
    new_VGK2 = mapped(back_VG33.flatten(0, 1), places_VGK2.flatten(0, 1)).view(clips, tries, -1, 2)
    in_view_VGK = (new_VGK2.abs() <= 1).all(dim=-1) & is_there_VK[:, None]
    there_V1 = is_there_VK.sum(dim=1, keepdim=True)
    # Where there is no object, none is lost.
    return torch.where(there_V1 > 0, in_view_VGK.sum(dim=2) / there_V1.clamp(min=1), 1.0)


def _most_shrink(size: tuple[int, int], options: ViewOptions, side: int) -> float:
    """Turning and leaning change no areas."""
    cells = 2 if options.mosaic > 0 else 1
    return cells * math.sqrt(size[0] * size[1]) / side / min(options.scale[0], 1.0)


def _mean_colours(raw: RawClips) -> Tensor:
    """`(V, 1, 3, 1, 1)`, 0 to 1."""
    return raw.frames_VT3HW.float().mean(dim=(1, 3, 4))[:, None, :, None, None] / 255


def _others(raw: RawClips, side: int, draws: Draws) -> Tensor:
    """For every clip the frames of another one, as a whole, `(V, T, 3, S, S)`, 0 to 1."""
    frames_VT3HW = raw.frames_VT3HW[draws.others(len(raw))].float() / 255
    resized = resize_image(frames_VT3HW.flatten(0, 1), (side, side))
    return resized.view(len(raw), raw.length, 3, side, side)
