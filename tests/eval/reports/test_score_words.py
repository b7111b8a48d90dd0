"""Names of scores: their order, what they mean, how their values are shown."""

import pytest

from masklet.eval.records import Interval
from masklet.eval.reports.score_words import (
    headline_scores,
    is_lower_better,
    main_score,
    meaning,
    ordered,
    shown,
    shown_difference,
    shown_interval,
)

KNOWN = (
    *("G", "J&F", "J", "F", "J recall", "F recall", "J decay", "F decay", "flicker", "presence"),
    *("J seen", "F unseen", "IoU@1", "NoC@85", "IoU box", "IoU mask", "J&F@8", "seconds@3"),
    *("calibration error", "calibration bias", "predicted IoU@1", "predicted IoU box"),
)


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_score_has_a_meaning(name):
    assert meaning(name)


def test_a_meaning_counts():
    assert meaning("IoU@1") == "IoU after 1 click"
    assert meaning("J&F@3") == "J&F after 3 prompted frames"
    assert meaning("NoC@90") == "clicks until an IoU of 90 is reached"
    assert meaning("somebody's own") == ""


def test_numbers_are_ordered_as_numbers():
    names = [f"IoU@{count}" for count in range(1, 13)]
    assert ordered(reversed(names)) == names


@pytest.mark.parametrize(
    ("task", "names", "main"),
    [
        ("vos", ("F", "J", "J&F"), "J&F"),
        ("vos", ("J&F", "G"), "G"),
        ("clicks", ("NoC@90", "IoU box", "IoU@5", "IoU@1"), "IoU@1"),
        ("interactive", ("J&F@1", "J&F"), "J&F"),
        ("robustness", ("own", "other"), "other"),
        ("vos", (), None),
    ],
)
def test_one_score_stands_for_all(task, names, main):
    assert main_score(task, names) == main


def test_headlines_are_few_and_exist():
    names = [f"IoU@{count}" for count in range(1, 10)]
    assert headline_scores("clicks", names) == ["IoU@1", "IoU@3", "IoU@5"]
    assert headline_scores("vos", [f"own {number}" for number in range(9)])[-1] == "own 5"


def test_less_is_better_of_losses_and_efforts():
    better = {name: is_lower_better(name) for name in KNOWN}
    assert [name for name, lower in better.items() if lower] == [
        *("J decay", "F decay", "flicker", "NoC@85", "seconds@3", "calibration error")
    ]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("J&F", 0.5689, "56.9"),
        ("J decay", -0.031, "-3.1"),
        ("J decay", -0.0001, "0.0"),
        ("NoC@90", 4, "4.00"),
        ("seconds@1", 35.96, "36.0"),
    ],
)
def test_values_are_shown_in_their_unit(name, value, text):
    assert shown(name, value) == text


def test_an_interval_is_shown_beside_its_mean():
    assert shown_interval("NoC@85", Interval(3.5, 3.25, 4, 7)) == "3.50 (3.25 to 4.00)"


@pytest.mark.parametrize(("value", "text"), [(0.021, "+2.1"), (-0.021, "-2.1"), (0.0001, "0.0")])
def test_a_difference_has_its_sign(value, text):
    assert shown_difference("J", value) == text
