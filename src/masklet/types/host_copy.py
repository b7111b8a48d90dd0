"""What is read of masks, on its way from their device to the host.

Shapes: N masks, Q bytes of bits.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.ops.masks import pack_bits, unpack_bits


class HostCopy:
    """A copy of a tensor in the host's memory; under CUDA it is under way until it is read.

    >>> HostCopy(torch.arange(3)).numpy()
    array([0, 1, 2])
    """

    def __init__(self, tensor: Tensor) -> None:
        self._arrival: torch.cuda.Event | None = None
        if tensor.device.type != "cuda":
            self._host = tensor.cpu()
            return
        # Only into pinned memory does a copy run beside what the program does next.
        self._host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        self._host.copy_(tensor, non_blocking=True)
        self._arrival = torch.cuda.current_stream(tensor.device).record_event()

    def numpy(self) -> npt.NDArray[Any]:  # Any: whatever the tensor held
        """The copy, as soon as it is complete."""
        if self._arrival is not None:
            self._arrival.synchronize()
        return self._host.numpy()


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """What the model thinks of its masks, each `(N,)` float32, in the order of the masks."""

    iou: npt.NDArray[np.float32]
    """The IoU with the true mask that the model predicts, 0 to 1."""
    object_score: npt.NDArray[np.float32]
    """Logit that the object is in the image at all."""
    stability: npt.NDArray[np.float32]
    """How little a mask depends on its threshold, 0 to 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """Masks and their ratings, on their way or there already."""

    bits: HostCopy
    """`(N, Q)`, as `pack_bits` makes them."""
    numbers: HostCopy
    """`(3, N)`, the ratings."""
    size: tuple[int, int]
    """Height and width."""

    @classmethod
    def of(cls, masks: Tensor, numbers_3N: Tensor) -> Self:
        """Send bool masks `(N, height, width)` and their ratings off; waits for nothing."""
        size = (masks.shape[1], masks.shape[2])
        return cls(HostCopy(pack_bits(masks)), HostCopy(numbers_3N), size)

    def masks(self) -> Tensor:
        """The bool masks, on the host."""
        return torch.from_numpy(unpack_bits(self.bits.numpy(), self.size))

    def ratings(self) -> Ratings:
        """What the model thinks of them."""
        return Ratings(*self.numbers.numpy())
