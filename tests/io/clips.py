"""Small video files, made here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Recipe:
    """How a clip is encoded."""

    codec: str = "libx264"
    suffix: str = "mp4"
    pixels: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    group: int = 12
    """From one key frame to the next."""
    rate: Fraction = Fraction(25)


RECIPES = {
    "h264 with B-frames in mp4": Recipe(options={"bf": "3", "b_strategy": "0"}),
    "h264 with open groups in mp4": Recipe(
        options={"x264-params": "open-gop=1:bframes=3:b-adapt=0:keyint=8:scenecut=0"}
    ),
    "h264 with intra refresh in mp4": Recipe(
        options={"x264-params": "intra-refresh=1:keyint=8:bframes=0"}
    ),
    "h264 with B-frames in mov": Recipe(suffix="mov", options={"bf": "2", "b_strategy": "0"}),
    "h264 with B-frames in avi": Recipe(suffix="avi", options={"bf": "2", "b_strategy": "0"}),
    "h264 with open groups in ts": Recipe(
        suffix="ts", options={"x264-params": "open-gop=1:bframes=3:b-adapt=0:keyint=8:scenecut=0"}
    ),
    "h264 without container": Recipe(suffix="h264", options={"bf": "2", "b_strategy": "0"}),
    "hevc with open groups in mkv": Recipe(
        "libx265", "mkv", options={"x265-params": "log-level=none:open-gop=1:keyint=8:pools=1"}
    ),
    "mpeg4 with B-frames in avi": Recipe("mpeg4", "avi", options={"bf": "2"}),
    "mpeg4 in mkv": Recipe("mpeg4", "mkv"),
    "mpeg2 in mpg": Recipe("mpeg2video", "mpg", options={"bf": "2"}),
    "vp9 in webm": Recipe("libvpx-vp9", "webm", options={"auto-alt-ref": "1", "cpu-used": "8"}),
    "vp8 with hidden frames in webm": Recipe(
        "libvpx",
        "webm",
        options={"auto-alt-ref": "1", "lag-in-frames": "16", "arnr-maxframes": "7"},
    ),
    "ffv1 in mkv": Recipe("ffv1", "mkv"),
    "motion jpeg in avi": Recipe("mjpeg", "avi", "yuvj420p"),
    "gif": Recipe("gif", "gif", "rgb8"),
}


def pictures(count: int, size: tuple[int, int] = (48, 64)) -> list[Picture]:
    """Pictures that all differ: a moving square on a ramp, and the number as brightness."""
    height, width = size
    made = []
    for index in range(count):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[..., 0] = np.linspace(0, 200, width)
        picture[..., 1] = index * 7 % 200
        x, y = index * 5 % max(1, width - 12), index * 3 % max(1, height - 12)
        picture[y : y + 12, x : x + 12] = (255, 255 - index * 11 % 200, 40)
        made.append(picture)
    return made


def encode(
    path: Path,
    frames: Sequence[Picture],
    recipe: Recipe = Recipe(),
    *,
    times: Iterable[int] | None = None,
    turned: tuple[int, bool, bool] | None = None,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Write a clip. `times` are in ticks of the rate; `turned` is degrees and two mirrorings."""
    with av.open(path, "w", options=dict(container_options or {})) as file:
        stream = file.add_stream(recipe.codec, rate=recipe.rate, options=dict(recipe.options))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = recipe.pixels
        stream.codec_context.gop_size = recipe.group
        # One thread, so that a clip is the same on every machine.
        stream.codec_context.thread_count = 1
        if turned is not None:
            stream.set_display_rotation(*turned)
        ticks = list(range(len(frames)) if times is None else times)
        for picture, tick in zip(frames, ticks, strict=True):
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts, frame.time_base = tick, 1 / recipe.rate
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def decoded(path: Path) -> list[Picture]:
    """All frames, read from the first to the last by PyAV alone."""
    with av.open(path) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def damage(path: Path, number: int) -> None:
    """Blank the beginning of that packet of an MP4, where it says how it is to be read."""
    with av.open(path) as file:
        begin = [packet.pos for packet in file.demux(video=0)][number]
    data = bytearray(path.read_bytes())
    data[begin : begin + 16] = bytes(16)
    path.write_bytes(data)
