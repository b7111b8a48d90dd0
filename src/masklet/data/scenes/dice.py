"""Numbers that are drawn from a text, the same on every machine."""

import hashlib
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

_Option = TypeVar("_Option")


class Dice:
    """Random numbers; the same text gives the same ones, in the same order.

    Everything comes from the raw bits of PCG64, whose stream numpy promises to keep; the stream of
    its distributions it does not.

    >>> Dice("occlusion-003").whole(1, 6) == Dice("occlusion-003").whole(1, 6)
    True
    """

    def __init__(self, text: str) -> None:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
        self._bits = np.random.PCG64(seed)

    def many(self, *shape: int) -> Floats:
        """Numbers from 0 to just below 1."""
        raw = np.asarray(self._bits.random_raw(int(np.prod(shape))), np.uint64)
        numbers: Floats = (raw >> np.uint64(11)) * np.float64(2.0**-53)
        return numbers.reshape(shape)

    def levels(self, count: int) -> npt.NDArray[np.uint8]:
        """Whole numbers from 0 to 255."""
        raw = np.asarray(self._bits.random_raw((count + 7) // 8), "<u8")
        return raw.view(np.uint8)[:count]

    def between(self, low: float, high: float) -> float:
        """A number from `low` to just below `high`."""
        return low + (high - low) * float(self.many(1)[0])

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.many(1)[0] * (high - low + 1))

    def chance(self, share: float) -> bool:
        """True in that share of cases."""
        return float(self.many(1)[0]) < share

    def sign(self) -> int:
        """-1 or 1."""
        return 1 if self.chance(0.5) else -1

    def pick(self, options: Sequence[_Option]) -> _Option:
        """One of them."""
        return options[self.whole(0, len(options) - 1)]

    def shuffled(self, options: Sequence[_Option]) -> list[_Option]:
        """All of them in another order."""
        order = np.argsort(self.many(len(options)), kind="stable")
        return [options[place] for place in order.tolist()]
