"""Frames of a video by number, encoded when asked for, the latest ones kept.

One frame may be read in a thread while another one is worked on. Unlike those of a stream, which
nobody else reads, a session's video is the caller's too, and videos are for one thread at a time:
so the thread is done whenever the caller is on.
"""

from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt

from masklet.errors import VideoError
from masklet.model.protocol import SegmentationModel
from masklet.tracking.stream import EncodedFrame, encode_batch


class Video(Protocol):
    """Anything with a length that gives a frame for a number: an array, a list, a video source."""

    def __len__(self) -> int:
        """How many frames there are."""

    def __getitem__(self, index: int, /) -> npt.NDArray[np.uint8]:
        """`(height, width, 3)` uint8 RGB."""


class FeatureCache:
    """The features of frames, those used last, within a budget.

    Args:
        model: encodes.
        video: at least one frame, all of one size.
        input_size: `(height, width)` of the network's input.
        budget_bytes: how much is kept; a frame of a 1024 pixel model takes 16 MiB.

    Raises:
        VideoError: the video has no frame.
    """

    def __init__(
        self,
        model: SegmentationModel,
        video: Video,
        *,
        input_size: tuple[int, int],
        budget_bytes: int,
    ) -> None:
        if len(video) == 0:
            raise VideoError(
                "the video has no frames; expected at least one. Is the file empty or cut off?"
            )
        self.input_size = input_size
        self.num_frames = len(video)
        self._model = model
        self._video = video
        self._budget_bytes = budget_bytes
        self._nbytes = 0
        self._kept: OrderedDict[int, EncodedFrame] = OrderedDict()
        self._reading = Lock()
        self._ahead: dict[int, Future[npt.NDArray[np.uint8]]] = {}
        first = video[0]
        self.size = (first.shape[0], first.shape[1])

    def __contains__(self, index: int) -> bool:
        return index in self._kept

    def frame(self, index: int) -> EncodedFrame:
        """The frame of that number.

        Raises:
            VideoError: the frame has another size than the first one.
        """
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        pixels = self._pixels(index)
        if pixels.shape[:2] != self.size:
            raise VideoError(
                f"frame {index} is {pixels.shape[1]}x{pixels.shape[0]}, frame 0 is "
                f"{self.size[1]}x{self.size[0]}; expected frames of one size. Resize them first."
            )
        encoded = encode_batch(self._model, [pixels], input_size=self.input_size)[0]
        self._kept[index] = encoded
        self._nbytes += _nbytes(encoded)
        while self._nbytes > self._budget_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._nbytes -= _nbytes(dropped)
        return encoded

    @contextmanager
    def reading_ahead(self, index: int | None) -> Iterator[None]:
        """Read a frame in a thread while the block runs, which does not end before that is done.

        `frame` takes it when it is asked for it, and raises what went wrong then. For None, and for
        a frame whose features are kept, nothing is read.
        """
        if index is None or index in self:
            yield
            self.forget_ahead()
            return
        with ThreadPoolExecutor(max_workers=1) as reader:
            self._ahead[index] = reader.submit(self._read, index)
            yield
        for passed in self._ahead.keys() - {index}:
            del self._ahead[passed]

    def forget_ahead(self) -> None:
        """Let go of frames that were read ahead and not asked for."""
        self._ahead.clear()

    def _pixels(self, index: int) -> npt.NDArray[np.uint8]:
        ahead = self._ahead.pop(index, None)
        return self._read(index) if ahead is None else ahead.result()

    def _read(self, index: int) -> npt.NDArray[np.uint8]:
        with self._reading:
            return self._video[index]


def _nbytes(frame: EncodedFrame) -> int:
    features = frame.features
    maps = (features.embedding_FLC, features.eighth_FL4c, features.quarter_FL16c)
    return sum(each.nbytes for each in maps)
