"""The packets of one video track through its decoder, from any packet on.

Instead of its time a packet carries its ordinal through the decoder, so that a frame says which
packet it comes from, also in files without times.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, TypeAlias

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from masklet.errors import VideoError
from masklet.io.images import DEFAULT_MAX_PIXELS
from masklet.io.packet_index import Packet, PacketIndex

# Kinds of files that hold their own frames. FFmpeg reads some three hundred more: playlists, which
# open what a file names, devices, and code that a hostile file need not reach.
_KINDS = (
    *("mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf", "ogg"),
    *("mxf", "nut", "ivf", "obu", "h264", "hevc", "vvc", "m4v", "mjpeg", "gif", "apng", "dv"),
    *("yuv4mpegpipe", "wtv", "rm", "gxf", "h263", "vc1"),
)
_TIMEOUT_SECONDS = 30.0

# In quotes, as PyAV has made it generic only lately.
FilePacket: TypeAlias = "av.Packet[VideoStream]"
Numbered: TypeAlias = "tuple[int, av.Packet[VideoStream]]"


class Address(NamedTuple):
    """Where a video is."""

    url: str
    protocols: str
    """What FFmpeg may open, comma-separated."""
    name: str
    """For people; without the query of a web address, which may hold secrets."""


class DecodedFrame(NamedTuple):
    """A frame as the decoder gives it."""

    ordinal: int
    """Of the packet that it comes from."""
    frame: VideoFrame


class PacketDecoder:
    """A file that is read packet by packet; what `decode` gives depends on where it `start`s.

    Raises:
        VideoError: the file cannot be opened, holds no video, or frames that are too large.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self.decoded_frames = 0
        """How many frames the decoder has given, ever."""
        self.is_threaded = True
        """Whether frames are decoded several at a time; damage is then told of late."""
        self.complaint: str | None = None
        """What the decoder last said of damage, since `start`."""
        self.next_ordinal = 0
        """Of the packet that `decode` takes next."""
        self.is_at_end = False
        """Whether everything has been decoded."""
        self.is_closed = False
        self._open()
        self._packets = self._numbered(None)

    def _open(self) -> None:
        self._container = _opened(self._address)
        try:
            self.stream = _video_of(self._container, self._address.name)
            self.stream.thread_type = "AUTO" if self.is_threaded else "NONE"
            # A frame may be larger than the file says at its beginning.
            self.stream.codec_context.options = {"max_pixels": str(DEFAULT_MAX_PIXELS)}
        except BaseException:
            self._container.close()
            raise

    def close(self) -> None:
        """Close the file, for good."""
        self.is_closed = True
        self._packets = iter(())
        self._container.close()

    def packets(self) -> list[Packet]:
        """What the container says of all packets; `start` before decoding."""
        hides_frames = self.stream.codec_context.name in ("vp8", "libvpx")
        listed: list[Packet] = []
        cut_off = 0
        for packet in self._demuxed():
            is_hidden = packet.is_discard or (hides_frames and not memoryview(packet)[0] & 16)
            listed.append(_said_of(packet)._replace(is_shown=not is_hidden))
            cut_off = cut_off + 1 if packet.is_corrupt else 0
        # What the end of a file that was cut off holds of a frame is no frame.
        whole = len(listed) - cut_off
        return listed[:whole] + [packet._replace(is_shown=False) for packet in listed[whole:]]

    def guesses_times(self) -> bool:
        """Whether the container has no times to show frames, and FFmpeg makes them up."""
        return self._container.format.name == "avi" and bool(self.stream.codec_context.has_b_frames)

    def hides_its_end(self) -> bool:
        """Whether a file that was cut off does not show by its packets that the last is cut."""
        return self._container.format.name in ("mpeg", "mpegts")

    def restart(self, *, threaded: bool = True) -> None:
        """Make the first packet the next one."""
        self._container.close()
        self.is_threaded = threaded
        self._open()
        self._begin(self._numbered(None), 0)

    def start(self, ordinal: int, index: PacketIndex) -> None:
        """Make that packet the next one, by a seek where the file allows it."""
        for earlier in index.keys_before(ordinal):
            packets = self._sought(earlier, index)
            first = next(packets, None)
            if first is not None and first[0] <= ordinal:
                self._begin(_from(ordinal, first, packets), ordinal)
                return
        self.restart(threaded=self.is_threaded)
        self._begin(_from(ordinal, None, self._packets), ordinal)

    def decode(self) -> list[DecodedFrame]:
        """The frames that one more packet brings: often one, none at first, several at the end."""
        ordinal, packet = next(self._packets, (self.next_ordinal, None))
        self.next_ordinal = ordinal + 1
        self.is_at_end = packet is None
        if packet is not None:
            packet.pts, packet.dts = ordinal, None
        try:
            frames = self.stream.codec_context.decode(packet)
        except av.FFmpegError as error:
            self.complaint = str(error.strerror)
            return []
        self.decoded_frames += len(frames)
        return [DecodedFrame(frame.pts, frame) for frame in frames if frame.pts is not None]

    def _begin(self, packets: Iterator[Numbered], ordinal: int) -> None:
        self._packets = packets
        self.next_ordinal = ordinal
        self.is_at_end = False
        self.complaint = None

    def _sought(self, ordinal: int, index: PacketIndex) -> Iterator[Numbered]:
        """The packets from about that one on; none where the file cannot be searched."""
        time = index.seek_time(ordinal)
        if time is None or index.recognised_by is None:
            return iter(())
        try:
            self._container.seek(time, stream=self.stream)
        except av.FFmpegError:
            return iter(())
        return self._numbered(index)

    def _numbered(self, index: PacketIndex | None) -> Iterator[Numbered]:
        """Packets with their ordinals: counted from 0, or from the first that the index knows."""
        packets = self._demuxed()
        if index is None:
            yield from enumerate(packets)
            return
        for packet in packets:
            ordinal = index.find(_said_of(packet))
            if ordinal is not None:
                yield ordinal, packet
                yield from zip(range(ordinal + 1, len(index.positions)), packets, strict=False)

    def _demuxed(self) -> Iterator[FilePacket]:
        """The packets that hold something. A file that cannot be read on ends there."""
        with suppress(av.FFmpegError):
            yield from (packet for packet in self._container.demux(self.stream) if packet.size > 0)


def _from(
    ordinal: int,
    first: "Numbered | None",
    packets: Iterator[Numbered],
) -> Iterator[Numbered]:
    if first is not None and first[0] == ordinal:
        yield first
    yield from (numbered for numbered in packets if numbered[0] >= ordinal)


def _said_of(packet: FilePacket) -> Packet:
    return Packet(packet.pts, packet.dts, packet.pos, packet.size, packet.is_keyframe)


def _opened(address: Address) -> InputContainer:
    try:
        return av.open(
            address.url,
            # As `options` they would crash PyAV 16 on files that tell of their tracks late.
            container_options={
                "protocol_whitelist": address.protocols,
                "format_whitelist": ",".join(_KINDS),
            },
            # A title in an unknown encoding does not spoil the video.
            metadata_errors="replace",
            timeout=_TIMEOUT_SECONDS,
        )
    except av.FFmpegError as error:
        raise VideoError(
            f"{address.name} is no video of a kind that can be read, or it is damaged or cut off: "
            f"{error.strerror}; expected a whole file such as mp4, mov, mkv, webm or avi. Check "
            "that it plays; give a playlist's own files, and pictures as a folder."
        ) from error


def _video_of(container: InputContainer, name: str) -> VideoStream:
    moving = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not moving:
        kinds = sorted({stream.type for stream in container.streams if stream.type != "video"})
        pictures = ["a cover picture"] if container.streams.video else []
        raise VideoError(
            f"{name} holds no video, only {' and '.join(kinds + pictures) or 'an empty container'}; "
            "expected a video track. Check that it is the right file."
        )
    stream = moving[0]
    if stream.codec_context is None:
        raise VideoError(
            f"the video in {name} is of a codec that this FFmpeg does not know, or the file is cut "
            "off; expected H.264, HEVC, VP9, AV1 or another common one. Convert it to H.264."
        )
    if stream.width * stream.height > DEFAULT_MAX_PIXELS:
        raise VideoError(
            f"{name} has frames of {stream.width}x{stream.height}; expected at most "
            f"{DEFAULT_MAX_PIXELS:,} pixels, a limit against files made to fill the memory. "
            "Scale the video."
        )
    return stream
