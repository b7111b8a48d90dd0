"""Prompts refuse what cannot be meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masklet.errors import MaskletError, PromptError
from masklet.types import Prompt

SIZE = (40, 60)


def disc(x, y, radius, size=SIZE):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.hypot(columns - x, rows - y) <= radius


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
