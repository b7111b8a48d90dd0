"""Opening a video, whatever it is kept in: the one place that tells kinds apart."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from masklet.errors import VideoError
from masklet.io.arrays import ArrayVideo
from masklet.io.camera import PREFIX, open_camera
from masklet.io.decode_pyav import WEB, VideoFile
from masklet.io.folder import PictureVideo, open_folder
from masklet.io.images import ImageSource
from masklet.io.video import FrameSource, LiveSource

# Any: an array of a dtype that is no video is refused with a message, not by the type checker.
VideoSource: TypeAlias = str | os.PathLike[str] | npt.NDArray[Any] | Sequence[ImageSource]
"""What a video can be read from."""


def open_video(source: VideoSource, *, allow_gaps: bool = False) -> FrameSource:
    """Open a video; nothing is read that is not needed, and never all of it at once.

    Args:
        source: the path of a video file of any kind that FFmpeg reads; an http(s) address; a folder
            of pictures (`masklet.io.folder.open_folder`); an array `(frames, height, width, 3)`,
            uint8, RGB; or a list of pictures, each a path, a Pillow image or an array.
        allow_gaps: for folders: numbers may be missing between those of the pictures.

    Raises:
        VideoError: it is none of these, is missing, empty or damaged, or has no frames.

    >>> with open_video(np.zeros((5, 32, 48, 3), np.uint8)) as video:
    ...     print(video.info, video[4].shape)
    VideoInfo(name='', size=(32, 48), num_frames=5, fps=None) (32, 48, 3)
    """
    if isinstance(source, np.ndarray):
        return ArrayVideo(source)
    if isinstance(source, str | os.PathLike):
        return _open_path(source, allow_gaps=allow_gaps)
    if isinstance(source, list | tuple):
        return PictureVideo(source)
    raise VideoError(
        f"a video cannot be opened from {type(source).__name__}; expected a path, a folder, an "
        f"array or a list of pictures. {_advice(source)}"
    )


def open_stream(source: VideoSource | int, *, allow_gaps: bool = False) -> FrameSource | LiveSource:
    """Open what frames can be taken from in order: all that `open_video` takes, and cameras.

    Args:
        source: also the number of a camera, or `camera:` and its number or name.
        allow_gaps: as in `open_video`.

    Raises:
        VideoError: as `open_video`; or the camera cannot be opened.

    >>> open_stream([np.zeros((32, 48, 3), np.uint8)]).info
    VideoInfo(name='', size=(32, 48), num_frames=1, fps=None)
    """
    if isinstance(source, int):
        return open_camera(source)
    if isinstance(source, str) and source.startswith(PREFIX):
        return open_camera(source.removeprefix(PREFIX))
    return open_video(source, allow_gaps=allow_gaps)


def _open_path(source: str | os.PathLike[str], *, allow_gaps: bool) -> FrameSource:
    text = os.fspath(source)
    if isinstance(source, str) and text.lower().startswith(WEB):
        return VideoFile(text)
    if isinstance(source, str) and text.startswith(PREFIX):
        raise VideoError(
            f"{text} is a camera, whose frames cannot be asked for by number; expected a video "
            "that is kept. Track it as it comes: open_stream and masklet.track, or record it."
        )
    if isinstance(source, str) and "://" in text:
        raise VideoError(
            f"addresses of kind {text.partition('://')[0]}:// are not opened; expected a path, "
            "http:// or https://. Download or record the video first."
        )
    path = Path(text)
    return open_folder(path, allow_gaps=allow_gaps) if path.is_dir() else VideoFile(path)


def _advice(source: object) -> str:
    if hasattr(source, "__next__"):
        return (
            "Frames that come one by one are for masklet.track, which takes them directly; or make "
            "a list of them."
        )
    if isinstance(source, int):
        return "A camera is opened with open_stream."
    if hasattr(source, "__array__"):
        return "Convert it first, for example with numpy.asarray."
    return "Convert it to one of these."
