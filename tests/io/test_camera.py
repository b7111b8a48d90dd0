"""A live source gives the newest frame and never lags behind."""

import socket
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest

from masklet.errors import VideoError
from masklet.io.camera import Camera, camera_address
from tests.io.clips import Recipe, damage, decoded, encode, pictures
from tests.io.test_bad_videos import resized, sound_alone

# FFmpeg's own picture, which is drawn at the pace of a clock.
LIVE = "testsrc=size=64x48:rate=100,realtime"

pytestmark = pytest.mark.skipif(
    "lavfi" not in av.formats_available, reason="this FFmpeg draws no test pictures"
)


def test_frames_come_until_the_camera_is_closed() -> None:
    with Camera(LIVE, "lavfi") as camera:
        assert camera.info.size == (48, 64)
        assert camera.info.num_frames is None
        assert camera.info.fps == 100
        frames = iter(camera)
        seen = [next(frames) for _ in range(3)]
        assert {(frame.shape, frame.dtype) for frame in seen} == {((48, 64, 3), np.dtype(np.uint8))}
    assert list(frames) == []


def test_a_slow_reader_misses_frames_and_gets_the_newest() -> None:
    with Camera(LIVE, "lavfi") as camera:
        frames = iter(camera)
        next(frames)
        time.sleep(0.3)
        begin = time.perf_counter()
        next(frames)
        # It waited for: nobody has to catch up with thirty frames.
        assert time.perf_counter() - begin < 0.1
        assert camera.missed_frames >= 5


def test_a_source_that_ends_gives_its_last_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", pictures(30))
    with Camera(str(path)) as camera:
        frames = list(camera)
        np.testing.assert_array_equal(frames[-1], decoded(path)[-1])
        assert len(frames) + camera.missed_frames == 30
        assert list(camera) == []


def test_closing_ends_the_wait_of_another_thread() -> None:
    camera = Camera("testsrc=size=64x48:rate=2,realtime", "lavfi")
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(1 for _ in camera))
    reader.start()
    while not seen:
        time.sleep(0.01)
    camera.close()
    camera.close()
    reader.join(timeout=5)
    assert not reader.is_alive()


def test_a_size_that_changes_ends_the_stream_with_the_reason(tmp_path: Path) -> None:
    path = resized(tmp_path / "a.mkv", Recipe("mjpeg", "mkv", "yuvj420p"))
    with Camera(str(path)) as camera:
        with pytest.raises(VideoError, match="a frame is 64x80 pixels, the first 64x48"):
            list(camera)
        with pytest.raises(VideoError, match="a frame is 64x80"):
            list(camera)


def test_frames_that_cannot_be_decoded_are_missed(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", pictures(10), Recipe(group=2, options={"bf": "0"}))
    last = decoded(path)[-1]
    damage(path, 3)
    with Camera(str(path)) as camera:
        frames = list(camera)
        np.testing.assert_array_equal(frames[-1], last)
        assert len(frames) + camera.missed_frames == 10


def test_a_source_that_breaks_off_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("masklet.io.camera._TIMEOUT_SECONDS", 0.5)
    recipe = Recipe(suffix="ts", group=5, options={"tune": "zerolatency"})
    data = encode(tmp_path / "a.ts", pictures(200, (96, 128)), recipe).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=send_and_stay_silent, args=(server, data))
        sender.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with (
            Camera(address, "mpegts") as camera,
            pytest.raises(VideoError, match=r"tcp://.* broke off: .*; expected frames until"),
        ):
            list(camera)
        sender.join()


def send_and_stay_silent(server: socket.socket, data: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(data)
        connection.settimeout(5)
        # Until the other side has had enough.
        connection.recv(1)


def test_what_has_no_video_is_refused(tmp_path: Path) -> None:
    sound_alone(tmp_path / "a.mkv")
    with pytest.raises(VideoError, match=r"a\.mkv gives no video; expected a camera"):
        Camera(str(tmp_path / "a.mkv"))
    with pytest.raises(
        VideoError, match=r"cannot be opened: .*; expected a device that is connected"
    ):
        Camera(str(tmp_path / "gone"), "v4l2")
    with pytest.raises(VideoError, match=r"cannot be opened: .*no container format"):
        Camera("0", "no such kind")


@pytest.mark.parametrize(
    ("camera", "platform", "address"),
    [
        (0, "linux", ("/dev/video0", "v4l2")),
        ("2", "linux", ("/dev/video2", "v4l2")),
        ("/dev/v4l/by-id/usb", "linux", ("/dev/v4l/by-id/usb", "v4l2")),
        (1, "darwin", ("1", "avfoundation")),
        ("FaceTime HD", "darwin", ("FaceTime HD", "avfoundation")),
        ("Integrated Camera", "win32", ("video=Integrated Camera", "dshow")),
    ],
)
def test_cameras_are_called_as_each_system_calls_them(camera, platform, address) -> None:
    assert camera_address(camera, platform) == address


def test_windows_has_no_numbers_for_cameras() -> None:
    with pytest.raises(
        VideoError, match=r"camera 0 was asked for by its number; expected its name"
    ):
        camera_address(0, "win32")


@pytest.mark.parametrize("camera", [-1, "", " "])
def test_no_camera_has_such_a_number(camera) -> None:
    with pytest.raises(
        VideoError, match=r"there is no camera '.*'; expected a number from 0 or a name"
    ):
        camera_address(camera, "linux")
