"""Methods for clips that a user of OpenCV already has: what a tracker must beat."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from masklet.data.records import Mask
from masklet.errors import PromptError
from masklet.eval.classical_masks import (
    FLOOD_FILL_SETTINGS,
    GRAB_CUT_SETTINGS,
    grab_cut,
    opencv,
)
from masklet.eval.methods import Answer
from masklet.io.given import given_mask
from masklet.io.video import Frame, FrameSource, checked_index
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectId, Prompt

Field: TypeAlias = npt.NDArray[np.float32]
"""`(height, width)` or `(height, width, 2)`."""
Soft: TypeAlias = Field
"""A mask, `(height, width)`, 0 to 1; inside above 0.5."""
Carry: TypeAlias = Callable[[Frame, Frame, Mapping[ObjectId, Soft]], dict[ObjectId, Soft]]
"""The masks of the second frame from those of the first."""
Prompts: TypeAlias = Mapping[int, Mapping[ObjectId, Prompt]]
"""By frame and object."""

# DIS refuses pictures of less than 12 pixels.
_SMALLEST_SIDE = 16
# Mean IoU on 40 training clips, 12 at full frame rate (40 frames) and 28 with frames left out (18),
# where copies of the first mask give 0.341 and 0.302: 0.522 and 0.473 without a look at occlusion. A
# pixel of which the flows to the frame before and back disagree by more than the root of 5 % of their
# squared lengths + 0.5 was hidden before, or is mistaken. Its mask times 0.85 gives 0.559 and 0.476;
# times 0.7 with 2 instead of 0.5 0.556 and 0.468; times 0 gave 0.449 and 0.398 on 22 of the clips, to
# 0.492 and 0.538 without. On these 22 the preset "fast" gave 0.422 and 0.481, "ultrafast" 0.472 and
# 0.523, background beyond the border 0.482 and 0.538, following pixels to the first mask 0.480 and
# 0.530.
_DISAGREEMENT = (0.05, 0.5)
_DOUBT = 0.85


class OpticalFlow:
    """A `VideoMethod` that moves the mask along the dense optical flow from frame to frame.

    A mask stays soft on its way, so that shifts below a pixel add up, and becomes weaker where the
    flows forward and backward disagree. Boxes and clicks become masks by `grab_cut`; clicks on a
    frame to which the object was carried correct the mask there. A new prompt replaces what was
    carried, and counts for the frames after it only.

    Reference: Kroeger, Timofte, Dai and Van Gool, "Fast optical flow using dense inverse search"
    (2016).

    Raises:
        MissingExtra: OpenCV is not installed.
    """

    def __init__(self) -> None:
        opencv()
        self.name = "optical-flow"

    @property
    def settings(self) -> Mapping[str, Any]:  # Any: JSON
        """All that its masks depend on."""
        return {
            **_common_settings(),
            "flow": "DIS",
            "preset": "medium",
            "border": "replicate",
            "disagreement": list(_DISAGREEMENT),
            "doubt": _DOUBT,
            "smallest_side": _SMALLEST_SIDE,
        }

    def track(
        self, video: FrameSource, prompts: Prompts, *, non_overlap: bool
    ) -> Iterator[FrameMasks]:
        """The masks from the first prompted frame to the end.

        Raises:
            PromptError: a prompt does not lie in its frame, or the clip does not have that frame.
        """
        return _tracked(video, prompts, _along_the_flow, non_overlap=non_overlap)

    def open(self, video: FrameSource) -> "CorrectedClip":
        """Begin with a clip that is corrected again and again."""
        return CorrectedClip(video, _along_the_flow)


class CopyFirst:
    """A `VideoMethod` that leaves the mask where it was prompted: the floor of every table.

    Prompts become masks as with `OpticalFlow`.

    Raises:
        MissingExtra: OpenCV is not installed.
    """

    def __init__(self) -> None:
        opencv()
        self.name = "copy"

    @property
    def settings(self) -> Mapping[str, Any]:  # Any: JSON
        """All that its masks depend on."""
        return _common_settings()

    def track(
        self, video: FrameSource, prompts: Prompts, *, non_overlap: bool
    ) -> Iterator[FrameMasks]:
        """The masks from the first prompted frame to the end; raises as `OpticalFlow.track`."""
        return _tracked(video, prompts, _unmoved, non_overlap=non_overlap)

    def open(self, video: FrameSource) -> "CorrectedClip":
        """Begin with a clip that is corrected again and again."""
        return CorrectedClip(video, _unmoved)


class CorrectedClip:
    """A `VideoRun`: its prompts as masks, and where these were carried last."""

    def __init__(self, video: FrameSource, carry: Carry) -> None:
        self._video = video
        self._carry = carry
        self._said: dict[tuple[ObjectId, int], Prompt] = {}
        self._answers: dict[ObjectId, dict[int, Mask]] = {}
        self._carried: dict[tuple[ObjectId, int], rle.Rle] = {}

    def prompt(self, object_id: ObjectId, frame_index: int, prompt: Prompt) -> Answer:
        """Add to what is said of an object on a frame; a mask replaces what was said there.

        Raises:
            PromptError: the prompt does not lie in the frame, or the clip does not have that frame.
        """
        _check(self._video, frame_index, prompt)
        place = object_id, frame_index
        before = self._said.get(place)
        if before is None and place in self._carried:
            before = Prompt.from_mask(rle.decode(self._carried[place]))
        said = prompt if before is None else _with(before, prompt)
        mask = _drawn(self._video[frame_index], said)
        self._said[place] = said
        self._answers.setdefault(object_id, {})[frame_index] = mask
        return Answer(mask)

    def propagate(
        self, start: int, *, objects: Collection[ObjectId] | None = None
    ) -> Iterator[FrameMasks]:
        """Carry all that was said from frame `start` to the end; may be left at any frame.

        Raises:
            IndexError: there is no such frame.
        """
        checked_index(start, len(self._video))
        prompts: dict[int, dict[ObjectId, Prompt]] = {start: {}}
        for object_id, answers in self._answers.items():
            if objects is not None and object_id not in objects:
                continue
            # What lies before the last prompt up to `start` has no say any more.
            first = max((frame for frame in answers if frame <= start), default=start)
            for frame in (frame for frame in answers if frame >= first):
                prompts.setdefault(frame, {})[object_id] = Prompt.from_mask(answers[frame])
        return self._from(start, prompts)

    def _from(self, start: int, prompts: Prompts) -> Iterator[FrameMasks]:
        for frame in _tracked(self._video, prompts, self._carry, non_overlap=False):
            if frame.frame_index < start:
                continue
            for mask in frame.objects:
                self._carried[mask.object_id, frame.frame_index] = mask.segmentation
            yield frame


def _common_settings() -> dict[str, Any]:  # Any: JSON
    return {
        "opencv": opencv().__version__,
        "predicts_iou": False,
        "prompts_become_masks_by": {
            "name": "grabcut",
            **GRAB_CUT_SETTINGS,
            "flood_fill": dict(FLOOD_FILL_SETTINGS),
        },
    }


def _tracked(
    video: FrameSource, prompts: Prompts, carry: Carry, *, non_overlap: bool
) -> Iterator[FrameMasks]:
    # Not a generator itself: what is wrong with the prompts is said before the first frame is read.
    for index, asked in prompts.items():
        for prompt in asked.values():
            _check(video, index, prompt)
    return _walked(video, prompts, carry, non_overlap=non_overlap)


def _check(video: FrameSource, frame_index: int, prompt: Prompt) -> None:
    if not 0 <= frame_index < len(video):
        raise PromptError(
            f"frame {frame_index} is prompted, but the clip has {len(video)} frames; expected one "
            f"from 0 to {len(video) - 1}. Prompt one of these."
        )
    prompt.check_inside(video.info.size)


def _walked(
    video: FrameSource, prompts: Prompts, carry: Carry, *, non_overlap: bool
) -> Iterator[FrameMasks]:
    if not prompts:
        return
    start = min(prompts)
    soft: dict[ObjectId, Soft] = {}
    previous: Frame | None = None
    for index, frame in enumerate(video.frames(start), start):
        if previous is not None and soft:
            soft = carry(previous, frame, soft)
        for object_id, prompt in prompts.get(index, {}).items():
            said = prompt
            if object_id in soft:
                said = _with(Prompt.from_mask(soft[object_id] > 0.5), prompt)
            soft[object_id] = _drawn(frame, said).astype(np.float32)
        yield _frame_masks(index, soft, non_overlap=non_overlap)
        previous = frame


def _with(before: Prompt, prompt: Prompt) -> Prompt:
    """What is in force: clicks add up; a box says anew where the object is; a mask says it all."""
    if prompt.mask is not None:
        return prompt
    return Prompt(
        points=np.concatenate([before.points, prompt.points]),
        labels=np.concatenate([before.labels, prompt.labels]),
        box=before.box if prompt.box is None else prompt.box,
        mask=before.mask if prompt.box is None else None,
    )


def _drawn(frame: Frame, prompt: Prompt) -> Mask:
    """The prompt as a mask; one that is given without anything else is not touched."""
    if prompt.mask is not None and prompt.box is None and len(prompt.points) == 0:
        return prompt.mask
    return grab_cut(frame, prompt)


def _frame_masks(index: int, soft: Mapping[ObjectId, Soft], *, non_overlap: bool) -> FrameMasks:
    masks = {object_id: field > 0.5 for object_id, field in soft.items()}
    if non_overlap and len(soft) > 1:
        # Of equal ones the object that came first.
        owner = np.argmax(np.stack(list(soft.values())), axis=0)
        masks = {each: mask & (owner == row) for row, (each, mask) in enumerate(masks.items())}
    return FrameMasks(
        index, tuple(given_mask(each, rle.encode(mask)) for each, mask in masks.items())
    )


def _unmoved(
    _previous: Frame, _frame: Frame, soft: Mapping[ObjectId, Soft]
) -> dict[ObjectId, Soft]:
    return dict(soft)


def _along_the_flow(
    previous: Frame, frame: Frame, soft: Mapping[ObjectId, Soft]
) -> dict[ObjectId, Soft]:
    back = _flow(frame, previous)
    doubtful = _disagree(back, _moved(_flow(previous, frame), back))
    return {
        object_id: np.where(doubtful, _DOUBT, np.float32(1)) * _moved(field, back)
        for object_id, field in soft.items()
    }


def _disagree(back: Field, forth: Field) -> Mask:
    """Where the flow to the frame before, and from where it leads, do not come back together."""
    share, slack = _DISAGREEMENT
    lengths = (back**2).sum(axis=2) + (forth**2).sum(axis=2)
    return ((back + forth) ** 2).sum(axis=2) > share * lengths + slack


def _moved(field: Field, flow: Field) -> Field:
    """What the field holds where the flow leads from every pixel; beyond the border as on it."""
    cv2 = opencv()
    y, x = np.indices(flow.shape[:2], np.float32)
    return cv2.remap(
        field,
        x + flow[..., 0],
        y + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _flow(frame: Frame, other: Frame) -> Field:
    """`(height, width, 2)` x, y in pixels: from every pixel of the frame to its place in the other."""
    cv2 = opencv()
    height, width = frame.shape[:2]
    margins = 0, max(0, _SMALLEST_SIDE - height), 0, max(0, _SMALLEST_SIDE - width)
    gray, other_gray = (
        cv2.copyMakeBorder(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), *margins, cv2.BORDER_REPLICATE)
        for each in (frame, other)
    )
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return dis.calc(gray, other_gray, None)[:height, :width]
