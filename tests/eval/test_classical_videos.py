"""Optical flow and copies: how masks are carried, prompted late, corrected and kept apart."""

import json
import pickle
import sys

import cv2
import numpy as np
import pytest

from masklet.errors import MissingExtra, PromptError
from masklet.eval.classical_masks import grab_cut
from masklet.eval.classical_videos import CopyFirst, OpticalFlow
from masklet.io.arrays import ArrayVideo
from masklet.ops.rle import area, decode
from masklet.types import Prompt
from tests.eval.disks import SIZE, disk, iou, moving

PIXELS, MASKS = moving(40, 48, step=3)
CLIP = ArrayVideo(PIXELS)
FIRST = Prompt.from_mask(MASKS[0])
METHODS = pytest.mark.parametrize("kind", [OpticalFlow, CopyFirst])


def track(kind, prompts, video=CLIP, non_overlap=True):
    return list(kind().track(video, prompts, non_overlap=non_overlap))


def ious(frames, object_id=1, masks=MASKS):
    return [iou(f.at(object_id).segmentation, masks[f.frame_index]) for f in frames]


def test_flow_follows_a_moving_disk_and_copies_do_not():
    followed = ious(track(OpticalFlow, {0: {1: FIRST}}))
    assert len(followed) == 11
    assert min(followed) > 0.85
    stayed = ious(track(CopyFirst, {0: {1: FIRST}}))
    assert stayed[0] == 1.0
    assert stayed[10] < 0.2


def test_shifts_below_a_pixel_add_up():
    large = np.stack([cv2.resize(frame, (512, 384)) for frame in PIXELS])
    frames = [np.roll(large[0], t, axis=1) for t in range(13)]
    video = ArrayVideo(np.stack([cv2.resize(f, (128, 96)) for f in frames]))
    *_, last = track(OpticalFlow, {0: {1: FIRST}}, video)
    # A quarter of a pixel on every frame.
    assert iou(last.at(1).segmentation, disk(43, 48)) > 0.95


@METHODS
def test_the_mask_that_is_given_is_the_answer_on_its_frame(kind):
    first = track(kind, {0: {1: FIRST}})[0].at(1)
    np.testing.assert_array_equal(decode(first.segmentation), MASKS[0])
    assert (first.predicted_iou, first.object_score) == (1.0, 10.0)


@METHODS
@pytest.mark.parametrize(
    "prompt", [Prompt.point(49, 48), Prompt.box_xyxy(31, 30, 68, 67)], ids=["click", "box"]
)
def test_clicks_and_boxes_become_masks_by_grabcut(kind, prompt):
    frames = track(kind, {3: {1: prompt}})
    assert [each.frame_index for each in frames] == list(range(3, 11))
    np.testing.assert_array_equal(decode(frames[0].at(1).segmentation), grab_cut(PIXELS[3], prompt))
    assert ious(frames)[0] > 0.9


@METHODS
def test_objects_may_begin_on_different_frames(kind):
    frames = track(kind, {2: {5: Prompt.from_mask(MASKS[2])}, 6: {3: Prompt.point(58, 48)}})
    assert [each.frame_index for each in frames] == list(range(2, 11))
    assert [[m.object_id for m in f.objects] for f in frames] == [[5]] * 4 + [[5, 3]] * 5


@METHODS
def test_a_second_mask_replaces_what_was_carried(kind):
    lost = Prompt.from_mask(disk(110, 20, radius=5))
    frames = track(kind, {0: {1: lost}, 6: {1: Prompt.from_mask(MASKS[6])}})
    assert max(ious(frames[:6])) == 0
    assert ious(frames)[6] == 1.0


@METHODS
def test_clicks_on_a_later_frame_correct_what_was_carried(kind):
    half = MASKS[0].copy()
    half[48:] = False
    before = track(kind, {0: {1: Prompt.from_mask(half)}})[5].at(1).segmentation
    click = Prompt.point(55, 58)
    after = track(kind, {0: {1: Prompt.from_mask(half)}, 5: {1: click}})[5].at(1).segmentation
    expected = grab_cut(PIXELS[5], Prompt.from_mask(decode(before)) + click)
    np.testing.assert_array_equal(decode(after), expected)
    assert iou(after, MASKS[5]) > iou(before, MASKS[5])


@METHODS
def test_an_object_that_was_lost_comes_back_by_a_click(kind):
    gone = Prompt.from_mask(np.zeros(SIZE, bool))
    frames = track(kind, {0: {1: gone}, 4: {1: Prompt.point(52, 48)}})
    assert [area(each.at(1).segmentation) for each in frames[:4]] == [0] * 4
    assert frames[0].at(1).object_score < 0
    assert ious(frames)[4] > 0.9


def test_little_is_left_of_an_object_that_leaves():
    pixels, masks = moving(100, 48, step=6, frames=12)
    frames = track(OpticalFlow, {0: {1: Prompt.from_mask(masks[0])}}, ArrayVideo(pixels))
    areas = [area(each.at(1).segmentation) for each in frames]
    assert areas[-1] < areas[0] / 3


@METHODS
def test_without_overlap_a_pixel_belongs_to_the_object_with_the_highest_value(kind):
    prompts = {0: {2: FIRST, 1: Prompt.from_mask(disk(50, 48))}}
    for frame in track(kind, prompts):
        both = decode(frame.at(1).segmentation) & decode(frame.at(2).segmentation)
        assert not both.any()
    # Of equal values the object that came first keeps the pixel.
    np.testing.assert_array_equal(decode(track(kind, prompts)[0].at(2).segmentation), MASKS[0])
    last = track(kind, prompts, non_overlap=False)[-1]
    assert (decode(last.at(1).segmentation) & decode(last.at(2).segmentation)).any()


@METHODS
def test_without_prompts_there_are_no_frames(kind):
    assert track(kind, {}) == []


@METHODS
def test_wrong_prompts_are_refused_before_the_first_frame(kind):
    with pytest.raises(PromptError, match=r"frame 11 is prompted, but the clip has 11 frames; exp"):
        kind().track(CLIP, {0: {1: FIRST}, 11: {1: FIRST}}, non_overlap=True)
    with pytest.raises(PromptError, match="outside the image"):
        kind().track(CLIP, {0: {1: Prompt.point(500, 1)}}, non_overlap=True)


@METHODS
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (7, 12), (11, 200)])
def test_tiny_frames_are_carried(kind, size):
    pixels = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    frames = track(kind, {0: {1: Prompt.from_mask(np.ones(size, bool))}}, ArrayVideo(pixels))
    assert all(decode(each.at(1).segmentation).all() for each in frames)


@METHODS
def test_a_flat_clip_keeps_its_mask_in_place(kind):
    video = ArrayVideo(np.full((4, *SIZE, 3), 99, np.uint8))
    for frame in track(kind, {0: {1: FIRST}}, video):
        np.testing.assert_array_equal(decode(frame.at(1).segmentation), MASKS[0])


@METHODS
def test_a_corrected_clip_equals_one_that_is_tracked(kind):
    run = kind().open(CLIP)
    np.testing.assert_array_equal(run.prompt(1, 0, FIRST).mask, MASKS[0])
    assert run.prompt(2, 4, Prompt.point(52, 48)).predicted_iou is None
    prompts = {0: {1: FIRST}, 4: {2: Prompt.point(52, 48)}}
    assert list(run.propagate(0)) == track(kind, prompts, non_overlap=False)


@METHODS
def test_propagation_from_a_later_frame_is_the_end_of_the_whole(kind):
    run = kind().open(CLIP)
    run.prompt(1, 0, FIRST)
    run.prompt(1, 5, Prompt.from_mask(MASKS[5]))
    run.prompt(2, 8, Prompt.from_mask(MASKS[8]))
    whole = list(run.propagate(0))
    assert list(run.propagate(3)) == whole[3:]
    assert list(run.propagate(7)) == whole[7:]
    assert [each.at(2) is None for each in whole] == [True] * 8 + [False] * 3


def test_what_lies_before_the_last_prompt_is_not_read_again():
    read = []

    class Watched(ArrayVideo):
        def __getitem__(self, frame_index):
            read.append(frame_index)
            return super().__getitem__(frame_index)

    run = OpticalFlow().open(Watched(PIXELS))
    for frame_index in (0, 4, 9):
        run.prompt(1, frame_index, Prompt.from_mask(MASKS[frame_index]))
    read.clear()
    assert [each.frame_index for each in run.propagate(6)] == [6, 7, 8, 9, 10]
    assert read == [4, 5, 6, 7, 8, 9, 10]


@METHODS
def test_frames_before_the_first_prompt_have_no_masks(kind):
    run = kind().open(CLIP)
    run.prompt(1, 8, Prompt.from_mask(MASKS[8]))
    frames = list(run.propagate(6))
    assert [(each.frame_index, len(each.objects)) for each in frames] == [
        (6, 0),
        (7, 0),
        (8, 1),
        (9, 1),
        (10, 1),
    ]


@METHODS
def test_only_the_named_objects_are_carried(kind):
    run = kind().open(CLIP)
    run.prompt(1, 0, FIRST)
    run.prompt(2, 0, Prompt.from_mask(disk(90, 60)))
    assert {m.object_id for f in run.propagate(0, objects=[2, 9]) for m in f.objects} == {2}


def test_clicks_on_a_frame_add_up_a_box_replaces_a_box_and_a_mask_replaces_all():
    run = OpticalFlow().open(CLIP)
    click, other = Prompt.point(40, 48), Prompt.point(40, 20, label=0)
    run.prompt(1, 0, click)
    both = run.prompt(1, 0, other).mask
    np.testing.assert_array_equal(both, grab_cut(PIXELS[0], click + other))
    run.prompt(1, 0, Prompt.box_xyxy(0, 0, 9, 9))
    box = Prompt.box_xyxy(22, 30, 59, 67)
    boxed = run.prompt(1, 0, box).mask
    np.testing.assert_array_equal(boxed, grab_cut(PIXELS[0], click + other + box))
    elsewhere = Prompt.from_mask(disk(100, 70))
    np.testing.assert_array_equal(run.prompt(1, 0, elsewhere).mask, elsewhere.mask)
    corrected = run.prompt(1, 0, other).mask
    np.testing.assert_array_equal(corrected, grab_cut(PIXELS[0], elsewhere + other))
    np.testing.assert_array_equal(run.prompt(1, 0, box).mask, grab_cut(PIXELS[0], other + box))


def test_a_click_corrects_the_mask_that_was_carried_to_its_frame():
    half = MASKS[0].copy()
    half[48:] = False
    run = OpticalFlow().open(CLIP)
    run.prompt(1, 0, Prompt.from_mask(half))
    carried = [decode(each.at(1).segmentation) for each in run.propagate(0)]
    click = Prompt.point(55, 58)
    said = run.prompt(1, 5, click).mask
    expected = grab_cut(PIXELS[5], Prompt.from_mask(carried[5]) + click)
    np.testing.assert_array_equal(said, expected)
    again = [decode(each.at(1).segmentation) for each in run.propagate(0)]
    np.testing.assert_array_equal(again[4], carried[4])
    np.testing.assert_array_equal(again[5], said)
    assert iou(again[8], MASKS[8]) > iou(carried[8], MASKS[8])


def test_propagation_may_be_left_and_taken_up_at_a_correction():
    run = OpticalFlow().open(CLIP)
    run.prompt(1, 0, Prompt.from_mask(disk(110, 20, radius=5)))
    for frame in run.propagate(0):
        if frame.frame_index == 4:
            break
    run.prompt(1, 4, Prompt.from_mask(MASKS[4]))
    frames = list(run.propagate(4))
    assert frames[0].frame_index == 4
    assert min(ious(frames)) > 0.85


@METHODS
def test_wrong_corrections_are_refused(kind):
    run = kind().open(CLIP)
    with pytest.raises(PromptError, match=r"frame -1 is prompted, .* expected one from 0 to 10"):
        run.prompt(1, -1, FIRST)
    with pytest.raises(PromptError, match="outside the image"):
        run.prompt(1, 0, Prompt.point(500, 1))
    with pytest.raises(IndexError, match="there is no frame 11"):
        run.propagate(11)
    assert all(frame.objects == () for frame in run.propagate(0))


@METHODS
def test_settings_are_json_and_name_the_version_of_opencv(kind):
    settings = json.loads(json.dumps(kind().settings))
    assert settings["opencv"] == cv2.__version__
    assert settings["predicts_iou"] is False
    assert settings["prompts_become_masks_by"]["iterations"] == 5


@METHODS
def test_it_can_be_sent_to_another_process(kind):
    assert pickle.loads(pickle.dumps(kind())).name == kind().name


@METHODS
def test_without_opencv_it_is_not_built(kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"pip install 'masklet\[eval\]'$"):
        kind()
