"""Learning rates rise, stay and fall where they should."""

import math

import pytest

from masklet.errors import TrainingError
from masklet.train.schedules import Schedule, factor_at


def factors(schedule, *progress):
    return [factor_at(schedule, at) for at in progress]


def test_a_constant_rate_stays():
    assert factors(Schedule(), 0.0, 0.3, 1.0) == [1.0, 1.0, 1.0]


def test_a_flat_rate_rises_first_and_falls_to_zero_last():
    schedule = Schedule("constant", warm_up=0.1, cool_down=0.4)
    found = factors(schedule, 0.0, 0.05, 0.1, 0.6, 0.8, 1.0)
    assert found == pytest.approx([0.0, 0.5, 1.0, 1.0, 0.5, 0.0])


def test_a_cosine_ends_at_a_tenth():
    found = factors(Schedule("cosine"), 0.0, 1 / 3, 0.5, 1.0)
    assert found == pytest.approx([1.0, 0.1 + 0.9 * 0.75, 0.55, 0.1])


def test_a_cosine_begins_after_its_warm_up():
    found = factors(Schedule("cosine", warm_up=0.2, end=0.0), 0.1, 0.2, 0.6, 1.0)
    assert found == pytest.approx([0.5, 1.0, 0.5, 0.0])


def test_a_reciprocal_root_falls_as_in_pre_training():
    # 90,000 steps, of which 1,000 warm up and 5,000 cool down, timescale 1,000.
    steps = 90_000
    schedule = Schedule(
        "reciprocal-root", warm_up=1_000 / steps, cool_down=5_000 / steps, timescale=1_000 / steps
    )
    found = factors(schedule, *(step / steps for step in (500, 1_000, 4_000, 49_000, 87_500)))
    last = 0.5 / math.sqrt(1 + 86.5)
    assert found == pytest.approx([0.5, 1.0, 0.5, 1 / 7, last])


@pytest.mark.parametrize("kind", ["constant", "cosine", "reciprocal-root"])
def test_all_lies_between_nothing_and_the_peak(kind):
    schedule = Schedule(kind, warm_up=0.3, cool_down=0.3)
    found = factors(schedule, *(step / 50 for step in range(-5, 60)))
    assert all(0.0 <= factor <= 1.0 for factor in found)
    assert max(found) > 0.8
    assert found[-1] == 0.0


def test_a_warm_up_may_take_all_the_time():
    assert factors(Schedule("cosine", warm_up=1.0), 0.5, 1.0) == [0.5, 1.0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"warm_up": -0.1}, r"warm_up is -0\.1; expected a share"),
        ({"cool_down": 2.0}, r"cool_down is 2; expected a share"),
        ({"warm_up": 0.6, "cool_down": 0.6}, r"warm_up \+ cool_down is 1\.2; expected both"),
        ({"end": 1.5}, r"end is 1\.5; expected a factor"),
        ({"timescale": 0.0}, r"timescale is 0; .* above 0\. Change it in the recipe"),
    ],
    ids=str,
)
def test_senseless_numbers_are_named(wrong, told):
    with pytest.raises(TrainingError, match=f"the schedule's {told}"):
        Schedule(**wrong)
