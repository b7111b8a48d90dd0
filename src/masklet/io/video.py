"""What a source of frames offers, whatever the frames are kept in."""

import operator
from abc import abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self, SupportsIndex, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from masklet.errors import VideoError
from masklet.types.video import VideoInfo

Frame: TypeAlias = npt.NDArray[np.uint8]
"""`(height, width, 3)` RGB, contiguous, the caller's own copy."""


class Closing(Protocol):
    """What is closed at the end of a `with` block."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files, devices and memory; reading is over. More than once is allowed."""

    def __enter__(self) -> Self:
        """The source itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


@runtime_checkable
class FrameSource(Closing, Protocol):
    """A video whose frames can be asked for in any order, each as often as wanted.

    Laws: `source[i]` is the same whatever was read before; `frames` yields what `source[i]` gives;
    memory does not grow with the length of the video. For one thread at a time.
    """

    @property
    def info(self) -> VideoInfo:
        """Name, size, length and rate; `num_frames` is never None."""

    def __len__(self) -> int:
        """Exactly how many frames there are."""

    def __getitem__(self, frame_index: SupportsIndex, /) -> Frame:
        """One frame, counted from 0. Raises `IndexError` where there is none, `VideoError`."""

    def __iter__(self) -> Iterator[Frame]:
        """All frames in order."""

    def frames(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[Frame]:
        """Frames `start` to `stop - 1` in order, or from `stop - 1` down to `start`.

        Raises `IndexError` at once where the span does not fit the video.
        """

    def time_of(self, frame_index: SupportsIndex) -> float | None:
        """Seconds from the first frame to this one as it is shown; None where there are no times."""


class LiveSource(Closing, Protocol):
    """Frames that come when they come, such as a camera's; there is no going back."""

    @property
    def info(self) -> VideoInfo:
        """Name, size and rate; `num_frames` is None."""

    def __iter__(self) -> Iterator[Frame]:
        """The newest frame each time, until the source ends or is closed."""


class Timeless(Closing):
    """A `FrameSource` of pictures that lie about one by one: they have no times, nothing is open."""

    def __init__(self, info: VideoInfo, num_frames: int) -> None:
        self._info = info
        self._num_frames = num_frames

    @property
    def info(self) -> VideoInfo:
        """Size and length, and the name of a folder."""
        return self._info

    def __len__(self) -> int:
        """How many frames there are."""
        return self._num_frames

    @abstractmethod
    def __getitem__(self, frame_index: SupportsIndex) -> Frame:
        """One frame."""

    def __iter__(self) -> Iterator[Frame]:
        """All frames in order."""
        return self.frames()

    def frames(
        self, start: int = 0, stop: int | None = None, *, reverse: bool = False
    ) -> Iterator[Frame]:
        """Frames `start` to `stop - 1`, last first if `reverse`."""
        return map(self.__getitem__, frame_range(start, stop, len(self), reverse=reverse))

    def time_of(self, frame_index: SupportsIndex) -> float | None:
        """None: there are no times."""
        checked_index(frame_index, len(self))
        return None

    def close(self) -> None:
        """Nothing: there is nothing open."""


def checked_index(frame_index: SupportsIndex, num_frames: int) -> int:
    """The index as an int.

    Raises:
        IndexError: there is no such frame. Negative numbers do not count from the end: in a video
            they are nearly always a mistake in a subtraction.

    >>> checked_index(np.int64(3), 4)
    3
    """
    index = operator.index(frame_index)
    if not 0 <= index < num_frames:
        raise IndexError(
            f"there is no frame {index}; the video has {num_frames}, counted from 0 to "
            f"{num_frames - 1}. Choose one of these."
        )
    return index


def frame_range(start: int, stop: int | None, num_frames: int, *, reverse: bool) -> range:
    """The indices from `start` to `stop - 1`, to the last frame if None, in the order of reading.

    Raises:
        IndexError: the span does not lie within the video.

    >>> list(frame_range(1, None, 4, reverse=True))
    [3, 2, 1]
    """
    end = num_frames if stop is None else stop
    if not 0 <= start <= end <= num_frames:
        raise IndexError(
            f"frames {start} to {end} were asked for; expected 0 <= start <= stop <= {num_frames}, "
            "the number of frames. Choose a span within the video; stop itself is not read."
        )
    return range(end - 1, start - 1, -1) if reverse else range(start, end)


def check_size(frame: Frame, named: str, info: VideoInfo) -> Frame:
    """The frame, which has the size of its video.

    Raises:
        VideoError: it has another; `named` says which frame it is.
    """
    height, width = frame.shape[:2]
    if (height, width) != info.size:
        raise VideoError(
            f"{named} is {width}x{height} pixels, the first {info.size[1]}x{info.size[0]}; "
            "expected frames of one size. Scale or split the video."
        )
    return frame
