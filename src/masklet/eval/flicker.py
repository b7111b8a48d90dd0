"""Flicker: pixels that join or leave a mask for one frame only, while the object stays."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from masklet.data.records import Mask


@dataclass(slots=True)
class Flicker:
    """Counts flicker as the frames go by; only three of them are kept.

    A pixel flickers on a frame if the answer there differs from the answers on the frames before
    and after, and the truth is the same on all three.

    >>> one, none = np.ones((1, 1), bool), np.zeros((1, 1), bool)
    >>> counted = Flicker()
    >>> for said in (one, none, one):
    ...     counted.add(said, one)
    >>> counted.share()
    1.0
    """

    pixels: int = 0
    """That flickered, over all frames that stand between two others."""
    area: int = 0
    """Of the truth on the same frames, in pixels."""
    _frames: deque[tuple[Mask, Mask, Mask | None]] = field(default_factory=lambda: deque(maxlen=3))

    def add(self, said: Mask, truth: Mask, void: Mask | None = None) -> None:
        """Look at the next frame.

        Args:
            said: `(height, width)`, what a method answered.
            truth: what is right, as large.
            void: pixels that nobody judged, as large.
        """
        self._frames.append((said, truth, void))
        if len(self._frames) < 3:
            return
        (said_0, true_0, void_0), (said_1, true_1, void_1), (said_2, true_2, void_2) = self._frames
        flickers = (said_0 ^ said_1) & ~((said_0 ^ said_2) | (true_0 ^ true_1) | (true_1 ^ true_2))
        for unknown in (void_0, void_1, void_2):
            if unknown is not None:
                flickers &= ~unknown
        self.pixels += int(np.count_nonzero(flickers))
        self.area += int(np.count_nonzero(true_1 if void_1 is None else true_1 & ~void_1))

    def interrupt(self) -> None:
        """The next frame does not follow the one before it."""
        self._frames.clear()

    def share(self) -> float | None:
        """The pixels over the area; None where no frame between two others shows the object."""
        return self.pixels / self.area if self.area else None
