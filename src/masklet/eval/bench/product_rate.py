"""How fast a device multiplies matrices, which bounds whatever a network does there."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from masklet.eval.bench.laps import Laps

Product: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""What computes `left @ right.T`."""

# A product that is large enough to reach the rate, and small beside what is measured.
_SIDES = {"cpu": 1024}
_SIDE_ELSEWHERE = 4096
_REPEATS = 5


def product_rate(product: Product, device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second in a large matrix product, the best of five.

    Args:
        product: the one that the network computes with, which on some processors is twice as fast
            as `torch.matmul`.
        device: where; the matrices are 1024 by 1024 on a CPU, 4096 by 4096 elsewhere.
        dtype: of the matrices.

    >>> device = torch.device("cpu")
    >>> product_rate(torch.nn.functional.linear, device, torch.float32) > 0
    True
    """
    side = _SIDES.get(device.type, _SIDE_ELSEWHERE)
    left, right = torch.rand(2, side, side, device=device).to(dtype)
    laps = Laps(device)
    with torch.inference_mode():
        for _ in range(_REPEATS):
            with laps.lap("product"):
                product(left, right)
    return 2 * side**3 / min(laps.seconds()["product"])
