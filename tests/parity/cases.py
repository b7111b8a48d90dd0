"""What all module fixtures share: their inputs, and tokens turned into the reference's images.

Shapes: as in `masklet.model.tensors`; B the batch of a fixture.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

from tests.parity import inputs

# One entry of `cases`: name, inputs, outputs, and the weights if it needs any. Any: JSON.
Case: TypeAlias = Mapping[str, Any]
Outputs: TypeAlias = Mapping[str, Tensor]
# Patterns of names, and what computes the outputs of a case. Any: the model, None for some.
Table: TypeAlias = tuple[tuple[str, Callable[[Case, Any], Outputs]], ...]

CPU = torch.device("cpu")


def tensors_of(case: Case) -> dict[str, Tensor]:
    """The made-up inputs, `tag: [shape, deviation, mean]`, of a case in their order."""
    tensors = {}
    for tag, given in case["inputs"].items():
        match given:
            case [list() as shape, int() | float() as deviation, int() | float() as mean]:
                tensors[tag] = inputs.tensor(tag, tuple(shape), deviation, mean)
    return tensors


def tokens_of(image_BCHW: Tensor) -> Tensor:
    """An image as tokens, `(B, L, C)`."""
    return image_BCHW.flatten(2).transpose(1, 2)


def image_of(tokens_BLC: Tensor, grid: tuple[int, int]) -> Tensor:
    """Tokens as an image, `(B, C, H, W)`."""
    return tokens_BLC.transpose(1, 2).unflatten(2, grid)


def square(tokens: int) -> tuple[int, int]:
    """The square grid of so many tokens."""
    side = round(tokens**0.5)
    return side, side


def times_of(case: Case) -> Tensor:
    """Distances in frames, divided as the case says."""
    return torch.tensor(case["inputs"]["positions"]) / case["inputs"]["divided_by"]
