"""GrabCut and flood fill: what they find, what clicks change, and what could have broken OpenCV."""

import sys

import cv2
import numpy as np
import pytest

from masklet.errors import MissingExtra, PromptError
from masklet.eval.classical_masks import flood_fill, grab_cut, opencv
from masklet.types import Prompt
from tests.eval.disks import SIZE, disk, iou, picture

DISK = disk(60, 48)
PICTURE = picture(DISK)
AROUND = Prompt.box_xyxy(42, 30, 79, 67)

SQUARE = np.zeros(SIZE, bool)
SQUARE[30:60, 40:90] = True
PLAIN = np.where(SQUARE[..., None], np.uint8(180), np.uint8(60)) * np.ones(3, np.uint8)


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_grabcut_finds_a_textured_disk_from_its_box():
    assert iou(grab_cut(PICTURE, AROUND), DISK) > 0.95


def test_grabcut_from_a_box_stays_inside_it():
    half = grab_cut(PICTURE, Prompt.box_xyxy(42, 30, 60, 67))
    assert half[:, 42:60].any()
    assert not half[:, :42].any()
    assert not half[:, 60:].any()


def test_grabcut_finds_a_textured_disk_from_a_click():
    assert iou(grab_cut(PICTURE, Prompt.point(60, 48)), DISK) > 0.9


def test_grabcut_keeps_the_pieces_that_were_clicked_only():
    twins = disk(30, 48) | disk(95, 48)
    said = grab_cut(picture(twins), Prompt.point(30, 48))
    assert iou(said, disk(30, 48)) > 0.9
    both = grab_cut(picture(twins), Prompt.point(30, 48) + Prompt.point(95, 48))
    assert iou(both, twins) > 0.9


def test_disks_around_clicks_are_certain_and_of_close_ones_the_later_counts():
    clicks = Prompt.point(60, 48, label=0) + Prompt.point(45, 33)
    said = grab_cut(PICTURE, AROUND + clicks)
    assert not said[disk(60, 48, radius=3)].any()
    assert said[disk(45, 33, radius=3) & disk(60, 48, radius=30)].sum() > 15
    assert iou(said, DISK) > 0.9
    again = grab_cut(PICTURE, AROUND + clicks + Prompt.point(61, 48))
    assert again[disk(61, 48, radius=3)].all()


def test_grabcut_moves_the_outline_of_a_mask_to_the_edge():
    guess = disk(62, 50, radius=16)
    assert iou(guess, DISK) < 0.8
    assert iou(grab_cut(PICTURE, Prompt.from_mask(guess)), DISK) > 0.95


def test_a_mask_keeps_what_lies_deep_inside_and_far_outside():
    twins = disk(30, 48) | disk(95, 48)
    said = grab_cut(picture(twins), Prompt.from_mask(disk(30, 48)))
    assert not said[:, 64:].any()
    wrong = disk(30, 48) | disk(95, 20, radius=10)
    assert grab_cut(picture(disk(30, 48)), Prompt.from_mask(wrong))[20, 95]


def test_clicks_correct_a_mask_for_grabcut():
    half = DISK.copy()
    half[:, 60:] = False
    said = grab_cut(PICTURE, Prompt.from_mask(half) + Prompt.point(69, 48))
    assert iou(said, DISK) > iou(half, DISK) + 0.2


def test_a_click_on_a_piece_of_a_mask_leaves_the_other_pieces():
    twins = disk(30, 48) | disk(95, 48)
    said = grab_cut(picture(twins), Prompt.from_mask(twins) + Prompt.point(30, 48))
    assert iou(said, twins) > 0.9


def test_a_box_limits_a_mask():
    said = grab_cut(PICTURE, Prompt.from_mask(DISK) + Prompt.box_xyxy(0, 0, 60, 96))
    assert said.any()
    assert not said[:, 60:].any()


def test_the_same_cut_comes_every_time():
    first = grab_cut(PICTURE, AROUND)
    cv2.setRNGSeed(99)
    np.testing.assert_array_equal(grab_cut(PICTURE, AROUND), first)


def test_flood_fill_finds_a_plain_square_from_a_click():
    assert iou(flood_fill(PLAIN, Prompt.point(50, 40)), SQUARE) > 0.85


def test_flood_fill_leaves_the_picture_as_it_is():
    before = PLAIN.copy()
    flood_fill(PLAIN, Prompt.point(50, 40))
    np.testing.assert_array_equal(PLAIN, before)


def test_flood_fill_of_several_clicks_is_all_their_fills():
    said = flood_fill(PLAIN, Prompt.point(50, 40) + Prompt.point(5, 5))
    assert said[40, 50]
    assert said[5, 5]


def test_a_pixel_that_two_clicks_fill_belongs_to_the_nearer_one():
    said = flood_fill(PLAIN, Prompt.point(45, 45) + Prompt.point(85, 45, label=0))
    assert said[45, 45:65].all()
    assert not said[45, 66:89].any()


def test_flood_fill_of_a_box_begins_in_its_centre_and_ends_at_its_border():
    said = flood_fill(PLAIN, Prompt.box_xyxy(50, 35, 70, 55))
    expected = np.zeros(SIZE, bool)
    expected[35:55, 50:70] = True
    np.testing.assert_array_equal(said, expected)


def test_a_click_in_a_box_takes_the_place_of_its_centre():
    box = Prompt.box_xyxy(30, 20, 110, 70)
    assert flood_fill(PLAIN, box)[45, 65]
    said = flood_fill(PLAIN, box + Prompt.point(100, 45))
    assert said[45, 100]
    assert not said[45, 65]


def test_a_mask_is_its_own_flood_fill():
    np.testing.assert_array_equal(flood_fill(PLAIN, Prompt.from_mask(DISK)), DISK)


def test_clicks_correct_a_mask_near_to_where_they_are():
    half = SQUARE.copy()
    half[:, 65:] = False
    added = flood_fill(PLAIN, Prompt.from_mask(half) + Prompt.point(70, 45))
    assert added[half].all()
    assert added[45, 70:80].all()
    # Half the root of 750 pixels is 13.
    assert not added[45, 84:].any()
    removed = flood_fill(PLAIN, Prompt.from_mask(SQUARE) + Prompt.point(85, 45, label=0))
    assert removed[45, 41:60].all()
    assert not removed[45, 80:89].any()


METHODS = pytest.mark.parametrize("method", [grab_cut, flood_fill])


@METHODS
def test_clicks_beside_the_object_alone_mean_nothing(method):
    assert not method(PICTURE, Prompt.point(60, 48, label=0)).any()


@METHODS
def test_an_empty_mask_stays_empty_until_a_click_says_otherwise(method):
    nothing = Prompt.from_mask(np.zeros(SIZE, bool))
    assert not method(PLAIN, nothing).any()
    assert iou(method(PLAIN, nothing + Prompt.point(50, 40)), SQUARE) > 0.85


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (5, 40)])
@pytest.mark.parametrize("kind", ["flat", "noise"])
@METHODS
def test_tiny_and_flat_pictures_give_a_mask_of_their_size(method, size, kind):
    image = noise(*size) if kind == "noise" else np.full((*size, 3), 77, np.uint8)
    height, width = size
    whole = Prompt.box_xyxy(0, 0, width, height)
    prompts = [
        whole,
        Prompt.box_xyxy(0, 0, 1, 1),
        Prompt.point(width - 1, height - 1),
        whole + Prompt.point(0, 0, label=0),
        Prompt.from_mask(np.ones(size, bool)),
        Prompt.from_mask(np.ones(size, bool)) + Prompt.point(0, 0, label=0),
    ]
    for prompt in prompts:
        said = method(image, prompt)
        assert said.shape == size
        assert said.dtype == np.bool_


def test_a_box_around_everything_still_finds_a_disk_that_fills_it():
    large = disk(64, 48, radius=46)
    said = grab_cut(picture(large), Prompt.box_xyxy(0, 0, SIZE[1], SIZE[0]))
    assert iou(said, large) > 0.95


@pytest.mark.parametrize("size", [(1, 7), (2, 2), (40, 50)])
def test_a_box_around_a_flat_picture_is_the_answer(size):
    flat = np.full((*size, 3), 77, np.uint8)
    assert grab_cut(flat, Prompt.box_xyxy(0, 0, size[1], size[0])).all()


def test_a_box_of_one_pixel_is_the_answer_where_the_cut_leaves_nothing():
    said = grab_cut(PICTURE, Prompt.box_xyxy(60, 48, 61, 49))
    assert np.argwhere(said).tolist() == [[48, 60]]


@METHODS
def test_a_box_that_sticks_out_is_cut_off_at_the_border(method):
    said = method(PICTURE, Prompt.box_xyxy(-20, -20, 500, 500))
    np.testing.assert_array_equal(said, method(PICTURE, Prompt.box_xyxy(0, 0, 128, 96)))


@METHODS
def test_a_click_on_the_outer_edge_is_one_on_the_last_pixel(method):
    said = method(PLAIN, Prompt.point(128, 96))
    np.testing.assert_array_equal(said, method(PLAIN, Prompt.point(127, 95)))


@METHODS
@pytest.mark.parametrize(
    "prompt",
    [Prompt.point(500, 3), Prompt.box_xyxy(200, 0, 300, 9), Prompt.from_mask(np.ones((3, 3)))],
    ids=["point", "box", "mask"],
)
def test_a_prompt_outside_the_picture_is_refused(method, prompt):
    with pytest.raises(PromptError, match="image"):
        method(PICTURE, prompt)


def test_without_opencv_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"need OpenCV.*pip install 'masklet\[eval\]'$"):
        opencv()
