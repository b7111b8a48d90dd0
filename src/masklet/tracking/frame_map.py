"""A read-only mapping from frames that shares almost all of itself with the one it was made from.

A session keeps the states of the past and adds to the present one with every frame; copying a dict
of 100,000 frames each time would take longer than to track the frame.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TypeVar

V = TypeVar("V")
_CHUNK = 256


class FrameMap(Mapping[int, V]):
    """Values by frame, kept in chunks of which a change copies one.

    >>> before = FrameMap({3: "a"})
    >>> after = before.with_frame(900, "b")
    >>> dict(before), dict(after), dict(after.without(range(5)))
    ({3: 'a'}, {3: 'a', 900: 'b'}, {900: 'b'})
    """

    __slots__ = ("_chunks", "_length")

    def __init__(self, values: Mapping[int, V] | None = None) -> None:
        self._chunks: dict[int, dict[int, V]] = {}
        self._length = 0 if values is None else len(values)
        for frame, value in (values or {}).items():
            self._chunks.setdefault(frame // _CHUNK, {})[frame] = value

    def __getitem__(self, frame: int) -> V:
        return self._chunks[frame // _CHUNK][frame]

    def __iter__(self) -> Iterator[int]:
        for chunk in self._chunks.values():
            yield from chunk

    def __len__(self) -> int:
        return self._length

    def with_frame(self, frame: int, value: V) -> "FrameMap[V]":
        """With this value for the frame, in place of an earlier one."""
        number = frame // _CHUNK
        changed: FrameMap[V] = FrameMap()
        changed._chunks = {**self._chunks, number: {**self._chunks.get(number, {}), frame: value}}
        changed._length = self._length + (frame not in self)
        return changed

    def without(self, frames: Collection[int]) -> "FrameMap[V]":
        """Without the values of these frames."""
        return FrameMap({frame: value for frame, value in self.items() if frame not in frames})
