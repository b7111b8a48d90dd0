"""Pictures become a video: H.264 to look at, VP9 or ProRes with transparency, or PNGs."""

import itertools
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from masklet.errors import OutputError
from masklet.io.atomic import make_folder
from masklet.io.images import write_png
from masklet.io.streamed import failure_told, replacing

Picture: TypeAlias = npt.NDArray[np.uint8]
Rate: TypeAlias = float | Fraction

# Players take an unmarked video for BT.601 or BT.709 by its size; marked, the colours are right.
_BT709 = 1


@dataclass(frozen=True, slots=True)
class Written:
    """What a video came to be."""

    num_frames: int
    codec: str
    """As PyAV calls the encoder, such as "libx264"."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How pictures of one kind become a file."""

    container: str
    encoders: Mapping[str, Mapping[str, str]]
    """What may encode it, best first, with options."""
    pixels: str
    channels: int
    even: bool = False
    """Whether width and height must be even."""
    container_options: Mapping[str, str] = field(default_factory=dict)


_H264 = _Kind(
    container="mp4",
    # About visually lossless. MPEG-4 part 2 is what every build of FFmpeg brings along.
    encoders={
        "libx264": {
            "crf": "18",
            "preset": "fast",
            # Else some of its choices follow where its buffers happen to lie in memory.
            "x264-params": "cpu-independent=1",
        },
        "mpeg4": {"qmin": "2", "qmax": "4"},
    },
    pixels="yuv420p",
    channels=3,
    even=True,
    # The index stands before the pictures, so that a browser plays while it loads.
    container_options={"movflags": "+faststart"},
)

_TRANSPARENT = {
    ".webm": _Kind(
        container="webm",
        # Reference frames that are never shown have no alpha of their own.
        encoders={
            "libvpx-vp9": {
                "crf": "20",
                "b": "0",
                "auto-alt-ref": "0",
                "row-mt": "1",
                "cpu-used": "4",
            }
        },
        pixels="yuva420p",
        channels=4,
        # No random number and no time of writing: the same pictures are the same file.
        container_options={"fflags": "+bitexact"},
    ),
    ".mov": _Kind(
        container="mov",
        encoders={"prores_ks": {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}},
        pixels="yuva444p10le",
        channels=4,
    ),
}

_log = logging.getLogger(__name__)


def write_video(path: str | Path, pictures: Iterable[Picture], fps: Rate) -> Written:
    """Write an MP4 that plays everywhere: H.264 with 4:2:0 colours.

    An odd width or height is made even by repeating the last column or row. Where PyAV has no
    encoder for H.264 it is MPEG-4 part 2 instead, which `Written.codec` and a log message tell.

    Args:
        path: the file; it appears whole or not at all.
        pictures: each `(height, width, 3)` uint8 RGB, all of one size, taken one at a time.
        fps: pictures per second; 29.97 and its like mean the exact rates, 30000/1001.

    Raises:
        OutputError: the file cannot be written, there are no pictures or not of one size, the rate
            is none.

    >>> from tempfile import mkdtemp
    >>> gray = np.full((48, 64, 3), 128, np.uint8)
    >>> write_video(Path(mkdtemp()) / "gray.mp4", [gray] * 3, 25).num_frames
    3
    """
    return _write(Path(path), pictures, fps, _H264)


def write_transparent_video(path: str | Path, pictures: Iterable[Picture], fps: Rate) -> Written:
    """Write a video with transparency: VP9 if the name ends in .webm, ProRes 4444 if in .mov.

    VP9 is small and plays in browsers; ProRes keeps every detail for video editors.

    Args:
        path: the file; it appears whole or not at all.
        pictures: each `(height, width, 4)` uint8 RGBA, not premultiplied, all of one size, taken
            one at a time.
        fps: as in `write_video`.

    Raises:
        OutputError: as `write_video`; or the name ends in something else; or PyAV lacks the
            encoder.

    >>> from tempfile import mkdtemp
    >>> clear = np.zeros((48, 64, 4), np.uint8)
    >>> write_transparent_video(Path(mkdtemp()) / "clear.mov", [clear] * 3, 25).codec
    'prores_ks'
    """
    target = Path(path)
    if target.suffix.lower() not in _TRANSPARENT:
        raise OutputError(
            f"{target} ends in {target.suffix or 'nothing'}; expected .webm (VP9) or .mov (ProRes "
            "4444), which keep transparency. Rename it, or write a folder of PNGs."
        )
    return _write(target, pictures, fps, _TRANSPARENT[target.suffix.lower()])


def write_png_sequence(folder: str | Path, pictures: Iterable[Picture], *, first: int = 0) -> int:
    """Write every picture as a PNG named by its number, 00000.png, and return how many.

    Args:
        folder: it is made if need be; files of the same names are replaced.
        pictures: each `(height, width, 3)` RGB or `(height, width, 4)` RGBA uint8, taken one at a
            time.
        first: the number of the first one.

    Raises:
        OutputError: a file cannot be written; those written before are whole and stay.
    """
    place, count = make_folder(folder), 0
    for picture in pictures:
        write_png(place / f"{first + count:05d}.png", picture)
        count += 1
    return count


def exact_rate(fps: Rate) -> Fraction:
    """The frame rate as a fraction; rounded NTSC rates become what they stand for.

    Raises:
        OutputError: it is no positive number.

    >>> exact_rate(29.97), exact_rate(23.976), exact_rate(25.0), exact_rate(12.5)
    (Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25, 1), Fraction(25, 2))
    """
    # Containers count time in 32 bits, and who films a frame an hour has a folder of pictures.
    if not math.isfinite(fps) or not 1 / 1000 <= fps <= 1000:
        raise OutputError(
            f"a video cannot have {float(fps):g} frames a second; expected 0.001 to 1000. Give the "
            "rate at which it is to be shown, such as 25."
        )
    if isinstance(fps, Fraction):
        return fps.limit_denominator(1001)
    whole = round(fps * 1.001)
    # 23.98 is the roughest that people write: 0.02 percent off.
    if whole > 0 and fps != round(fps) and abs(fps * 1.001 / whole - 1) < 2e-4:
        return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


def _write(path: Path, pictures: Iterable[Picture], fps: Rate, kind: _Kind) -> Written:
    rate, encoder = exact_rate(fps), _encoder(path, kind)
    following = iter(pictures)
    first = next(following, None)
    if first is None:
        raise OutputError(
            f"{path} was to become a video of no pictures; expected at least one. Check which "
            "frames were chosen."
        )
    count = 0
    with replacing(path) as temporary, _container(path, temporary, kind) as container:
        _check_picture(path, first, first.shape, kind)
        with _coding_told(path):
            stream = container.add_stream(encoder, rate=rate, options=dict(kind.encoders[encoder]))
        assert isinstance(stream, VideoStream)
        _set_up(stream, _padded(first, kind), kind)
        for picture in itertools.chain([first], following):
            _check_picture(path, picture, first.shape, kind)
            with _coding_told(path):
                container.mux(stream.encode(_frame(picture, count, kind)))
            count += 1
        with _coding_told(path):
            container.mux(stream.encode())
    return Written(count, encoder)


def _encoder(path: Path, kind: _Kind) -> str:
    """The best encoder that this build of PyAV has."""
    for name in kind.encoders:
        if _is_built_in(name):
            if name != next(iter(kind.encoders)):
                _log.warning("%s is encoded by %s: PyAV was built without better", path, name)
            return name
    raise OutputError(
        f"{path} needs the encoder {' or '.join(kind.encoders)}, which PyAV was built without; "
        "expected the PyAV of PyPI, which has it: pip install --force-reinstall av. Or write a "
        "folder of PNGs."
    )


def _is_built_in(name: str) -> bool:
    try:
        av.Codec(name, "w")
    except UnknownCodecError:
        return False
    return True


@contextmanager
def _container(path: Path, temporary: Path, kind: _Kind) -> Iterator[OutputContainer]:
    with _coding_told(path):
        options = dict(kind.container_options)
        container = av.open(str(temporary), "w", format=kind.container, options=options)
    try:
        yield container
    except BaseException:
        # Of two failures the first one is worth telling.
        with suppress(FFmpegError):
            container.close()
        raise
    with _coding_told(path):
        container.close()


def _set_up(stream: VideoStream, picture: Picture, kind: _Kind) -> None:
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = kind.pixels
    stream.bit_rate = 0  # the options ask for a quality instead
    coding = stream.codec_context
    coding.color_primaries = coding.color_trc = coding.colorspace = _BT709
    coding.color_range = ColorRange.MPEG


def _frame(picture: Picture, number: int, kind: _Kind) -> av.VideoFrame:
    padded = np.ascontiguousarray(_padded(picture, kind))
    frame = av.VideoFrame.from_ndarray(padded, format="rgba" if kind.channels == 4 else "rgb24")
    frame = frame.reformat(
        format=kind.pixels,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )
    frame.pts = number
    return frame


def _padded(picture: Picture, kind: _Kind) -> Picture:
    if not kind.even:
        return picture
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _check_picture(path: Path, picture: Picture, first: tuple[int, ...], kind: _Kind) -> None:
    shape = picture.shape
    right = len(shape) == 3 and shape[2] == kind.channels and 0 not in shape
    if not right or picture.dtype != np.uint8:
        raise OutputError(
            f"{path} was to hold a picture of shape {shape} and {picture.dtype}; expected (height, "
            f"width, {kind.channels}) of uint8. Convert it first."
        )
    if shape != first:
        raise OutputError(
            f"{path} was to hold a picture of {shape[1]}x{shape[0]} after one of "
            f"{first[1]}x{first[0]}; expected one size in all the video. Resize them first."
        )


@contextmanager
def _coding_told(path: Path) -> Iterator[None]:
    try:
        with failure_told(path):
            yield
    except FFmpegError as error:
        raise OutputError(
            f"{path} could not be encoded: {error.strerror or error}; expected pictures that the "
            "encoder takes, at most 16384 pixels wide and high. Make them smaller, or write a "
            "folder of PNGs."
        ) from error
