"""Frames to features, a little ahead of the tracker.

The encoder needs no memory, so it may run ahead: frames are pulled in a thread while the tracker
works, encoded in small batches, under CUDA on a stream of their own, and handed over one by one. At
most two batches of frames are held, whatever the length of the video.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

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
    encoding: Encoding | None = None
    with ThreadPoolExecutor(max_workers=1) as reader:
        reading = reader.submit(_pull, source, batch)
        while True:
            pulled, error = reading.result()
            is_last = error is not None or len(pulled) < batch
            if not is_last:
                next_reading = reader.submit(_pull, source, batch)
            present = encoding or Encoding(lane, model, pulled, input_size)
            encoding = None
            for frame in present.frames():
                begins = is_ahead and not is_last and encoding is None and next_reading.done()
                upcoming = next_reading.result()[0] if begins else None
                encoding = Encoding(lane, model, upcoming, input_size) if upcoming else encoding
                yield frame
            if error is not None:
                raise error
            if is_last:
                return
            reading = next_reading


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


class Encoding:
    """A batch of frames on its way through the encoder; an error waits for the frames' turn."""

    def __init__(
        self,
        lane: SideStream,
        model: SegmentationModel,
        frames: list[npt.NDArray[np.uint8]],
        input_size: tuple[int, int],
    ) -> None:
        self._error: Exception | None = None
        try:
            self._done = lane.run(partial(encode_batch, model, frames, input_size=input_size))
        except Exception as error:  # raised by `frames`
            self._error = error

    def frames(self) -> list[EncodedFrame]:
        """The frames, to be used on the program's stream."""
        if self._error is not None:
            raise self._error
        return self._done()


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


def _pull(
    source: Iterator[npt.NDArray[np.uint8]], count: int
) -> tuple[list[npt.NDArray[np.uint8]], Exception | None]:
    """Up to `count` frames, and the error that ended the source early, if any."""
    pulled: list[npt.NDArray[np.uint8]] = []
    try:
        for frame in islice(source, count):
            pulled.append(frame)  # noqa: PERF402  # those before an error are kept
    except Exception as error:  # raised again by the caller, in its turn
        return pulled, error
    return pulled, None
