"""Recall, decay and clicks needed, by hand."""

import numpy as np
import pytest

from masklet.eval.series import clicks_needed, decay, recall


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.5], 0), ([0.51], 1), ([0.2, 0.9, 0.6], 2 / 3), ([1.0] * 7, 1)],
    ids=str,
)
def test_recall_is_the_share_above_one_half(scores, expected):
    assert recall(scores) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("count", "first", "last"),
    [
        (1, [0], [0]),
        (2, [0], [1]),
        (3, [0, 1], [2]),
        (4, [0, 1], [2, 3]),
        (5, [0, 1], [3, 4]),
        (9, [0, 1, 2], [6, 7, 8]),
        # Borders at 1, 17.25, 33.5, 49.75 and 66, as in a clip of 68 frames with both ends left out.
        (66, list(range(17)), list(range(49, 66))),
    ],
    ids=str,
)
def test_decay_is_the_first_quarter_less_the_last_with_the_toolkits_borders(count, first, last):
    scores = np.random.default_rng(count).random(count)
    assert decay(scores.tolist()) == pytest.approx(scores[first].mean() - scores[last].mean())


def test_decay_of_a_long_clip_takes_its_real_quarters():
    assert decay([1.0] * 250 + [0.5] * 500 + [0.25] * 250) == pytest.approx(0.75, abs=0.005)


def test_a_score_that_rises_has_a_negative_decay():
    assert decay([0.1, 0.2, 0.8, 0.9]) < 0


@pytest.mark.parametrize(
    ("ious", "most", "expected"),
    [
        ([0.9], 20, 1),
        ([0.1, 0.85, 0.95], 20, 3),
        ([0.1, 0.91, 0.5], 20, 2),
        ([0.1, 0.2], 20, 20),
        ([], 20, 20),
        ([0.1, 0.2, 0.95], 2, 2),
    ],
    ids=str,
)
def test_clicks_are_counted_until_the_iou_is_reached(ious, most, expected):
    assert clicks_needed(ious, threshold=0.9, most=most) == expected
