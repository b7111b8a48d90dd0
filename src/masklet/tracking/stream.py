"""Frames to features, a little ahead of the tracker.

The encoder needs no memory, so it may run ahead: frames are pulled in a thread while the tracker
works, encoded in small batches and handed over one by one. At most two batches of frames are held,
whatever the length of the video.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
) -> Iterator[EncodedFrame]:
    """Encode `(height, width, 3)` uint8 RGB frames in their order, `batch` of them per call.

    An error of the frame source is raised when its frame would have been handed over.
    """
    source = iter(frames)
    with ThreadPoolExecutor(max_workers=1) as reader:
        upcoming = reader.submit(_pull, source, batch)
        while True:
            pulled, error = upcoming.result()
            if error is None and len(pulled) == batch:
                upcoming = reader.submit(_pull, source, batch)
            yield from encode_batch(model, pulled, input_size=input_size)
            if error is not None:
                raise error
            if len(pulled) < batch:
                return


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
