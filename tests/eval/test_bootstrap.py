"""Means over objects with intervals over items."""

import random
from dataclasses import replace

import numpy as np
import pytest

from masklet.eval import bootstrap
from masklet.eval.bootstrap import paired, summarise, summarise_calibration
from masklet.eval.calibration import calibration
from masklet.eval.records import Interval, ObjectScores
from masklet.eval.you_tube import you_tube_g


def scored(item, object_id, is_seen=None, **values):
    return ObjectScores(item, object_id, values, is_seen=is_seen)


def many(items, objects=1, seed=0):
    """Objects of one item share most of their luck."""
    chance = np.random.default_rng(seed)
    luck = chance.random(items)
    return [
        scored(f"clip {item}", number, J=0.9 * luck[item] + 0.1 * chance.random())
        for item in range(items)
        for number in range(objects)
    ]


def naive_interval(objects, draws, seed=1):
    """The same by the book, with other draws."""
    chance = random.Random(seed)
    items = sorted({each.item for each in objects})
    of_item = {item: [each.values["J"] for each in objects if each.item == item] for item in items}
    means = [
        np.mean([value for item in chance.choices(items, k=len(items)) for value in of_item[item]])
        for _ in range(draws)
    ]
    return np.percentile(means, (2.5, 97.5))


def test_the_mean_is_over_objects_not_over_items():
    objects = [scored("one", 1, J=0.0), *(scored("other", number, J=1.0) for number in range(3))]
    assert summarise(objects)["J"] == Interval(mean=0.75, low=0.0, high=1.0, count=4)


def test_every_score_is_averaged_over_the_objects_that_have_it():
    objects = [scored("a", 1, J=0.5, F=0.25), scored("b", 1, J=1.0), scored("c", 1)]
    summary = summarise(objects)
    assert list(summary) == ["J", "F"]
    assert (summary["J"].mean, summary["J"].count) == (0.75, 2)
    assert summary["F"] == Interval(0.25, 0.25, 0.25, 1)


def test_the_interval_is_that_of_drawing_items_by_the_book():
    objects = many(30, objects=2)
    found = summarise(objects)["J"]
    # 2000 draws of either side agree to about a tenth of a standard error of 0.05.
    assert [found.low, found.high] == pytest.approx(naive_interval(objects, 2000), abs=0.012)
    assert found.low < found.mean < found.high


def test_more_objects_of_the_same_items_tell_no_more():
    few, more = (summarise(many(40, objects=count))["J"] for count in (1, 8))
    assert more.high - more.low > 0.9 * (few.high - few.low)
    items = summarise(many(320))["J"]
    assert items.high - items.low < 0.5 * (few.high - few.low)


def test_the_same_objects_give_the_same_numbers_in_any_order():
    objects = many(20, objects=3)
    shuffled = random.Random(0).sample(objects, len(objects))
    assert summarise(shuffled) == summarise(objects)


def test_draws_in_blocks_are_the_same_draws(monkeypatch):
    whole = summarise(many(20))
    monkeypatch.setattr(bootstrap, "_MOST_AT_ONCE", 20 * 37)
    assert summarise(many(20)) == whole
    monkeypatch.setattr(bootstrap, "_MOST_AT_ONCE", 3)
    assert summarise(many(20)) == whole


def test_without_objects_or_scores_there_is_no_summary():
    assert summarise([]) == {}
    assert summarise([scored("a", 1)]) == {}


def test_g_and_its_parts_are_there_where_kinds_are_known():
    objects = [
        replace(each, values={**each.values, "F": each.values["J"] / 2}, is_seen=place % 3 > 0)
        for place, each in enumerate(many(24))
    ]
    summary = summarise(objects)
    assert summary["G"].mean == pytest.approx(you_tube_g(objects))
    assert summary["G"].low < summary["G"].mean < summary["G"].high
    assert (summary["J seen"].count, summary["F unseen"].count, summary["G"].count) == (16, 8, 24)
    one_kind = summarise([each for each in objects if each.is_seen])
    assert "G" not in one_kind
    assert one_kind["J seen"] == one_kind["J"]


def test_a_score_that_few_items_have_is_drawn_where_they_are():
    objects = [*many(15), scored("rare", 1, rare=0.5)]
    assert summarise(objects)["rare"] == Interval(0.5, 0.5, 0.5, 1)


def test_differences_are_over_what_both_have():
    first = [scored("a", 1, J=0.9, F=0.5), scored("a", 2, J=0.3), scored("b", 1, J=0.5)]
    second = [scored("b", 1, J=0.5), scored("a", 1, J=0.7), scored("a", 2, J=0.6, F=1.0)]
    second += [scored("c", 1, J=0.1)]
    compared = paired(first, second)
    assert list(compared) == ["J"]
    assert compared["J"].difference.mean == pytest.approx((0.2 - 0.3 + 0.0) / 3)
    assert compared["J"].difference.count == 3
    assert (compared["J"].higher, compared["J"].lower, compared["J"].equal) == (1, 1, 1)


def test_a_small_difference_on_every_item_is_certain_though_the_items_differ():
    ours = many(20)
    theirs = [replace(each, values={"J": each.values["J"] - 0.01}) for each in ours]
    difference = paired(ours, theirs)["J"].difference
    assert [difference.low, difference.mean, difference.high] == pytest.approx([0.01] * 3)
    alone = summarise(ours)["J"]
    assert alone.high - alone.low > 0.1


def test_methods_that_share_no_object_have_no_differences():
    assert paired(many(2), [scored("elsewhere", 1, J=0.5)]) == {}


def told(item, object_id, predicted, real):
    series = {"J": dict(enumerate(real)), "predicted IoU": dict(enumerate(predicted))}
    return ObjectScores(item, object_id, {}, series)


def test_calibration_is_summed_over_all_masks_of_all_objects():
    chance = np.random.default_rng(0)
    real = chance.random((12, 30))
    predicted = np.clip(real + 0.1 * chance.standard_normal(real.shape) + 0.05, 0, 1)
    objects = [
        told(f"clip {row % 6}", row, predicted[row].tolist(), real[row].tolist())
        for row in range(12)
    ]
    whole = calibration(predicted.ravel().tolist(), real.ravel().tolist())
    found = summarise_calibration([*objects, scored("silent", 1, J=0.5)])
    error, bias = found["calibration error"], found["calibration bias"]
    assert error.mean == pytest.approx(whole.expected_error)
    assert bias.mean == pytest.approx(whole.mean_error)
    assert error.count == bias.count == 12
    assert bias.low < bias.mean < bias.high
    assert 0 <= error.low < error.high
    assert summarise_calibration(objects[::-1]) == summarise_calibration(objects)


def test_without_predicted_iou_there_is_no_calibration():
    assert summarise_calibration([scored("a", 1, J=0.5)]) == {}
    assert summarise_calibration([]) == {}
