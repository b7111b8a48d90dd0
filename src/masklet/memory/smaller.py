"""Memories with fewer tokens, which cost less to attend to and say a little less.

Shapes: B memories, L = H * W tokens of a grid, D channels, S tokens that are left, h w = 4H 4W the
mask-logit grid. Nothing is read on the host, and S depends on the grid alone.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from masklet.memory.cells import Cells

# Of the tokens of a grid `foveated` keeps one in so many as it is.
_KEPT_IN = 8
# Multiples of 40503 modulo 2 ** 16 are all different, and any stretch of them lies evenly in the
# range, because their ratio is nearly the golden one (Knuth's multiplicative hashing).
_STEP, _RANGE = 40_503, 65_536


@dataclass(frozen=True, slots=True, eq=False)
class SmallMemories:
    """B memories of S tokens each; `Cells` says what places and counts are."""

    spatial_BSD: Tensor
    places_BS2: Tensor
    log_counts_BS: Tensor

    def cells(self, row: int) -> Cells:
        """Where the tokens of one memory lie."""
        return Cells(self.places_BS2[row], self.log_counts_BS[row])


def whole(spatial_BLD: Tensor, grid: tuple[int, int]) -> SmallMemories:
    """All tokens as they are, to stand beside memories that are smaller."""
    cells = Cells.whole(grid, spatial_BLD.device)
    rows = len(spatial_BLD)
    return SmallMemories(
        spatial_BLD, cells.places_S2.expand(rows, -1, -1), cells.log_counts_S.expand(rows, -1)
    )


def pooled(spatial_BLD: Tensor, grid: tuple[int, int]) -> SmallMemories:
    """The means of squares of 2 x 2 tokens: a quarter of the tokens.

    The idea is that of EfficientTAM (arXiv 2411.18933), whose network learns with it.

    >>> small = pooled(torch.arange(8.0).reshape(1, 8, 1), grid=(2, 4))
    >>> small.spatial_BSD.flatten().tolist(), small.places_BS2[0].tolist()
    ([2.5, 4.5], [[0.5, 0.5], [2.5, 0.5]])
    """
    return _averaged(spatial_BLD, torch.ones_like(spatial_BLD[:, :, 0]), grid, side=2)


def foveated(spatial_BLD: Tensor, logits_Bhw: Tensor, grid: tuple[int, int]) -> SmallMemories:
    """An eighth of the tokens as they are, where the object is, and squares of 4 x 4 of the others.

    The outline comes first, then what lies beside it, then the inside of the object, then the rest
    of the frame; where there is no room for all of a kind, it is thinned out evenly.

    Args:
        spatial_BLD: whole memories.
        logits_Bhw: the masks that they remember.
        grid: `(H, W)`.

    >>> logits = torch.full((1, 32, 32), -9.0)
    >>> logits[:, 4:8, 4:8] = 9.0
    >>> small = foveated(torch.zeros(1, 64, 2), logits, grid=(8, 8))
    >>> small.spatial_BSD.shape, small.places_BS2[0, :8].amin(dim=0).tolist()
    (torch.Size([1, 12, 2]), [0.0, 0.0])
    """
    count = max(spatial_BLD.shape[1] // _KEPT_IN, 1)
    kept_BK = _importance(logits_Bhw, grid).topk(count).indices
    left_BL = torch.ones_like(spatial_BLD[:, :, 0]).scatter(1, kept_BK, 0.0)
    squares = _averaged(spatial_BLD, left_BL, grid, side=4)
    index_BKD = kept_BK[:, :, None].expand(-1, -1, spatial_BLD.shape[2])
    kept = Cells.whole(grid, spatial_BLD.device)
    return SmallMemories(
        torch.cat([spatial_BLD.gather(1, index_BKD), squares.spatial_BSD], dim=1),
        torch.cat([kept.places_S2[kept_BK], squares.places_BS2], dim=1),
        torch.cat([kept.log_counts_S[kept_BK], squares.log_counts_BS], dim=1),
    )


def _importance(logits_Bhw: Tensor, grid: tuple[int, int]) -> Tensor:
    """Which tokens to keep first, `(B, L)`: whole parts are kinds, fractions thin a kind out."""
    side = logits_Bhw.shape[-1] // grid[1]
    inside_BHW = F.max_pool2d(logits_Bhw.float(), side) > 0
    outside_BHW = F.max_pool2d(-logits_Bhw.float(), side) >= 0
    near_inside, near_outside = (
        F.max_pool2d(here.float(), 3, stride=1, padding=1) for here in (inside_BHW, outside_BHW)
    )
    kinds_BHW = (inside_BHW & outside_BHW).float() + near_inside * near_outside + near_inside
    numbers_L = torch.arange(grid[0] * grid[1], device=logits_Bhw.device)
    return kinds_BHW.flatten(1) + (numbers_L * _STEP % _RANGE).float() / _RANGE


def _averaged(
    spatial_BLD: Tensor, weight_BL: Tensor, grid: tuple[int, int], *, side: int
) -> SmallMemories:
    """Weighted means of squares of tokens and of their places; those at the edges may be smaller."""
    weight_BL1 = weight_BL.float()[:, :, None]
    places_L2 = Cells.whole(grid, spatial_BLD.device).places_S2
    known_BLE = torch.cat([spatial_BLD.float(), places_L2.expand(len(weight_BL), -1, -1)], dim=2)
    weighted_BLE = torch.cat([known_BLE * weight_BL1, weight_BL1], dim=2)
    weighted_BEHW = weighted_BLE.transpose(1, 2).unflatten(2, grid)
    filled = F.pad(weighted_BEHW, (0, -grid[1] % side, 0, -grid[0] % side))
    sums_BSE = F.avg_pool2d(filled, side).flatten(2).transpose(1, 2) * side**2
    count_BS1 = sums_BSE[:, :, -1:]
    # A square of which nothing is left is 0, at 0, and counts -inf: finite, and not attended to.
    means_BSE = sums_BSE[:, :, :-1] / count_BS1.clamp(min=1.0)
    return SmallMemories(
        means_BSE[:, :, :-2].to(spatial_BLD.dtype), means_BSE[:, :, -2:], count_BS1[:, :, 0].log()
    )
