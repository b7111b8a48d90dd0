"""What trunks hand on: a map of features as tokens, in row-major order or grouped by windows.

Shapes: B images, L tokens in some order, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class TokenMap:
    """A map of features as tokens, in row-major order (window 0) or grouped by windows."""

    tokens_BLC: Tensor
    grid: tuple[int, int]
    window: int = 0

    def ordered(self, window: int) -> "TokenMap":
        """The same map in another order; `window` must divide the grid."""
        if window == self.window:
            return self
        height, width = self.grid
        x = self.tokens_BLC
        batch, length, channels = x.shape
        if self.window:
            side = self.window
            x = x.reshape(batch, height // side, width // side, side, side, channels)
            x = x.permute(0, 1, 3, 2, 4, 5)
        if window:
            x = x.reshape(batch, height // window, window, width // window, window, channels)
            x = x.permute(0, 1, 3, 2, 4, 5)
        return TokenMap(x.reshape(batch, length, channels), self.grid, window)


def fits(grid: tuple[int, int], window: int) -> bool:
    """Whether windows of this side tile the grid without padding."""
    return grid[0] % window == 0 and grid[1] % window == 0


def joined(bands: Sequence[TokenMap], images: int) -> TokenMap:
    """Rows of windows put together again, to maps of so many images."""
    if len(bands) == 1:
        return bands[0]
    height = sum(band.grid[0] for band in bands) // images
    tokens_1LC = torch.cat([band.tokens_BLC for band in bands], dim=1)
    tokens_BLC = tokens_1LC.reshape(images, -1, tokens_1LC.shape[2])
    return TokenMap(tokens_BLC, (height, bands[0].grid[1]), bands[0].window)
