"""Small layers that every part of the network uses.

Precision is explicit: a `Linear` computes in the dtype of its weights and returns that, norms and
residual sums stay in float32, and nothing depends on autocast. `precision.set_precision` decides
which weights are narrow.
"""

from collections.abc import Iterable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from masklet.model.kernels import Activation, linear


class Linear(nn.Linear):
    """A linear map in the precision of its weights."""

    def forward(self, x: Tensor, activation: Activation = "none") -> Tensor:
        """`activation(x @ W.T + b)`, `(..., out)`."""
        return linear(x, self.weight, self.bias, activation)


class PointwiseConv(nn.Conv2d):
    """A 1x1 convolution on channels-last tokens; only its weights have the shape of an image's."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, kernel_size=1)

    def forward(self, x: Tensor, activation: Activation = "none") -> Tensor:
        """`(..., inputs)` to `(..., outputs)`."""
        return linear(x, self.weight.flatten(1), self.bias, activation)


class LayerNorm(nn.LayerNorm):
    """Layer norm over the last dimension, in float32 whatever comes in."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape, float32."""
        return F.layer_norm(x.float(), self.normalized_shape, self.weight, self.bias, self.eps)


class MLP(nn.Module):
    """Linear layers with an activation between them; the official name of the list is `layers`."""

    def __init__(self, widths: Iterable[int], activation: Activation) -> None:
        super().__init__()
        self.activation: Activation = activation
        self.layers = nn.ModuleList(Linear(inputs, outputs) for inputs, outputs in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """`(..., widths[0])` to `(..., widths[-1])`."""
        *hidden, last = self.layers
        for layer in hidden:
            x = layer(x, self.activation)
        y: Tensor = last(x)
        return y


class DropPath(nn.Module):
    """Drops a whole residual branch per sample while training (stochastic depth)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """The branch, or zeros for some samples; the rest is scaled to keep the mean."""
        if self.rate == 0.0 or not self.training:
            return x
        shape = (len(x),) + (1,) * (x.dim() - 1)
        keep = torch.rand(shape, device=x.device) >= self.rate
        return x * keep.to(x.dtype) / (1.0 - self.rate)
