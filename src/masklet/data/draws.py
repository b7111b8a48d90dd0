"""Random tensors for whole batches, all from one explicit generator."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """What is drawn appears on a device; the same state of the generator gives the same numbers.

    A generator on another device is allowed, but what it draws has to be copied.

    >>> def drawn(seed):
    ...     draws = Draws(torch.Generator().manual_seed(seed), torch.device("cpu"))
    ...     return draws.uniform(-1.0, 1.0, 3)
    >>> torch.equal(drawn(1), drawn(1)), torch.equal(drawn(1), drawn(2))
    (True, False)
    """

    generator: torch.Generator
    device: torch.device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """float32 numbers from `low` to `high`."""
        numbers = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return low + (high - low) * numbers.to(self.device)

    def sign(self, *shape: int) -> Tensor:
        """float32, -1 or 1."""
        return 1 - 2 * self.happens(0.5, *shape).float()

    def normal(self, *shape: int) -> Tensor:
        """float32 numbers around 0 with standard deviation 1."""
        numbers = torch.randn(shape, generator=self.generator, device=self.generator.device)
        return numbers.to(self.device)

    def happens(self, share: float, *shape: int) -> Tensor:
        """bool, True in that share of cases: never with 0, always with 1."""
        return self.uniform(0.0, 1.0, *shape) < share

    def whole(self, low: int, high: int, *shape: int) -> Tensor:
        """int64 numbers from `low` to `high`, both included."""
        numbers = torch.randint(
            low, high + 1, shape, generator=self.generator, device=self.generator.device
        )
        return numbers.to(self.device)

    def others(self, count: int) -> Tensor:
        """For each of some things the number of another one, int64; for a single one its own."""
        steps = self.whole(1, max(count - 1, 1), count)
        return (torch.arange(count, device=self.device) + steps) % count

    def pick(self, weights: Tensor) -> Tensor:
        """One place along the last dimension by weight; the first of all where all weights are 0."""
        return self.ranks(weights).argmax(dim=-1)

    def ranks(self, weights: Tensor) -> Tensor:
        """Numbers whose descending order is that of drawing by weight without putting back.

        They are -inf where a weight is 0. (Efraimidis and Spirakis 2006, in its logarithmic form.)
        """
        noise = self.uniform(0.0, 1.0, *weights.shape)
        # The largest number below 1 and the smallest above 0 keep both logarithms finite.
        gumbel = -torch.log(-torch.log(noise.clamp(1e-20, 1.0 - 1e-7)))
        return weights.log() + gumbel
