"""Which packet of a video file holds which frame, told without decoding.

A video file is a row of packets. Each holds one frame, in an order in which frames can be decoded,
which is not the order in which they are shown; times say that. Words used here: the *ordinal* of a
packet is its place in the file, the *position* of a frame its place in the video as it is shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

LONGEST_REORDER = 16
"""How many places a codec may move a frame; times that move one further jump back somewhere, as in
joined recordings."""

Column: TypeAlias = npt.NDArray[np.int64] | None
"""A number per packet; None where a packet lacks it."""

# How many key frames back a frame may be looked for.
_FURTHEST_START = 8


class Packet(NamedTuple):
    """What the container says of one packet."""

    pts: int | None
    """When to show it, in ticks of the stream."""
    dts: int | None
    """When to decode it."""
    pos: int | None
    """Where it begins in the file, in bytes."""
    size: int = 0
    """In bytes."""
    is_key: bool = False
    """Whether decoding can start here."""
    is_shown: bool = True
    """False for what is only decoded for others' sake, as before the cut of an edit list."""


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """The packets of a file, and the frames in the order in which they are shown."""

    pts: Column
    dts: Column
    pos: Column
    sizes: npt.NDArray[np.int64]
    recognised_by: npt.NDArray[np.int64] | None
    """`pts` or `pos`, if it tells packets apart."""
    shown: npt.NDArray[np.int64]
    """The ordinal of each frame's packet, by position."""
    positions: npt.NDArray[np.int64]
    """The position of each packet's frame, by ordinal; -1 where it shows none."""
    keys: npt.NDArray[np.int64]
    """Ordinals where decoding can start, ascending; the first packet is always one."""

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self.shown)

    def starts(self, position: int) -> tuple[int, ...]:
        """Ordinals from where that frame can be decoded, nearest first.

        A frame that is shown before the key frame that precedes it in the file may lean on frames
        before that key frame (an "open" group of pictures): for it the key frame is no start.
        """
        return tuple(
            ordinal
            for ordinal in self.keys_before(int(self.shown[position]))
            if self.positions[ordinal] <= position or ordinal == 0
        )

    def keys_before(self, ordinal: int) -> list[int]:
        """The key frames at or before that packet, nearest first, a few."""
        end = int(np.searchsorted(self.keys, ordinal, side="right"))
        return self.keys[max(0, end - _FURTHEST_START) : end][::-1].tolist()

    def seek_time(self, ordinal: int) -> int | None:
        """The earliest of the packet's times; None where there are none."""
        times = [int(column[ordinal]) for column in (self.pts, self.dts) if column is not None]
        return min(times, default=None)

    def find(self, packet: Packet) -> int | None:
        """The ordinal of a packet that is read again, as after a seek; None if it is not known."""
        if self.recognised_by is None or self.pos is None or packet.pos is None:
            return None
        name = packet.pos if self.recognised_by is self.pos else packet.pts
        # Where several match none does. Some containers make times up, and others after a seek:
        # place and size have to agree too.
        found = np.flatnonzero(self.recognised_by == name)
        if len(found) != 1:
            return None
        ordinal = int(found[0])
        agrees = self.pos[ordinal] == packet.pos and self.sizes[ordinal] == packet.size
        return ordinal if agrees else None

    def times(self) -> npt.NDArray[np.int64] | None:
        """When each frame is shown, in ticks, by position; None where some have no time."""
        return None if self.pts is None else self.pts[self.shown]


def index_by_times(packets: Sequence[Packet]) -> PacketIndex | None:
    """The index as the times of the packets tell it; None where they cannot be relied on.

    They can where each packet has one of its own, the first packet is a key frame, nothing is shown
    before it, and no frame moves further than codecs move frames.

    >>> rows = [(0, 0, True), (3, 1, False), (1, 2, False), (2, 3, False)]
    >>> index = index_by_times([Packet(pts, dts, None, 9, key) for pts, dts, key in rows])
    >>> index.shown.tolist()
    [0, 2, 3, 1]
    """
    pts = _column(packet.pts for packet in packets)
    if pts is None or len(pts) == 0 or not packets[0].is_key or pts.argmin() != 0:
        return None
    order = np.argsort(pts, kind="stable")
    moves = np.abs(order - np.arange(len(order)))
    if not _all_differ(pts) or moves.max() > LONGEST_REORDER:
        return None
    return index_in_order(packets, [n for n in order.tolist() if packets[n].is_shown])


def index_in_order(packets: Sequence[Packet], shown: Sequence[int]) -> PacketIndex:
    """The index of packets whose frames are known to come in that order, given as ordinals."""
    pts = _column(packet.pts for packet in packets)
    pos = _column(packet.pos for packet in packets)
    positions = np.full(len(packets), -1, np.int64)
    positions[np.array(shown, np.int64)] = np.arange(len(shown))
    keys = [
        n for n, packet in enumerate(packets) if n == 0 or (packet.is_key and positions[n] >= 0)
    ]
    return PacketIndex(
        pts=pts,
        dts=_column(packet.dts for packet in packets),
        pos=pos,
        sizes=np.array([packet.size for packet in packets], np.int64),
        recognised_by=next((column for column in (pts, pos) if _all_differ(column)), None),
        shown=np.array(shown, np.int64),
        positions=positions,
        keys=np.array(keys, np.int64),
    )


def _column(values: Iterable[int | None]) -> Column:
    listed = list(values)
    known = [value for value in listed if value is not None]
    return np.array(known, np.int64) if len(known) == len(listed) else None


def _all_differ(column: Column) -> bool:
    return column is not None and len(np.unique(column)) == len(column)
