"""Track objects through frames as they come, in constant memory.

A tracker is fed one frame at a time and keeps a few memories per object, no frames. Objects may be
prompted, corrected and removed at any step. What it remembers is a value: `state` can be kept, put
back, saved and continued elsewhere. Shapes as in `masklet.model.tensors`.
"""

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from masklet.errors import PromptError
from masklet.memory.bank import MemoryBank
from masklet.memory.policy import Hypothesis, MemoryPolicy, Moment
from masklet.memory.standard import StandardPolicy
from masklet.model.preprocess import checked_input_size
from masklet.model.protocol import SegmentationModel
from masklet.tracking.following import Method, Track, answered, no_masks, remembered, shown
from masklet.tracking.stream import EncodedFrame, encode_batch, encode_frames
from masklet.types import FrameResult, ObjectId, Prompt

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class TrackerState(Generic[S]):
    """Everything a tracker remembers."""

    frame_index: int
    """The frame that the next step is about."""
    tracks: tuple[Track[S], ...] = ()
    """The hypotheses of every object, objects in the order in which they came."""

    @property
    def object_ids(self) -> tuple[ObjectId, ...]:
        """The objects that are tracked."""
        return tuple(track[0].object_id for track in self.tracks)


class Tracker(Generic[S]):
    """The streaming tracker; `track` is the loop around it.

    Args:
        model: from `masklet.load`.
        policy: which memories, which mask, what stays; SAM 2's own rule unless given.
        input_size: side, or (height, width), of the network's input, multiples of 32.
        num_frames: length of the video where it is known; it matters in clips shorter than 16
            frames, whose pointer times SAM 2 scales by it.
        reverse: whether frames come last first; `first_frame` is then the last one.
        first_frame: the number of the first frame.
        memory_dtype: how spatial memories are stored.
        non_overlap: whether a pixel is shown as one object's only, the one that claims it most;
            memories are not touched.
        max_rows: objects per call of the network; 1 makes an object's masks independent, bit for
            bit, of which others are tracked with it.

    >>> import masklet
    >>> tracker = Tracker(masklet.load())
    >>> frame = np.zeros((48, 64, 3), np.uint8)
    >>> first = tracker.step(frame, {1: Prompt.point(32, 24)})
    >>> tracker.step(frame).object_ids
    (1,)
    """

    def __init__(  # noqa: PLR0913  # a tracker's settings, all with defaults
        self,
        model: SegmentationModel,
        *,
        policy: MemoryPolicy[S] | None = None,
        input_size: int | tuple[int, int] | None = None,
        num_frames: int | None = None,
        reverse: bool = False,
        first_frame: int = 0,
        memory_dtype: torch.dtype = torch.bfloat16,
        non_overlap: bool = False,
        max_rows: int | None = None,
    ) -> None:
        followed: MemoryPolicy[S] = StandardPolicy() if policy is None else policy  # type: ignore[assignment]  # the default has no state
        self.method = Method(model, followed, memory_dtype, max_rows)
        self.input_size = checked_input_size(input_size, model.config.image_size)
        self.num_frames = num_frames
        self.reverse = reverse
        self.non_overlap = non_overlap
        self.state: TrackerState[S] = TrackerState(first_frame)

    def step(
        self, frame: npt.NDArray[np.uint8], prompts: Mapping[ObjectId, Prompt] | None = None
    ) -> FrameResult:
        """The masks of all objects on the next frame.

        Args:
            frame: `(height, width, 3)` uint8 RGB.
            prompts: what is said about objects on this frame: new ones begin here, known ones are
                corrected, and the frame conditions all later ones.

        Raises:
            PromptError: a prompt does not fit the frame; nothing has changed then.
        """
        encoded = encode_batch(self.method.model, [frame], input_size=self.input_size)[0]
        return self.step_encoded(encoded, prompts)

    @torch.inference_mode()
    def step_encoded(
        self, frame: EncodedFrame, prompts: Mapping[ObjectId, Prompt] | None = None
    ) -> FrameResult:
        """`step` for a frame that is encoded already."""
        asked = dict(prompts or {})
        for prompt in asked.values():
            prompt.check_inside(frame.size)
        moment = Moment(self.state.frame_index, self.reverse, self.num_frames)
        after = moment.before(-1)
        waiting = {t[0].object_id for t in self.state.tracks if not _has_begun(t[0].bank, moment)}
        taking_part = [
            t for t in self.state.tracks if t[0].object_id in asked or t[0].object_id not in waiting
        ]
        if not taking_part and not asked:
            self.state = replace(self.state, frame_index=after)
            nothing = no_masks(frame.size, frame.input_size, self.method.model.device)
            return FrameResult(moment.frame_index, (), nothing)
        answer = answered(self.method, frame, taking_part, asked, moment)
        tracks = {track[0].object_id: track for track in self.state.tracks}
        seen = remembered(self.method, answer, frame, moment)
        self.state = TrackerState(after, tuple((tracks | seen).values()))
        masks = shown(answer, frame, exclusive=self.non_overlap)
        return FrameResult(moment.frame_index, tuple(seen), masks)

    def turned(self, first_frame: int | None = None) -> "Tracker[S]":
        """A tracker of the same objects that walks the other way, from their prompted frames.

        It remembers the prompted frames only. An object is absent until the walk has passed all
        its prompted frames, so a forward tracker turned at its end gives what lies before each
        object's first prompt, and nothing that the forward tracker gave already.

        Args:
            first_frame: where the walk begins; next to the first prompt that it passes unless
                given.

        Raises:
            PromptError: no object is tracked.

        >>> import masklet
        >>> tracker = Tracker(masklet.load(), first_frame=7)
        >>> frame = np.zeros((48, 64, 3), np.uint8)
        >>> first = tracker.step(frame, {1: Prompt.point(32, 24)})
        >>> tracker.turned().step(frame).frame_index
        6
        """
        if not self.state.tracks:
            raise PromptError(
                "there is nothing to track the other way, because no object is tracked; expected "
                "a tracker with at least one. Prompt one first."
            )
        turned = copy.copy(self)
        turned.reverse = not self.reverse
        tracks = []
        begins = []
        for track in self.state.tracks:
            row = max(track, key=lambda row: row.score)
            bank = MemoryBank(conditioning=row.bank.conditioning)
            tracks.append((Hypothesis(row.object_id, bank, self.method.policy.start()),))
            prompted = [memory.frame_index for memory in bank.conditioning]
            begins.append(min(prompted) - 1 if turned.reverse else max(prompted) + 1)
        if first_frame is None:
            first_frame = max(begins) if turned.reverse else min(begins)
        turned.state = TrackerState(first_frame, tuple(tracks))
        return turned

    def remove(self, object_id: ObjectId) -> None:
        """Stop tracking an object; the others are not touched.

        Raises:
            PromptError: no such object is tracked.
        """
        if object_id not in self.state.object_ids:
            raise PromptError(
                f"object {object_id} is not tracked; tracked are {list(self.state.object_ids)}."
            )
        kept = tuple(t for t in self.state.tracks if t[0].object_id != object_id)
        self.state = replace(self.state, tracks=kept)


def track(  # noqa: PLR0913  # the loop's settings, all but three with defaults
    model: SegmentationModel,
    frames: Iterable[npt.NDArray[np.uint8]],
    prompts: Mapping[int, Mapping[ObjectId, Prompt]],
    *,
    policy: MemoryPolicy[S] | None = None,
    input_size: int | tuple[int, int] | None = None,
    num_frames: int | None = None,
    first_frame: int = 0,
    memory_dtype: torch.dtype = torch.bfloat16,
    non_overlap: bool = False,
    lookahead: int = 1,
) -> Iterator[FrameResult]:
    """Track prompted objects through any stream of frames, in constant memory.

    Args:
        model: from `masklet.load`.
        frames: `(height, width, 3)` uint8 RGB frames, in order.
        prompts: by frame index, what is said about which object.
        policy: as for `Tracker`, and so are the next three.
        input_size: side, or (height, width), of the network's input.
        num_frames: length of the whole video where it is known.
        first_frame: the number of the first frame of `frames`.
        memory_dtype: as for `Tracker`.
        non_overlap: as for `Tracker`.
        lookahead: frames encoded per call of the encoder; more than one keeps a GPU busier, and
            the first result waits for all of them.

    Yields:
        One result per frame, from the first prompted frame on, as soon as it is known. Frames
        before it are passed over; the network does not see them.

    Raises:
        PromptError: nothing is prompted, a prompt does not fit its frame, or the stream does not
            have its frame.
    """
    if not prompts:
        raise PromptError("no frame is prompted; expected at least one prompt on some frame.")
    _check_frames(prompts, first_frame, num_frames)
    source = iter(frames)
    start = min(prompts)
    passed = sum(1 for _ in islice(source, start - first_frame))
    tracker = Tracker(
        model,
        policy=policy,
        input_size=input_size,
        num_frames=num_frames,
        first_frame=first_frame + passed,
        memory_dtype=memory_dtype,
        non_overlap=non_overlap,
    )
    stream = encode_frames(model, source, input_size=tracker.input_size, batch=lookahead)
    for frame in stream:
        yield tracker.step_encoded(frame, prompts.get(tracker.state.frame_index))
    _check_frames(prompts, first_frame, tracker.state.frame_index)


def _check_frames(prompted: Collection[int], first_frame: int, end: int | None) -> None:
    """Raise `PromptError` unless every prompted frame lies within the video, as far as known."""
    lost = [i for i in sorted(prompted) if i < first_frame or (end is not None and i >= end)]
    if lost:
        read = f"from {first_frame} on" if end is None else f"{first_frame} to before {end}"
        raise PromptError(
            f"frame {lost[0]} is prompted, but the frames that are read are {read}; frames are "
            "counted from 0. Prompt one of these."
        )


def _has_begun(bank: MemoryBank, moment: Moment) -> bool:
    """Whether every prompted frame lies behind; one ahead is left by `Tracker.turned` only."""
    ahead = (m.frame_index - moment.frame_index for m in bank.conditioning)
    return all(distance > 0 if moment.reverse else distance < 0 for distance in ahead)
