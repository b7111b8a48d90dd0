"""Video files, with exact access to each frame by its index.

On opening, the packets of the file are read and not decoded, which tells how many frames there are,
their times and where decoding can start (`masklet.io.packet_index`). A frame is then reached from
the key frame that precedes it (`masklet.io.packet_decoder`).
"""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import SupportsIndex
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from masklet.errors import VideoError
from masklet.io.packet_decoder import Address, DecodedFrame, PacketDecoder
from masklet.io.packet_index import (
    LONGEST_REORDER,
    PacketIndex,
    index_by_times,
    index_in_order,
)
from masklet.io.pixels import upright_rgb
from masklet.io.video import Closing, Frame, check_size, checked_index, frame_range
from masklet.types.video import VideoInfo

DEFAULT_CACHE_BYTES = 256 << 20
"""How much is kept of the frames decoded last: some 80 frames of 1080p."""

WEB = ("http://", "https://")
"""How web addresses begin."""

# How many packets ahead a key frame may be for decoding on to be quicker than a seek.
_A_LITTLE = 16
# From how many key frames a frame is tried; streams without whole key frames need the second.
_TRIES = 3


class VideoFile(Closing):
    """The frames of a video file or of an http(s) address; see `FrameSource`.

    The first video track is read, the right way up: rotation and mirroring are applied. Pixels are
    given as stored, also where they are not square. Colours become 8-bit RGB by FFmpeg's scaler,
    with the matrix and range that the file states, BT.601 and limited range where it states none.
    Transparency is dropped. Frames are counted, not times: where their rate varies, `time_of` tells
    when one is shown.

    Opening reads the whole file once without decoding it. Files whose packets do not tell how
    frames are ordered (AVI with B-frames, bare streams without a container, joined recordings, and
    those that begin within a group of pictures) are decoded once instead.

    Damage: frames that the decoder gives are given, also where it had to guess parts of them; one
    that it does not give raises `VideoError`, and those after it can be asked for. Of a file that
    was cut off, the frames that are there are counted.

    Args:
        address: a path, or an http(s) address; nothing else is opened, whatever the file says.
        cache_bytes: how much is kept of decoded frames, which is what going backwards needs: a
            longer group of pictures is decoded several times.

    Raises:
        VideoError: there is no such file, it is empty, damaged, of an unknown kind, a playlist, has
            no video or no frames, or frames that are too large. Reading a frame raises it where the
            frame cannot be decoded or has another size than the first.

    >>> import av
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "two.mp4"
    >>> with av.open(path, "w") as file:
    ...     stream = file.add_stream("mpeg4", rate=25)
    ...     stream.width, stream.height = 64, 48
    ...     pictures = [av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))] * 2
    ...     file.mux([packet for each in [*pictures, None] for packet in stream.encode(each)])
    >>> with VideoFile(path) as video:
    ...     print(video.info, video[1].shape)
    VideoInfo(name='two.mp4', size=(48, 64), num_frames=2, fps=25.0) (48, 64, 3)
    """

    def __init__(self, address: str | Path, *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        located = _located(address)
        self._name = located.name
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[int, VideoFrame] = OrderedDict()
        self._cached_bytes = 0
        # Decoding from a key frame on: frames before `_first` lean on others, before that key frame.
        self._first = 0
        self._latest: int | None = None
        self._decoder = PacketDecoder(located)
        try:
            self._index = _index_of(self._decoder, located.name)
            self._decoder.restart()
            self._latest = -1
            height, width, _ = upright_rgb(self._reached(0, 0)).shape
        except BaseException:
            self.close()
            raise
        self._seconds = _seconds(self._index, self._decoder)
        rate = _mean_rate(self._seconds, self._decoder)
        self._info = VideoInfo(located.name, (height, width), len(self._index), rate)

    @property
    def info(self) -> VideoInfo:
        """Name, size the right way up, number of frames and mean rate."""
        return self._info

    @property
    def decoded_frames(self) -> int:
        """How many frames the decoder has given so far: what access has cost."""
        return self._decoder.decoded_frames

    def __len__(self) -> int:
        """Exactly how many frames there are."""
        return len(self._index)

    def __getitem__(self, frame_index: SupportsIndex) -> Frame:
        """One frame; those decoded on the way to it are kept, up to `cache_bytes`."""
        return self._pixels(checked_index(frame_index, len(self)), self._cache_bytes)

    def __iter__(self) -> Iterator[Frame]:
        """All frames in order."""
        return self.frames()

    def frames(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[Frame]:
        """Frames `start` to `stop - 1`, last first if `reverse`."""
        wanted = frame_range(start, stop, len(self), reverse=reverse)
        keep_bytes = self._cache_bytes if reverse else 0
        return (self._pixels(position, keep_bytes) for position in wanted)

    def time_of(self, frame_index: SupportsIndex) -> float | None:
        """Seconds from the first frame to this one; None where neither times nor rate are known."""
        position = checked_index(frame_index, len(self))
        if self._seconds is not None:
            return float(self._seconds[position])
        return None if self._info.fps is None else position / self._info.fps

    def close(self) -> None:
        """Close the file and forget the frames that were kept."""
        self._forget()
        self._decoder.close()

    def _pixels(self, position: int, keep_bytes: int) -> Frame:
        frame = upright_rgb(self._reached(position, keep_bytes))
        return check_size(frame, f"frame {position} of {self._name}", self._info)

    def _reached(self, wanted: int, keep_bytes: int) -> VideoFrame:
        """The frame, from those that are kept, by decoding on, or from a key frame."""
        if self._decoder.is_closed:
            raise VideoError(
                f"{self._name} is closed; expected an open video. Read frames within the `with` "
                "block, or open it again."
            )
        if wanted not in self._cache and self._is_ahead(wanted):
            self._decode_on(wanted, keep_bytes)
        starts = self._index.starts(wanted)
        for start in (starts[0], *starts[:_TRIES]):
            if wanted in self._cache:
                break
            self._forget()
            self._decoder.start(start, self._index)
            self._first, self._latest = max(0, int(self._index.positions[start])), -1
            self._decode_on(wanted, keep_bytes)
            if wanted not in self._cache and self._decoder.is_threaded:
                # With threads an error may come late, or never, and take whole frames with it.
                self._decoder.restart(threaded=False)
        if wanted not in self._cache:
            raise VideoError(
                f"frame {wanted} of {self._name} cannot be decoded: "
                f"{self._decoder.complaint or 'its data give no frame'}; expected undamaged data. "
                "Copy or download the file again, or go on with the frames after it."
            )
        self._drop_before(wanted, keep_bytes)
        return self._cache[wanted]

    def _is_ahead(self, wanted: int) -> bool:
        if self._latest is None or wanted <= self._latest:
            return False
        if wanted == self._latest + 1:
            return True
        nearest = self._index.starts(wanted)[0]
        return nearest <= self._decoder.next_ordinal + _A_LITTLE

    def _decode_on(self, wanted: int, keep_bytes: int) -> None:
        """Decode until the frame is there, or will not come any more."""
        while (
            wanted not in self._cache
            and self._latest is not None
            and self._latest <= wanted + LONGEST_REORDER
            and not self._decoder.is_at_end
        ):
            for decoded in self._decoder.decode():
                self._take(decoded)
            self._drop_before(wanted, keep_bytes)
            if self._decoder.complaint is not None and self._decoder.is_threaded:
                self._forget()

    def _take(self, decoded: DecodedFrame) -> None:
        # A file that is still being recorded has packets that came after it was opened.
        is_new = decoded.ordinal >= len(self._index.positions)
        position = -1 if is_new else int(self._index.positions[decoded.ordinal])
        if position < self._first or self._latest is None:
            return
        self._latest = max(self._latest, position)
        self._cache[position] = decoded.frame
        self._cached_bytes += _bytes_of(decoded.frame)

    def _drop_before(self, wanted: int, keep_bytes: int) -> None:
        while (
            self._cached_bytes > keep_bytes and (oldest := next(iter(self._cache), wanted)) < wanted
        ):
            self._cached_bytes -= _bytes_of(self._cache.pop(oldest))

    def _forget(self) -> None:
        self._cache.clear()
        self._cached_bytes = 0
        self._latest = None


def _located(address: str | Path) -> Address:
    if isinstance(address, str) and address.lower().startswith(WEB):
        name = unquote(urlsplit(address).path.rstrip("/").rpartition("/")[2])
        return Address(address, "http,https,tcp,tls,httpproxy", name or "the video")
    path = Path(address)
    _check_file(path)
    # Said in full: a name such as "concat:a|b" would be an order to FFmpeg.
    return Address(f"file:{path.resolve()}", "file", path.name)


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise VideoError(
            f"there is no file {path}; expected a video. Check the name and the folder, which is "
            f"{Path.cwd()} for names without one."
        ) from error
    except (OSError, ValueError) as error:
        raise VideoError(
            f"{path} cannot be read: {error}; expected the path of a video. Check the name and "
            "your rights to read it."
        ) from error
    if not path.is_file():
        raise VideoError(
            f"{path} is a folder, a device or a pipe; expected a video file. Open folders and "
            "cameras with open_video and open_stream; save what a pipe gives to a file."
        )
    if size == 0:
        raise VideoError(f"{path} is an empty file; expected a video. Copy or download it again.")


def _index_of(decoder: PacketDecoder, name: str) -> PacketIndex:
    packets = decoder.packets()
    index = None if decoder.guesses_times() else index_by_times(packets)
    if index is None:
        index = index_in_order(packets, _order_by_decoding(decoder))
    elif decoder.hides_its_end():
        index = index_in_order(packets, _order_without_a_cut_end(decoder, index))
    if len(index) == 0:
        raise VideoError(
            f"{name} holds a video track without frames; expected at least one frame. Check that "
            "the recording was finished, and copy or download the file again."
        )
    return index


def _order_by_decoding(decoder: PacketDecoder) -> list[int]:
    decoder.restart(threaded=False)
    return list(dict.fromkeys(_given(decoder)))


def _order_without_a_cut_end(decoder: PacketDecoder, index: PacketIndex) -> list[int]:
    """The frames, without that of the last packet if it does not decode."""
    last = len(index.positions) - 1
    decoder.restart(threaded=False)
    decoder.start(index.keys_before(last)[0], index)
    is_whole = last in set(_given(decoder))
    return [ordinal for ordinal in index.shown.tolist() if ordinal != last or is_whole]


def _given(decoder: PacketDecoder) -> Iterator[int]:
    while not decoder.is_at_end:
        for decoded in decoder.decode():
            yield decoded.ordinal


def _seconds(index: PacketIndex, decoder: PacketDecoder) -> npt.NDArray[np.float64] | None:
    ticks = index.times()
    # A stream always has a time base; one that jumps back has times that say nothing.
    if ticks is None or decoder.stream.time_base is None or (np.diff(ticks) <= 0).any():
        return None
    return (ticks - ticks[0]) * float(decoder.stream.time_base)


def _mean_rate(seconds: npt.NDArray[np.float64] | None, decoder: PacketDecoder) -> float | None:
    stated = decoder.stream.average_rate
    if seconds is None or len(seconds) < 2:
        return None if not stated else float(stated)
    mean = (len(seconds) - 1) / float(seconds[-1])
    # Containers round times, some to milliseconds: 29.97 is better than 29.9703.
    return float(stated) if stated and abs(stated / mean - 1) < 1e-3 else mean


def _bytes_of(frame: VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)
