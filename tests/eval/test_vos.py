"""Semi-supervised segmentation: how objects are shown, together or alone, with overlap or not."""

import numpy as np
import pytest

from masklet.errors import PromptError
from masklet.eval.model_methods import VideoModel
from masklet.eval.scoring import Scoring, score_clip
from masklet.eval.vos import VosOptions, run_vos, without_overlap
from masklet.io.given import given_mask
from masklet.ops.rle import decode, encode
from masklet.types import FrameMasks
from tests.eval.clips import ArrayClip, moving_square, square
from tests.eval.oracle import OracleVideo
from tests.tracking.made import made_model

FRAMES = tuple(range(0, 12, 2))
# The second comes on frame 5 and is first seen on an annotated one, 6; the two overlap.
CLIP = ArrayClip({1: moving_square(), 2: moving_square(first=5, y=14)}, FRAMES)


@pytest.fixture(scope="module")
def method():
    return VideoModel(made_model(), name="tiny", max_rows=1)


def masks(run, object_id):
    return {
        frame.frame_index: decode(mask.segmentation)
        for frame in run.predicted
        if (mask := frame.at(object_id)) is not None
    }


def test_every_object_is_shown_by_its_mask_where_it_is_first_annotated():
    oracle = OracleVideo(CLIP)
    run = run_vos(oracle, CLIP)
    ((prompts, non_overlap),) = oracle.tracked
    assert non_overlap
    assert {frame: list(said) for frame, said in prompts.items()} == {0: [1], 6: [2]}
    assert np.array_equal(prompts[6][2].mask, CLIP.masks[2][6])
    assert [frame.frame_index for frame in run.predicted] == list(range(12))
    assert (run.frames, run.seconds > 0) == (12, True)
    assert list(masks(run, 2)) == [6, 7, 8, 9, 10, 11]


def test_a_box_is_tight():
    oracle = OracleVideo(CLIP)
    run_vos(oracle, CLIP, VosOptions("box"))
    ((prompts, non_overlap),) = oracle.tracked
    assert not non_overlap
    assert prompts[0][1].box.tolist() == [10, 4, 30, 24]
    assert prompts[6][2].box.tolist() == [16, 14, 36, 34]


def test_all_masks_are_prompts_where_the_object_can_be_seen():
    clip = ArrayClip({1: moving_square().copy(), 2: moving_square(first=5, y=14)}, FRAMES)
    clip.masks[1][4] = False
    oracle = OracleVideo(clip)
    run_vos(oracle, clip, VosOptions(use_all_masks=True))
    ((prompts, _),) = oracle.tracked
    shown = {frame: sorted(said) for frame, said in prompts.items()}
    assert shown == {0: [1], 2: [1], 6: [1, 2], 8: [1, 2], 10: [1, 2]}
    assert np.array_equal(prompts[8][1].mask, clip.masks[1][8])


@pytest.mark.parametrize("clicks", [1, 3, 5])
def test_clicks_go_to_the_largest_error_of_the_answer_until_nothing_is_wrong(clicks):
    oracle = OracleVideo(CLIP, {(1, 0): 12, (2, 6): 19}, gain=4)
    run = run_vos(oracle, CLIP, VosOptions("clicks", clicks=clicks))
    assert oracle.tracked == []
    said = [(i, frame, x, label) for i, frame, (x, _), label in oracle.runs[0].said]
    # After the first click eight columns of the first are missing, then four, then none.
    first = [(1, 0, 19.0, 1), (1, 0, 25.0, 1), (1, 0, 27.0, 1)]
    assert said[: min(clicks, 3)] == first[:clicks]
    assert [each[:2] for each in said[min(clicks, 3) :]] == [(2, 6)] * clicks
    assert oracle.runs[0].walks == [(0, None)]
    assert run.frames == 12
    lost = (CLIP.masks[1][0] & ~masks(run, 1)[0]).sum()
    assert lost == 20 * max(0, 12 - 4 * clicks)


def test_pixels_that_nobody_judged_are_not_clicked():
    nobody_knows = {0: ~square(10, 4, side=8)}
    clip = ArrayClip({1: moving_square()}, FRAMES, nobody_knows)
    oracle = OracleVideo(clip, {(1, 0): 14}, gain=1)
    run_vos(oracle, clip, VosOptions("clicks", clicks=2))
    (_, _, first, _), (_, _, second, _) = oracle.runs[0].said
    # Of the eight judged columns, 10 to 17, six are left after the first click.
    assert first == (13.0, 7.0)
    assert second[0] == 17.0


def test_alone_every_object_has_a_pass_of_its_own():
    oracle = OracleVideo(CLIP)
    run = run_vos(oracle, CLIP, VosOptions(separately=True))
    assert [(list(p), [list(s) for s in p.values()], n) for p, n in oracle.tracked] == [
        ([0], [[1]], False),
        ([6], [[2]], False),
    ]
    assert run.frames == 12 + 6
    assert [frame.frame_index for frame in run.predicted] == list(range(12))
    both = masks(run, 1)[8], masks(run, 2)[8]
    assert np.array_equal(both[0], CLIP.masks[1][8])
    assert np.array_equal(both[1], CLIP.masks[2][8] & ~CLIP.masks[1][8])


def test_alone_clicks_are_heard_by_a_run_of_each_object():
    oracle = OracleVideo(CLIP)
    run_vos(oracle, CLIP, VosOptions("clicks", separately=True))
    assert [[(i, frame) for i, frame, *_ in each.said] for each in oracle.runs] == [
        [(1, 0)],
        [(2, 6)],
    ]
    assert [each.walks for each in oracle.runs] == [[(0, None)], [(6, None)]]


@pytest.mark.parametrize(
    ("options", "overlaps"),
    [
        (VosOptions(), False),
        (VosOptions(non_overlap=False), True),
        (VosOptions("box"), True),
        (VosOptions("clicks"), True),
        (VosOptions("clicks", non_overlap=True), False),
        (VosOptions(separately=True, non_overlap=False), True),
    ],
    ids=["masks", "per object", "box", "clicks", "clicks, exclusive", "alone"],
)
def test_a_pixel_belongs_to_one_object_if_it_shall(options, overlaps):
    run = run_vos(OracleVideo(CLIP), CLIP, options)
    one, other = masks(run, 1)[8], masks(run, 2)[8]
    assert (one & other).any() == overlaps


def test_the_lowest_number_gets_the_pixel():
    said = {3: square(0, 0), 1: square(10, 10), 2: square(12, 12, side=4)}
    frame = FrameMasks(4, tuple(given_mask(i, encode(mask)) for i, mask in said.items()))
    kept = without_overlap(frame)
    assert [mask.object_id for mask in kept.objects] == [1, 2, 3]
    assert kept.at(1) == frame.at(1)
    assert not decode(kept.at(2).segmentation).any()
    assert np.array_equal(decode(kept.at(3).segmentation), said[3] & ~said[1])


def test_objects_that_begin_later_may_be_left_out_and_score_as_missed():
    run = run_vos(OracleVideo(CLIP), CLIP, VosOptions(first_frame_only_objects=True))
    assert masks(run, 2) == {}
    first, second = score_clip(CLIP, run.predicted, scoring=Scoring(frames="all"))
    assert (first.values["J"], second.values["J"]) == (1.0, 0.0)


def test_a_clip_in_which_nothing_is_shown_has_empty_masks():
    clip = ArrayClip({2: CLIP.masks[2]}, FRAMES)
    run = run_vos(OracleVideo(clip), clip, VosOptions(first_frame_only_objects=True))
    assert run.predicted == tuple(FrameMasks(index, ()) for index in range(12))
    (scores,) = score_clip(clip, run.predicted)
    assert scores.values["J&F"] == 0.0


@pytest.mark.parametrize("prompt", ["mask", "box", "clicks"])
def test_a_model_tracks_objects_together_as_it_does_alone(method, prompt):
    clip = ArrayClip({i: each[:6] for i, each in CLIP.masks.items()}, (0, 2, 5))
    together = run_vos(method, clip, VosOptions(prompt, clicks=2, non_overlap=False))
    options = VosOptions(prompt, clicks=2, non_overlap=False, separately=True)
    assert run_vos(method, clip, options).predicted == together.predicted
    assert list(masks(together, 2)) == [5]


def test_a_models_first_answer_to_a_mask_is_the_mask(method):
    run = run_vos(method, CLIP, VosOptions(non_overlap=False))
    agreement = masks(run, 1)[0] == CLIP.masks[1][0]
    assert agreement.mean() > 0.98


def test_no_clicks_are_refused():
    with pytest.raises(PromptError, match="shown by 0 clicks; expected at least 1"):
        VosOptions("clicks", clicks=0)


def test_all_masks_as_prompts_without_masks_are_refused():
    with pytest.raises(PromptError, match="shown by 'box'; expected 'mask'"):
        VosOptions("box", use_all_masks=True)
