"""A user who knows the truth: one click at a time, in the box of what is wrong."""

import numpy as np
import pytest
import torch

from masklet.eval.methods import Answer
from masklet.eval.simulated_user import Seen, correct, next_click, tight_box
from masklet.eval.stopwatch import Stopwatch
from masklet.ops.clicks import centre_clicks, random_clicks
from tests.eval.clips import square


def noisy(seed):
    return np.random.default_rng(seed).random((31, 47)) < 0.5


@pytest.mark.parametrize("seed", range(5))
def test_a_click_found_in_the_box_of_the_error_is_the_click_of_the_whole_picture(seed):
    said, truth = noisy(seed), noisy(seed + 100)
    said[:, 30:] = truth[:, 30:]
    said[:4] = truth[:4]
    expected = centre_clicks(torch.from_numpy(said)[None], torch.from_numpy(truth)[None])
    click = next_click(said, truth)
    assert click.points.tolist() == expected.points_B2.tolist()
    assert click.labels.tolist() == expected.labels_B.tolist()


def test_a_random_click_is_the_one_of_the_whole_picture():
    said, truth = square(5, 5), square(9, 7)
    pair = torch.from_numpy(said)[None], torch.from_numpy(truth)[None]
    expected = random_clicks(*pair, generator=torch.Generator().manual_seed(3))
    click = next_click(said, truth, generator=torch.Generator().manual_seed(3))
    assert click.points.tolist() == expected.points_B2.tolist()
    assert click.labels.tolist() == expected.labels_B.tolist()


def test_masks_in_the_order_of_run_lengths_are_clicked_too():
    said, truth = noisy(1), noisy(2)
    turned = np.asfortranarray(said), np.asfortranarray(truth)
    assert next_click(*turned).points.tolist() == next_click(said, truth).points.tolist()


def test_void_pixels_are_neither_clicked_nor_counted():
    truth, void = square(10, 10), square(30, 10)
    seen = Seen(3, truth, void)
    said = truth | void
    assert seen.iou(said) == 1.0
    assert seen.click(said) is None
    assert Seen(3, truth).iou(said) == 0.5
    assert Seen(3, truth).click(said).labels.tolist() == [0]


def test_an_empty_answer_is_right_where_the_object_is_hidden():
    nothing = np.zeros((4, 4), bool)
    assert Seen(0, nothing).iou(nothing) == 1.0


def test_the_box_ends_just_after_the_last_pixel():
    assert tight_box(square(10, 5, side=1)).box.tolist() == [10, 5, 11, 6]


def test_the_user_stops_once_the_answer_is_right_and_waiting_for_it_is_measured():
    class Growing:
        answers = [square(10, 10, side=8), square(10, 10)]  # noqa: RUF012
        said = []  # noqa: RUF012

        def prompt(self, object_id, frame_index, prompt):
            self.said.append((object_id, frame_index, prompt.points.tolist()))
            return Answer(self.answers[len(self.said) - 1])

    seen, watch = Seen(2, square(10, 10)), Stopwatch()
    made = correct(Growing(), 5, seen, np.zeros((48, 96), bool), clicks=4, watch=watch)
    assert len(made) == 2
    assert [each[:2] for each in Growing.said] == [(5, 2), (5, 2)]
    assert watch.seconds > 0
    assert correct(Growing(), 5, seen, seen.truth, clicks=4, watch=watch) == ()
