"""Clips that a simulated user corrects frame by frame: SAM 2's offline and online protocols.

Offline, the user looks at the whole clip, corrects the frame with the lowest IoU and has everything
tracked again. Online, the clip is tracked once: the user stops at the next frame with a low IoU,
corrects it, and goes on from there; frames before it stay as they were shown. Every object has its
own user, who begins on the first annotated frame on which it is visible; to that user the clip
begins there. (Ravi et al., arXiv 2408.00714, "promptable video segmentation".)

An online run that stops after n prompted frames begins as one that stops later does. So each round
here goes to the end of the clip, for the score after n prompted frames, and the next one takes it
up at the frame at which the user would have stopped.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from masklet.data.records import Clip, Mask, ObjectRecord
from masklet.errors import PromptError
from masklet.eval.methods import VideoMethod, VideoRun
from masklet.eval.records import ItemScores, ObjectScores
from masklet.eval.scoring import Scoring, score_clip
from masklet.eval.simulated_user import Seen, correct
from masklet.eval.stopwatch import Stopwatch
from masklet.ops.rle import Rle, decode, encode
from masklet.types import FrameMasks, ObjectId, ObjectMask

Mode: TypeAlias = Literal["offline", "online"]

# What the paper counts for a user: to find a frame, to click once, to look at a frame.
_FIND_SECONDS = 1.0
_CLICK_SECONDS = 1.5
_LOOK_SECONDS = 30.0 / 300


@dataclass(frozen=True, slots=True)
class InteractiveOptions:
    """What the user does; the defaults are the paper's.

    Raises:
        PromptError: there is less than one prompted frame or less than one click.
    """

    mode: Mode = "offline"
    prompted_frames: int = 8
    """How many frames are prompted at most, the first one among them."""
    clicks: int = 3
    """How many on each; fewer where the answer is right before that."""
    threshold: float = 0.75
    """Online, the IoU below which the user stops at a frame."""

    def __post_init__(self) -> None:
        if self.prompted_frames < 1 or self.clicks < 1:
            raise PromptError(
                f"{self.prompted_frames} frames are to be prompted with {self.clicks} clicks each; "
                "expected at least 1 of both. The paper takes up to 8 frames with 3 clicks."
            )


@dataclass(frozen=True, slots=True)
class Round:
    """One more prompted frame of every object, and what is shown then."""

    prompted: Mapping[ObjectId, int]
    """On which frame; an object of which nothing had to be corrected is missing."""
    shown: tuple[FrameMasks, ...]
    """Every frame from the first prompt on."""


@dataclass(frozen=True, slots=True)
class InteractiveRun:
    """A clip that was corrected, and how good it was after each round."""

    scores: ItemScores
    shown: tuple[FrameMasks, ...]
    """What is shown at the end."""
    prompted: Mapping[ObjectId, tuple[int, ...]]
    """The frames on which each object was prompted, in their order; one may come again."""


def run_interactive(
    method: VideoMethod,
    clip: Clip,
    options: InteractiveOptions | None = None,
    *,
    scoring: Scoring | None = None,
) -> InteractiveRun:
    """Correct a clip round by round, and score it after each.

    Values are "J&F@1", "J&F@2", ... after so many prompted frames, "seconds@1", ... the time that
    the paper counts for the user (`annotation_seconds`), and "J&F", the mean of all rounds. An
    object that needs no correction any more keeps its scores in the rounds that are left, and its
    time does not grow. The series are those of the last round.

    Args:
        method: what is corrected.
        clip: a labelled clip.
        options: what the user does; offline, as the paper does, unless given.
        scoring: by which rules masks are scored.

    Raises:
        DatasetError, VideoError: the annotations or the frames cannot be read.
    """
    options = InteractiveOptions() if options is None else options
    scoring = Scoring() if scoring is None else scoring
    lengths = {each.object_id: _length(clip, each) for each in clip.objects()}
    watch = Stopwatch()
    prompted: dict[ObjectId, tuple[int, ...]] = {}
    values: dict[ObjectId, dict[str, float]] = defaultdict(dict)
    shown: tuple[FrameMasks, ...] = ()
    latest: tuple[ObjectScores, ...] = ()
    for number, each in enumerate(corrected_rounds(method, clip, options, watch), start=1):
        prompted |= {i: (*prompted.get(i, ()), frame) for i, frame in each.prompted.items()}
        if each.prompted:
            shown, latest = each.shown, score_clip(clip, each.shown, scoring=scoring)
        for scores in latest:
            object_id = scores.object_id
            seconds = annotation_seconds(
                options.mode, lengths[object_id], len(prompted[object_id]), clicks=options.clicks
            )
            values[object_id] |= {f"seconds@{number}": seconds}
            if "J&F" in scores.values:
                values[object_id] |= {f"J&F@{number}": scores.values["J&F"]}
    objects = tuple(replace(each, values=_with_mean(values[each.object_id])) for each in latest)
    return InteractiveRun(
        ItemScores(clip.name, objects, watch.frames, watch.seconds), shown, prompted
    )


def corrected_rounds(
    method: VideoMethod, clip: Clip, options: InteractiveOptions, watch: Stopwatch
) -> Iterator[Round]:
    """The rounds of a clip, one after the other; none where it has no objects.

    Args:
        method: what is corrected.
        clip: a labelled clip.
        options: what the user does.
        watch: counts what the method takes, and the frames of all rounds.
    """
    users = _users(clip)
    if not users:
        return
    with clip.open() as video:
        with watch.running():
            run = method.open(video)
        for _ in range(options.prompted_frames):
            prompted = _correct(run, users, options, watch)
            _propagate(run, users, prompted, options.mode, watch)
            yield Round(prompted, _shown(users))


def annotation_seconds(mode: Mode, frames: int, prompted: int, *, clicks: int = 3) -> float:
    """How long a user takes by the paper's count.

    Offline every prompted frame is found in a look at the whole clip, online all of them in one.

    Args:
        mode: which protocol.
        frames: of the clip, from the first prompted one on.
        prompted: how many frames were prompted.
        clicks: how many on each.

    >>> annotation_seconds("offline", 300, 2), annotation_seconds("online", 300, 2)
    (71.0, 41.0)
    """
    look = _LOOK_SECONDS * frames
    prompt = _FIND_SECONDS + _CLICK_SECONDS * clicks
    return (look + prompt) * prompted if mode == "offline" else look + prompt * prompted


class _User:
    """The user of one object: what is right, what is shown, what was prompted."""

    def __init__(self, record: ObjectRecord) -> None:
        self.object_id = record.object_id
        self.first_frame = record.first_frame
        # As run lengths: a clip may have thousands of annotated frames.
        self.truths: dict[int, Rle] = {}
        self.voids: dict[int, Rle] = {}
        self.shown: dict[int, ObjectMask | None] = {}
        self.prompted: list[int] = []

    def next_frame(self, options: InteractiveOptions) -> int | None:
        """The frame to correct; None where the user is content."""
        if not self.prompted:
            return self.first_frame
        if options.mode == "online":
            ahead = (frame for frame in self.truths if frame > self.prompted[-1])
            return next((f for f in ahead if self._iou(f) < options.threshold), None)
        ious = {frame: self._iou(frame) for frame in self.truths}
        worst = min(ious, key=lambda frame: ious[frame])
        return worst if ious[worst] < 1.0 else None

    def correct(self, run: VideoRun, frame: int, clicks: int, watch: Stopwatch) -> None:
        """Click on the frame."""
        seen, said = self._seen(frame), self._said(frame)
        correct(run, self.object_id, seen, said, clicks=clicks, watch=watch)
        self.prompted.append(frame)

    def _iou(self, frame: int) -> float:
        return self._seen(frame).iou(self._said(frame))

    def _seen(self, frame: int) -> Seen:
        void = self.voids.get(frame)
        return Seen(frame, decode(self.truths[frame]), None if void is None else decode(void))

    def _said(self, frame: int) -> Mask:
        shown = self.shown.get(frame)
        if shown is None:
            return np.zeros(self.truths[frame]["size"], np.bool_)
        return decode(shown.segmentation)


def _users(clip: Clip) -> list[_User]:
    """One for each object, who knows the truth from the frame on which it begins."""
    users = [_User(each) for each in clip.objects()]
    for frame_index in clip.annotated:
        truth = clip.truth(frame_index)
        void = None if truth.void is None else encode(truth.void)
        for user in users:
            if user.object_id not in truth.masks or frame_index < user.first_frame:
                continue
            user.truths[frame_index] = encode(truth.masks[user.object_id])
            if void is not None:
                user.voids[frame_index] = void
    return users


def _correct(
    run: VideoRun, users: Sequence[_User], options: InteractiveOptions, watch: Stopwatch
) -> dict[ObjectId, int]:
    """Let every user correct one more frame, unless content; on which frame each did."""
    prompted = {}
    for user in users:
        frame_index = user.next_frame(options)
        if frame_index is not None:
            user.correct(run, frame_index, options.clicks, watch)
            prompted[user.object_id] = frame_index
    return prompted


def _propagate(
    run: VideoRun,
    users: Sequence[_User],
    prompted: Mapping[ObjectId, int],
    mode: Mode,
    watch: Stopwatch,
) -> None:
    """Track the objects that were corrected again, and show what the mode lets the users see."""
    if not prompted:
        return
    corrected = [user for user in users if user.object_id in prompted]
    # Offline everything is tracked again; online what lies before the correction is over.
    begins = {
        user.object_id: user.first_frame if mode == "offline" else prompted[user.object_id]
        for user in corrected
    }
    walk = run.propagate(min(begins.values()), objects=tuple(begins))
    for frame in watch.over(walk):
        for user in corrected:
            if frame.frame_index >= begins[user.object_id]:
                user.shown[frame.frame_index] = frame.at(user.object_id)


def _shown(users: Sequence[_User]) -> tuple[FrameMasks, ...]:
    masks: dict[int, list[ObjectMask]] = defaultdict(list)
    for user in users:
        for frame_index, mask in user.shown.items():
            masks[frame_index] += [] if mask is None else [mask]
    return tuple(FrameMasks(index, tuple(masks[index])) for index in sorted(masks))


def _length(clip: Clip, record: ObjectRecord) -> int:
    """Frames of the clip as the object's user sees it."""
    return len(clip.frame_names) - record.first_frame


def _with_mean(values: Mapping[str, float]) -> dict[str, float]:
    rounds = [value for name, value in values.items() if name.startswith("J&F@")]
    return {"J&F": float(np.mean(rounds)), **values} if rounds else dict(values)
