"""Prompts refuse what cannot be meant, masks are read the way they were asked for."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from masklet.errors import MaskletError, PromptError
from masklet.ops.boxes import box_iou
from masklet.ops.rle import decode
from masklet.types import MaskSet, Prompt

SIZE = (40, 60)


def disc(x, y, radius, size=SIZE):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.hypot(columns - x, rows - y) <= radius


def mask_set(*masks, iou=None, prompt_index=None, **options):
    """Masks as logits on a grid of the image's own size, so that they come back exactly."""
    logits = torch.tensor(np.stack(masks)).float() * 20 - 10
    count = len(masks)
    return MaskSet(
        logits=logits,
        iou=torch.tensor([0.5] * count if iou is None else iou),
        object_score=torch.arange(count).float(),
        size=masks[0].shape,
        prompt_index=tuple(range(count)) if prompt_index is None else prompt_index,
        **options,
    )


def test_a_click_is_a_point_with_a_label():
    prompt = Prompt.point(40, 30, label=0)
    assert prompt.points.tolist() == [[40, 30]]
    assert prompt.points.dtype == np.float32
    assert prompt.labels.tolist() == [0]
    assert prompt.labels.dtype == np.int8
    assert prompt.box is None
    assert prompt.mask is None


def test_a_box_is_given_by_its_corners():
    prompt = Prompt.box_xyxy(1, 2, 30, 40)
    assert prompt.box.tolist() == [1, 2, 30, 40]
    assert prompt.box.dtype == np.float32
    assert prompt.points.shape == (0, 2)


@pytest.mark.parametrize("inside", [True, 1, 1.0, 255, np.uint8(3)])
def test_a_mask_has_0_outside_and_any_one_value_inside(inside):
    prompt = Prompt.from_mask(np.array([[0, inside], [0, 0]], np.asarray(inside).dtype))
    assert prompt.mask.dtype == np.bool_
    assert prompt.mask.tolist() == [[False, True], [False, False]]


def test_plain_lists_are_accepted():
    prompt = Prompt(points=[[1, 2], [3, 4]], labels=[1, 0], box=[0, 0, 9, 9], mask=[[0, 1]])
    assert prompt.points.shape == (2, 2)
    assert prompt.box.shape == (4,)
    assert prompt.mask.shape == (1, 2)


def test_prompts_about_one_object_add_up():
    prompt = Prompt.point(1, 2) + Prompt.box_xyxy(0, 0, 9, 9) + Prompt.point(3, 4, label=0)
    assert prompt.points.tolist() == [[1, 2], [3, 4]]
    assert prompt.labels.tolist() == [1, 0]
    assert prompt.box.tolist() == [0, 0, 9, 9]
    guess = Prompt.from_mask(np.eye(3, dtype=bool)) + Prompt.point(1, 1)
    assert guess.mask.sum() == 3


@pytest.mark.parametrize(
    ("prompt", "name"),
    [(Prompt.box_xyxy(0, 0, 9, 9), "box"), (Prompt.from_mask(np.eye(3, dtype=bool)), "mask")],
)
def test_one_object_has_one_box_and_one_mask(prompt, name):
    with pytest.raises(PromptError, match=rf"both prompts have a {name}; .*list of two prompts"):
        _ = prompt + prompt


def test_a_prompt_does_not_change_with_the_arrays_it_was_made_from():
    points, box = np.array([[1, 2]], np.float32), np.array([0, 0, 9, 9], np.float32)
    labels, mask = np.array([1], np.int8), np.eye(3, dtype=bool)
    prompt = Prompt(points, labels, box, mask)
    for array in (points, box, labels, mask):
        array[...] = 0
    assert prompt.points.tolist() == [[1, 2]]
    assert prompt.labels.tolist() == [1]
    assert prompt.box.tolist() == [0, 0, 9, 9]
    assert prompt.mask.sum() == 3


def test_a_prompt_says_what_it_holds():
    prompt = Prompt.point(1, 2) + Prompt.point(3, 4, 0) + Prompt.box_xyxy(0, 0, 9, 9.54)
    assert repr(prompt) == "Prompt(points 2, on 1, box [0.0, 0.0, 9.0, 9.5])"
    assert repr(Prompt.from_mask(np.eye(3, dtype=bool))) == "Prompt(mask 3 of 9 pixels)"


def test_a_box_comes_before_the_clicks_as_two_points():
    points, labels = (Prompt.point(5, 6, 0) + Prompt.box_xyxy(1, 2, 3, 4)).point_tokens()
    assert points.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert labels.tolist() == [2, 3, 0]
    points, labels = Prompt.from_mask(np.eye(2, dtype=bool)).point_tokens()
    assert points.shape == (0, 2)
    assert labels.shape == (0,)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, r"the prompt is empty; expected at least a point, a box or a mask"),
        ({"points": [[1, 2]]}, r"1 points but labels of shape \(0,\); expected one label per"),
        ({"labels": [1]}, r"0 points but labels of shape \(1,\)"),
        ({"points": [1, 2], "labels": [1]}, r"points have shape \(2,\).*Wrap a single click"),
        ({"points": [[1, 2, 3]], "labels": [1]}, r"points have shape \(1, 3\)"),
        ({"points": [[1, 2], [3]], "labels": [1, 1]}, r"points .* cannot be read as numbers"),
        ({"points": [["a", "b"]], "labels": [1]}, r"points .* cannot be read as numbers"),
        ({"points": [[np.nan, 2]], "labels": [1]}, r"a point is not finite: \[\[nan, 2.0\]\]"),
        ({"points": [[np.inf, 2]], "labels": [1]}, r"a point is not finite"),
        ({"points": [[1, 2]], "labels": [2]}, r"labels are \[2\].*not as points with labels 2"),
        ({"points": [[1, 2]], "labels": [-1]}, r"labels are \[-1\]; expected 1 \(on the object\)"),
        ({"points": [[1, 2]], "labels": [0.5]}, r"labels are \[0.5\]"),
        ({"box": [1, 2, 3]}, r"the box has shape \(3,\); expected four numbers"),
        ({"box": [[1, 2, 3, 4]]}, r"the box has shape \(1, 4\).*as a list of prompts"),
        ({"box": "none"}, r"the box 'none' cannot be read as numbers"),
        ({"box": [1, 2, np.nan, 4]}, r"the box \[1.0, 2.0, nan, 4.0\] is not finite"),
        ({"box": [5, 2, 5, 9]}, r"the box \(5, 2, 5, 9\) is empty or inverted.*width, height"),
        ({"box": [5, 9, 8, 2]}, r"is empty or inverted; expected x0 < x1 and y0 < y1"),
        ({"mask": [0, 1]}, r"the mask has shape \(2,\); expected \(height, width\)"),
        ({"mask": np.zeros((1, 2, 2))}, r"the mask has shape \(1, 2, 2\).*list of prompts"),
        ({"mask": [[0, 1, 2]]}, r"3 different values \(0, 1, 2 \.\.\.\).*Threshold it"),
        ({"mask": [[1, 2]]}, r"2 different values \(1, 2 \.\.\.\); expected two, 0 outside"),
        ({"mask": [[0, np.nan]]}, r"the mask holds values that are not finite"),
    ],
)
def test_what_cannot_be_meant_is_refused(said, message):
    with pytest.raises(PromptError, match=message):
        Prompt(**said)


def test_a_prompt_error_is_also_the_builtin_that_callers_expect():
    assert issubclass(PromptError, MaskletError)
    with pytest.raises(ValueError, match="empty"):
        Prompt()


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt.point(0, 0),
        Prompt.point(59, 39),
        Prompt.point(-0.5, 40),
        Prompt.box_xyxy(-20, -20, 5, 5),
        Prompt.box_xyxy(0, 0, 60, 40),
        Prompt.box_xyxy(-1000, -1000, 1000, 1000),
        Prompt.from_mask(np.ones(SIZE, bool)),
    ],
    ids=repr,
)
def test_a_prompt_inside_the_image_passes(prompt):
    prompt.check_inside(SIZE)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (Prompt.point(61, 10), r"point \(61, 10\) lies outside the image, which is 60 wide and 40"),
        (Prompt.point(10, 41), r"point \(10, 41\) lies outside"),
        (Prompt.point(-1, 10), r"point \(-1, 10\) lies outside"),
        (Prompt.point(10, 50), r"lies outside .*Did you pass \(row, column\)\?$"),
        (Prompt.point(5, 5) + Prompt.point(99, 5, 0), r"point \(99, 5\) lies outside"),
        (Prompt.box_xyxy(60, 0, 70, 10), r"box \(60, 0, 70, 10\) lies outside the image"),
        (Prompt.box_xyxy(-9, -9, 0, 10), r"box \(-9, -9, 0, 10\) lies outside"),
        (Prompt.box_xyxy(10, 45, 30, 55), r"x0, y0, x1, y1 in pixels .*Did you pass \(row, col"),
        (Prompt.from_mask(np.ones((60, 40), bool)), r"the mask is 40 wide and 60 high, the image "),
    ],
)
def test_a_prompt_outside_the_image_is_refused(prompt, message):
    with pytest.raises(PromptError, match=message):
        prompt.check_inside(SIZE)


def test_a_point_far_outside_is_not_called_swapped():
    with pytest.raises(PromptError) as caught:
        Prompt.point(500, 500).check_inside(SIZE)
    assert "row, column" not in str(caught.value)


@given(st.floats(-2, 62, width=32), st.floats(-2, 42, width=32))
def test_a_click_passes_exactly_where_pixels_are(x, y):
    inside = -0.5 <= x <= 60 and -0.5 <= y <= 40
    if inside:
        Prompt.point(x, y).check_inside(SIZE)
    else:
        with pytest.raises(PromptError):
            Prompt.point(x, y).check_inside(SIZE)


def test_masks_come_back_as_they_went_in():
    masks = [disc(20, 20, 9), disc(40, 15, 12)]
    read = mask_set(*masks).masks()
    assert read.dtype == np.bool_
    np.testing.assert_array_equal(read, masks)


def test_masks_are_drawn_at_the_size_of_the_image():
    small = disc(5, 4, 3, (10, 15))
    answer = MaskSet(
        torch.tensor(small)[None] * 20.0 - 10, torch.ones(1), torch.ones(1), SIZE, (0,)
    )
    assert answer.masks().shape == (1, *SIZE)
    assert answer.full_logits().shape == (1, *SIZE)
    assert answer.full_logits().dtype == np.float32
    both = answer.masks()[0] & disc(21.5, 17.5, 12.5)
    assert both.sum() > 0.9 * answer.areas()[0]


def test_the_threshold_decides_what_belongs_to_a_mask():
    rising = np.linspace(-3, 3, 60, dtype=np.float32)
    logits = torch.tensor(np.tile(rising, (40, 1)))[None]
    areas = [
        MaskSet(logits, torch.ones(1), torch.ones(1), SIZE, (0,), threshold=level).areas()[0]
        for level in (-1.0, 0.0, 1.0)
    ]
    assert areas == [40 * 40, 30 * 40, 20 * 40]


def test_holes_are_filled_and_specks_dropped_up_to_an_area_in_image_pixels():
    mask = disc(30, 20, 12) & ~disc(30, 20, 2)
    mask[2:4, 2:4] = True
    hole, speck = int(disc(30, 20, 2).sum()), 4
    plain = mask_set(mask).areas()[0]
    assert mask_set(mask, max_hole_area=hole - 1).areas()[0] == plain
    assert mask_set(mask, max_hole_area=hole).areas()[0] == plain + hole
    assert mask_set(mask, max_speck_area=speck - 1).areas()[0] == plain
    assert mask_set(mask, max_speck_area=speck).areas()[0] == plain - speck


def test_areas_and_boxes_belong_to_the_masks():
    answer = mask_set(disc(20, 20, 9), disc(40, 15, 12))
    assert answer.areas().dtype == np.int64
    assert answer.areas().tolist() == [int(mask.sum()) for mask in answer.masks()]
    assert answer.boxes().tolist() == [[11, 11, 30, 30], [28, 3, 53, 28]]


def test_an_empty_mask_has_no_area_an_empty_box_and_a_transparent_cutout():
    answer = mask_set(np.zeros(SIZE, bool))
    assert answer.areas().tolist() == [0]
    assert answer.boxes().tolist() == [[0, 0, 0, 0]]
    (cutout,) = answer.cutouts(np.full((*SIZE, 3), 7, np.uint8))
    assert cutout.shape == (1, 1, 4)
    assert cutout[0, 0, 3] == 0


def test_encodings_decode_to_the_masks():
    answer = mask_set(disc(20, 20, 9), disc(40, 15, 12))
    np.testing.assert_array_equal([decode(rle) for rle in answer.rle()], answer.masks())


def test_polygons_enclose_the_masks():
    answer = mask_set(disc(20, 20, 9), disc(40, 15, 12) & ~disc(40, 15, 4))
    rings = answer.polygons()
    assert [len(of_one) for of_one in rings] == [1, 2]
    bounds = np.array([[*of_one[0].min(0), *of_one[0].max(0)] for of_one in rings])
    np.testing.assert_array_equal(bounds, answer.boxes())
    assert len(answer.polygons(tolerance=1.0)[0][0]) < len(rings[0][0])


def test_coco_annotations_hold_what_coco_expects():
    answer = mask_set(disc(20, 20, 9), iou=[0.75])
    (annotation,) = answer.to_coco(image_id=7, category_id=3)
    assert annotation["image_id"] == 7
    assert annotation["category_id"] == 3
    assert annotation["bbox"] == [11.0, 11.0, 19.0, 19.0]
    assert annotation["area"] == int(answer.areas()[0])
    assert annotation["score"] == 0.75
    assert annotation["iscrowd"] == 0
    np.testing.assert_array_equal(decode(annotation["segmentation"]), answer.masks()[0])


def test_a_cutout_is_the_object_on_nothing_cropped_to_its_box():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    answer = mask_set(disc(20, 20, 9))
    (cutout,) = answer.cutouts(image)
    np.testing.assert_array_equal(cutout[..., :3], image[11:30, 11:30])
    np.testing.assert_array_equal(cutout[..., 3] == 255, answer.masks()[0][11:30, 11:30])


@pytest.mark.parametrize("shape", [(41, 60, 3), (40, 60), (40, 60, 4)])
def test_a_cutout_needs_the_image_that_was_segmented(shape):
    with pytest.raises(PromptError, match=r"the masks belong to one of \(40, 60, 3\); pass the im"):
        mask_set(disc(20, 20, 9)).cutouts(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (1, [1]),
        (-1, [2]),
        (slice(1, None), [1, 2]),
        (slice(None, None, -1), [2, 1, 0]),
        ([2, 0], [2, 0]),
        (np.array([False, True, True]), [1, 2]),
        (np.array([1, 1]), [1, 1]),
        ([], []),
        (np.zeros(3, bool), []),
    ],
    ids=str,
)
def test_indexing_takes_numbers_slices_lists_and_bools(index, rows):
    answer = mask_set(*(disc(20, 20, r) for r in (3, 6, 9)), prompt_index=(4, 5, 6), threshold=0.5)
    chosen = answer[index]
    assert len(chosen) == len(rows)
    assert chosen.prompt_index == tuple(4 + row for row in rows)
    assert chosen.areas().tolist() == [answer.areas()[row] for row in rows]
    assert chosen.object_score.tolist() == rows
    assert chosen.threshold == 0.5
    assert chosen.masks().shape == (len(rows), *SIZE)


def test_an_index_beyond_the_end_is_an_error():
    with pytest.raises(IndexError):
        mask_set(disc(20, 20, 9))[1]


def test_iterating_gives_sets_of_one_mask():
    answer = mask_set(disc(20, 20, 3), disc(20, 20, 6))
    assert [len(one) for one in answer] == [1, 1]
    assert [one.areas()[0] for one in answer] == answer.areas().tolist()


def test_the_best_mask_of_every_prompt_has_the_highest_predicted_iou():
    radii, iou = (1, 2, 3, 4, 5, 6), [0.1, 0.9, 0.3, 0.2, 0.6, 0.8]
    answer = mask_set(*(disc(20, 20, r) for r in radii), iou=iou, prompt_index=(0, 0, 0, 1, 1, 1))
    best = answer.best()
    assert best.prompt_index == (0, 1)
    np.testing.assert_allclose(best.scores(), [0.9, 0.8])


def test_nothing_has_no_best():
    assert len(mask_set(disc(20, 20, 9))[[]].best()) == 0


def test_a_mask_set_says_how_sure_it_is():
    answer = mask_set(*[disc(20, 20, 9)] * 9, iou=[0.875] * 9)
    assert repr(answer[:2]) == "MaskSet(2 of 60x40, iou 0.88, 0.88)"
    assert repr(answer).endswith(", ...)")


def test_scores_are_float32_whatever_the_precision_of_the_network():
    answer = mask_set(disc(20, 20, 9))
    half = MaskSet(answer.logits, answer.iou.bfloat16(), answer.object_score, SIZE, (0,))
    assert half.scores().dtype == np.float32


def test_boxes_feed_the_functions_on_boxes():
    boxes = torch.tensor(mask_set(disc(20, 20, 9), disc(40, 15, 12)).boxes())
    assert box_iou(boxes, boxes).diagonal().tolist() == [1, 1]
