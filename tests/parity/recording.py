"""What an implementation answered: every array by name, thinned, with sums over the whole of it.

A thinned array is the flattened one with a stride that is coprime with every dimension, so that all
channels, rows and columns are visited.
"""

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor

Array: TypeAlias = npt.NDArray[np.float32]

# Values kept of an array, and of one of the many large ones of a clip.
KEPT = 4096
KEPT_OF_MANY = 2048
STATISTICS = "#stat"


@dataclass
class Recording:
    """Arrays by name; `name#stat` beside a thinned one (see `statistics`)."""

    arrays: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, name: str, values: Tensor | npt.ArrayLike | None, kept: int = KEPT) -> None:
        """Keep an array; None, something that the implementation does not offer, is left out."""
        if values is None:
            return
        array = to_numpy(values)
        self.shapes[name] = array.shape
        self.arrays[name] = array.reshape(-1)[:: stride(array.shape, kept)].copy()
        if array.size > kept:
            self.arrays[name + STATISTICS] = statistics(array)


def stride(shape: tuple[int, ...], kept: int) -> int:
    """The step through a flattened array of `shape` that leaves about `kept` values."""
    count = math.prod(shape)
    return 1 if count <= kept else coprime_step(shape, at_least=math.ceil(count / kept))


def coprime_step(shape: tuple[int, ...], at_least: int) -> int:
    """The smallest step from `at_least` on that has no divisor in common with a dimension."""
    step = at_least
    while any(side > 1 and math.gcd(step, side) != 1 for side in shape):
        step += 1
    return step


def statistics(array: Array) -> npt.NDArray[np.float64]:
    """Count, mean, standard deviation, sum of absolutes, minimum, maximum, count above zero."""
    values = array.astype(np.float64)
    return np.array(
        [
            values.size,
            values.mean(),
            values.std(),
            np.abs(values).sum(),
            values.min(),
            values.max(),
            float((values > 0).sum()),
        ]
    )


def to_numpy(values: Tensor | npt.ArrayLike) -> Array:
    """Any array as float32 in main memory."""
    if isinstance(values, Tensor):
        values = values.detach().float().cpu().numpy()
    return np.asarray(values, dtype=np.float32)
