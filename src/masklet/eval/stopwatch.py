"""How long a method works, without the time in which truth is read and answers are scored."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from masklet.types import FrameMasks


class Stopwatch:
    """Seconds in which a method worked, and frames that it answered.

    >>> watch = Stopwatch()
    >>> with watch.running():
    ...     answer = sum(range(1000))
    >>> frames = list(watch.over(iter([FrameMasks(0, ()), FrameMasks(1, ())])))
    >>> watch.frames, watch.seconds > 0
    (2, True)
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.frames = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """The time until the block ends counts."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began

    def over(self, walk: Iterator[FrameMasks]) -> Iterator[FrameMasks]:
        """The same frames; the time in which each is made counts, that of its use does not."""
        while True:
            with self.running():
                frame = next(walk, None)
            if frame is None:
                return
            self.frames += 1
            yield frame
