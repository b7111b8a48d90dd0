"""The index knows frames by the times of their packets, and says when it cannot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masklet.io.packet_index import Packet, PacketIndex, index_by_times, index_in_order

# Two groups as encoders write them, I P B B, the second open: its first B-frames come after its
# key frame in the file and before it on the screen.
OPEN = [
    Packet(0, -2, 100, 50, True),
    Packet(3, -1, 150, 20),
    Packet(1, 0, 170, 10),
    Packet(2, 1, 180, 10),
    Packet(6, 2, 190, 50, True),
    Packet(4, 3, 240, 10),
    Packet(5, 4, 250, 10),
    Packet(7, 5, 260, 20),
]


def indexed(packets: list[Packet]) -> PacketIndex:
    index = index_by_times(packets)
    assert index is not None
    return index


def test_frames_come_in_the_order_of_their_times() -> None:
    index = indexed(OPEN)
    assert index.shown.tolist() == [0, 2, 3, 1, 5, 6, 4, 7]
    assert index.positions.tolist() == [0, 3, 1, 2, 6, 4, 5, 7]
    assert len(index) == 8


@given(st.integers(1, 40), st.integers(2, 9), st.integers(0, 15), st.randoms(use_true_random=False))
def test_a_frame_is_decoded_from_a_key_frame_before_it(count, group, reach, random) -> None:
    times = np.arange(count)
    # Shuffled within reach, key frames first of their group.
    order = sorted(
        range(count), key=lambda n: (n // group, n % group > 0, n // (reach + 1), random.random())
    )
    index = index_by_times([Packet(int(times[n]), None, None, 9, n % group == 0) for n in order])
    if index is None:
        assert reach > 0
        return
    assert [order[ordinal] for ordinal in index.shown] == list(range(count))
    for position in range(count):
        start = index.starts(position)[0]
        assert start <= index.shown[position]
        assert order[start] == position // group * group


def test_frames_that_lean_on_the_group_before_are_decoded_from_there() -> None:
    index = indexed(OPEN)
    assert [index.starts(position)[0] for position in range(8)] == [0, 0, 0, 0, 0, 0, 4, 4]


def test_earlier_starts_follow() -> None:
    assert indexed(OPEN).starts(7) == (4, 0)


def test_frames_that_are_not_shown_have_no_position() -> None:
    packets = [OPEN[0], OPEN[1]._replace(is_shown=False), OPEN[2], OPEN[3]]
    index = indexed(packets)
    assert index.shown.tolist() == [0, 2, 3]
    assert index.positions.tolist() == [0, -1, 1, 2]


def test_decoding_starts_at_the_first_packet_though_it_is_not_shown() -> None:
    index = indexed([OPEN[0]._replace(is_shown=False), *OPEN[1:4]])
    assert [index.starts(position) for position in range(3)] == [(0,)] * 3


@pytest.mark.parametrize(
    "packets",
    [
        [],
        [OPEN[0], OPEN[1]._replace(pts=None)],
        [OPEN[0], OPEN[1]._replace(pts=0)],
        [OPEN[0]._replace(is_key=False), OPEN[1]],
        [OPEN[0]._replace(pts=9), OPEN[1]],
        [Packet(time, None, None, 9, True) for time in (*range(30, 60), *range(1, 30))],
        [Packet(time, None, None, 9, True) for time in (0, *range(30, 60), *range(1, 30))],
    ],
    ids=["none", "no time", "same time", "no key", "shown before", "jump back", "jump far back"],
)
def test_times_that_cannot_be_relied_on_are_not(packets: list[Packet]) -> None:
    assert index_by_times(packets) is None


def test_an_order_that_was_seen_is_taken() -> None:
    index = index_in_order([packet._replace(pts=None) for packet in OPEN], [0, 2, 3, 1])
    assert index.shown.tolist() == [0, 2, 3, 1]
    assert index.keys.tolist() == [0]
    assert index.times() is None


def test_packets_are_found_again_by_their_time_with_place_and_size() -> None:
    index = indexed(OPEN)
    assert [index.find(packet) for packet in OPEN] == list(range(8))
    assert index.find(OPEN[3]._replace(dts=None)) == 3
    assert index.find(OPEN[3]._replace(pts=99)) is None
    assert index.find(OPEN[3]._replace(pos=7)) is None
    assert index.find(OPEN[3]._replace(size=7)) is None


def test_packets_without_times_are_found_by_their_place() -> None:
    packets = [packet._replace(pts=None, dts=None) for packet in OPEN]
    index = index_in_order(packets, range(8))
    assert [index.find(packet) for packet in packets] == list(range(8))
    assert index.find(packets[0]._replace(pos=None)) is None
    assert index.seek_time(4) is None


def test_packets_that_nothing_tells_apart_are_not_found() -> None:
    packets = [Packet(None, None, None, 9, True)] * 3
    assert index_in_order(packets, range(3)).find(packets[0]) is None


def test_a_seek_goes_to_the_earlier_of_both_times() -> None:
    index = indexed(OPEN)
    assert index.seek_time(4) == 2
    assert indexed([packet._replace(dts=None) for packet in OPEN]).seek_time(4) == 6


def test_times_are_those_of_the_frames_as_shown() -> None:
    times = indexed(OPEN).times()
    assert times is not None
    assert times.tolist() == list(range(8))
