"""One call opens whatever a video is kept in."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from masklet.errors import VideoError
from masklet.io.arrays import ArrayVideo
from masklet.io.decode_pyav import VideoFile
from masklet.io.folder import PictureVideo
from masklet.io.images import write_png
from masklet.io.open import open_stream, open_video
from tests.io.clips import encode, pictures


@pytest.mark.parametrize("opened_by", [open_video, open_stream])
def test_the_kind_of_source_decides(tmp_path: Path, opened_by) -> None:
    clip = encode(tmp_path / "a.mp4", pictures(3))
    folder = tmp_path / "frames"
    folder.mkdir()
    write_png(folder / "0.png", pictures(1)[0])
    cases = {
        VideoFile: [clip, str(clip)],
        PictureVideo: [folder, f"{folder}{os.sep}", pictures(3), (folder / "0.png",)],
        ArrayVideo: [np.stack(pictures(3))],
    }
    for kind, sources in cases.items():
        for source in sources:
            with opened_by(source) as video:
                assert type(video) is kind
                assert video.info.size == (48, 64)


@pytest.mark.parametrize("opened_by", [open_video, open_stream])
def test_gaps_may_be_allowed(tmp_path: Path, opened_by) -> None:
    for number in (0, 1, 3):
        write_png(tmp_path / f"{number}.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(VideoError, match="no picture numbered 2"):
        opened_by(tmp_path)
    assert len(opened_by(tmp_path, allow_gaps=True)) == 3


def test_frames_that_come_one_by_one_are_sent_to_track() -> None:
    with pytest.raises(VideoError, match=r"from generator; .*masklet\.track, which takes them"):
        open_video(frame for frame in pictures(3))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (0, r"from int; expected a path, .*A camera is opened with open_stream"),
        (None, r"from NoneType; expected a path, .*Convert it to one of these"),
        (b"a.mp4", r"from bytes; expected a path"),
        ({"a": 1}, r"from dict; expected a path"),
        (torch.zeros(2, 3, 4, 3), r"from Tensor; expected a path, .*numpy\.asarray"),
        ("camera:0", r"camera:0 is a camera, whose frames cannot be asked for.*open_stream"),
        ("rtsp://127.0.0.1/live", r"addresses of kind rtsp:// are not opened; expected a path"),
        ("file:///etc/passwd", r"addresses of kind file:// are not opened"),
        ("concat://a.mp4|b.mp4", r"addresses of kind concat:// are not opened"),
        ("concat:a.mp4|b.mp4", r"there is no file concat:a"),
        ("gone.mp4", r"there is no file gone\.mp4; expected a video"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:12],
)
def test_what_is_no_video_is_refused_with_the_way_out(source, message: str) -> None:
    with pytest.raises(VideoError, match=message):
        open_video(source)


@pytest.mark.parametrize("camera", [97, "camera:97", "camera:/dev/none"])
def test_a_camera_that_is_not_there_is_told(camera) -> None:
    with pytest.raises(VideoError, match=r"the camera .* cannot be opened: .*; expected a device"):
        open_stream(camera)
