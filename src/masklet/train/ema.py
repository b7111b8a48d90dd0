"""The moving average of the weights, which answers better than the weights of any one step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of the parameters that learn, beside the latest buffers.

    It starts as the weights are, and follows fast at first: after n updates the decay is at most
    `(1 + n) / (10 + n)`, so that the random start is soon forgotten.

    Args:
        model: whose frozen parameters are frozen already; they are not kept.
        decay: how much of the average stays in one update.

    >>> model = nn.Linear(1, 1)
    >>> average = Average(model, decay=0.9)
    >>> with torch.no_grad():
    ...     _ = model.weight.fill_(7.0)
    >>> with average.swapped(model):
    ...     model.weight.item() == 7.0
    False
    """

    def __init__(self, model: nn.Module, *, decay: float = 0.9995) -> None:
        self.decay = decay
        self.updates = 0
        # In float32 whatever the weights are: a two-thousandth of a step is lost in bfloat16.
        self._averaged = {
            name: weight.detach().to(torch.float32, copy=True)
            for name, weight in _learning(model).items()
        }
        self._copied = {name: buffer.detach().clone() for name, buffer in model.named_buffers()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after a step of the optimiser; costs a pass over them."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        weights = _learning(model)
        assert weights.keys() == self._averaged.keys(), "what learns must not change"
        if weights:
            latest = [weight.detach().float() for weight in weights.values()]
            torch._foreach_lerp_(list(self._averaged.values()), latest, 1.0 - decay)
        _copy(self._copied, dict(model.named_buffers()))

    @contextmanager
    def swapped(self, model: nn.Module) -> Iterator[None]:
        """The model with the averaged weights; after the block it has its own again, bit for bit."""
        own = {name: tensor.detach().clone() for name, tensor in self._places(model).items()}
        try:
            _copy(self._places(model), self.tensors())
            yield
        finally:
            _copy(self._places(model), own)

    def tensors(self) -> dict[str, Tensor]:
        """The averages and the buffers under their names in the model; not copies."""
        return self._averaged | self._copied

    def load(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Go on from what `tensors` gave after so many updates, for the same model."""
        _copy(self.tensors(), tensors)
        self.updates = updates

    def _places(self, model: nn.Module) -> dict[str, Tensor]:
        return _learning(model) | dict(model.named_buffers())


def _learning(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


@torch.no_grad()
def _copy(targets: Mapping[str, Tensor], sources: Mapping[str, Tensor]) -> None:
    """Numbers of the sources into the targets of the same name."""
    if targets:
        values = [sources[name] for name in targets]
        torch._foreach_copy_(list(targets.values()), values)
