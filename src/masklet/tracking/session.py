"""A video that is segmented interactively: prompts on any frame in any order, and time travel.

What a frame shows does not depend on the order in which things were said and tracked, only on the
prompts and their answers (`masklet.tracking.spans`), so after an edit just the frames that depend
on it are tracked again. Memory is bounded: what exceeds the budget is computed again when needed.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from threading import Event
from typing import Generic, TextIO, TypeAlias, TypeVar

import torch

from masklet.errors import PromptError, VideoError
from masklet.memory.policy import MemoryPolicy
from masklet.memory.standard import StandardPolicy
from masklet.model.preprocess import checked_input_size
from masklet.model.protocol import SegmentationModel
from masklet.tracking.checkpoints import Budgets, Checkpoints
from masklet.tracking.drafts import check_prompt, drafted
from masklet.tracking.features import FeatureCache, Video
from masklet.tracking.following import Method
from masklet.tracking.history import (
    History,
    ObjectState,
    Prompted,
    Scores,
    SessionState,
    scores_of,
)
from masklet.tracking.journal import Journal, Subject, prompt_line, run_line, settings_of
from masklet.tracking.plans import Direction, Run, Visit, check_window, visits
from masklet.tracking.spans import Context, stale
from masklet.tracking.walking import Walker
from masklet.types import FrameMasks, MaskSet, ObjectId, Prompt

S = TypeVar("S")
Cancel: TypeAlias = Callable[[], bool] | Event
_BUDGETS = Budgets()


class Session(Generic[S]):
    """Prompts on any frame, previews, corrections that last, undo without limit.

    Args:
        model: from `masklet.load`.
        video: anything with a length that gives `(height, width, 3)` uint8 RGB frames by number.
        policy: which memories, which mask, what stays; SAM 2's own rule unless given.
        input_size: side, or (height, width), of the network's input, multiples of 32.
        context: "neighbours": a frame is tracked from the prompted frames on both sides of it, and
            a correction costs what lies between them. "all": from every prompted frame, as SAM 2
            does, and a correction costs all that was tracked of the object.
        memory_dtype: how spatial memories are stored.
        max_rows: objects per call of the network; 1 makes an object's masks independent, bit for
            bit, of which others are tracked with it.
        budgets: how much is kept.
        journal: a text stream that gets a line for every edit, at once.

    Raises:
        VideoError: the video has no frame.

    >>> import masklet
    >>> import numpy as np
    >>> video = np.zeros((6, 48, 64, 3), np.uint8)
    >>> session = Session(masklet.load(), video)
    >>> preview = session.prompt(1, 0, Prompt.point(32, 24))
    >>> [frame.frame_index for frame in session.propagate()]
    [0, 1, 2, 3, 4, 5]
    >>> session.undo()
    True
    """

    def __init__(  # noqa: PLR0913  # a session's settings, all with defaults
        self,
        model: SegmentationModel,
        video: Video,
        *,
        policy: MemoryPolicy[S] | None = None,
        input_size: int | tuple[int, int] | None = None,
        context: Context = "neighbours",
        memory_dtype: torch.dtype = torch.bfloat16,
        max_rows: int | None = None,
        budgets: Budgets = _BUDGETS,
        journal: TextIO | None = None,
    ) -> None:
        followed: MemoryPolicy[S] = StandardPolicy() if policy is None else policy  # type: ignore[assignment]  # the default has no state
        features = FeatureCache(
            model,
            video,
            input_size=checked_input_size(input_size, model.config.image_size),
            budget_bytes=budgets.feature_cache_bytes,
        )
        checkpoints: Checkpoints[S] = Checkpoints(
            model.device, memory_bytes=budgets.memory_bytes, host_bytes=budgets.host_bytes
        )
        method = Method(model, followed, memory_dtype, max_rows)
        self.context = context
        self.size = features.size
        self.num_frames = features.num_frames
        self._walker = Walker(method, features, checkpoints, context)
        self._history = History()
        self._run: Run | None = None
        self.subject = Subject(
            self.size,
            self.num_frames,
            model.config.to_json(),
            settings_of(features.input_size, context, method),
        )
        self._journal = Journal(self.subject, journal)

    @property
    def state(self) -> SessionState:
        """All that is known, as a value."""
        return self._history.current

    @property
    def object_ids(self) -> tuple[ObjectId, ...]:
        """The objects, in the order in which they came."""
        return tuple(self.state.objects)

    @property
    def prompts(self) -> dict[int, dict[ObjectId, Prompt]]:
        """By frame, ascending, what was said about which object, all clicks together."""
        said: dict[int, dict[ObjectId, Prompt]] = {}
        for known in self.state.objects.values():
            for frame, prompted in known.prompted.items():
                said.setdefault(frame, {})[known.object_id] = prompted.prompt
        return dict(sorted(said.items()))

    @property
    def journal(self) -> tuple[str, ...]:
        """The lines written so far, without their line ends; a run that goes on is not in it."""
        return self._journal.lines

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether an edit was undone since the last one."""
        return self._history.can_redo

    def prompt(self, object_id: ObjectId, frame: int, prompt: Prompt) -> FrameMasks:
        """Say something about an object on a frame, and see what it does to this frame.

        Clicks add to what was said on this frame before and correct its answer; a box joins the
        clicks, a second one replaces the first; a mask replaces everything. Where the object was
        tracked to this frame, the first prompt corrects that mask in the light of the memories.
        The answer stays as it is seen here; frames that depend on it are tracked again by the next
        `propagate`.

        Returns:
            The masks of all objects on this frame, as far as they are known.

        Raises:
            PromptError: the prompt does not fit the frame, the object was removed, or an object
                begins with an empty mask; nothing has changed then.
            VideoError: the video has no such frame.
        """
        self._check_frame(frame)
        known = self.state.objects.get(object_id, ObjectState(object_id))
        check_prompt(known, frame, prompt, self.size)
        if object_id in self.state.removed:
            raise PromptError(
                f"object {object_id} was removed; expected another number, because numbers are not "
                "given again. Undo the removal, or prompt a new object."
            )
        self._end_run()
        prompted = drafted(self._walker, known, frame, prompt)
        self._journal.add(prompt_line(object_id, frame, prompt))
        self._changed(known.with_prompt(frame, prompted), frame)
        return self.at(frame)

    def clear(self, object_id: ObjectId, frame: int) -> FrameMasks:
        """Take back everything that was said about an object on a frame; returns its masks.

        Raises:
            PromptError: nothing was said about it there.
        """
        known = self._known(object_id)
        self._prompted(object_id, frame)
        self._end_run()
        self._journal.add({"do": "clear", "object": object_id, "frame": frame})
        self._changed(known.without_prompt(frame), frame)
        return self.at(frame)

    def remove(self, object_id: ObjectId) -> None:
        """Take an object out, for good unless undone; the others are not touched.

        Raises:
            PromptError: there is no such object.
        """
        self._known(object_id)
        self._end_run()
        self._journal.add({"do": "remove", "object": object_id})
        self._history.push(self.state.without_object(object_id))

    def undo(self) -> bool:
        """Go back by one edit or propagation; False where there is none."""
        self._end_run()
        if not self.can_undo:
            return False
        self._journal.add({"do": "undo"})
        self._history.undo()
        return True

    def redo(self) -> bool:
        """Do again what was undone last; False where there is nothing."""
        self._end_run()
        if not self.can_redo:
            return False
        self._journal.add({"do": "redo"})
        self._history.redo()
        return True

    def propagate(
        self,
        start: int | None = None,
        stop: int | None = None,
        *,
        direction: Direction = "forward",
        objects: Collection[ObjectId] | None = None,
        cancel: Cancel | None = None,
    ) -> Generator[FrameMasks, None, None]:
        """Carry the prompts through the frames from `start` to before `stop`.

        Forward fills what comes after each object's first prompt, backward what comes before its
        last one, both what comes before the first one backwards and then the rest forwards. Frames
        that are up to date are not tracked again. Frames that lie between a prompt and the window
        come first. Every frame is known to the session when it is handed over: the walk may be
        left at any time and taken up by another call, with the same masks. An edit ends it. While a
        frame is tracked the next one is read in a thread, which waits when a frame is handed over.

        Args:
            start: the first frame; by default that of the first prompt, or, backwards, 0.
            stop: the frame after the last one; by default the end, or, backwards, the last prompt.
            direction: which way.
            objects: whose; all that are prompted unless given.
            cancel: asked, or looked at, before every frame; true ends the walk.

        Yields:
            The masks of these objects on each frame, in walking order. With "both", a frame that
            lies behind one object's first prompt and before another's comes twice.

        Raises:
            PromptError: none of the objects has a prompt, or there is no such object.
            VideoError: the video has no such frames.
        """
        chosen = tuple(self.object_ids if objects is None else objects)
        prompted = [known for i in chosen if (known := self._known(i)).prompted]
        if not prompted:
            raise PromptError(
                "there is no prompt to propagate; expected at least one on an object that is "
                f"tracked. Prompt {'an object' if not chosen else f'one of {list(chosen)}'} first."
            )
        check_window(start, stop, direction, self.num_frames)
        run = Run(start, stop, direction, None if objects is None else chosen)
        return self._propagated(run, chosen, cancel)

    def at(self, frame: int) -> FrameMasks:
        """The masks of all objects on a frame, as far as they are known."""
        return self._at(frame, self.object_ids)

    def frames(self) -> Iterator[FrameMasks]:
        """The frames of which anything is known, ascending."""
        objects = self.state.objects.values()
        known = {f for each in objects for f in (*each.prompted, *each.tracked)}
        return (self.at(frame) for frame in sorted(known))

    def preview(self, object_id: ObjectId, frame: int) -> MaskSet:
        """The answer to what was said about an object on a frame, with its logits.

        Raises:
            PromptError: nothing was said about it there.
        """
        chosen = self._prompted(object_id, frame).chosen
        return MaskSet(
            logits=chosen.logits_Bhw,
            iou=chosen.iou_B,
            object_score=chosen.object_score_B,
            size=self.size,
            prompt_index=(0,),
        )

    def scores(self, object_id: ObjectId) -> Scores:
        """Where the model is sure of an object and where it is not, on every known frame.

        Raises:
            PromptError: there is no such object.
        """
        return scores_of(self._known(object_id))

    def write_journal(self, stream: TextIO) -> None:
        """Write the journal so far to a text stream, and every further line at once."""
        self._journal.write_to(stream)

    def _propagated(
        self, run: Run, chosen: Sequence[ObjectId], cancel: Cancel | None
    ) -> Generator[FrameMasks, None, None]:
        self._end_run()
        self._run = run
        objects = self.state.objects
        known = [objects[i] for i in chosen if i in objects and objects[i].prompted]
        features = self._walker.features
        try:
            for visit in visits(run, known, self.num_frames, self.context):
                if _is_cancelled(cancel):
                    return
                with features.reading_ahead(visit.following):
                    self._advance(run, visit)
                run.frames += 1
                yield self._at(visit.frame, chosen)
                if self._run is not run:
                    return
        finally:
            features.forget_ahead()
            if self._run is run:
                self._end_run()

    def _advance(self, run: Run, visit: Visit) -> None:
        if not visit.due:
            return
        state = self.state
        objects = [state.objects[i] for i in visit.due]
        for known in self._walker.advance(objects, visit.frame, reverse=visit.reverse):
            state = state.with_object(known)
        if run.has_changed:
            self._history.amend(state)
        else:
            self._history.push(state)
        run.has_changed = True

    def _end_run(self) -> None:
        """Whatever was going on is over; its line says how far it came."""
        run, self._run = self._run, None
        if run is not None and run.has_changed:
            self._journal.add(run_line(run))

    def _changed(self, known: ObjectState, frame: int) -> None:
        frames = stale(known.prompted, frame, self.num_frames, self.context)
        self._history.push(self.state.with_object(known.forget(frames)))

    def _at(self, frame: int, chosen: Iterable[ObjectId]) -> FrameMasks:
        self._check_frame(frame)
        objects = self.state.objects
        masks = (objects[i].mask_at(frame) for i in objects if i in chosen)
        return FrameMasks(frame, tuple(mask for mask in masks if mask is not None))

    def _known(self, object_id: ObjectId) -> ObjectState:
        if object_id not in self.state.objects:
            raise PromptError(
                f"there is no object {object_id}; there are {list(self.object_ids)}. "
                "Prompt it first."
            )
        return self.state.objects[object_id]

    def _prompted(self, object_id: ObjectId, frame: int) -> Prompted:
        prompted = self._known(object_id).prompted
        if frame not in prompted:
            raise PromptError(
                f"object {object_id} has no prompt on frame {frame}; it is prompted on frames "
                f"{sorted(prompted)}. Prompt it there first, or name one of these."
            )
        return prompted[frame]

    def _check_frame(self, frame: int) -> None:
        if not 0 <= frame < self.num_frames:
            raise VideoError(
                f"there is no frame {frame}; the video has frames 0 to {self.num_frames - 1}. "
                "Frames are counted from 0."
            )


def _is_cancelled(cancel: Cancel | None) -> bool:
    if cancel is None:
        return False
    return cancel.is_set() if isinstance(cancel, Event) else cancel()
