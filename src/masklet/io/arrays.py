"""A video that is one array in memory, or mapped from a file."""

from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from masklet.errors import VideoError
from masklet.io.video import Frame, Timeless, checked_index
from masklet.types.video import VideoInfo


class ArrayVideo(Timeless):
    """The frames of an array `(frames, height, width, 3)`, uint8, RGB; see `FrameSource`.

    The array is neither copied nor changed; with `numpy.load(..., mmap_mode="r")` frames are read
    from the disk as they are asked for.

    Raises:
        VideoError: the array has another shape or dtype, or no frames.

    >>> len(ArrayVideo(np.zeros((5, 32, 48, 3), np.uint8)))
    5
    """

    # Any: an array of a dtype that is no video is refused with a message, not by the type checker.
    def __init__(self, array: npt.NDArray[Any]) -> None:
        _check(array)
        info = VideoInfo("", (array.shape[1], array.shape[2]), len(array), None)
        super().__init__(info, len(array))
        self._array = array

    def __getitem__(self, frame_index: SupportsIndex) -> Frame:
        """A copy of one frame."""
        return np.array(self._array[checked_index(frame_index, len(self))], order="C")


def _check(array: npt.NDArray[Any]) -> None:
    if array.ndim != 4 or array.shape[3] != 3 or array.dtype != np.uint8:
        raise VideoError(
            f"the array has shape {array.shape} and holds {array.dtype}; expected (frames, height, "
            f"width, 3) of uint8 in RGB order. {_advice(array)}"
        )
    if array.size == 0:
        raise VideoError(
            f"the array has shape {array.shape}, so there is nothing to see; expected at least one "
            "frame of one pixel. Check how it was made."
        )


def _advice(array: npt.NDArray[Any]) -> str:
    if array.ndim == 4 and array.shape[1] == 3:
        return "Channels are last here: array.transpose(0, 2, 3, 1)."
    if array.ndim == 3 and array.shape[2] == 3:
        return "One picture becomes a video of one frame with array[None]."
    return "Convert it, or pass a list of pictures: those may be gray, 16-bit or float from 0 to 1."
