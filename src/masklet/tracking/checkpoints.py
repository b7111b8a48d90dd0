"""What objects remembered after each tracked frame, within a budget of bytes.

A checkpoint is an object's hypotheses with their memories, as a tracker holds them; with it a walk
goes on, or a frame is corrected, without tracking again what lies before. It can always be computed
again, so beyond the budget it is moved to the host, and beyond that forgotten, oldest use first.
Checkpoints of neighbouring frames share their memories; every memory counts once.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Generic, TypeVar

import torch

from masklet.memory.bank import Memory
from masklet.memory.policy import Hypothesis
from masklet.tracking.following import Track

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Budgets:
    """How much a session keeps; smaller ones change the time it takes, never the masks."""

    feature_cache_bytes: int = 256 << 20
    """Features of the frames used last, 16 MiB each for a 1024 pixel model."""
    memory_bytes: int = 2 << 30
    """Memories of tracked frames on the device, 0.5 MiB each per object; then on the host."""
    host_bytes: int = 4 << 30
    """Memories on the host; those beyond it are tracked again if they are needed again."""


@dataclass(slots=True)
class _Held:
    """A memory and how many checkpoints of a shelf have it."""

    memory: Memory
    holders: int = 0
    moved: Memory | None = None
    """Its copy on the host, once a checkpoint with it was moved there."""


class _Shelf(Generic[S]):
    """Checkpoints by key, the one used last at the end, and the bytes that they hold."""

    def __init__(self) -> None:
        self.tracks: OrderedDict[int, Track[S]] = OrderedDict()
        self.nbytes = 0
        self._held: dict[int, _Held] = {}

    def put(self, key: int, track: Track[S]) -> None:
        self.tracks[key] = track
        for memory in _recent(track):
            held = self._held.setdefault(id(memory), _Held(memory))
            if held.holders == 0:
                self.nbytes += memory.nbytes
            held.holders += 1

    def drop(self, key: int) -> None:
        for memory in _recent(self.tracks.pop(key)):
            held = self._held[id(memory)]
            held.holders -= 1
            if held.holders == 0:
                self.nbytes -= memory.nbytes
                del self._held[id(memory)]

    def oldest(self, spared: Mapping[int, Track[S]]) -> int | None:
        return next((key for key in self.tracks if key not in spared), None)

    def on_host(self, key: int) -> Track[S]:
        """The checkpoint with its memories on the host, one copy for all checkpoints."""
        return tuple(self._moved(row) for row in self.tracks[key])

    def _moved(self, row: Hypothesis[S]) -> Hypothesis[S]:
        recent = []
        for memory in row.bank.recent:
            held = self._held[id(memory)]
            if held.moved is None:
                spatial_LD = memory.spatial_LD.to("cpu", copy=True)
                cells = None if memory.cells is None else memory.cells.to(torch.device("cpu"))
                held.moved = replace(memory, spatial_LD=spatial_LD, cells=cells)
            recent.append(held.moved)
        return replace(row, bank=replace(row.bank, recent=tuple(recent)))


class Checkpoints(Generic[S]):
    """Checkpoints by number, in two tiers.

    Args:
        device: where the network computes; where that is the host there is one tier, the second.
        memory_bytes: of spatial memories on the device.
        host_bytes: of spatial memories on the host. What was put last is kept in any case.
    """

    def __init__(self, device: torch.device, *, memory_bytes: int, host_bytes: int) -> None:
        self._has_device = device.type not in ("cpu", "meta")
        self._memory_bytes = memory_bytes
        self._host_bytes = host_bytes
        self._near: _Shelf[S] = _Shelf()
        self._far: _Shelf[S] = _Shelf()
        self._numbers = count()

    @property
    def nbytes(self) -> tuple[int, int]:
        """Bytes of spatial memories on the device and on the host."""
        return self._near.nbytes, self._far.nbytes

    def new_key(self) -> int:
        """A number that no checkpoint has."""
        return next(self._numbers)

    def get(self, key: int) -> Track[S] | None:
        """The checkpoint of that number, unless it is forgotten."""
        for shelf in (self._near, self._far):
            if key in shelf.tracks:
                shelf.tracks.move_to_end(key)
                return shelf.tracks[key]
        return None

    def put(self, tracks: Mapping[int, Track[S]]) -> None:
        """Keep these, and see to the budget."""
        first = self._near if self._has_device else self._far
        for key, track in tracks.items():
            for shelf in (self._near, self._far):
                if key in shelf.tracks:
                    shelf.drop(key)
            first.put(key, track)
        while self._near.nbytes > self._memory_bytes:
            oldest = self._near.oldest(tracks)
            if oldest is None:
                break
            self._far.put(oldest, self._near.on_host(oldest))
            self._near.drop(oldest)
        while self._far.nbytes > self._host_bytes:
            oldest = self._far.oldest(tracks)
            if oldest is None:
                break
            self._far.drop(oldest)


def _recent(track: Track[S]) -> Iterator[Memory]:
    # Conditioning memories belong to the session's state, which keeps them in any case.
    for row in track:
        yield from row.bank.recent
