"""Where the simulated user of training puts clicks and boxes."""

import pytest
import torch

from masklet.ops.clicks import Clicks
from masklet.train.prompting import Click
from masklet.train.user import boxed, clicked, inside_cells, pixels_of_cells

LOOKS = pytest.mark.parametrize("looks", ["full", "logits"])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def square(first, last, rows=1, side=64):
    masks = torch.zeros(rows, side, side, dtype=torch.bool)
    masks[:, first:last, first:last] = True
    return masks


def band(first, last, rows=1):
    """Columns from the top to the bottom: no corners that would be rounded when logits grow."""
    masks = torch.zeros(rows, 64, 64, dtype=torch.bool)
    masks[:, :, first:last] = True
    return masks


def logits_of(truth):
    """Sure logits of a mask whose edges lie on the grid of cells."""
    return truth[:, ::4, ::4].float() * 20 - 10


def at(truth, prompt):
    """What is true of the last point of every row."""
    x, y = prompt.points_BP2[:, -1].long().unbind(dim=1)
    return truth[torch.arange(len(truth)), y, x]


def many(before, said, truth, click, looks, count=200):
    """The same click in so many rows, each with its own luck."""
    said = None if said is None else said.expand(count, -1, -1)
    truth = truth.expand(count, -1, -1)
    return clicked(before, said, truth, click, looks=looks, generator=generator())


@LOOKS
def test_the_first_click_is_anywhere_on_the_object(looks):
    truth = square(16, 48)
    prompt = many(None, None, truth, Click(), looks)
    assert prompt.points_BP2.shape == (200, 1, 2)
    assert prompt.labels_BP.eq(1).all()
    assert prompt.mask_Bhw is None
    assert at(truth.expand(200, -1, -1), prompt).all()
    # All of it: the corners of the square are met within a few pixels.
    assert prompt.points_BP2.amin(dim=0).lt(19).all()
    assert prompt.points_BP2.amax(dim=0).gt(44).all()


@LOOKS
def test_of_an_object_that_is_not_there_the_first_click_is_beside_it(looks):
    prompt = many(None, None, torch.zeros(1, 64, 64, dtype=torch.bool), Click(), looks)
    assert prompt.labels_BP.eq(0).all()


@LOOKS
def test_a_correction_is_on_what_is_wrong_with_the_label_that_mends_it(looks):
    truth, said = band(16, 48), band(16, 32)
    prompt = many(None, logits_of(said), truth, Click(), looks)
    assert prompt.labels_BP.eq(1).all()
    assert at((truth & ~said).expand(200, -1, -1), prompt).all()
    too_much = many(None, logits_of(truth), said, Click(), looks)
    assert too_much.labels_BP.eq(0).all()
    assert at((truth & ~said).expand(200, -1, -1), too_much).all()


@LOOKS
def test_a_correction_from_the_truth_ignores_the_answer_but_hands_it_on(looks):
    truth = square(16, 48)
    said = logits_of(truth)
    prompt = many(None, said, truth, Click(from_truth=True), looks)
    assert prompt.labels_BP.eq(1).all()
    assert at(truth.expand(200, -1, -1), prompt).all()
    assert torch.equal(prompt.mask_Bhw, said.expand(200, -1, -1))


@LOOKS
def test_a_perfect_answer_gets_a_click_beside_the_object(looks):
    truth = band(16, 48)
    prompt = many(None, logits_of(truth), truth, Click(), looks)
    assert prompt.labels_BP.eq(0).all()
    assert not at(truth.expand(200, -1, -1), prompt).any()


@LOOKS
def test_a_centred_click_is_in_the_middle_of_the_largest_error(looks):
    truth = square(16, 48)
    prompt = many(None, None, truth, Click(is_centred=True), looks)
    # Of a square of an even side the first pixel, or a pixel of the first cell, of the four.
    assert (prompt.points_BP2 - 31).abs().amax() <= (0 if looks == "full" else 3)


@LOOKS
def test_clicks_are_added_to_what_was_said_before(looks):
    truth = band(16, 48, rows=3)
    box = boxed(truth, generator=generator())
    both = clicked(box, logits_of(truth), truth, Click(), looks=looks, generator=generator())
    assert torch.equal(both.points_BP2[:, :2], box.points_BP2)
    assert both.labels_BP.tolist() == [[2, 3, 0]] * 3


def test_the_answer_enters_with_its_gradient_and_is_not_clipped():
    said = torch.full((1, 16, 16), -1024.0, requires_grad=True)
    prompt = clicked(None, said, square(16, 48), Click(), looks="full", generator=generator())
    assert prompt.mask_Bhw is said


def test_all_pixels_are_looked_at_after_the_logits_have_grown():
    truth = square(16, 48)
    said = logits_of(truth)
    grown = torch.nn.functional.interpolate(said[None], size=(64, 64), mode="bilinear")[0] > 0
    prompt = many(None, said, square(15, 49), Click(), "full")
    wrong = (grown != square(15, 49)).expand(200, -1, -1)
    assert at(wrong, prompt).all()


def test_an_object_smaller_than_a_cell_is_clicked_all_the_same():
    truth = torch.zeros(1, 64, 64, dtype=torch.bool)
    truth[0, 21, 33:35] = True
    prompt = many(None, None, truth, Click(), "logits")
    assert prompt.labels_BP.eq(1).all()
    assert at(truth.expand(200, -1, -1), prompt).all()
    assert {tuple(point) for point in prompt.points_BP2[:, 0].tolist()} == {(33, 21), (34, 21)}


def test_half_a_cell_is_inside_and_less_is_not():
    truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    truth[0, :4, :6] = True
    truth[0, 4:, :1] = True
    assert inside_cells(truth).tolist() == [[[True, True], [False, False]]]
    assert not inside_cells(torch.zeros(1, 8, 8, dtype=torch.bool)).any()


def test_a_click_on_a_cell_with_no_pixel_of_its_label_is_anywhere_in_it():
    cell = Clicks(torch.tensor([[1.0, 0.0]]), torch.tensor([1]), torch.tensor([True]))
    truth = torch.zeros(1, 8, 8, dtype=torch.bool)
    numbers = generator()
    points = [pixels_of_cells(cell, truth, generator=numbers).points_B2[0] for _ in range(100)]
    assert torch.stack(points).amin(dim=0).tolist() == [4.0, 0.0]
    assert torch.stack(points).amax(dim=0).tolist() == [7.0, 3.0]


def test_a_box_is_two_corners_near_those_of_the_object():
    truth = square(16, 48, rows=50)
    box = boxed(truth, generator=generator())
    assert box.labels_BP.tolist() == [[2, 3]] * 50
    corners = torch.tensor([[16.0, 16.0], [47.0, 47.0]])
    off = (box.points_BP2 - corners).abs()
    assert off.amax() <= 0.1 * 31
    assert off.amax() > 2
