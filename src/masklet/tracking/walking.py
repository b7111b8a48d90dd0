"""How an object gets from a prompted frame to any other one: frame by frame, remembering.

A walker computes and never decides what is kept: it takes objects as they are and returns them with
one more frame. What a frame's result depends on is the law of `masklet.tracking.spans`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import torch

from masklet.memory.bank import MemoryBank
from masklet.memory.policy import Hypothesis, Moment
from masklet.tracking.answers import Chosen
from masklet.tracking.checkpoints import Checkpoints
from masklet.tracking.features import FeatureCache
from masklet.tracking.following import (
    Method,
    Track,
    answered,
    memories_of,
    remembered,
    shown,
)
from masklet.tracking.history import ObjectState, Prompted, Tracked
from masklet.tracking.spans import Context, conditioning_frames, walked
from masklet.types import FrameResult, ObjectId, Prompt

S = TypeVar("S")


class Walker(Generic[S]):
    """Tracks objects of a video that may be read in any order.

    Args:
        method: how objects are followed.
        features: the frames.
        checkpoints: what objects remembered.
        context: which prompted frames a frame is tracked from.
    """

    def __init__(
        self,
        method: Method[S],
        features: FeatureCache,
        checkpoints: Checkpoints[S],
        context: Context,
    ) -> None:
        self.method = method
        self.features = features
        self.checkpoints = checkpoints
        self.context = context

    @torch.inference_mode()
    def advance(
        self, objects: Sequence[ObjectState], frame: int, *, reverse: bool
    ) -> list[ObjectState]:
        """The objects with their result on a frame, all of them through the network together.

        The frames that the walk passes before must be filled in this direction.
        """
        known = self._committed(objects, frame)
        tracks = [self._arriving(each, frame, reverse=reverse) for each in known]
        encoded = self.features.frame(frame)
        moment = Moment(frame, reverse, self.features.num_frames)
        answer = answered(self.method, encoded, tracks, {}, moment)
        after = remembered(self.method, answer, encoded, moment)
        result = FrameResult(frame, tuple(after), shown(answer, encoded)).kept()
        keys = [self.checkpoints.new_key() for _ in known]
        self.checkpoints.put(dict(zip(keys, after.values(), strict=True)))
        return [
            each.with_tracked(frame, Tracked(mask, reverse, key))
            for each, mask, key in zip(known, result.objects, keys, strict=True)
        ]

    @torch.inference_mode()
    def answer(
        self,
        object_id: ObjectId,
        frame: int,
        prompt: Prompt,
        *,
        corrects: Chosen | None = None,
        before: ObjectState | None = None,
    ) -> Prompted:
        """What the network makes of a prompt, as a draft.

        Args:
            object_id: whom it is about.
            frame: where.
            prompt: clicks and a box, or a mask alone.
            corrects: the earlier answer that goes in with the clicks.
            before: the object as it was before anything was said on this frame; where a walk had
                reached the frame, the prompt is answered in the light of what it remembered.
        """
        tracks: list[Track[S]] = []
        reverse = False
        if before is not None and prompt.mask is None:
            tracks, reverse = self._remembered_at(before, frame)
        encoded = self.features.frame(frame)
        moment = Moment(frame, reverse, self.features.num_frames)
        carried = None if corrects is None else {object_id: corrects.logits_Bhw[0]}
        answer = answered(self.method, encoded, tracks, {object_id: prompt}, moment, carried)
        row = answer.is_shown.index(True)
        mask = FrameResult(frame, (object_id,), shown(answer, encoded)).kept().objects[0]
        return Prompted(prompt, answer.chosen.row(row), mask, before=before)

    def _remembered_at(self, before: ObjectState, frame: int) -> tuple[list[Track[S]], bool]:
        """What a walk to this frame remembered, if there was one, and whether it was reversed."""
        reverse = self._reached(before, frame)
        if reverse is None:
            return [], False
        (known,) = self._committed([before], frame)
        track = self._arriving(known, frame, reverse=reverse)
        # What a frame's own earlier prompt left behind must not speak for its next one.
        return [tuple(replace(row, bank=row.bank.unprompt(frame)) for row in track)], reverse

    def _reached(self, known: ObjectState, frame: int) -> bool | None:
        """Whether the walk that reached this frame was reversed; None where there was none."""
        if frame in known.tracked:
            return known.tracked[frame].reverse
        for reverse in (False, True):
            passed = walked(known.prompted, frame, reverse=reverse, context=self.context)
            if passed is None:
                continue
            last = next((f for f in reversed(passed) if f not in known.prompted), None)
            seen = None if last is None else known.tracked.get(last)
            if last is None or (seen is not None and seen.reverse == reverse):
                return reverse
        return None

    def _arriving(self, known: ObjectState, frame: int, *, reverse: bool) -> Track[S]:
        """What the object remembers when a walk is about to enter this frame.

        Forgotten checkpoints on the way are computed again, from the nearest one that is kept.
        """
        passed = walked(known.prompted, frame, reverse=reverse, context=self.context)
        assert passed is not None
        track: Track[S] | None = None
        todo: list[int] = []
        for earlier in reversed(passed):
            seen = known.tracked.get(earlier)
            if seen is not None and seen.reverse == reverse:
                track = self.checkpoints.get(seen.key)
            if track is not None:
                break
            todo.append(earlier)
        if track is None:
            track = self._begun(known, frame)
        for earlier in reversed(todo):
            if earlier not in known.prompted:
                track = self._again(known, track, earlier, reverse=reverse)
        return track

    def _again(self, known: ObjectState, track: Track[S], frame: int, *, reverse: bool) -> Track[S]:
        encoded = self.features.frame(frame)
        moment = Moment(frame, reverse, self.features.num_frames)
        answer = answered(self.method, encoded, [track], {}, moment)
        after = remembered(self.method, answer, encoded, moment)[known.object_id]
        seen = known.tracked.get(frame)
        if seen is not None and seen.reverse == reverse:
            self.checkpoints.put({seen.key: after})
        return after

    def _begun(self, known: ObjectState, frame: int) -> Track[S]:
        """The object at the prompted frame from which a walk to `frame` sets out."""
        frames = conditioning_frames(known.prompted, frame, self.context)
        memories = (known.prompted[prompted].memory for prompted in frames)
        bank = MemoryBank(conditioning=tuple(m for m in memories if m is not None))
        return (Hypothesis(known.object_id, bank, self.method.policy.start()),)

    def _committed(self, objects: Sequence[ObjectState], frame: int) -> list[ObjectState]:
        """The objects with a memory of every prompted frame from which this one is tracked."""
        drafts: dict[int, list[int]] = {}
        for number, known in enumerate(objects):
            for prompted in conditioning_frames(known.prompted, frame, self.context):
                if known.prompted[prompted].memory is None:
                    drafts.setdefault(prompted, []).append(number)
        committed = list(objects)
        for prompted, numbers in drafts.items():
            said = [committed[number].prompted[prompted] for number in numbers]
            chosen = Chosen.together([draft.chosen for draft in said])
            encoded = self.features.frame(prompted)
            # parity 5: the memory of a prompted frame is binarised
            memories = memories_of(self.method, chosen, encoded, prompted, [True] * len(said))
            for number, draft, memory in zip(numbers, said, memories, strict=True):
                kept = replace(draft, memory=memory.cloned(), before=None)
                committed[number] = committed[number].with_prompt(prompted, kept)
        return committed
