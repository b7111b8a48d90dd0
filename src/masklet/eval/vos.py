"""Semi-supervised segmentation of a clip: each object is shown once and tracked to the end.

The options are those of the reference's tool for this task, but for its threshold on logits: a
method says masks, so what its threshold is belongs to the method. Objects that begin late need no
mode of their own here; all objects are tracked together unless told otherwise.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Literal, TypeAlias

import numpy as np

from masklet.data.records import Clip, FrameTruth, Mask, ObjectRecord
from masklet.errors import PromptError
from masklet.eval.methods import VideoMethod
from masklet.eval.simulated_user import Seen, correct, tight_box
from masklet.eval.stopwatch import Stopwatch
from masklet.io.video import FrameSource
from masklet.ops.rle import decode, encode
from masklet.types import FrameMasks, ObjectId, ObjectMask, Prompt

PromptKind: TypeAlias = Literal["mask", "box", "clicks"]
Said: TypeAlias = defaultdict[int, dict[ObjectId, Prompt]]
"""By frame, what was said of which object."""


@dataclass(frozen=True, slots=True)
class VosOptions:
    """How the objects of a clip are shown and tracked.

    Raises:
        PromptError: there is less than one click, or `use_all_masks` without masks.

    >>> VosOptions("clicks", clicks=3).is_exclusive
    False
    """

    prompt: PromptKind = "mask"
    """What shows an object on the first annotated frame on which it is visible: its true mask, the
    tight box of that, or clicks, each in the middle of the largest error of the answer before."""
    clicks: int = 1
    """How many, where objects are shown by clicks; fewer where the answer is right before that."""
    use_all_masks: bool = False
    """Whether every annotated mask of an object is a prompt, not only its first."""
    non_overlap: bool | None = None
    """Whether a pixel belongs to one object at most, as in DAVIS; unless given, with masks it does.
    Where objects do not meet in the network (clicks, or `separately`), the lowest number gets the
    pixel, as when the reference writes them into one picture."""
    separately: bool = False
    """Whether each object is tracked in a pass of its own, from its own first frame."""
    first_frame_only_objects: bool = False
    """Whether objects that begin after the first annotated frame are never shown, so that they
    score as missed. Otherwise each is shown where it first appears."""

    def __post_init__(self) -> None:
        if self.clicks < 1:
            raise PromptError(
                f"objects are to be shown by {self.clicks} clicks; expected at least 1. Ask for "
                "1, 3 or 5, as papers do."
            )
        if self.use_all_masks and self.prompt != "mask":
            raise PromptError(
                f"all masks are to be prompts, but objects are shown by {self.prompt!r}; expected "
                "'mask'. Choose one of the two."
            )

    @property
    def is_exclusive(self) -> bool:
        """Whether a pixel belongs to one object at most."""
        return self.prompt == "mask" if self.non_overlap is None else self.non_overlap


@dataclass(frozen=True, slots=True)
class VosRun:
    """What a method gave for a clip."""

    predicted: tuple[FrameMasks, ...]
    """From the first prompted frame to the end; of a clip without objects all frames, empty."""
    prompts: Mapping[int, Mapping[ObjectId, Prompt]]
    """By frame, what was said of which object."""
    frames: int
    """How many frames the method answered; with `separately` those of all passes."""
    seconds: float
    """Wall time of the method, with the reading of frames, without that of truth."""


def run_vos(method: VideoMethod, clip: Clip, options: VosOptions | None = None) -> VosRun:
    """Show the objects of a clip to a method, and let it track them.

    Args:
        method: what tracks.
        clip: a labelled clip.
        options: how; masks on first frames unless given.

    Raises:
        DatasetError, VideoError: the annotations or the frames cannot be read.

    >>> import masklet
    >>> from masklet.data.records import FrameTruth, ObjectRecord
    >>> from masklet.eval.model_methods import VideoModel
    >>> from masklet.io.arrays import ArrayVideo
    >>> class Still:
    ...     name, frame_names, annotated = "still", ("0", "1", "2"), (0,)
    ...     def objects(self):
    ...         return (ObjectRecord(1, first_frame=0),)
    ...     def truth(self, frame_index):
    ...         return FrameTruth({1: np.eye(48, 64, dtype=bool)})
    ...     def open(self):
    ...         return ArrayVideo(np.zeros((3, 48, 64, 3), np.uint8))
    >>> len(run_vos(VideoModel(masklet.load(), name="small"), Still()).predicted)
    3
    """
    options = VosOptions() if options is None else options
    watch = Stopwatch()
    objects = _shown(clip, options)
    if not objects:
        nothing = tuple(FrameMasks(index, ()) for index in range(len(clip.frame_names)))
        return VosRun(nothing, {}, frames=0, seconds=0.0)
    passes = [[each] for each in objects] if options.separately else [objects]
    said: Said = defaultdict(dict)
    with clip.open() as video:
        walked = [
            frame
            for together in passes
            for frame in _walk(method, clip, video, together, options, watch, said)
        ]
    predicted = _merged(walked)
    if options.is_exclusive:
        predicted = tuple(without_overlap(frame) for frame in predicted)
    return VosRun(predicted, dict(said), watch.frames, watch.seconds)


def without_overlap(frame: FrameMasks) -> FrameMasks:
    """The masks without the pixels that an object with a lower number has.

    >>> whole, part = encode(np.ones((1, 2), bool)), encode(np.array([[True, False]]))
    >>> said = [ObjectMask(i, rle, 1.0, 1.0, 1.0) for i, rle in ((1, part), (2, whole))]
    >>> frame = without_overlap(FrameMasks(0, tuple(said)))
    >>> [decode(mask.segmentation).tolist() for mask in frame.objects]
    [[[True, False]], [[False, True]]]
    """
    if len(frame.objects) < 2:
        return frame
    taken: Mask | None = None
    kept: list[ObjectMask] = []
    for each in sorted(frame.objects, key=lambda mask: mask.object_id):
        mask = decode(each.segmentation)
        if taken is not None and (mask & taken).any():
            kept.append(replace(each, segmentation=encode(mask & ~taken)))
        else:
            kept.append(each)
        taken = mask if taken is None else taken | mask
    return FrameMasks(frame.frame_index, tuple(kept))


def _shown(clip: Clip, options: VosOptions) -> list[ObjectRecord]:
    """The objects that are ever prompted."""
    objects = list(clip.objects())
    if not options.first_frame_only_objects:
        return objects
    return [each for each in objects if each.first_frame == clip.annotated[0]]


def _walk(
    method: VideoMethod,
    clip: Clip,
    video: FrameSource,
    objects: Sequence[ObjectRecord],
    options: VosOptions,
    watch: Stopwatch,
    said: Said,
) -> Iterator[FrameMasks]:
    """One pass through the clip; what is said in it is added to `said`."""
    if options.prompt == "clicks":
        return _clicked(method, clip, video, objects, options.clicks, watch, said)
    prompts = _prompts(clip, objects, options)
    for frame_index, of_frame in prompts.items():
        said[frame_index] |= of_frame
    # The passes of single objects are made exclusive afterwards.
    is_exclusive = options.is_exclusive and not options.separately
    return watch.over(method.track(video, prompts, non_overlap=is_exclusive))


def _clicked(
    method: VideoMethod,
    clip: Clip,
    video: FrameSource,
    objects: Sequence[ObjectRecord],
    clicks: int,
    watch: Stopwatch,
    said: Said,
) -> Iterator[FrameMasks]:
    with watch.running():
        run = method.open(video)
    for frame_index, truth, beginning in _beginnings(clip, objects):
        for each in beginning:
            seen = Seen(frame_index, truth.masks[each.object_id], truth.void)
            nothing = np.zeros_like(seen.truth)
            made = correct(run, each.object_id, seen, nothing, clicks=clicks, watch=watch)
            # The first frame shows it, so there is something to click on.
            said[frame_index][each.object_id] = reduce(add, made)
    return watch.over(run.propagate(min(each.first_frame for each in objects)))


def _prompts(
    clip: Clip, objects: Sequence[ObjectRecord], options: VosOptions
) -> dict[int, dict[ObjectId, Prompt]]:
    """By frame, the masks or boxes that show the objects."""
    if options.use_all_masks:
        return _all_masks(clip, {each.object_id for each in objects})
    show = Prompt.from_mask if options.prompt == "mask" else tight_box
    return {
        frame_index: {each.object_id: show(truth.masks[each.object_id]) for each in beginning}
        for frame_index, truth, beginning in _beginnings(clip, objects)
    }


def _all_masks(clip: Clip, objects: Collection[ObjectId]) -> dict[int, dict[ObjectId, Prompt]]:
    # As in the reference, a frame on which an object is hidden says nothing of it.
    prompts: dict[int, dict[ObjectId, Prompt]] = {}
    for frame_index in clip.annotated:
        masks = clip.truth(frame_index).masks
        visible = {i: Prompt.from_mask(masks[i]) for i in masks if i in objects and masks[i].any()}
        if visible:
            prompts[frame_index] = visible
    return prompts


def _beginnings(
    clip: Clip, objects: Sequence[ObjectRecord]
) -> Iterator[tuple[int, FrameTruth, list[ObjectRecord]]]:
    """The frames on which objects are first visible, ascending, and which ones."""
    for frame_index in sorted({each.first_frame for each in objects}):
        beginning = [each for each in objects if each.first_frame == frame_index]
        yield frame_index, clip.truth(frame_index), beginning


def _merged(walked: Iterable[FrameMasks]) -> tuple[FrameMasks, ...]:
    """The frames of all passes, each once, ascending."""
    masks: dict[int, list[ObjectMask]] = defaultdict(list)
    for frame in walked:
        masks[frame.frame_index] += frame.objects
    return tuple(FrameMasks(index, tuple(masks[index])) for index in sorted(masks))
