"""The features of frames by number, within a budget."""

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
