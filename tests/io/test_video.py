"""What all sources of frames promise."""

from pathlib import Path

import numpy as np
import pytest

from masklet.errors import VideoError
from masklet.io.open import open_video
from masklet.io.video import FrameSource, check_size, checked_index, frame_range
from masklet.types.video import VideoInfo
from tests.io.clips import encode, pictures


@pytest.fixture(params=["file", "folder", "array", "list"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> FrameSource:
    from masklet.io.images import write_png

    frames = pictures(7)
    if request.param == "file":
        return open_video(encode(tmp_path / "a.mp4", frames))
    if request.param == "folder":
        for index, frame in enumerate(frames):
            write_png(tmp_path / f"{index}.png", frame)
        return open_video(tmp_path)
    return open_video(np.stack(frames) if request.param == "array" else frames)


def test_every_source_keeps_the_same_laws(source: FrameSource) -> None:
    with source as opened:
        assert isinstance(opened, FrameSource)
        assert len(opened) == opened.info.num_frames == 7
        assert opened.info.size == (48, 64)
        each = [opened[index] for index in range(7)]
        np.testing.assert_array_equal(list(opened), each)
        np.testing.assert_array_equal(list(opened.frames(2, 5)), each[2:5])
        np.testing.assert_array_equal(list(opened.frames(2, 5, reverse=True)), each[4:1:-1])
        assert list(opened.frames(3, 3)) == []
        assert {frame.dtype for frame in each} == {np.dtype(np.uint8)}
        each[0][:] = 0
        assert opened[0].any()
    opened.close()


def test_every_source_says_what_it_lacks_at_once(source: FrameSource) -> None:
    with source:
        for index in (-1, 7):
            with pytest.raises(IndexError, match=f"there is no frame {index}; the video has 7"):
                source[index]
            with pytest.raises(IndexError, match=f"there is no frame {index}"):
                source.time_of(index)
        for span in ((-1, 3), (0, 8), (5, 4)):
            with pytest.raises(IndexError, match=f"frames {span[0]} to {span[1]} were asked for"):
                source.frames(*span)


def test_indices_may_be_numbers_of_numpy() -> None:
    assert checked_index(np.int32(2), 3) == 2
    with pytest.raises(TypeError):
        checked_index(1.5, 3)


def test_spans_read_forward_and_backward() -> None:
    assert list(frame_range(1, None, 4, reverse=False)) == [1, 2, 3]
    assert list(frame_range(0, 2, 4, reverse=True)) == [1, 0]


def test_another_size_is_refused_with_both_sizes() -> None:
    frame = np.zeros((4, 6, 3), np.uint8)
    assert check_size(frame, "frame 3", VideoInfo("", (4, 6), 9, None)) is frame
    with pytest.raises(VideoError, match=r"frame 3 is 6x4 pixels, the first 8x4.*Scale or split"):
        check_size(frame, "frame 3", VideoInfo("", (4, 8), 9, None))
