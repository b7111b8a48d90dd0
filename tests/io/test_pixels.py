"""Frames come upright, in the colours that were meant."""

from pathlib import Path

import av
import numpy as np
import pytest

from masklet.io.decode_pyav import VideoFile
from masklet.io.pixels import upright_rgb
from tests.io.clips import Picture, Recipe, encode

TURNS = {
    (0, False, False): lambda a: a,
    (90, False, False): lambda a: np.rot90(a, 1),
    (180, False, False): lambda a: np.rot90(a, 2),
    (270, False, False): lambda a: np.rot90(a, 3),
    (0, True, False): lambda a: a[:, ::-1],
    (0, False, True): lambda a: a[::-1],
    (180, True, False): lambda a: a[::-1],
    # Turned first, then mirrored.
    (90, True, False): lambda a: np.rot90(a, 1)[:, ::-1],
    (270, True, False): lambda a: np.rot90(a, 3)[:, ::-1],
}


def quarters() -> Picture:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = (200, 30, 30)
    picture[:24, 32:] = (30, 200, 30)
    picture[24:, :32] = (30, 30, 200)
    return picture


@pytest.mark.parametrize("turn", TURNS)
def test_a_clip_is_turned_as_it_says(tmp_path: Path, turn: tuple[int, bool, bool]) -> None:
    # FFmpeg counts degrees against the clock, as numpy does.
    path = encode(tmp_path / "a.mp4", [quarters()] * 2, turned=turn)
    expected = TURNS[turn](quarters())
    with VideoFile(path) as video:
        assert video.info.size == expected.shape[:2]
        assert video[1].flags.c_contiguous
        assert np.abs(video[1].astype(int) - expected).mean() < 4


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le", "yuv422p10le"])
def test_8_and_10_bits_become_the_same_colours(tmp_path: Path, pixels: str) -> None:
    path = encode(tmp_path / "a.mkv", [quarters()] * 2, Recipe("ffv1", "mkv", pixels))
    with VideoFile(path) as video:
        assert video[1].dtype == np.uint8
        assert np.abs(video[1].astype(int) - quarters()).mean() < 4


@pytest.mark.parametrize("pixels", ["gray", "gray10le", "bgra", "yuva420p"])
def test_gray_and_transparent_pixels_become_rgb(tmp_path: Path, pixels: str) -> None:
    gray = np.full((48, 64, 3), 90, np.uint8)
    path = encode(tmp_path / "a.mkv", [gray] * 2, Recipe("ffv1", "mkv", pixels))
    with VideoFile(path) as video:
        assert np.abs(video[1].astype(int) - 90).max() <= 2


@pytest.mark.parametrize("size", [(47, 63), (1, 1), (3, 500), (33, 2)])
def test_odd_sizes_are_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 120, np.uint8)
    path = encode(tmp_path / "a.mkv", [picture] * 3, Recipe("ffv1", "mkv", "yuv444p"))
    with VideoFile(path) as video:
        assert video.info.size == size
        assert np.abs(video[2].astype(int) - 120).max() <= 2


def test_full_range_is_not_stretched(tmp_path: Path) -> None:
    gray = np.full((48, 64, 3), 16, np.uint8)
    path = encode(tmp_path / "a.avi", [gray] * 2, Recipe("mjpeg", "avi", "yuvj420p"))
    with VideoFile(path) as video:
        assert np.abs(video[0].astype(int) - 16).max() <= 2


def test_the_matrix_that_the_frame_states_is_used() -> None:
    pixels = quarters()
    for matrix in (av.video.reformatter.Colorspace.ITU709, av.video.reformatter.Colorspace.ITU601):
        frame = av.VideoFrame.from_ndarray(pixels).reformat(format="yuv444p", dst_colorspace=matrix)
        assert np.abs(upright_rgb(frame).astype(int) - pixels).max() <= 6
