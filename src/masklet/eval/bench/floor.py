"""The least time that a tracked frame could take: its arithmetic at the rate of a matrix product.

The arithmetic is that of the network as it stands. It is less than what the formulas of the paper
take, because the network rewrites some of them exactly; the floor is that of its form, not theirs.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from masklet.eval.bench.laps import Laps
from masklet.eval.bench.steady import steady_tracker
from masklet.model.protocol import SegmentationModel

Product: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""What computes `left @ right.T`."""

# A product that is large enough to reach the rate, and small beside what is measured.
_SIDES = {"cpu": 1024}
_SIDE_ELSEWHERE = 4096
_REPEATS = 5


@lru_cache(maxsize=64)
def frame_flops(outline: SegmentationModel, *, size: int, objects: int) -> int:
    """Operations of a tracked frame in the steady state, the same in every precision.

    Args:
        outline: a network on the meta device, where tensors have shapes but no numbers: kernels
            take their plain form there, and nothing is computed.
        size: side of the network's input, a multiple of 32.
        objects: how many are tracked.
    """
    frame = np.zeros((64, 64, 3), np.uint8)
    tracker = steady_tracker(outline, [frame], size=size, objects=objects)
    return flops_of(lambda: tracker.step(frame))


def flops_of(work: Callable[[], object]) -> int:
    """Operations of some work on the meta device; a multiplication and its addition are two.

    Matrix products and convolutions are counted; norms, activations and resizing are not.

    >>> x = torch.empty(10, 6, device="meta")
    >>> flops_of(lambda: x @ x.T) == 2 * 10 * 6 * 10
    True
    """
    # Of attention's other forms the counter knows not all.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


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
