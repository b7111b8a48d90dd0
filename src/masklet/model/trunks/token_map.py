"""What trunks hand on: a map of features as tokens, in row-major order or grouped by windows.

Shapes: B images, L tokens in some order, C channels.
"""

from dataclasses import dataclass

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

    def fits(self, window: int) -> bool:
        """Whether windows of this side tile the grid without padding."""
        return self.grid[0] % window == 0 and self.grid[1] % window == 0
