"""The frames of a plan, tracked one after the other, with the places from which to go on later."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from masklet.cli.progress import download_bar
from masklet.cli.tracking_plan import TrackTask, Walk
from masklet.io.video import FrameSource
from masklet.memory.standard import StandardPolicy
from masklet.model.protocol import SegmentationModel
from masklet.model.sam2 import SAM2
from masklet.tracking.following import no_masks
from masklet.tracking.stream import default_lookahead, encode_frames
from masklet.tracking.tracker import Tracker, TrackerState
from masklet.types import FrameMasks, FrameResult, ObjectId, Prompt
from masklet.weights.load import load

Prompts: TypeAlias = Mapping[int, Mapping[ObjectId, Prompt]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place from which tracking can go on as if it had never stopped."""

    walk: int
    """Which walk of the plan, counted from 0."""
    step: int
    """How many frames of it are done."""
    state: TrackerState[None]


@dataclass(frozen=True, slots=True)
class Step:
    """One frame that was tracked."""

    result: FrameResult
    """With masks that are on their way from the device: the next frame may begin meanwhile."""
    checkpoint: Checkpoint | None
    """None in the middle of a batch: encoded in other company, a frame's masks may differ by a
    pixel."""


def open_model(task: TrackTask) -> SAM2:
    """The model that the task names, ready. Raises `CheckpointError`."""
    with download_bar(task.model) as progress:
        return load(
            task.model,
            device=task.device,
            dtype=task.dtype,
            progress=progress,
            compile=task.compiled,
        )


def lookahead_of(task: TrackTask, device: torch.device) -> int:
    """How many frames are encoded at once."""
    return default_lookahead(device) if task.lookahead is None else task.lookahead


def new_tracker(
    model: SegmentationModel,
    task: TrackTask,
    *,
    num_frames: int | None = None,
    reverse: bool = False,
) -> Tracker[None]:
    """A tracker as the task wants it."""
    return Tracker(
        model,
        policy=StandardPolicy(
            stride=task.stride,
            max_conditioning=task.max_conditioning,
            memories=str(task.memories),  # type: ignore[arg-type]  # one of them
        ),
        input_size=task.size,
        num_frames=num_frames,
        reverse=reverse,
        memory_dtype=getattr(torch, task.memory_dtype),
        non_overlap=task.non_overlap,
    )


def follow(
    model: SegmentationModel,
    source: FrameSource,
    task: TrackTask,
    walks: Sequence[Walk],
    begin: Checkpoint | None = None,
) -> Generator[Step, None, None]:
    """Track the walks one after the other, from a checkpoint on if there is one.

    Raises:
        VideoError: a frame cannot be read.
    """
    at = Checkpoint(0, 0, TrackerState(walks[0].indices[0])) if begin is None else begin
    reverse = walks[at.walk].reverse
    tracker = new_tracker(model, task, num_frames=len(source), reverse=reverse)
    tracker.state = at.state
    batch = lookahead_of(task, model.device)
    for number in range(at.walk, len(walks)):
        done = at.step if number == at.walk else 0
        if number > at.walk:
            tracker = tracker.turned()
        # The walk back passes prompts that the tracker has heard already.
        prompts = {} if number else task.prompts
        quiet = _frames_before(prompts, walks[number])
        for result in _walked(tracker, source, walks[number].indices[done:], prompts, batch):
            done += 1
            in_batch = max(done - quiet, 0) % batch and done < len(walks[number])
            yield Step(result, None if in_batch else Checkpoint(number, done, tracker.state))


def _frames_before(prompts: Prompts, walk: Walk) -> int:
    """How many frames of the walk come before the first prompt."""
    return next((place for place, index in enumerate(walk.indices) if index in prompts), 0)


def _walked(
    tracker: Tracker[None],
    source: FrameSource,
    indices: range,
    prompts: Prompts,
    batch: int,
) -> Iterator[FrameResult]:
    """The masks of these frames, the first of which is the next one of the tracker."""
    model, size = tracker.method.model, tracker.input_size
    nothing = no_masks(source.info.size, size, model.device)
    while indices and not tracker.state.tracks and indices[0] not in prompts:
        # Nothing is known yet: no reason to look at the frame.
        index, indices = indices[0], indices[1:]
        tracker.state = replace(tracker.state, frame_index=index + indices.step)
        yield FrameResult(index, (), nothing)
    if not indices:
        return
    low, high = min(indices[0], indices[-1]), max(indices[0], indices[-1])
    frames = source.frames(low, high + 1, reverse=tracker.reverse)
    stream = encode_frames(model, frames, input_size=size, batch=batch)
    for index, frame in zip(indices, stream, strict=True):
        yield tracker.step_encoded(frame, prompts.get(index)).fetched()


def follow_live(
    model: SegmentationModel,
    frames: Iterable[npt.NDArray[np.uint8]],
    task: TrackTask,
) -> Generator[FrameMasks, None, None]:
    """Track frames that come when they come, until they end."""
    tracker = new_tracker(model, task)
    for frame in encode_frames(model, frames, input_size=tracker.input_size):
        result = tracker.step_encoded(frame, task.prompts.get(tracker.state.frame_index))
        yield result.kept()
