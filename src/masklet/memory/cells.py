"""Where the tokens of a memory lie when there are fewer of them than the grid has."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The places of S tokens and how much each counts.

    A token that stands for n others of the grid is attended to as if it were there n times: the
    logarithm of n is added to its logit. That is exact where the n tokens are equal.
    """

    places_S2: Tensor
    """float32 x and y in units of tokens; those of the grid lie at whole numbers from 0 on."""
    log_counts_S: Tensor
    """float32 logarithm of n; -inf for a token that stands for none, which is not attended to."""

    @staticmethod
    def whole(grid: tuple[int, int], device: torch.device) -> "Cells":
        """Every token of a grid `(H, W)`, row by row, each for itself."""
        y_H, x_W = (torch.arange(n, dtype=torch.float32, device=device) for n in grid)
        y_HW, x_HW = torch.meshgrid(y_H, x_W, indexing="ij")
        places_L2 = torch.stack([x_HW, y_HW], dim=-1).flatten(0, 1)
        return Cells(places_L2, torch.zeros_like(places_L2[:, 0]))

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.places_S2.nbytes + self.log_counts_S.nbytes

    def cloned(self) -> "Cells":
        """The same with storage of its own."""
        return replace(
            self, places_S2=self.places_S2.clone(), log_counts_S=self.log_counts_S.clone()
        )

    def to(self, device: torch.device) -> "Cells":
        """The same on a device."""
        return replace(
            self,
            places_S2=self.places_S2.to(device),
            log_counts_S=self.log_counts_S.to(device),
        )
