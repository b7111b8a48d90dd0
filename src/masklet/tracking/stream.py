"""Frames to features, a little ahead of the tracker.

The encoder needs no memory, so it may run ahead: frames are pulled in a thread while the tracker
works, encoded in small batches, under CUDA on a stream of their own, and handed over one by one. At
most two batches of frames are held, whatever the length of the video.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from masklet.model.preprocess import preprocess_image
from masklet.model.protocol import SegmentationModel
from masklet.model.tensors import FrameFeatures

# Small calls leave a GPU idle in between. Four is a choice, not measured on one; it costs that the
# first result waits for the fourth frame. A CPU is never idle: one object with the bundled model took
# 82, 77 and 81 ms of processor time a frame with 1, 2 and 4 (one thread of AMD EPYC, 360x640), not
# worth masks that differ from those of single frames in the last bits.
_GPU_LOOKAHEAD = 4


_Pulled: TypeAlias = tuple[list[npt.NDArray[np.uint8]], Exception | None]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFrame:
    """One frame as the tracker needs it."""

    features: FrameFeatures
    size: tuple[int, int]
    """`(height, width)` of the frame."""
    input_size: tuple[int, int]
    """`(height, width)` of the network's input."""


def default_lookahead(device: torch.device) -> int:
    """How many frames of a file are encoded per call unless said otherwise: 4 under CUDA, else 1.

    Not measured on a GPU.
    """
    return _GPU_LOOKAHEAD if device.type == "cuda" else 1


def encode_frames(
    model: SegmentationModel,
    frames: Iterable[npt.NDArray[np.uint8]],
    *,
    input_size: tuple[int, int],
    batch: int = 1,
    ahead: bool | None = None,
) -> Iterator[EncodedFrame]:
    """Encode `(height, width, 3)` uint8 RGB frames in their order, `batch` of them per call.

    An error of the frame source is raised when its frame would have been handed over.

    Args:
        model: encodes them.
        frames: the source, which is read in a thread.
        input_size: `(height, width)` of the network's input.
        batch: frames per call; the first is handed over when so many were read.
        ahead: whether frames that were read meanwhile are encoded before the ones that are there are
            handed over; unless given, under CUDA, where it is done beside what the tracker does.
    """
    source, lane = iter(frames), SideStream(model.device)
    is_ahead = lane.runs_beside if ahead is None else ahead
    encode = partial(encode_batch, model, input_size=input_size)
    with ThreadPoolExecutor(max_workers=1) as reader:
        following: _Batch | None = _Batch(reader.submit(_pull, source, batch), encode, lane)
        while following is not None:
            present, following = following, None
            pulled, error = present.pulled()
            if error is None and len(pulled) == batch:
                following = _Batch(reader.submit(_pull, source, batch), encode, lane)
            yield from _handed_over(present, following if is_ahead else None)
            if error is not None:
                raise error


def _handed_over(present: "_Batch", ahead: "_Batch | None") -> Iterator[EncodedFrame]:
    """Frames of a batch, while the one ahead begins to be encoded as soon as it was read."""
    for frame in present.encoded():
        if ahead is not None:
            ahead.encode_if_read()
        yield frame


class SideStream:
    """Under CUDA a stream beside the one that the program uses; elsewhere work is done at once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    @property
    def runs_beside(self) -> bool:
        """Whether work goes on beside the program's own."""
        return self._stream is not None

    def run(self, work: Callable[[], list[EncodedFrame]]) -> Callable[[], list[EncodedFrame]]:
        """Begin the work; what is returned hands its results over to the program's stream."""
        if self._stream is None:
            done = work()
            return lambda: done
        # Weights and cached tables may have been made on the program's stream.
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            begun = work()
            finished = self._stream.record_event()
        return partial(self._handed_over, begun, finished)

    def _handed_over(
        self, frames: list[EncodedFrame], finished: torch.cuda.Event
    ) -> list[EncodedFrame]:
        current = torch.cuda.current_stream(self._device)
        current.wait_event(finished)
        for frame in frames:
            features = frame.features
            for tensor in (features.embedding_FLC, features.eighth_FL4c, features.quarter_FL16c):
                # Or its memory would be used again as soon as the program lets go of it.
                tensor.record_stream(current)
        return frames


class _Batch:
    """Frames that are being read, then encoded; an error of the encoder waits for their turn."""

    def __init__(
        self,
        reading: "Future[_Pulled]",
        encode: Callable[[list[npt.NDArray[np.uint8]]], list[EncodedFrame]],
        lane: SideStream,
    ) -> None:
        self._reading, self._encode, self._lane = reading, encode, lane
        self._encoded: Callable[[], list[EncodedFrame]] | None = None

    def pulled(self) -> _Pulled:
        """The frames, and the error that ended the source behind them, if any."""
        return self._reading.result()

    def encode_if_read(self) -> None:
        """Begin to encode, unless that has begun or frames are still being read."""
        if self._encoded is None and self._reading.done():
            # What fails now fails again when the frames are wanted.
            with suppress(Exception):
                self._encoded = self._begun()

    def encoded(self) -> list[EncodedFrame]:
        """The encoded frames, to be used on the program's stream."""
        if self._encoded is None:
            self._encoded = self._begun()
        return self._encoded()

    def _begun(self) -> Callable[[], list[EncodedFrame]]:
        frames, _ = self.pulled()
        return self._lane.run(partial(self._encode, frames))


@torch.inference_mode()
def encode_batch(
    model: SegmentationModel,
    frames: list[npt.NDArray[np.uint8]],
    *,
    input_size: tuple[int, int],
) -> list[EncodedFrame]:
    """Encode several frames in one call of the encoder."""
    if not frames:
        return []
    tensors = [preprocess_image(frame, input_size, model.device) for frame in frames]
    features = model.encode_image(torch.cat(tensors))
    return [
        EncodedFrame(features.frame(number), (frame.shape[0], frame.shape[1]), input_size)
        for number, frame in enumerate(frames)
    ]


def _pull(source: Iterator[npt.NDArray[np.uint8]], count: int) -> _Pulled:
    """Up to `count` frames, and the error that ended the source early, if any."""
    pulled: list[npt.NDArray[np.uint8]] = []
    try:
        for frame in islice(source, count):
            pulled.append(frame)  # noqa: PERF402  # those before an error are kept
    except Exception as error:  # raised again by the caller, in its turn
        return pulled, error
    return pulled, None
