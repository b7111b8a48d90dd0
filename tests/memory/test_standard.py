"""The standard rules of memory, as laws; the reference's own choices are in the parity group."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masklet.memory.standard import closest_conditioning

FRAMES = st.lists(st.integers(0, 60), unique=True, max_size=12)


@given(FRAMES, st.integers(0, 60), st.integers(2, 8))
def test_every_frame_is_selected_or_left_over(frames, now, limit):
    selected, rest = closest_conditioning(frames, now, limit)
    assert sorted(selected + rest) == sorted(frames)
    assert len(selected) == min(limit, len(frames))


@given(FRAMES, st.integers(0, 60), st.integers(2, 8))
def test_no_frame_left_over_is_nearer_than_the_farthest_third_one_selected(frames, now, limit):
    selected, rest = closest_conditioning(frames, now, limit)
    if rest:
        reach = max((abs(frame - now) for frame in selected[2:]), default=0)
        sides = {abs(frame - now) for frame in rest}
        assert min(sides) >= reach


@given(FRAMES, st.integers(0, 60), st.integers(2, 8))
def test_the_nearest_frames_of_both_sides_are_always_selected(frames, now, limit):
    selected, _ = closest_conditioning(frames, now, limit)
    past = [frame for frame in frames if frame < now]
    future = [frame for frame in frames if frame >= now]
    assert not past or max(past) in selected
    assert not future or min(future) in selected


def test_without_a_limit_all_frames_are_selected_in_their_order():
    assert closest_conditioning([9, 1, 4], now=3, limit=-1) == ((9, 1, 4), ())


@pytest.mark.parametrize("limit", [-2, 0, 1])
def test_a_limit_without_room_for_both_sides_is_refused(limit):
    with pytest.raises(ValueError, match=rf"is {limit}; expected -1 for no limit, or at least 2"):
        closest_conditioning([1, 2, 3], now=2, limit=limit)
