"""Where is looked again, and that what is seen there stands in the mask exactly where it belongs."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from masklet.image.zoom import Crop, crop_around, is_clearer, worthwhile_looks
from masklet.types import MaskSet, Prompt

SIZE = (96, 120)
CLICK, BESIDE = Prompt.point(50, 40), Prompt.point(110, 90, label=0)
BOX = Prompt.box_xyxy(44, 34, 60, 50)


def drawn(*boxes, strength=5.0):
    """Masks that are rectangles x0, y0, x1, y1, on a grid as fine as the image."""
    logits = torch.full((len(boxes), *SIZE), -strength)
    for row, (x0, y0, x1, y1) in enumerate(boxes):
        logits[row, int(y0) : int(y1), int(x0) : int(x1)] = strength
    count = len(boxes)
    return MaskSet(logits, torch.full((count,), 0.5), torch.ones(count), SIZE, tuple(range(count)))


def slope(dx, dy, offset):
    """One mask with straight logits, `offset + dx * x + dy * y` in the middles of pixels."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(120.0), indexing="ij")
    return MaskSet((x * dx + y * dy + offset)[None], torch.ones(1), torch.ones(1), SIZE, (0,))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((40, 30, 60, 50), (30, 20, 70, 60)),
        ((40.5, 30, 60.5, 50), (30, 20, 71, 60)),
        ((50, 40, 54, 42), (44, 35, 60, 47)),
        ((0, 0, 20, 20), (0, 0, 30, 30)),
        ((100, 76, 120, 96), (90, 66, 120, 96)),
        ((-30, -30, 20, 20), (0, 0, 30, 30)),
        ((30, 24, 90, 72), (0, 0, 120, 96)),
    ],
    ids=["twice", "whole pixels", "never tiny", "top left", "bottom right", "beyond", "a half"],
)
def test_a_crop_is_twice_as_large_as_its_object_and_ends_where_the_image_does(box, expected):
    assert crop_around(box, SIZE) == Crop(expected)


@pytest.mark.parametrize(
    "box",
    [(30, 30, 91, 50), (30, 30, 50, 79), (0, 0, 120, 96), (0, 0, 0, 0), (130, 10, 140, 20)],
    ids=["wide", "high", "everything", "empty", "elsewhere"],
)
def test_an_object_that_is_large_or_nowhere_is_not_looked_at_again(box):
    assert crop_around(box, SIZE) is None


@given(st.data(), st.integers(1, 300), st.integers(1, 300))
def test_every_crop_lies_in_its_image_and_holds_its_object(data, height, width):
    x0 = data.draw(st.floats(0, width * 0.9))
    y0 = data.draw(st.floats(0, height * 0.9))
    box = (x0, y0, x0 + width * 0.1, y0 + height * 0.1)
    crop = crop_around(box, (height, width))
    left, top, right, bottom = crop.box
    assert 0 <= left <= x0
    assert 0 <= top <= y0
    assert min(box[2], width) <= right <= width
    assert min(box[3], height) <= bottom <= height
    assert crop.size == np.zeros((height, width))[crop.part].shape
    assert min(crop.size) > 0


def test_clicks_and_box_point_at_the_same_pixels_of_the_picture():
    picture = np.arange(96 * 120).reshape(SIZE)
    crop = Crop((30, 20, 70, 60))
    said = crop.seen(BESIDE + CLICK + Prompt.point(30, 59, 0) + BOX)
    assert said.labels.tolist() == [1, 0]
    for (x, y), (there_x, there_y) in zip(said.points, [(50, 40), (30, 59)], strict=True):
        assert picture[crop.part][int(y), int(x)] == picture[there_y, there_x]
    x0, y0, x1, y1 = said.box.astype(int)
    np.testing.assert_array_equal(picture[crop.part][y0:y1, x0:x1], picture[34:50, 44:60])
    said.check_inside(crop.size)


def test_a_click_on_the_very_edge_of_the_image_is_seen():
    said = Crop((0, 66, 30, 96)).seen(Prompt.point(-0.5, 96))
    assert said.points.tolist() == [[-0.5, 30]]
    said.check_inside((30, 30))


@pytest.mark.parametrize("prompt", [BESIDE, Prompt.from_mask(np.eye(96, 120, dtype=bool))])
def test_without_a_click_or_box_inside_there_is_nothing_to_ask(prompt):
    assert Crop((30, 20, 70, 60)).seen(prompt) is None


def test_a_mask_is_left_out_of_what_is_asked_close_by():
    said = Crop((30, 20, 70, 60)).seen(CLICK + Prompt.from_mask(np.eye(96, 120, dtype=bool)))
    assert said.mask is None
    assert said.points.tolist() == [[20, 20]]


def test_what_is_known_of_a_crop_is_the_mask_there():
    answer = slope(0.5, -0.25, -10.0)
    (look,) = worthwhile_looks(dataclasses.replace(answer, logits=drawn(BOX.box).logits), [CLICK])
    known = look.known(answer)
    assert known.size == look.crop.size
    assert look.known(dataclasses.replace(answer, threshold=0.5)).threshold == 0.5
    rows, columns = look.crop.part
    expected = answer.full_logits()[0, rows, columns]
    # A slope survives any smooth resizing, but for the outermost cells.
    np.testing.assert_allclose(known.full_logits()[0, 2:-2, 2:-2], expected[2:-2, 2:-2], atol=0.02)
    assert (known.masks()[0] == answer.masks()[0][rows, columns]).mean() > 0.98


def test_small_objects_are_looked_at_again_in_the_order_of_the_masks():
    answer = drawn((44, 34, 60, 50), (4, 4, 100, 90), (80, 60, 100, 80))
    prompts = [CLICK, Prompt.point(20, 20), Prompt.point(90, 70)]
    looks = worthwhile_looks(answer, prompts)
    assert [look.row for look in looks] == [0, 2]
    assert [look.crop.box for look in looks] == [(36, 26, 68, 58), (70, 50, 110, 90)]
    assert [look.prompt.points.tolist() for look in looks] == [[[14, 14]], [[20, 20]]]


def test_every_mask_is_looked_at_for_the_prompt_that_it_answers():
    answer = dataclasses.replace(drawn(*[(44, 34, 60, 50)] * 3), prompt_index=(1, 1, 1))
    looks = worthwhile_looks(answer, [Prompt.point(5, 5), CLICK])
    assert [look.prompt.points.tolist() for look in looks] == [[[14, 14]]] * 3


def test_a_crop_holds_the_box_that_was_given_and_all_clicks_on_the_object():
    answer = drawn((52, 36, 60, 44))
    assert worthwhile_looks(answer, [BOX])[0].crop.box == (36, 26, 68, 58)
    far = CLICK + Prompt.point(71, 40)
    assert worthwhile_looks(answer, [far])[0].crop.box == (39, 32, 83, 48)
    assert worthwhile_looks(answer, [CLICK + Prompt.point(115, 40)]) == []


def test_an_empty_mask_is_looked_for_where_the_prompt_is():
    answer = drawn((0, 0, 0, 0))
    assert worthwhile_looks(answer, [BOX])[0].crop.box == (36, 26, 68, 58)
    assert worthwhile_looks(answer, [CLICK])[0].crop.box == (43, 34, 58, 47)
    assert worthwhile_looks(answer, [BESIDE]) == []


def test_an_object_that_was_shown_as_a_mask_is_left_as_it_is():
    mask = Prompt.from_mask(np.eye(96, 120, dtype=bool))
    assert worthwhile_looks(drawn((44, 34, 60, 50)), [mask]) == []


def test_clicks_correct_the_mask_so_far_and_a_box_asks_anew():
    answer = drawn((44, 34, 60, 50))
    starts = [worthwhile_looks(answer, [p])[0].starts_from_mask for p in (CLICK, BOX, BOX + CLICK)]
    assert starts == [True, False, True]


def test_a_closer_answer_is_taken_if_it_is_as_stable_and_shows_something():
    steep, flat, empty = drawn(BOX.box), drawn(BOX.box, strength=0.01), drawn((0, 0, 0, 0))
    assert is_clearer(steep, flat)
    assert is_clearer(steep, steep)
    assert not is_clearer(flat, steep)
    assert not is_clearer(empty, flat)


def test_the_threshold_of_the_answer_decides_what_is_clear():
    answer = drawn(BOX.box)
    tight = dataclasses.replace(answer, threshold=5.01)
    assert is_clearer(answer, answer)
    assert not is_clearer(answer, tight)
