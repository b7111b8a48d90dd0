"""Four copies of a clip in one picture, of which only one is meant: perfect distractors.

Places are x, y from -1 to 1, as in `masklet.data.warps`. Shapes: V clips, S side.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from masklet.data.draws import Draws


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """Which clips are shown four times, and how."""

    is_tiled_V: Tensor
    """bool."""
    is_mirrored_V4: Tensor
    """bool, of the copies in reading order."""
    kept_V: Tensor
    """int64, the copy that keeps its masks."""


def draw_mosaic(draws: Draws, clips: int, chance: float) -> Mosaic:
    """For every clip whether it becomes a mosaic, with copies mirrored at random."""
    return Mosaic(
        is_tiled_V=draws.happens(chance, clips),
        is_mirrored_V4=draws.happens(0.5, clips, 4),
        kept_V=draws.whole(0, 3, clips),
    )


def folded(grid_VSS2: Tensor, mosaic: Mosaic) -> Tensor:
    """Places in the mosaic as places in the clip that each cell shows, `(V, S, S, 2)`.

    >>> mosaic = Mosaic(torch.tensor([True]), torch.zeros(1, 4).bool(), torch.tensor([3]))
    >>> folded(torch.tensor([[[[-0.5, -0.5], [0.5, 0.75]]]]), mosaic).tolist()
    [[[[0.0, 0.0], [0.0, 0.5]]]]
    """
    cell_VSS = _cells(grid_VSS2)
    local_VSS2 = 2 * grid_VSS2 - torch.where(grid_VSS2 < 0, -1.0, 1.0)
    is_mirrored_VSS = mosaic.is_mirrored_V4.gather(1, cell_VSS.flatten(1)).view(cell_VSS.shape)
    x_VSS, y_VSS = local_VSS2.unbind(-1)
    local_VSS2 = torch.stack([torch.where(is_mirrored_VSS, -x_VSS, x_VSS), y_VSS], dim=-1)
    return torch.where(mosaic.is_tiled_V[:, None, None, None], local_VSS2, grid_VSS2)


def is_meant(grid_VSS2: Tensor, mosaic: Mosaic) -> Tensor:
    """Where masks are kept, bool `(V, S, S)`: everywhere, or in one cell of a mosaic."""
    in_kept_VSS = _cells(grid_VSS2) == mosaic.kept_V[:, None, None]
    return in_kept_VSS | ~mosaic.is_tiled_V[:, None, None]


def _cells(grid_VSS2: Tensor) -> Tensor:
    """The number of each place's cell in reading order."""
    is_right_VSS, is_below_VSS = (grid_VSS2 >= 0).unbind(-1)
    return is_right_VSS.long() + 2 * is_below_VSS.long()
