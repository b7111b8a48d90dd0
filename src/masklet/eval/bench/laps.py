"""Laps of a clock that knows when a device is done, also of the verbs of a model."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeAlias, TypeVar

import torch

from masklet.model.protocol import SegmentationModel

P = ParamSpec("P")
R = TypeVar("R")

_Mark: TypeAlias = float | torch.cuda.Event


class Laps:
    """Laps by name, in wall time, or on CUDA in the device's own time.

    On CUDA a lap is the time between two events in the stream, so that the parts of a frame can be
    told without waiting inside it. On MPS the device is waited for at both ends of a lap.

    >>> laps = Laps(torch.device("cpu"))
    >>> with laps.lap("sum"):
    ...     _ = sum(range(10))
    >>> [name for name, seconds in laps.seconds().items() if min(seconds) >= 0]
    ['sum']
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._laps: dict[str, list[tuple[_Mark, _Mark]]] = defaultdict(list)

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """The block is one lap of that name, unless it raises; laps may lie within others."""
        start = self._mark()
        yield
        self._laps[name].append((start, self._mark()))

    def timed(self, name: str, call: Callable[P, R]) -> Callable[P, R]:
        """The same function, of which every call is a lap."""

        def lapped(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.lap(name):
                return call(*args, **kwargs)

        return lapped

    def forget(self) -> None:
        """Begin anew, as after warming up."""
        self._laps.clear()

    def seconds(self) -> dict[str, tuple[float, ...]]:
        """All laps so far, by name, those that ended first before others."""
        return {
            name: tuple(_between(start, end) for start, end in laps)
            for name, laps in self._laps.items()
        }

    def _mark(self) -> _Mark:
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self._device))
            return event
        if self._device.type == "mps":
            torch.mps.synchronize()
        return time.perf_counter()


class TimedModel:
    """A model of which the three verbs of tracking are laps; its answers are the same.

    Laps are called "memory attention", "decoder" and "memory encoder".
    """

    def __init__(self, model: SegmentationModel, laps: Laps) -> None:
        self.config = model.config
        self.device = model.device
        self.encode_image = model.encode_image
        self.adopt_mask = model.adopt_mask
        self.condition = laps.timed("memory attention", model.condition)
        self.decode = laps.timed("decoder", model.decode)
        self.encode_memory = laps.timed("memory encoder", model.encode_memory)


def _between(start: _Mark, end: _Mark) -> float:
    if isinstance(start, float):
        assert isinstance(end, float)
        return end - start
    assert not isinstance(end, float)
    end.synchronize()
    return start.elapsed_time(end) / 1000
