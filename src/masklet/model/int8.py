"""Linear maps with weights of eight bits, for processors: twice the products a second of bfloat16.

A weight is a whole number from -127 to 127 times the scale of its output channel. What comes in is
rounded to eight bits as well, when it comes, between its own lowest and highest value. Each picture
of a batch has its own two, so that none changes what is computed for another, and each band of it
where a trunk cuts it into bands. A scale for every
token would bring features a quarter nearer (0.6 % of their norm away from float32 instead of 0.8 %,
bundled model, 24 pictures), but oneDNN's operator takes one: bias and activation would need a pass of
their own over what comes out, which costs about what the product gains. One symmetric scale is half
as far off again (1.2 %).

Shapes: B pictures, L tokens, I inputs, O outputs.
"""

import math
import platform
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from masklet.model.kernels import HAS_BFLOAT16, Activation
from masklet.model.layers import Linear

# Of 256 levels three are spare: rounding may leave the range at both ends, and must not wrap around.
_LEVELS = 253
# Below it a range counts as nothing, so that all its numbers are finite.
_SMALLEST = 1e-30
# Added to a float32, it leaves no place for fractions: the lowest byte is then the rounded number.
_ROUNDER = 1.5 * 2**23


class Int8Linear(nn.Module):
    """What a `Linear` computes, from eight bits; without a gradient, and on processors only.

    In a state dict its weight is what it stands for, in float32, so that a model can be saved under
    the official names, and in eight bits becomes again what it was.

    >>> wide = Linear(8, 4).requires_grad_(False)
    >>> narrow = Int8Linear(wide)
    >>> narrow.weight.dtype, narrow.state_dict()["weight"].dtype
    (torch.int8, torch.float32)
    """

    weight_scale: Tensor
    """`(O,)`, of every output channel."""

    def __init__(self, linear: Linear) -> None:
        super().__init__()
        weight_OI, scale_O = quantise_weight(linear.weight.detach())
        self.weight = nn.Parameter(weight_OI, requires_grad=False)
        self.register_buffer("weight_scale", scale_O, persistent=False)
        self.bias = linear.bias
        self._packed: _Packed | None = None

    def forward(self, x_BLI: Tensor, activation: Activation = "none") -> Tensor:
        """`activation(x @ W.T + b)`, `(B, L, O)`.

        It is in bfloat16 where the processor multiplies in it, as attention does next, or in float32;
        in float32 after an activation, because then it is rounded to eight bits.

        Raises:
            ValueError: the input is not on a processor, or a gradient is wanted.
        """
        if x_BLI.device.type != "cpu":
            raise ValueError(
                f"weights of eight bits met an input on {x_BLI.device}; expected the processor, for "
                "which they were made. Load the model for that device, with another dtype."
            )
        if torch.is_grad_enabled() and x_BLI.requires_grad:
            raise ValueError(
                "a gradient is wanted through weights of eight bits; expected none, because they "
                "cannot be trained. Use torch.inference_mode(), or load the model in float32."
            )
        products = [self._product(x_LI, activation) for x_LI in x_BLI.float()]
        return products[0][None] if len(products) == 1 else torch.stack(products)

    def widened(self) -> Linear:
        """The float32 map that it stands for."""
        outputs, inputs = self.weight.shape
        linear = Linear(inputs, outputs, bias=self.bias is not None)
        linear.weight = nn.Parameter(self._wide_weight(), requires_grad=False)
        linear.bias = self.bias
        return linear

    def __getstate__(self) -> dict[str, Any]:  # Any: what an object holds
        """For copies and pickles: oneDNN's own layout cannot be copied and is made when needed."""
        return self.__dict__ | {"_packed": None}

    def _product(self, x_LI: Tensor, activation: Activation) -> Tensor:
        if self._packed is None:
            self._packed = _pack(self.weight, self.weight_scale)
        return _multiply(quantise_tokens(x_LI), self._packed, self.bias, activation)

    def _wide_weight(self) -> Tensor:
        return self.weight * self.weight_scale[:, None]

    # Any: torch's own signatures.
    def _save_to_state_dict(
        self, destination: MutableMapping[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight"] = self._wide_weight()

    def _load_from_state_dict(
        self, state_dict: MutableMapping[str, Any], prefix: str, *rest: Any
    ) -> None:
        name = f"{prefix}weight"
        if name in state_dict and state_dict[name].shape == self.weight.shape:
            state_dict[name], self.weight_scale = quantise_weight(state_dict[name])
            self._packed = None
        super()._load_from_state_dict(state_dict, prefix, *rest)


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """Tokens in eight bits: `scale * (values - zero)`."""

    values_LI: Tensor
    """uint8, because oneDNN has no fast product of two signed matrices."""
    scale: float
    zero: int


def quantise_tokens(x_LI: Tensor) -> Quantised:
    """Round float32 tokens to eight bits with one scale; zero stays zero.

    Raises:
        ValueError: they are not finite.

    >>> tokens = quantise_tokens(torch.tensor([[-1.0, 0.0, 1.53]]))
    >>> tokens.values_LI.tolist(), tokens.zero
    ([[1, 101, 254]], 101)
    """
    # Two numbers are read on the host: the operator wants them there, and that is where x is.
    low, high = (bound.item() for bound in torch.aminmax(x_LI))
    low, high = min(low, 0.0), max(high, 0.0)
    if not math.isfinite(high - low):
        raise ValueError(
            f"what is to be rounded to eight bits reaches from {low:g} to {high:g}; expected finite "
            "numbers. Are the weights damaged? Load them in float32 and look."
        )
    scale = max(high - low, _SMALLEST) / _LEVELS
    zero = 1 + round(-low / scale)
    # Two passes over memory. `torch.quantize_per_tensor` needs one, but torch is going to drop it.
    rounded_LI = torch.add(x_LI.new_tensor(_ROUNDER + zero), x_LI, alpha=1 / scale)
    return Quantised(rounded_LI.view(torch.int32).to(torch.uint8), scale, zero)


def quantise_weight(weight_OI: Tensor) -> tuple[Tensor, Tensor]:
    """A weight as `(O, I)` int8 and the scales `(O,)` of its output channels.

    >>> quantise_weight(torch.tensor([[1.27, -0.5], [0.0, 0.0]]))[0].tolist()
    [[127, -50], [0, 0]]
    """
    weight_OI = weight_OI.float()
    scale_O = weight_OI.abs().amax(dim=1).clamp(min=_SMALLEST) / 127
    return (weight_OI / scale_O[:, None]).round().to(torch.int8), scale_O


def has_int8(model: nn.Module) -> bool:
    """Whether a part of a model has weights of eight bits."""
    return any(isinstance(module, Int8Linear) for module in model.modules())


@cache
def int8_hindrance(device: torch.device) -> str | None:
    """Why weights of eight bits cannot be used on a device of this computer; None if they can."""
    if device.type != "cpu":
        return f"they are for processors, and this is {device}"
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return f"they are for x86-64 processors, and this one is {platform.machine()}"
    if _prepack is None or _qlinear is None:
        return f"torch {torch.__version__} lacks the operator onednn::qlinear_pointwise"
    try:
        found = _largest_product()
    except RuntimeError as error:
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    # Without the instructions of VNNI, two products are added in sixteen bits, which may overflow.
    return None if found == _LARGEST else "the processor has no exact products of eight bits (VNNI)"


_INPUTS = 64
_LARGEST = 255 * 127 * _INPUTS


def _largest_product() -> float:
    """255 times 127, summed over some inputs, by the operator."""
    x = Quantised(torch.full((16, _INPUTS), 255, dtype=torch.uint8), 1.0, 0)
    packed = _pack(torch.full((16, _INPUTS), 127, dtype=torch.int8), torch.ones(16))
    products = _multiply(x, packed, None, "relu")
    return max(products.flatten().tolist(), key=lambda product: abs(product - _LARGEST))


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """A weight as the operator wants it, its numbers in an order that is oneDNN's own."""

    weight: Tensor
    scale_O: Tensor
    zeros_O: Tensor


def _pack(weight_OI: Tensor, scale_O: Tensor) -> _Packed:
    zeros_O = torch.zeros(len(scale_O), dtype=torch.int64)
    return _Packed(_prepack(weight_OI, None), scale_O, zeros_O)


def _multiply(
    x: Quantised, packed: _Packed, bias_O: Tensor | None, activation: Activation
) -> Tensor:
    is_last = activation == "none"
    product: Tensor = _qlinear(
        x.values_LI,
        x.scale,
        x.zero,
        packed.weight,
        packed.scale_O,
        packed.zeros_O,
        bias_O,
        1.0,
        0,
        torch.bfloat16 if is_last and HAS_BFLOAT16 else torch.float32,
        activation,
        [],
        "none" if activation == "gelu" else "",
    )
    return product


# The entries that torch.compile itself uses on CPUs; where a build lacks them, `int8_hindrance` says so.
_prepack: Any = getattr(torch.ops.onednn, "qlinear_prepack", None)
_qlinear: Any = getattr(torch.ops.onednn, "qlinear_pointwise", None)
