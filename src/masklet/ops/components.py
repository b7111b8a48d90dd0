"""Connected components of masks, and what is cleaned with them: holes and specks.

One algorithm for every device, in plain torch: the horizontal runs of the whole batch are found at
once, runs that touch (also at corners) are joined by passing the smallest number along, and the
work after the first pass over the pixels depends on the number of runs only.

Shapes: N masks, H W pixels, R runs, E pairs of touching runs, K components.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


def label(masks_NHW: Tensor) -> tuple[Tensor, Tensor]:
    """Number the 8-connected components of bool masks; different masks share no component.

    Returns:
        `(N, H, W)` int64 labels, 0 outside, 1 to K inside, counted over the whole batch in reading
        order; and `(K + 1,)` int64 areas in pixels by label, 0 for label 0.

    >>> labels, areas = label(torch.tensor([[[True, False, True], [True, False, False]]]))
    >>> labels.tolist(), areas.tolist()
    ([[[1, 0, 2], [1, 0, 0]]], [0, 2, 1])
    """
    count, height, width = masks_NHW.shape
    if masks_NHW.numel() == 0:
        return masks_NHW.long(), torch.zeros(1, dtype=torch.int64, device=masks_NHW.device)
    runs = _components(masks_NHW)
    # Outside and inside alternate along the padded pixels, so one repeat paints every label.
    padded = count * (height + 1) * (width + 1)
    bounds = torch.stack([runs.start_R, runs.stop_R], dim=1).reshape(-1)
    lengths = torch.diff(bounds, prepend=bounds.new_zeros(1), append=bounds.new_tensor([padded]))
    values = torch.stack([torch.zeros_like(runs.label_R), runs.label_R], dim=1).reshape(-1)
    values = torch.cat([values, values.new_zeros(1)])
    painted = torch.repeat_interleave(values, lengths, output_size=padded)
    labels_NHW = painted.view(count, height + 1, width + 1)[:, :height, :width]
    return labels_NHW.contiguous(), runs.area_K


def fill_holes(masks_NHW: Tensor, *, max_area: int) -> Tensor:
    """The masks with every outside component of at most `max_area` pixels made inside.

    As in SAM 2, that is also an outside component which touches the border of the image.

    >>> fill_holes(torch.tensor([[[True, True], [True, False]]]), max_area=1).tolist()
    [[[True, True], [True, True]]]
    """
    return _flip_small(masks_NHW, ~masks_NHW, max_area)


def drop_specks(masks_NHW: Tensor, *, max_area: int) -> Tensor:
    """The masks without the components of at most `max_area` pixels.

    >>> drop_specks(torch.tensor([[[True, False], [False, False]]]), max_area=1).any().item()
    False
    """
    return _flip_small(masks_NHW, masks_NHW, max_area)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Horizontal runs in reading order, and the component each belongs to."""

    start_R: Tensor
    """First place of the run among the pixels padded by one column and one row per mask."""
    stop_R: Tensor
    """First place after the run."""
    label_R: Tensor
    """1 to K."""
    area_K: Tensor
    """Pixels by label, `(K + 1,)`."""


def _flip_small(masks_NHW: Tensor, where_NHW: Tensor, max_area: int) -> Tensor:
    """`masks_NHW` with the components of `where_NHW` that are small enough turned over."""
    if masks_NHW.numel() == 0:
        return masks_NHW.clone()
    height, width = masks_NHW.shape[1:]
    runs = _components(where_NHW)
    small_R = runs.area_K[runs.label_R] <= max_area
    start, stop = runs.start_R[small_R], runs.stop_R[small_R]
    places = _spread(start, stop - start)
    # A place counts one padding column per row and one padding row per mask before it.
    row = places // (width + 1)
    pixels = (row - row // (height + 1)) * width + places % (width + 1)
    flipped = masks_NHW.clone(memory_format=torch.contiguous_format)
    flat = flipped.view(-1)
    flat[pixels] = ~flat[pixels]
    return flipped


def _components(masks_NHW: Tensor) -> _Runs:
    start_R, stop_R = _find_runs(masks_NHW)
    upper_E, lower_E = _touching(start_R, stop_R, stride=masks_NHW.shape[2] + 1)
    root_R = _join(len(start_R), upper_E, lower_E)
    is_root_R = root_R == torch.arange(len(root_R), device=root_R.device)
    label_R = torch.cumsum(is_root_R, dim=0)[root_R]
    count = int(is_root_R.sum())  # the one host read that sizes the result
    area_K = torch.zeros(count + 1, dtype=torch.int64, device=start_R.device)
    area_K.scatter_add_(0, label_R, stop_R - start_R)
    return _Runs(start_R, stop_R, label_R, area_K)


def _find_runs(masks_NHW: Tensor) -> tuple[Tensor, Tensor]:
    # The empty column ends every run at its row, the empty row keeps neighbouring masks apart.
    padded = functional.pad(masks_NHW.view(torch.uint8), (0, 1, 0, 1)).view(-1)
    changes = torch.empty_like(padded)
    changes[0] = padded[0]
    torch.bitwise_xor(padded[1:], padded[:-1], out=changes[1:])
    bounds_R2 = changes.nonzero().view(-1, 2)
    return bounds_R2[:, 0].contiguous(), bounds_R2[:, 1].contiguous()


def _touching(start_R: Tensor, stop_R: Tensor, *, stride: int) -> tuple[Tensor, Tensor]:
    """Every pair of runs in neighbouring rows that touch, the upper one first."""
    # Moved up one row, a run touches those that stop no earlier than it starts and start no later
    # than it stops; equality is the touch at a corner.
    first_R = torch.searchsorted(stop_R, start_R - stride)
    after_R = torch.searchsorted(start_R, stop_R - stride, right=True)
    touches_R = after_R - first_R
    upper_E = _spread(first_R, touches_R)
    lower_E = torch.repeat_interleave(touches_R, output_size=len(upper_E))
    return upper_E, lower_E


def _join(count: int, upper_E: Tensor, lower_E: Tensor) -> Tensor:
    """The smallest run of every run's component, `(R,)`."""
    root_R = torch.arange(count, device=upper_E.device)
    while len(upper_E) > 0:
        smallest_E = torch.minimum(upper_E, lower_E)
        largest_E = torch.maximum(upper_E, lower_E)
        root_R.scatter_reduce_(0, largest_E, smallest_E, "amin")
        root_R = _follow(root_R)
        # Pairs speak of roots from here on; those that agree have nothing more to say.
        upper_E, lower_E = root_R[upper_E], root_R[lower_E]
        apart_E = upper_E != lower_E
        upper_E, lower_E = upper_E[apart_E], lower_E[apart_E]
    return root_R


def _follow(root_R: Tensor) -> Tensor:
    """Every chain of roots shortened to its end; each round halves its length."""
    while True:
        further_R = root_R[root_R]
        if torch.equal(further_R, root_R):
            return root_R
        root_R = further_R


def _spread(first: Tensor, lengths: Tensor) -> Tensor:
    """`first`, `first + 1`, ... of every entry, `lengths` numbers each, one after the other."""
    before = torch.cumsum(lengths, dim=0) - lengths
    spread = torch.repeat_interleave(first - before, lengths)
    return spread + torch.arange(len(spread), device=spread.device)
