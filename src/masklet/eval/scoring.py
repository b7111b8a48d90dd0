"""Score the masks of one clip, whoever made them, by the rules of SA-V and DAVIS."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from masklet.data.records import Clip, FrameTruth, Mask, ObjectRecord
from masklet.errors import DatasetError
from masklet.eval.flicker import Flicker
from masklet.eval.metrics import boundary_similarity, region_similarity
from masklet.eval.records import ObjectScores
from masklet.eval.series import decay, recall
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectMask

FrameChoice: TypeAlias = Literal["inner", "after prompt", "all"]
"""Which annotated frames count: all but the first and the last of the clip, as in DAVIS and SA-V;
of each object those after the first that shows it, on which it is prompted; or every one."""

_CERTAIN = 1.0


@dataclass(frozen=True, slots=True)
class Scoring:
    """What may be chosen; the defaults are those of DAVIS 2017 and SA-V."""

    frames: FrameChoice = "inner"
    strict: bool = False
    """Whether it is an error if no frame has a mask of an object; else its masks are empty."""


DAVIS = Scoring()
"""Semi-supervised, as in DAVIS 2017, SA-V and MOSE."""


def score_clip(
    clip: Clip,
    predicted: Iterable[FrameMasks],
    *,
    scoring: Scoring = DAVIS,
) -> tuple[ObjectScores, ...]:
    """The scores of every object of a clip, by rising id.

    An object counts from the first chosen frame on which the truth or the answer shows it, so that
    nobody earns points for not seeing what is not there yet; from then on, an empty answer where
    there is nothing is right. Objects that only the answer has are left out. An object that the
    truth shows on no chosen frame has no scores.

    "predicted IoU" is among the series where the masks say one; masks from PNGs, which are certain
    of themselves all through, do not.

    Args:
        clip: the truth.
        predicted: the masks, in any order, at the size of the frames.
        scoring: by which rules.

    Raises:
        DatasetError: the truth cannot be read; a frame has no answer though an object was prompted
            before it; a mask has another size; or an object is missing and the rules are strict.
    """
    objects = clip.objects()
    frames = {frame.frame_index: frame for frame in predicted}
    chosen = clip.annotated[1:-1] if scoring.frames == "inner" else clip.annotated
    tallies = [_Tally(each, clip, scoring) for each in objects]
    _check_frames(clip, frames, {i for i in chosen for tally in tallies if tally.needs(i)})
    if scoring.strict:
        _check_objects(clip, objects, frames.values())
    for index in chosen:
        truth = clip.truth(index)
        frame = frames.get(index) or FrameMasks(index, ())
        for tally in tallies:
            tally.add(truth, frame)
    return tuple(sorted((tally.scores() for tally in tallies), key=lambda each: each.object_id))


def _check_frames(clip: Clip, frames: Container[int], needed: Iterable[int]) -> None:
    missing = sorted(index for index in needed if index not in frames)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DatasetError(
            f"there is no answer for frame {clip.frame_names[missing[0]]}{more} of the clip "
            f"{clip.name!r}; expected one, be it empty, for every annotated frame from the first "
            "prompt on. Finish the tracking, or leave out such clips with --skip-broken."
        )


def _check_objects(
    clip: Clip, objects: Iterable[ObjectRecord], frames: Iterable[FrameMasks]
) -> None:
    answered = {mask.object_id for frame in frames for mask in frame.objects}
    missing = [each.object_id for each in objects if each.object_id not in answered]
    if missing:
        raise DatasetError(
            f"no frame of the clip {clip.name!r} has a mask of object {missing[0]}; expected masks "
            "of all its objects. Track it too, or let what is missing count as empty."
        )


class _Tally:
    """What is found out about one object, frame by frame."""

    def __init__(self, record: ObjectRecord, clip: Clip, scoring: Scoring) -> None:
        self._record = record
        self._clip = clip
        # The method was shown the object on its first frame, which therefore may not count.
        self._counts_after = record.first_frame if scoring.frames == "after prompt" else -1
        self._has_begun = self._is_shown = self._counts_after >= 0
        self._region: dict[int, float] = {}
        self._boundary: dict[int, float] = {}
        self._predicted: dict[int, float] = {}
        self._right = 0
        self._flicker = Flicker()

    def needs(self, frame_index: int) -> bool:
        """Whether the method must have answered for the object on this frame."""
        return frame_index >= self._record.first_frame and frame_index > self._counts_after

    def add(self, truth: FrameTruth, frame: FrameMasks) -> None:
        """Look at a frame, later than those before."""
        true = truth.masks.get(self._record.object_id)
        if true is None:
            self._flicker.interrupt()
            return
        answer = frame.at(self._record.object_id)
        said = np.zeros_like(true) if answer is None else self._decoded(answer, true, frame)
        if truth.void is not None:
            said, true = said & ~truth.void, true & ~truth.void
        is_said, is_true = bool(said.any()), bool(true.any())
        self._is_shown |= is_true
        self._has_begun |= is_said or is_true
        index = frame.frame_index
        if not self._has_begun or index <= self._counts_after:
            return
        self._region[index] = float(region_similarity(said, true))
        self._boundary[index] = float(boundary_similarity(said, true))
        self._right += is_said == is_true
        self._flicker.add(said, true, truth.void)
        if answer is not None:
            self._predicted[index] = answer.predicted_iou

    def scores(self) -> ObjectScores:
        """Everything that is known now."""
        known = self._is_shown and len(self._region) > 0
        series = {"J": self._region, "F": self._boundary}
        # Whatever is certain of every mask was not asked what it thinks of them.
        if any(iou != _CERTAIN for iou in self._predicted.values()):
            series["predicted IoU"] = self._predicted
        return ObjectScores(
            item=self._clip.name,
            object_id=self._record.object_id,
            values=self._values() if known else {},
            series=series if known else {},
            category=self._record.category,
            is_seen=self._record.is_seen,
        )

    def _values(self) -> dict[str, float]:
        region, boundary = list(self._region.values()), list(self._boundary.values())
        mean_region, mean_boundary = float(np.mean(region)), float(np.mean(boundary))
        flicker = self._flicker.share()
        return {
            "J&F": (mean_region + mean_boundary) / 2,
            "J": mean_region,
            "F": mean_boundary,
            "J recall": recall(region),
            "F recall": recall(boundary),
            "J decay": decay(region),
            "F decay": decay(boundary),
            "presence": self._right / len(region),
            **({} if flicker is None else {"flicker": flicker}),
        }

    def _decoded(self, answer: ObjectMask, true: Mask, frame: FrameMasks) -> Mask:
        height, width = answer.segmentation["size"]
        if (height, width) != true.shape:
            raise DatasetError(
                f"the mask of object {answer.object_id} on frame "
                f"{self._clip.frame_names[frame.frame_index]} of the clip {self._clip.name!r} is "
                f"{width}x{height}, the truth {true.shape[1]}x{true.shape[0]}; expected masks at "
                "the size of the frames. Resize them with nearest neighbours, or write them again."
            )
        # Stored column after column; comparing with rows of the truth would take ten times as long.
        return np.ascontiguousarray(rle.decode(answer.segmentation))
