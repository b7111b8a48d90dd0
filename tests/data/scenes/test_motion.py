"""Things move from keyframe to keyframe, and the camera with them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masklet.data.scenes.motion import Camera, Curve, Motion, still

MIDDLE = (159.5, 119.5)
AT_REST = Camera().view(0)


def moving(x=50.0, y=60.0, **others):
    return Motion(still(x), still(y), still(10.0), **others)


@pytest.mark.parametrize("is_smooth", [True, False])
def test_a_curve_goes_through_its_keyframes_and_rests_outside(is_smooth):
    curve = Curve((2, 5, 6, 11), (1.0, 4.0, 4.0, -3.0), is_smooth=is_smooth)
    assert [curve.at(time) for time in (2, 5, 6, 11)] == [1.0, 4.0, 4.0, -3.0]
    assert (curve.at(-7), curve.at(400)) == (1.0, -3.0)


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=6),
    st.lists(st.floats(0.2, 20), min_size=6, max_size=6),
)
def test_a_smooth_curve_never_leaves_the_span_between_two_keyframes(values, gaps):
    times = tuple(itertools.accumulate(gaps[: len(values) - 1], initial=0.0))
    curve = Curve(times, tuple(values))
    for (start, low), (end, high) in itertools.pairwise(zip(times, values, strict=True)):
        between = [curve.at(time) for time in np.linspace(start, end, 9)]
        assert min(low, high) - 1e-9 <= min(between)
        assert max(between) <= max(low, high) + 1e-9


def test_a_smooth_curve_has_no_kinks():
    curve = Curve((0, 10, 20), (0.0, 10.0, 40.0))
    before, after = curve.at(10) - curve.at(9.999), curve.at(10.001) - curve.at(10)
    assert before == pytest.approx(after, rel=1e-2)
    assert before > 0


def test_a_straight_curve_is_straight():
    curve = Curve((0, 4, 8), (0.0, 8.0, 0.0), is_smooth=False)
    assert [curve.at(time) for time in (1, 3, 5)] == [2.0, 6.0, 6.0]


def test_with_the_camera_at_rest_a_thing_is_where_it_is_in_the_scene():
    pose = moving(turn=still(math.pi / 2), stretch=still(2.0), bend=still(0.5), facing=-1).pose(
        3, AT_REST, MIDDLE
    )
    assert (pose.x, pose.y, pose.scale) == (50.0, 60.0, 10.0)
    assert (pose.cosine, pose.sine) == (0.0, 1.0)
    assert (pose.stretch, pose.bend, pose.facing, pose.age) == (2.0, 0.5, -1, 0.0)


def test_where_the_camera_goes_to_the_right_things_go_to_the_left():
    view = Camera(x=Curve((0, 10), (0.0, 8.0)), y=still(-3.0)).view(10)
    pose = moving().pose(10, view, MIDDLE)
    assert (pose.x, pose.y) == (42.0, 63.0)


def test_zoom_brings_things_closer_and_away_from_the_middle():
    pose = moving().pose(0, Camera(zoom=still(2.0)).view(0), MIDDLE)
    assert (pose.x, pose.y, pose.scale) == (159.5 - 2 * 109.5, 119.5 - 2 * 59.5, 20.0)


def test_a_rolling_camera_turns_things_about_the_middle_and_themselves():
    pose = moving(x=169.5, y=119.5).pose(0, Camera(roll=still(math.pi / 2)).view(0), MIDDLE)
    assert (pose.x, pose.y) == (159.5, 129.5)
    assert (pose.cosine, pose.sine) == (0.0, 1.0)
