"""The simulated user of training: turns planned clicks and boxes into prompts with places.

Shapes: B rows, S pixels of the input's side, h w the mask-logit grid, a quarter of it, P points.
"""

from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from masklet.model.tensors import PromptTensors
from masklet.ops.clicks import Clicks, centre_clicks, jittered_boxes, random_clicks
from masklet.ops.resize import resize_logits
from masklet.train.prompting import Click

# Pixels of the input on one side of a cell of the mask-logit grid.
_CELL = 4


def boxed(truth_BSS: Tensor, *, generator: torch.Generator) -> PromptTensors:
    """A hand-drawn box around every object, as two corners.

    >>> truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    >>> truth[:, 3, 5] = True
    >>> boxed(truth, generator=torch.Generator().manual_seed(0)).points_BP2.tolist()
    [[[5.0, 3.0], [5.0, 3.0]]]
    """
    corners_B22 = jittered_boxes(truth_BSS, generator=generator).unflatten(1, (2, 2))
    labels_2 = torch.tensor([2, 3]).to(truth_BSS.device, non_blocking=True)
    return PromptTensors(corners_B22, labels_2.expand(len(truth_BSS), -1))


def clicked(
    before: PromptTensors | None,
    said_Bhw: Tensor | None,
    truth_BSS: Tensor,
    click: Click,
    *,
    looks: Literal["full", "logits"],
    generator: torch.Generator,
) -> PromptTensors:
    """What was said before with one more click in every row.

    Args:
        before: points so far.
        said_Bhw: logits of the answer that the click corrects; they enter with the points, with
            their gradient, as the reference has it.
        truth_BSS: bool, what is meant.
        click: how its place is found.
        looks: whether the user looks at all pixels, or at the grid of the logits, where a cell is
            inside if half of it is; a click is then on any pixel of its cell that is of its label.
        generator: of the device of the masks.

    >>> truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    >>> truth[:, 3, 5] = True
    >>> dice = torch.Generator().manual_seed(0)
    >>> first = clicked(None, None, truth, Click(), looks="full", generator=dice)
    >>> said = torch.full((1, 2, 2), -9.0)
    >>> second = clicked(first, said, truth, Click(), looks="full", generator=dice)
    >>> second.points_BP2.tolist(), second.labels_BP.tolist()
    ([[[5.0, 3.0], [5.0, 3.0]]], [[1, 1]])
    """
    ignored = click.from_truth or said_Bhw is None
    size = (truth_BSS.shape[1], truth_BSS.shape[2])
    seen_BHW = truth_BSS if looks == "full" else inside_cells(truth_BSS)
    answered_BHW = torch.zeros_like(seen_BHW)
    if said_Bhw is not None and not ignored:
        said = said_Bhw.detach()
        answered_BHW = (resize_logits(said, size) if looks == "full" else said) > 0
    clicks = (
        centre_clicks(answered_BHW, seen_BHW)
        if click.is_centred
        else random_clicks(answered_BHW, seen_BHW, generator=generator)
    )
    if looks == "logits":
        clicks = pixels_of_cells(clicks, truth_BSS, generator=generator)
    points_B12, labels_B1 = clicks.points_B2[:, None], clicks.labels_B[:, None]
    if before is not None:
        points_B12 = torch.cat([before.points_BP2, points_B12], dim=1)
        labels_B1 = torch.cat([before.labels_BP, labels_B1], dim=1)
    return PromptTensors(points_B12, labels_B1, said_Bhw)


def inside_cells(truth_BSS: Tensor) -> Tensor:
    """Cells that are at least half inside, bool `(B, h, w)`; of a small object its fullest cells.

    >>> truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    >>> truth[:, 2:, 3:] = True
    >>> inside_cells(truth).int()
    tensor([[[0, 1],
             [0, 1]]], dtype=torch.int32)
    """
    share_Bhw = F.avg_pool2d(truth_BSS.float()[:, None], _CELL)[:, 0]
    enough_B11 = share_Bhw.amax(dim=(1, 2), keepdim=True).clamp(max=0.5)
    return (share_Bhw >= enough_B11) & (share_Bhw > 0)


def pixels_of_cells(clicks: Clicks, truth_BSS: Tensor, *, generator: torch.Generator) -> Clicks:
    """Clicks on cells as clicks on pixels: any pixel of the cell that is what the label says.

    >>> truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    >>> truth[:, 6, 5] = True
    >>> cell = Clicks(torch.tensor([[1.0, 1.0]]), torch.tensor([1]), torch.tensor([True]))
    >>> pixels_of_cells(cell, truth, generator=torch.Generator().manual_seed(0)).points_B2.tolist()
    [[5.0, 6.0]]
    """
    rows, side = len(truth_BSS), truth_BSS.shape[1] // _CELL
    cells_BhCwC = truth_BSS.unflatten(2, (-1, _CELL)).unflatten(1, (side, _CELL))
    x_B, y_B = clicks.points_B2.long().unbind(dim=1)
    rows_B = torch.arange(rows, device=truth_BSS.device)
    is_right_BN = cells_BhCwC[rows_B, y_B, :, x_B].flatten(1) == clicks.labels_B[:, None].bool()
    # Noise below 1 chooses among the right pixels, or among all where none is right.
    noise_BN = torch.rand(is_right_BN.shape, generator=generator, device=truth_BSS.device)
    place_B = (is_right_BN + noise_BN).argmax(dim=1)
    within_B2 = torch.stack([place_B % _CELL, place_B // _CELL], dim=1)
    return replace(clicks, points_B2=clicks.points_B2 * _CELL + within_B2)
