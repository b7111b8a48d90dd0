"""An array is a video."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from masklet.errors import VideoError
from masklet.io.arrays import ArrayVideo


def array(count: int = 5) -> npt.NDArray[np.uint8]:
    return np.arange(count * 4 * 6 * 3, dtype=np.uint8).reshape(count, 4, 6, 3)


def test_frames_are_those_of_the_array_in_any_order() -> None:
    with ArrayVideo(array()) as video:
        assert len(video) == 5
        assert video.info.size == (4, 6)
        np.testing.assert_array_equal(video[3], array()[3])
        np.testing.assert_array_equal(list(video), array())
        np.testing.assert_array_equal(list(video.frames(1, 4, reverse=True)), array()[3:0:-1])


def test_an_array_has_no_times() -> None:
    video = ArrayVideo(array())
    assert video.time_of(4) is None
    with pytest.raises(IndexError, match="there is no frame 5"):
        video.time_of(5)


def test_what_is_done_to_a_frame_does_not_reach_the_array() -> None:
    whole = array()
    ArrayVideo(whole)[0][:] = 9
    np.testing.assert_array_equal(whole, array())


def test_frames_of_a_mapped_file_are_read_and_may_be_written(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array())
    frame = ArrayVideo(np.load(tmp_path / "a.npy", mmap_mode="r"))[2]
    assert type(frame) is np.ndarray
    assert frame.flags.writeable
    np.testing.assert_array_equal(frame, array()[2])


def test_frames_of_a_view_are_contiguous() -> None:
    view = array()[:, ::-1, ::2, ::-1]
    frame = ArrayVideo(view)[1]
    assert frame.flags.c_contiguous
    np.testing.assert_array_equal(frame, view[1])


@pytest.mark.parametrize(
    ("bad", "advice"),
    [
        (np.zeros((5, 3, 4, 6), np.uint8), r"array\.transpose\(0, 2, 3, 1\)"),
        (np.zeros((4, 6, 3), np.uint8), r"array\[None\]"),
        (np.zeros((5, 4, 6, 3), np.float32), "pass a list of pictures"),
        (np.zeros((5, 4, 6, 4), np.uint8), "pass a list of pictures"),
        (np.zeros(3, np.uint8), "pass a list of pictures"),
    ],
    ids=["channels first", "one picture", "float", "transparency", "no picture"],
)
def test_another_layout_is_refused_with_the_way_out(
    bad: npt.NDArray[np.generic], advice: str
) -> None:
    with pytest.raises(
        VideoError, match=rf"expected \(frames, height, width, 3\) of uint8.*{advice}"
    ):
        ArrayVideo(bad)


@pytest.mark.parametrize("shape", [(0, 4, 6, 3), (5, 0, 6, 3)])
def test_an_array_of_nothing_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(VideoError, match="nothing to see; expected at least one frame"):
        ArrayVideo(np.zeros(shape, np.uint8))
