"""The budget, in steps or in time, says how far a training is and how long the rest takes."""

import pytest

from masklet.train.clock import is_over, progress_at, seconds_left
from masklet.train.config import RunOptions

STEPS, TIME = RunOptions(steps=100), RunOptions(steps=None, minutes=2.0)
BOTH = RunOptions(steps=100, minutes=2.0)


@pytest.mark.parametrize(
    ("run", "step", "seconds", "progress"),
    [
        (STEPS, 0, 1e6, 0.005),
        (STEPS, 99, 0.0, 0.995),
        (TIME, 10**6, 30.0, 0.25),
        (TIME, 0, 500.0, 1.0),
        (BOTH, 10, 60.0, 0.5),
        (BOTH, 79, 60.0, 0.795),
    ],
)
def test_progress_is_the_share_of_the_budget_that_is_spent(run, step, seconds, progress):
    assert progress_at(run, step, seconds) == pytest.approx(progress)


@pytest.mark.parametrize(
    ("run", "step", "seconds", "over"),
    [
        (STEPS, 99, 1e6, False),
        (STEPS, 100, 0.0, True),
        (TIME, 10**6, 119.0, False),
        (TIME, 0, 120.0, True),
        (BOTH, 100, 0.0, True),
        (BOTH, 0, 120.0, True),
        (BOTH, 99, 119.0, False),
    ],
)
def test_it_is_over_when_either_budget_is_spent(run, step, seconds, over):
    assert is_over(run, step, seconds) is over


@pytest.mark.parametrize(
    ("run", "step", "seconds", "left"),
    [(STEPS, 90, 45.0, 5.0), (TIME, 90, 45.0, 75.0), (BOTH, 90, 119.0, 1.0), (TIME, 0, 130.0, 0.0)],
)
def test_the_rest_is_what_is_shorter(run, step, seconds, left):
    assert seconds_left(run, step, seconds, pace=0.5) == left
