"""The features of frames by number, within a budget."""

import threading

import numpy as np
import pytest

from masklet.errors import VideoError
from masklet.tracking.features import FeatureCache

FRAME_BYTES = (4 * 4 * 32 + 4 * 4 * 4 * 8 + 4 * 4 * 16 * 4) * 4


class Counted(list):
    """A video that counts what is read."""

    def __init__(self, frames):
        super().__init__(frames)
        self.read = []

    def __getitem__(self, index):
        self.read.append(index)
        return super().__getitem__(index)


class Threads(list):
    """A video that knows which thread read which frame, and refuses two at a time."""

    def __init__(self, frames):
        super().__init__(frames)
        self.read = []
        self.is_busy = threading.Lock()

    def __getitem__(self, index):
        assert self.is_busy.acquire(blocking=False), "two threads read at once"
        self.read.append((index, threading.current_thread()))
        frame = super().__getitem__(index)
        self.is_busy.release()
        return frame


def cache_of(model, video, budget_bytes):
    return FeatureCache(model, video, input_size=(64, 64), budget_bytes=budget_bytes)


def test_the_frames_used_last_are_kept(model, clip):
    video = Counted(clip[:5])
    cache = cache_of(model, video, 2 * FRAME_BYTES)
    video.read.clear()
    for index in (0, 1, 0, 2, 0, 1):
        assert cache.frame(index).size == (48, 72)
    assert video.read == [0, 1, 2, 1]
    assert [index in cache for index in range(3)] == [True, True, False]


def test_without_a_budget_nothing_is_kept(model, clip):
    cache = cache_of(model, clip[:2], 0)
    assert len(cache.frame(1).features) == 1
    assert 1 not in cache


def test_a_video_without_frames_is_told(model):
    with pytest.raises(VideoError, match="the video has no frames; expected at least one"):
        cache_of(model, [], 0)


def test_a_frame_of_another_size_is_told(model, clip):
    cache = cache_of(model, [clip[0], np.zeros((20, 30, 3), np.uint8)], 0)
    with pytest.raises(VideoError, match=r"frame 1 is 30x20, frame 0 is 72x48; expected frames of"):
        cache.frame(1)


def test_a_frame_is_read_ahead_in_a_thread_and_once(model, clip):
    video = Threads(clip[:4])
    cache = cache_of(model, video, 4 * FRAME_BYTES)
    plain = cache_of(model, clip[:4], 0)
    video.read.clear()
    with cache.reading_ahead(2):
        cache.frame(1)
    assert sorted(index for index, _ in video.read) == [1, 2]
    (of_two,) = [thread for index, thread in video.read if index == 2]
    assert of_two is not threading.current_thread()
    assert not of_two.is_alive()
    embedding = cache.frame(2).features.embedding_FLC
    assert embedding.equal(plain.frame(2).features.embedding_FLC)
    assert len(video.read) == 2


def test_a_frame_that_is_kept_is_not_read_ahead(model, clip):
    video = Counted(clip[:3])
    cache = cache_of(model, video, 3 * FRAME_BYTES)
    cache.frame(1)
    video.read.clear()
    for index in (1, None):
        with cache.reading_ahead(index):
            pass
    assert video.read == []


def test_a_frame_that_was_read_ahead_is_read_again_once_it_is_let_go_of(model, clip):
    video = Counted(clip[:3])
    cache = cache_of(model, video, 0)
    video.read.clear()
    with cache.reading_ahead(2):
        pass
    cache.forget_ahead()
    cache.frame(2)
    assert video.read == [2, 2]


def test_while_a_frame_that_was_read_ahead_is_worked_on_the_next_one_is_read(model, clip):
    video = Counted(clip[:5])
    cache = cache_of(model, video, 0)
    video.read.clear()
    for index in (1, 2, 3):
        with cache.reading_ahead(index + 1):
            cache.frame(index)
    cache.frame(4)
    assert sorted(video.read) == [1, 2, 3, 4]


def test_what_went_wrong_ahead_is_told_when_the_frame_is_asked_for(model, clip):
    cache = cache_of(model, clip[:2], 0)
    with cache.reading_ahead(7):
        cache.frame(1)
    with pytest.raises(IndexError, match="out of range"):
        cache.frame(7)
