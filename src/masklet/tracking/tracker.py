"""Track objects through frames as they come, in constant memory.

A tracker is fed one frame at a time and keeps a few memories per object, no frames. Objects may be
prompted, corrected and removed at any step. What it remembers is a value: `state` can be kept, put
back, saved and continued elsewhere. Shapes as in `masklet.model.tensors`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.errors import PromptError
from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.policy import Hypothesis, MemoryPolicy, Moment, Recall
from masklet.memory.standard import StandardPolicy
from masklet.model.preprocess import checked_input_size
from masklet.model.protocol import SegmentationModel
from masklet.tracking.answers import Answer, adopt, decide, joined, row_prompt
from masklet.tracking.rows import RowPrompt
from masklet.tracking.steps import condition_rows, decode_rows, remember_rows
from masklet.tracking.stream import EncodedFrame, encode_batch, encode_frames
from masklet.types import FrameResult, MaskSet, ObjectId, Prompt

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class TrackerState(Generic[S]):
    """Everything a tracker remembers."""

    frame_index: int
    """The frame that the next step is about."""
    tracks: tuple[tuple[Hypothesis[S], ...], ...] = ()
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

    >>> import masklet
    >>> tracker = Tracker(masklet.load())
    >>> frame = np.zeros((48, 64, 3), np.uint8)
    >>> first = tracker.step(frame, {1: Prompt.point(32, 24)})
    >>> tracker.step(frame).object_ids
    (1,)
    """

    def __init__(  # a tracker's settings, all with defaults
        self,
        model: SegmentationModel,
        *,
        policy: MemoryPolicy[S] | None = None,
        input_size: int | tuple[int, int] | None = None,
        num_frames: int | None = None,
        reverse: bool = False,
        first_frame: int = 0,
        memory_dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        self.model = model
        self.policy: MemoryPolicy[S] = StandardPolicy() if policy is None else policy  # type: ignore[assignment]  # the default has no state
        self.input_size = checked_input_size(input_size, model.config.image_size)
        self.num_frames = num_frames
        self.reverse = reverse
        self.memory_dtype = memory_dtype
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
        encoded = encode_batch(self.model, [frame], input_size=self.input_size)[0]
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
        ids = (*self.state.object_ids, *(i for i in asked if i not in self.state.object_ids))
        if not ids:
            self.state = replace(self.state, frame_index=moment.before(-1))
            return FrameResult(moment.frame_index, (), _no_masks(frame))
        answer = self._answer(frame, asked, ids, moment)
        tracks = self._remembered(answer, frame, moment)
        self.state = TrackerState(moment.before(-1), tracks)
        return FrameResult(moment.frame_index, ids, _shown(answer, frame))

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

    def _answer(
        self,
        frame: EncodedFrame,
        asked: Mapping[ObjectId, Prompt],
        ids: Sequence[ObjectId],
        moment: Moment,
    ) -> Answer[S]:
        """What every object is on this frame: tracked ones, clicked ones, given masks."""
        known = [row for track in self.state.tracks for row in track]
        masked = [i for i in asked if asked[i].mask is not None]
        carrying = [i for i in asked if i not in masked and asked[i].box is None]
        # A click on a tracked object corrects the mask that tracking gives on this very frame.
        tracked = [row for row in known if row.object_id not in asked or row.object_id in carrying]
        answers: list[Answer[S]] = []
        corrected: dict[ObjectId, Tensor] = {}
        if tracked:
            answer = self._decoded(frame, tracked, [RowPrompt.nothing(self.model.device)], moment)
            for row, is_shown, logits in zip(
                answer.rows, answer.is_shown, answer.logits_Bhw, strict=True
            ):
                if is_shown and row.object_id in asked:
                    corrected[row.object_id] = logits
            answers.append(answer.without(set(asked)))
        clicked = [i for i in asked if i not in masked]
        if clicked:
            rows = [self._best_row(i) for i in clicked]
            device = self.model.device
            said = [row_prompt(asked[i], frame, device, corrected.get(i)) for i in clicked]
            answers.append(self._decoded(frame, rows, said, moment))
        if masked:
            masks = [asked[i].mask for i in masked]
            rows = [self._best_row(i) for i in masked]
            answers.append(adopt(self.model, rows, [m for m in masks if m is not None], frame))
        return joined([answer for answer in answers if answer.rows], ids)

    def _decoded(
        self,
        frame: EncodedFrame,
        rows: Sequence[Hypothesis[S]],
        prompts: Sequence[RowPrompt],
        moment: Moment,
    ) -> Answer[S]:
        is_prompted = prompts[0].points > 0
        said = list(prompts) * (len(rows) // len(prompts))
        recalls = [self.policy.recall(r, moment) if len(r.bank) else Recall() for r in rows]
        embedding_BLC = condition_rows(self.model, frame.features, recalls)
        candidates = decode_rows(self.model, embedding_BLC, frame.features, said)
        points = [prompt.points for prompt in said]
        return decide(self.policy, rows, candidates, points, moment, is_prompted=is_prompted)

    def _best_row(self, object_id: ObjectId) -> Hypothesis[S]:
        """The object's likeliest hypothesis, or a new one: a prompt settles what it is."""
        for track in self.state.tracks:
            if track[0].object_id == object_id:
                return max(track, key=lambda row: row.score)
        return Hypothesis(object_id, MemoryBank(), self.policy.start())

    def _remembered(
        self, answer: Answer[S], frame: EncodedFrame, moment: Moment
    ) -> tuple[tuple[Hypothesis[S], ...], ...]:
        spatial_BLD = remember_rows(
            self.model,
            frame.features,
            answer.logits_Bhw,
            answer.object_score_B,
            binarize=answer.is_prompted,
        ).to(self.memory_dtype)
        tracks: dict[ObjectId, list[Hypothesis[S]]] = {}
        for number, row in enumerate(answer.rows):
            memory = Memory(
                frame_index=moment.frame_index,
                spatial_LD=spatial_BLD[number],
                pointer_C=answer.pointer_BC[number],
                object_score=answer.object_score_B[number],
                iou=answer.iou_B[number],
            )
            if answer.is_prompted[number]:
                kept = replace(row, bank=row.bank.condition_on(memory))
            else:
                kept = self.policy.store(row, memory, answer.evidence[number], moment)
            tracks.setdefault(row.object_id, []).append(kept)
        return tuple(tuple(track) for track in tracks.values())


def track(  # the loop's settings, all but three with defaults
    model: SegmentationModel,
    frames: Iterable[npt.NDArray[np.uint8]],
    prompts: Mapping[int, Mapping[ObjectId, Prompt]],
    *,
    policy: MemoryPolicy[S] | None = None,
    input_size: int | tuple[int, int] | None = None,
    num_frames: int | None = None,
    lookahead: int = 1,
) -> Iterator[FrameResult]:
    """Track prompted objects through any stream of frames, in constant memory.

    Args:
        model: from `masklet.load`.
        frames: `(height, width, 3)` uint8 RGB frames, in order.
        prompts: by frame index, what is said about which object.
        policy: as for `Tracker`.
        input_size: as for `Tracker`.
        num_frames: as for `Tracker`.
        lookahead: frames encoded per call of the encoder.

    Yields:
        One result per frame, as soon as it is known.

    Raises:
        PromptError: a prompt does not fit its frame, or the stream ended before its frame.
    """
    tracker = Tracker(model, policy=policy, input_size=input_size, num_frames=num_frames)
    stream = encode_frames(model, frames, input_size=tracker.input_size, batch=lookahead)
    for frame in stream:
        yield tracker.step_encoded(frame, prompts.get(tracker.state.frame_index))
    late = sorted(index for index in prompts if index >= tracker.state.frame_index)
    if late:
        raise PromptError(
            f"frame {late[0]} is prompted, but the video ended after "
            f"{tracker.state.frame_index} frames; frames are counted from 0."
        )


def _shown(answer: Answer[S], frame: EncodedFrame) -> MaskSet:
    shown = [row for row, is_shown in enumerate(answer.is_shown) if is_shown]
    logits, iou, score = answer.logits_Bhw, answer.iou_B, answer.object_score_B
    if len(shown) < len(answer.rows):
        index = torch.tensor(shown).to(logits.device)
        logits, iou, score = logits[index], iou[index], score[index]
    return MaskSet(
        logits=logits,
        iou=iou,
        object_score=score,
        size=frame.size,
        prompt_index=tuple(range(len(shown))),
    )


def _no_masks(frame: EncodedFrame) -> MaskSet:
    device = frame.features.embedding_FLC.device
    height, width = frame.input_size
    empty = torch.zeros((0,), device=device)
    grid = empty.reshape(0, height // 4, width // 4)
    return MaskSet(logits=grid, iou=empty, object_score=empty, size=frame.size, prompt_index=())
