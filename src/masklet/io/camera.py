"""A camera, or another source that goes on whether its frames are read or not."""

import sys
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import av
from av.container import InputContainer

from masklet.errors import VideoError
from masklet.io.pixels import upright_rgb
from masklet.io.video import Closing, Frame, check_size
from masklet.types.video import VideoInfo

if TYPE_CHECKING:
    from av.video.stream import VideoStream

PREFIX = "camera:"
"""How a camera is written where a file name could stand: `camera:0`."""

_TIMEOUT_SECONDS = 10.0


class Camera(Closing):
    """Live frames, always the newest; see `LiveSource`.

    A thread reads and decodes; one frame waits. Who takes longer for a frame than the camera does
    misses frames instead of lagging behind. One thread at a time may iterate.

    Args:
        url: what FFmpeg calls the source, as `camera_address` tells for cameras: a device, or the
            address of a stream. Do not pass on what strangers write: FFmpeg opens any kind of it.
        kind: FFmpeg's name of the device or format; it is found out where absent.
        options: FFmpeg's options, such as `{"video_size": "1280x720", "framerate": "30"}`.

    Raises:
        VideoError: it cannot be opened or has no video. Iteration raises it where the source breaks
            off with an error, or a frame has another size.

    >>> with Camera("testsrc=size=64x48:rate=50:duration=1", "lavfi") as camera:
    ...     print(camera.info.size, next(iter(camera)).shape)
    (48, 64) (48, 64, 3)
    """

    def __init__(
        self, url: str, kind: str | None = None, *, options: Mapping[str, str] | None = None
    ) -> None:
        self._container = _opened(url, kind, dict(options or {}))
        stream = self._container.streams.video[0]
        # Several threads would each hold a frame back.
        stream.thread_type = "SLICE"
        rate = stream.average_rate
        self._info = VideoInfo(
            url, (stream.height, stream.width), None, float(rate) if rate else None
        )
        self.missed_frames = 0
        """How many frames came while nobody was ready for them, or too damaged to see."""
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._has_ended = False
        self._is_closed = False
        self._error: VideoError | None = None
        self._reader = threading.Thread(target=self._read, name="masklet camera", daemon=True)
        self._reader.start()

    @property
    def info(self) -> VideoInfo:
        """Address, size and rate; there is no telling the number of frames."""
        return self._info

    def __iter__(self) -> Iterator[Frame]:
        """The newest frame that was not given yet, waiting for one, until the source ends."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._has_ended)
                frame, self._newest = (None if self._is_closed else self._newest), None
            if frame is None:
                break
            yield frame
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop reading and let go of the device; a loop over the frames ends."""
        with self._changed:
            self._has_ended = self._is_closed = True
            self._newest = None
            self._changed.notify_all()
        if self._reader is not threading.current_thread():
            self._reader.join()

    def _read(self) -> None:
        """What the thread does; the container is its own, so that it is closed by nobody else."""
        error = None
        with self._container as container:
            try:
                self._read_from(container)
            except VideoError as refused:
                error = refused
            except (av.FFmpegError, OSError) as failure:
                error = VideoError(
                    f"{self._info.name} broke off: {failure.strerror}; expected frames until it "
                    "is closed. Check the device or the connection, and open it again."
                )
        with self._changed:
            self._error, self._has_ended = error, True
            self._changed.notify_all()

    def _read_from(self, container: InputContainer) -> None:
        for packet in container.demux(container.streams.video[0]):
            if not self._give(packet):
                break

    def _give(self, packet: "av.Packet[VideoStream]") -> bool:
        """Put the frame where it is waited for; whether more are wanted."""
        try:
            frames = [upright_rgb(frame) for frame in packet.decode()]
        except av.error.InvalidDataError:
            # Cables and air lose some; the next frame is on its way.
            frames = []
            self.missed_frames += 1
        for frame in frames:
            check_size(frame, "a frame", self._info)
            with self._changed:
                self.missed_frames += self._newest is not None
                self._newest = frame
                self._changed.notify_all()
        return not self._is_closed


def open_camera(camera: int | str) -> Camera:
    """A camera by its number, `0` for the first, or by the name the system gives it.

    Raises:
        VideoError: it cannot be opened.
    """
    url, kind = camera_address(camera, sys.platform)
    return Camera(url, kind)


def camera_address(camera: int | str, platform: str) -> tuple[str, str]:
    """What FFmpeg calls a camera, and the way it is read there.

    Raises:
        VideoError: on Windows cameras have names only; or the number is negative.

    >>> camera_address(0, "linux")
    ('/dev/video0', 'v4l2')
    """
    named = str(camera).strip()
    is_number = named.isdecimal()
    if not named or named.startswith("-"):
        raise VideoError(
            f"there is no camera {named!r}; expected a number from 0 or a name. Use camera:0 for "
            "the first one."
        )
    if platform == "darwin":
        return named, "avfoundation"
    if platform != "win32":
        return (f"/dev/video{named}" if is_number else named), "v4l2"
    if is_number:
        raise VideoError(
            f"camera {named} was asked for by its number; expected its name, as Windows has no "
            "numbers for cameras. Use the name that the Device Manager shows: camera:NAME."
        )
    return f"video={named}", "dshow"


def _opened(url: str, kind: str | None, options: dict[str, str]) -> InputContainer:
    try:
        container = av.open(
            url, format=kind, options=options, metadata_errors="replace", timeout=_TIMEOUT_SECONDS
        )
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(
            f"the camera {url} cannot be opened: {error}; expected a device that is connected and "
            "free. Check its number or name, your rights, and that no other program uses it."
        ) from error
    if not container.streams.video:
        container.close()
        raise VideoError(
            f"{url} gives no video; expected a camera or a stream with a video track. Check that "
            "it is the right one."
        )
    return container
