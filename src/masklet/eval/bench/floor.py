"""The least time that a tracked frame could take: its arithmetic at the rate of a matrix product.

The arithmetic is that of the network as it stands. It is less than what the formulas of the paper
take, because the network rewrites some of them exactly; the floor is that of its form, not theirs.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from masklet.eval.bench.steady import steady_tracker
from masklet.memory.standard import MemoryForm, StandardPolicy
from masklet.model.protocol import SegmentationModel


@lru_cache(maxsize=64)
def frame_flops(
    outline: SegmentationModel, *, size: int, objects: int, memories: MemoryForm = "full"
) -> int:
    """Operations of a tracked frame in the steady state, the same in every precision.

    Args:
        outline: a network on the meta device, where tensors have shapes but no numbers: kernels
            take their plain form there, and nothing is computed.
        size: side of the network's input, a multiple of 32.
        objects: how many are tracked.
        memories: in which form they are remembered.
    """
    frame = np.zeros((64, 64, 3), np.uint8)
    policy = StandardPolicy(memories=memories)
    tracker = steady_tracker(outline, [frame], size=size, objects=objects, policy=policy)
    return flops_of(lambda: tracker.step(frame))


def flops_of(work: Callable[[], object]) -> int:
    """Operations of some work on the meta device; a multiplication and its addition are two.

    Matrix products and convolutions are counted; norms, activations and resizing are not.

    >>> import torch
    >>> x = torch.empty(10, 6, device="meta")
    >>> flops_of(lambda: x @ x.T) == 2 * 10 * 6 * 10
    True
    """
    # Of attention's other forms the counter knows not all.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
