"""Numbers drawn from a text are the same everywhere."""

import numpy as np
import pytest

from masklet.data.scenes.dice import Dice


def test_the_same_text_gives_the_same_numbers_and_another_one_others():
    assert Dice("a").many(3).tolist() == Dice("a").many(3).tolist()
    assert Dice("a").many(3).tolist() != Dice("b").many(3).tolist()


def test_the_numbers_are_those_that_they_have_always_been():
    # Scores of the robustness suite are comparable only as long as these stay.
    dice = Dice("robustness")
    assert dice.many(2).tolist() == [0.7789644858386239, 0.7553335587510716]
    assert dice.whole(1, 6) == 2
    assert dice.levels(5).tolist() == [179, 223, 59, 94, 12]


def test_numbers_fill_the_span_from_0_to_1():
    numbers = Dice("many").many(100, 100)
    assert numbers.shape == (100, 100)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    np.testing.assert_allclose(np.histogram(numbers, 10, (0, 1))[0], 1000, atol=120)


def test_whole_numbers_reach_both_ends():
    dice = Dice("whole")
    assert {dice.whole(-1, 2) for _ in range(100)} == {-1, 0, 1, 2}


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
def test_levels_come_in_any_number(count):
    levels = Dice("levels").levels(count)
    assert levels.shape == (count,)
    assert levels.dtype == np.uint8


def test_levels_are_evenly_spread():
    counts = np.bincount(Dice("levels").levels(256 * 400), minlength=256)
    assert len(counts) == 256
    assert abs(counts - 400).max() < 100


def test_between_chance_sign_and_pick_keep_to_what_they_say():
    dice = Dice("rest")
    assert all(3 <= dice.between(3, 4) < 4 for _ in range(50))
    assert 20 < sum(dice.chance(0.3) for _ in range(100)) < 45
    assert {dice.sign() for _ in range(30)} == {-1, 1}
    assert {dice.pick("abc") for _ in range(50)} == set("abc")


def test_shuffling_keeps_everything_and_changes_the_order():
    shuffled = Dice("order").shuffled(range(20))
    assert sorted(shuffled) == list(range(20))
    assert shuffled != list(range(20))
