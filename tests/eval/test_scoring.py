"""The rules of SA-V and DAVIS: which frames and objects count, and what they score."""

from dataclasses import replace

import numpy as np
import pytest

from masklet.errors import DatasetError
from masklet.eval.metrics import boundary_similarity, region_similarity
from masklet.eval.scoring import DAVIS, Scoring, score_clip
from masklet.ops import rle
from masklet.types import FrameMasks
from tests.eval.labelled import LabelClip, masks_of, squares, walk

ALL, AFTER = Scoring(frames="all"), Scoring(frames="after prompt")


def here(*shown):
    """Maps on which object 1 always is, and object 2 where told: frame by frame 0 or 1."""
    return tuple(squares((1, 2, 2), *([(2, 20, 10)] if there else [])) for there in shown)


def overlaps_of_second(truth, said, scoring=DAVIS):
    """J of object 2 by frame."""
    scores = score_clip(LabelClip("clip", here(*truth)), masks_of(here(*said)), scoring=scoring)
    return dict(scores[1].series.get("J", {}))


def test_each_object_has_its_measures_frame_by_frame():
    clip = LabelClip("clip", walk(6))
    said = walk(6, slower=2)
    scores = score_clip(clip, masks_of(said), scoring=ALL)
    assert [each.object_id for each in scores] == [1, 3]
    for each in scores:
        pairs = [
            (a == each.object_id, b == each.object_id) for a, b in zip(said, walk(6), strict=True)
        ]
        region = [float(region_similarity(*pair)) for pair in pairs]
        boundary = [float(boundary_similarity(*pair)) for pair in pairs]
        assert each.series == {"J": dict(enumerate(region)), "F": dict(enumerate(boundary))}
        assert each.values["J"] == pytest.approx(np.mean(region))
        assert each.values["F"] == pytest.approx(np.mean(boundary))
        assert each.values["J&F"] == pytest.approx((np.mean(region) + np.mean(boundary)) / 2)
    assert scores[0].values["J"] < 1
    assert (scores[1].values["J"], scores[1].values["F"]) == (1, 1)


def test_the_truth_is_perfect():
    clip = LabelClip("clip", walk(9), seen=(1,))
    for each in score_clip(clip, masks_of(walk(9))):
        perfect = {"J&F": 1, "J": 1, "F": 1, "J recall": 1, "F recall": 1, "presence": 1}
        assert each.values == {**perfect, "J decay": 0, "F decay": 0, "flicker": 0}
        assert (each.item, each.category, each.is_seen) == ("clip", "thing", each.object_id == 1)


@pytest.mark.parametrize(
    ("scoring", "first", "third"),
    [
        (DAVIS, [3, 6, 9], [3, 6, 9]),
        (AFTER, [3, 6, 9, 12], [6, 9, 12]),
        (ALL, [0, 3, 6, 9, 12], [3, 6, 9, 12]),
    ],
    ids=lambda value: getattr(value, "frames", None),
)
def test_chosen_frames_count_and_nothing_between_them(scoring, first, third):
    labels = (squares((1, 2, 2)), *walk(4))
    clip = LabelClip("clip", labels, step=3)
    answered = [frame for each in masks_of(labels) for frame in three_of(each)]
    scores = score_clip(clip, answered, scoring=scoring)
    assert [list(each.series["J"]) for each in scores] == [first, third]
    assert all(each.values["J"] == 1 for each in scores)


def three_of(frame):
    """A frame and two after it, which are wrong and not annotated."""
    return [replace(frame, frame_index=3 * frame.frame_index)] + [
        FrameMasks(3 * frame.frame_index + after, ()) for after in (1, 2)
    ]


@pytest.mark.parametrize(
    ("truth", "said", "scored"),
    [
        # An object that comes late earns nothing for not being seen before.
        ((0, 0, 0, 1, 1, 0), (0, 0, 0, 1, 0, 0), {3: 1, 4: 0}),
        # From where the answer shows it too early on, every frame counts.
        ((0, 0, 0, 1, 1, 0), (0, 1, 0, 1, 1, 0), {1: 0, 2: 1, 3: 1, 4: 1}),
        # One that has left is right to be empty.
        ((0, 1, 0, 0, 0, 0), (0, 1, 0, 1, 0, 0), {1: 1, 2: 1, 3: 0, 4: 1}),
        # What is on the first frame, which does not count, has not been seen yet.
        ((1, 0, 0, 1, 0, 0), (1, 0, 0, 0, 0, 0), {3: 0, 4: 1}),
        # An object of which the truth shows nothing has no scores, whatever is said.
        ((1, 0, 0, 0, 0, 1), (1, 0, 1, 0, 0, 1), {}),
    ],
    ids=["late", "too early", "left", "first frame", "never"],
)
def test_an_object_counts_from_where_truth_or_answer_show_it(truth, said, scored):
    assert overlaps_of_second(truth, said) == scored


def test_after_its_prompt_every_frame_counts_also_where_the_object_is_hidden():
    assert overlaps_of_second((0, 1, 0, 0, 1), (1, 1, 0, 1, 1), AFTER) == {2: 1, 3: 0, 4: 1}
    assert overlaps_of_second((0, 0, 0, 0, 1), (0, 0, 0, 0, 1), AFTER) == {}


def test_an_object_without_counted_frames_is_listed_without_scores():
    clip = LabelClip("clip", here(1, 0, 0, 0))
    first, second = score_clip(clip, masks_of(here(1, 0, 0, 0)))
    assert first.values["J"] == 1
    assert (second.object_id, second.values, second.series) == (2, {}, {})


def test_objects_that_only_the_answer_has_are_left_out():
    both, alone = masks_of(here(1, 1, 1, 1)), LabelClip("clip", here(0, 0, 0, 0))
    (only,) = score_clip(alone, both)
    assert (only.object_id, only.values["J"]) == (1, 1)


def test_frames_on_which_an_object_was_not_looked_for_do_not_count():
    labels = here(1, 1, 1, 1, 1, 1, 1)
    clip = LabelClip("clip", labels, unjudged=((3, 2),))
    said = [squares((1, 2, 2), (2, 20 + index % 2, 10)) for index in range(7)]
    first, second = score_clip(clip, masks_of(said))
    assert list(first.series["J"]) == [1, 2, 3, 4, 5]
    assert list(second.series["J"]) == [1, 2, 4, 5]
    assert "flicker" in first.values
    # 1, 2 and 4, 5 are no three frames that follow each other.
    assert "flicker" not in second.values


def test_pixels_that_nobody_judged_count_for_nothing():
    labels = [squares((1, 2, 2)) for _ in range(5)]
    for each in labels:
        each[:, 16:] = 255
    said = [squares((1, 2, 2), (1, 20, 10 + index)) for index in range(5)]
    (scores,) = score_clip(LabelClip("clip", tuple(labels)), masks_of(said))
    assert (scores.values["J"], scores.values["F"], scores.values["flicker"]) == (1, 1, 0)


def test_presence_is_right_where_both_are_there_or_neither():
    clip = LabelClip("clip", here(1, 1, 1, 0, 0, 1))
    _, second = score_clip(clip, masks_of(here(1, 1, 0, 0, 1, 1)), scoring=ALL)
    assert second.values["presence"] == 4 / 6


def test_flicker_is_told_of_masks_that_come_and_go():
    clip = LabelClip("clip", here(1, 1, 1, 1, 1))
    _, second = score_clip(clip, masks_of(here(1, 1, 0, 1, 1)), scoring=ALL)
    # The whole mask on one of three frames that stand between two others.
    assert second.values["flicker"] == pytest.approx(1 / 3)


def test_what_a_method_thinks_of_its_masks_is_kept_where_it_says_so():
    clip, certain = LabelClip("clip", here(1, 1, 1, 1)), masks_of(here(1, 1, 1, 1))
    unsure = [
        replace(
            frame,
            objects=tuple(
                replace(mask, predicted_iou=0.5 + frame.frame_index / 10)
                if mask.object_id == 2
                else mask
                for mask in frame.objects
            ),
        )
        for frame in certain
    ]
    first, second = score_clip(clip, unsure)
    assert "predicted IoU" not in first.series
    assert second.series["predicted IoU"] == {1: 0.6, 2: 0.7}


def test_an_object_that_is_missing_is_empty_or_an_error():
    clip, said = LabelClip("clip", here(1, 1, 1, 1)), masks_of(here(0, 0, 0, 0))
    _, second = score_clip(clip, said)
    assert (second.values["J"], second.values["F"], second.values["presence"]) == (0, 0, 0)
    says = r"no frame of the clip 'clip' has a mask of object 2; expected masks of all its objects"
    with pytest.raises(DatasetError, match=says):
        score_clip(clip, said, scoring=Scoring(strict=True))
    assert score_clip(clip, masks_of(here(1, 0, 0, 0)), scoring=Scoring(strict=True))


def test_a_frame_without_an_answer_is_an_error_once_an_object_was_prompted():
    clip = LabelClip("clip", here(1, 1, 1, 1, 1, 1))
    said = masks_of(here(1, 1, 1, 1, 1, 1))
    says = r"no answer for frame 00002 and 1 more of the clip 'clip'; expected one, be it empty"
    with pytest.raises(DatasetError, match=says):
        score_clip(clip, [frame for frame in said if frame.frame_index not in (2, 4)])
    # The first and the last frame do not count.
    assert score_clip(clip, said[1:-1])


def test_before_the_first_prompt_no_answer_is_needed():
    labels = (np.zeros_like(squares()),) * 3 + here(1, 1, 1)
    assert score_clip(LabelClip("clip", labels), masks_of(labels)[3:])[0].values["J"] == 1
    with pytest.raises(DatasetError, match=r"no answer for frame 00003 of the clip"):
        score_clip(LabelClip("clip", labels), masks_of(labels)[4:])


def test_a_mask_of_another_size_is_refused():
    said = [*masks_of(here(1, 1, 1, 1))]
    small = replace(said[2].objects[1], segmentation=rle.encode(np.ones((12, 16), bool)))
    said[2] = replace(said[2], objects=(small,))
    says = r"mask of object 2 on frame 00002 of the clip 'clip' is 16x12, the truth 32x24; expected"
    with pytest.raises(DatasetError, match=says):
        score_clip(LabelClip("clip", here(1, 1, 1, 1)), said)
