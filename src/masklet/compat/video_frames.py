"""The frames of a video as official programs give them, made ready for the network one at a time.

Shapes: S the side of the network's input.
"""

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from masklet.errors import VideoError
from masklet.io.images import ImageSource
from masklet.io.open import open_video
from masklet.io.video import checked_index
from masklet.model.preprocess import normalize
from masklet.ops.resize import resize_frame_pil

Picture: TypeAlias = npt.NDArray[np.uint8]
"""`(height, width, 3)` RGB."""
Video: TypeAlias = str | PathLike[str] | bytes | npt.NDArray[np.uint8] | Sequence[ImageSource]
"""A folder, a file of any container, the bytes of one, or the frames themselves."""

_JPEG = (".jpg", ".jpeg")


class Source(Protocol):
    """What is needed of a video; `masklet.io.video.FrameSource` is more than this."""

    def __len__(self) -> int:
        """Number of frames."""

    def __getitem__(self, index: int, /) -> Picture:
        """One frame."""

    def frames(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[Picture]:
        """Frames from `start` to before `stop`, or the same backwards."""


class VideoFrames:
    """Frames resized and normalised when they are asked for: the video is never held as floats.

    Args:
        source: the frames as they are stored.
        side: S.
        device: where the frames are wanted.
    """

    def __init__(self, source: Source, side: int, device: torch.device) -> None:
        self._source = source
        self._side = side
        self._device = device
        self.size: tuple[int, int] = source[0].shape[:2]

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Tensor:
        """One frame, `(3, S, S)` float32."""
        return self._prepared(self._source[index])

    def walk(self, frames: range) -> Iterator[Tensor]:
        """The frames of a range, which goes one by one, forwards or backwards."""
        if not frames:
            return
        reverse = frames.step < 0
        lowest, highest = min(frames), max(frames)
        for picture in self._source.frames(lowest, highest + 1, reverse=reverse):
            yield self._prepared(picture)

    def _prepared(self, picture: Picture) -> Tensor:
        # The reference has an MP4 resized by its decoder, bicubic too; that is the nearest.
        resized = resize_frame_pil(picture, (self._side, self._side))
        return normalize(resized.to(self._device)[None])[0]


class JpegFolder:
    """A folder of JPEG files named by number, read as the reference reads it: as stored, no EXIF.

    Args:
        paths: the files in the order of their numbers.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Picture:
        path = self._paths[checked_index(index, len(self))]
        try:
            with Image.open(path) as image:
                return np.array(image.convert("RGB"))
        except (OSError, UnidentifiedImageError) as error:
            raise VideoError(
                f"{path} cannot be read as a picture: {error}; expected a JPEG file. "
                "Extract that frame again."
            ) from error

    def frames(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[Picture]:
        """Frames from `start` to before `stop`, or the same backwards."""
        span = range(start, len(self) if stop is None else stop)
        return (self[index] for index in (reversed(span) if reverse else span))


def open_frames(video: Video, side: int, device: torch.device) -> VideoFrames:
    """Open whatever `init_state` is given.

    Raises:
        NotImplementedError: it is nothing that could be a video.
        RuntimeError: a folder without pictures.
        VideoError: a video that cannot be read.
    """
    return VideoFrames(_source(video), side, device)


def span_of(num_frames: int, start: int, count: int | None, *, reverse: bool) -> range:
    """The frames of a propagation in their order: `count` of them after the first."""
    further = num_frames if count is None else count
    if not reverse:
        return range(start, min(start + further, num_frames - 1) + 1)
    # As in the reference: from the first frame there is nowhere to go, not even to itself.
    return range(start, max(start - further, 0) - 1, -1) if start > 0 else range(0)


def _source(video: Video) -> Source:
    match video:
        case bytes():
            return _from_bytes(video)
        case str() | PathLike():
            path = Path(video)
            return _folder(path) if path.is_dir() else open_video(path)
        case np.ndarray() | list() | tuple():
            return open_video(video)
        case _:
            raise NotImplementedError(
                f"video_path is a {type(video).__name__}; expected a folder of pictures, a video "
                "file, its bytes, an array of frames or a list of pictures. Pass one of these."
            )


def _folder(path: Path) -> Source:
    jpegs = [each for each in path.iterdir() if each.suffix.lower() in _JPEG]
    if jpegs and all(each.stem.isdecimal() for each in jpegs):
        # As the reference: by number, whatever else lies there.
        return JpegFolder(sorted(jpegs, key=lambda each: int(each.stem)))
    if not any(path.iterdir()):
        raise RuntimeError(
            f"no images found in {path}; expected JPEG files named by number. "
            "Name the folder that holds the frames."
        )
    return open_video(path)


def _from_bytes(content: bytes) -> Source:
    with tempfile.NamedTemporaryFile(suffix=".mp4", delete=False) as file:
        file.write(content)
    try:
        source = open_video(file.name)
    except BaseException:
        Path(file.name).unlink()
        raise
    # Frames are read later, so the file lives as long as the video.
    weakref.finalize(source, Path(file.name).unlink)
    return source
