"""Predicted IoU beside the real one, in bins."""

import numpy as np
import pytest

from masklet.eval.calibration import calibration, predicted_and_real
from masklet.eval.records import ObjectScores


def test_bins_hold_what_was_predicted_and_what_came_of_it():
    found = calibration([0.05, 0.72, 0.78, 0.9, 1.0], [0.15, 0.5, 0.6, 0.9, 0.8])
    assert [(each.low, each.high) for each in found.bins[:2]] == [(0.0, 0.1), (0.1, 0.2)]
    assert [each.count for each in found.bins] == [1, 0, 0, 0, 0, 0, 0, 2, 0, 2]
    assert found.bins[7].predicted == pytest.approx(0.75)
    assert found.bins[7].actual == pytest.approx(0.55)
    assert (found.bins[3].predicted, found.bins[3].actual) == (None, None)
    # (0.1 of 1 + 0.2 of 2 + 0.1 of 2) / 5, and the last ones cancel the first.
    assert found.expected_error == pytest.approx((0.1 + 0.4 + 0.2) / 5)
    assert found.mean_error == pytest.approx((-0.1 + 0.22 + 0.18 + 0 + 0.2) / 5)


def test_who_is_right_about_itself_has_no_error():
    ious = np.random.default_rng(0).random(100).tolist()
    found = calibration(ious, ious)
    assert found.expected_error == 0
    assert found.mean_error == 0
    assert sum(each.count for each in found.bins) == 100


def test_the_sign_tells_who_thinks_too_well_of_itself():
    assert calibration([0.9, 0.8], [0.5, 0.5]).mean_error > 0
    assert calibration([0.1, 0.2], [0.5, 0.5]).mean_error < 0


def test_predictions_beyond_0_and_1_are_in_the_outer_bins():
    found = calibration([-0.2, 1.3], [0.0, 1.0], bins=4)
    assert [each.count for each in found.bins] == [1, 0, 0, 1]


def test_without_masks_there_is_nothing_to_tell():
    assert calibration([], []) is None


def test_numbers_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match=r"there are 2 predicted and 1 real IoUs; expected one of"):
        calibration([0.5, 0.6], [0.5])


def test_pairs_are_of_frames_and_prompts_for_which_both_are_known():
    scores = ObjectScores(
        "clip",
        1,
        {"IoU@1": 0.5, "predicted IoU@1": 0.6, "predicted IoU box": 0.7, "IoU mask": 0.8},
        {"J": {1: 0.1, 2: 0.2}, "predicted IoU": {2: 0.3, 3: 0.4}},
    )
    assert predicted_and_real(scores) == ((0.3, 0.2), (0.6, 0.5))
    assert predicted_and_real(ObjectScores("clip", 1, {"J": 0.5}, {"J": {1: 0.5}})) == ()
