"""The simulated user: where somebody who sees the truth clicks next, and boxes drawn by hand.

Works on whole batches, on every device; only what runs on the CPU anyway looks at values there.

Shapes: B masks, H W pixels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from masklet.ops.boxes import boxes_from_masks

# SAM 2's training draws boxes whose corners are off by at most a tenth of a side and 20 pixels.
_SHARE_OF_SIDE = 0.1
_MOST_PIXELS = 20.0


@dataclass(frozen=True, slots=True)
class Clicks:
    """One click for every mask."""

    points_B2: Tensor
    """float32 x, y: the pixel that is clicked, counted from 0."""
    labels_B: Tensor
    """int64: 1 adds to the object, 0 takes away from it."""
    has_error_B: Tensor
    """bool: False where what was said is the truth already, and a click has nothing to mend."""


def centre_clicks(said_BHW: Tensor, truth_BHW: Tensor) -> Clicks:
    """A click in the middle of the largest error of every mask, as the paper evaluates.

    The middle is the pixel that is farthest from the edge of what was missed, or of what was said
    too much, whichever is farther; of equals the one that is too much, and the first in reading
    order. Where nothing is wrong the click is (0, 0) and takes away.

    Args:
        said_BHW: bool, what was answered so far; all False before the first click.
        truth_BHW: bool, what is meant.

    >>> truth = torch.zeros(1, 9, 9, dtype=torch.bool)
    >>> truth[:, 2:7, 3:8] = True
    >>> clicks = centre_clicks(torch.zeros_like(truth), truth)
    >>> clicks.points_B2.tolist(), clicks.labels_B.tolist()
    ([[5.0, 4.0]], [1])
    """
    missed_BHW, too_much_BHW = truth_BHW & ~said_BHW, said_BHW & ~truth_BHW
    squares_CHW = _squared_distances(torch.cat([missed_BHW, too_much_BHW]))
    farthest_C, place_C = squares_CHW.flatten(1).max(dim=1)
    farthest_2B, place_2B = farthest_C.view(2, -1), place_C.view(2, -1)
    adds_B = farthest_2B[0] > farthest_2B[1]
    place_B = torch.where(adds_B, place_2B[0], place_2B[1])
    return Clicks(
        points_B2=_points(place_B, width=truth_BHW.shape[2]),
        labels_B=adds_B.long(),
        has_error_B=farthest_2B.amax(dim=0) > 0,
    )


def random_clicks(said_BHW: Tensor, truth_BHW: Tensor, *, generator: torch.Generator) -> Clicks:
    """A click on any pixel that is wrong, all equally likely, as the reference trains.

    Where nothing is wrong it is on any pixel outside the truth, and takes away; where there is
    none, it is (0, 0) and takes away.

    Args:
        said_BHW: bool, what was answered so far; all False to draw from the whole truth.
        truth_BHW: bool, what is meant.
        generator: of the device of the masks.

    >>> said, truth = torch.tensor([[[True, False]], [[False, True]]]).split(1)
    >>> clicks = random_clicks(said, truth | said, generator=torch.Generator().manual_seed(0))
    >>> clicks.points_B2.tolist(), clicks.labels_B.tolist()
    ([[1.0, 0.0]], [1])
    """
    wrong_BN = (said_BHW != truth_BHW).flatten(1)
    truth_BN = truth_BHW.flatten(1)
    has_error_B = wrong_BN.any(dim=1)
    place_B = _any_pixel(torch.where(has_error_B[:, None], wrong_BN, ~truth_BN), generator)
    is_inside_B = truth_BN.gather(1, place_B[:, None])[:, 0]
    return Clicks(
        points_B2=_points(place_B, width=truth_BHW.shape[2]),
        labels_B=(is_inside_B & has_error_B).long(),
        has_error_B=has_error_B,
    )


def jittered_boxes(masks_BHW: Tensor, *, generator: torch.Generator) -> Tensor:
    """Boxes around the masks as a hand draws them, `(B, 4)` float32 x0, y0, x1, y1.

    The corners are the first and the last pixel of the mask, each coordinate off by at most a tenth
    of its side and 20 pixels, and within the picture; as the reference trains. The box of an empty
    mask is all zero.

    >>> mask = torch.zeros(1, 100, 100, dtype=torch.bool)
    >>> mask[:, 20:71, 10:91] = True
    >>> jittered_boxes(mask, generator=torch.Generator().manual_seed(0)).round().tolist()
    [[10.0, 23.0, 83.0, 66.0]]
    """
    boxes_B4 = _first_and_last(masks_BHW)
    sides_B2 = boxes_B4[:, 2:] - boxes_B4[:, :2]
    reach_B4 = (_SHARE_OF_SIDE * sides_B2).clamp(max=_MOST_PIXELS).repeat(1, 2)
    noise_B4 = torch.rand(boxes_B4.shape, generator=generator, device=boxes_B4.device) * 2 - 1
    height, width = masks_BHW.shape[1:]
    last_4 = boxes_B4.new_tensor([width, height, width, height]) - 1
    return torch.minimum((boxes_B4 + noise_B4 * reach_B4).clamp(min=0), last_4)


def interior_distance(masks_BHW: Tensor) -> Tensor:
    """How far every pixel inside is from the nearest one outside, `(B, H, W)` float32, in pixels.

    Exact Euclidean distances; 0 outside; what lies around the picture counts as outside. Takes as
    many passes over the mask's box as the mask is deep.

    >>> interior_distance(torch.ones(1, 3, 3, dtype=torch.bool))[0, 1].tolist()
    [1.0, 2.0, 1.0]
    """
    return _squared_distances(masks_BHW).float().sqrt()


def _squared_distances(masks_BHW: Tensor) -> Tensor:
    """The squares of `interior_distance`, whole numbers, `(B, H, W)` int32."""
    if not masks_BHW.is_cpu:
        return _squared_by_shifts(masks_BHW)
    # On the CPU a look at a mask costs little, and a small object is done in no time.
    squares_BHW = torch.zeros(masks_BHW.shape, dtype=torch.int32)
    for mask_HW, squares_HW in zip(masks_BHW, squares_BHW, strict=True):
        rows, columns = _span(mask_HW.any(dim=1)), _span(mask_HW.any(dim=0))
        squares_HW[rows, columns] = _squared_by_shifts(mask_HW[None, rows, columns])[0]
    return squares_BHW


def _squared_by_shifts(masks_BHW: Tensor) -> Tensor:
    # The nearest pixel outside lies some rows up or down, and in its row it is the nearest one.
    height = masks_BHW.shape[1]
    within_row_BHW = _distances_in_rows(masks_BHW)
    # A row of the outside above and below; rows farther away are never nearer.
    first_BHW = functional.pad(within_row_BHW.square(), (0, 0, 1, 1))
    nearest_BHW, moved_BHW = first_BHW.clone(), torch.empty_like(first_BHW)
    for shift in range(1, _reach(within_row_BHW) + 1):
        rest = height + 2 - shift
        upper, lower, moved = nearest_BHW[:, :rest], nearest_BHW[:, shift:], moved_BHW[:, :rest]
        torch.add(first_BHW[:, :rest], shift * shift, out=moved)
        torch.minimum(lower, moved, out=lower)
        torch.add(first_BHW[:, shift:], shift * shift, out=moved)
        torch.minimum(upper, moved, out=upper)
    return nearest_BHW[:, 1:-1]


def _distances_in_rows(masks_BHW: Tensor) -> Tensor:
    """To the nearest pixel outside in the same row, int32."""
    width = masks_BHW.shape[2]
    place_W = torch.arange(1, width + 1, dtype=torch.int32, device=masks_BHW.device)
    before_BHW = torch.where(masks_BHW, 0, place_W).cummax(dim=2).values
    after_BHW = torch.where(masks_BHW, width + 1, place_W).flip(2).cummin(dim=2).values.flip(2)
    return torch.minimum(place_W - before_BHW, after_BHW - place_W)


def _reach(within_row_BHW: Tensor) -> int:
    """How many rows away the nearest pixel outside can be."""
    # Half the height is always enough. No more than the largest distance within a row is needed
    # either, but to know it would mean to wait for the device.
    half = (within_row_BHW.shape[1] + 1) // 2
    if not within_row_BHW.is_cpu or within_row_BHW.numel() == 0:
        return half
    return min(half, int(within_row_BHW.max()))


def _span(hit_L: Tensor) -> slice:
    """From the first to the last True."""
    places = hit_L.nonzero()
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def _first_and_last(masks_BHW: Tensor) -> Tensor:
    boxes_B4 = boxes_from_masks(masks_BHW)
    boxes_B4[:, 2:] = (boxes_B4[:, 2:] - 1).clamp(min=0)
    return boxes_B4


def _any_pixel(among_BN: Tensor, generator: torch.Generator) -> Tensor:
    """The place of a True in every row, all equally likely; 0 where there is none."""
    upto_BN = among_BN.cumsum(dim=1, dtype=torch.int32)
    count_B1 = upto_BN[:, -1:]
    # So large that the remainder of a division is as good as evenly spread.
    drawn_B1 = torch.randint(2**62, count_B1.shape, generator=generator, device=count_B1.device)
    chosen_B1 = (drawn_B1 % count_B1.clamp(min=1)).int()
    place_B1 = torch.searchsorted(upto_BN, chosen_B1, right=True)
    return torch.where(count_B1 > 0, place_B1, 0)[:, 0]


def _points(place_B: Tensor, *, width: int) -> Tensor:
    return torch.stack([place_B % width, place_B // width], dim=1).float()
