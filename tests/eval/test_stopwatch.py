"""The stopwatch of a method: what is not its work does not count."""

import time

import pytest

from masklet.eval.stopwatch import Stopwatch
from masklet.types import FrameMasks


def test_the_time_between_frames_does_not_count():
    def walk():
        for index in range(3):
            time.sleep(0.01)
            yield FrameMasks(index, ())

    watch = Stopwatch()
    began = time.perf_counter()
    for frame in watch.over(walk()):
        time.sleep(0.05)
        assert watch.frames == frame.frame_index + 1
    whole = time.perf_counter() - began
    assert 0.03 <= watch.seconds <= whole - 0.15


def test_what_fails_counts_until_it_fails():
    def failing():
        time.sleep(0.01)
        raise KeyError
        yield

    watch = Stopwatch()
    with pytest.raises(KeyError):
        next(watch.over(failing()))
    assert watch.seconds >= 0.01
    assert watch.frames == 0
