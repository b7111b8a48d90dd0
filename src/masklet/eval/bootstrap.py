"""Means over objects, and how far they can be trusted: where they would lie with other items.

Objects of one clip or picture are alike, so whole items are drawn with all their objects (a cluster
bootstrap): 2000 times as many as there are, and some of them more than once. The interval is the
middle 95 % of the 2000 means.

Shapes: D draws, I items, N names of scores, K bins of predicted IoU.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from masklet.eval import you_tube
from masklet.eval.calibration import BINS, bin_of, predicted_and_real
from masklet.eval.records import Interval, ObjectScores
from masklet.types import ObjectId

_DRAWS = 2000
_SEED = 0
_ENDS = (2.5, 97.5)

# Draws are made in blocks, so that a hundred thousand pictures do not fill the memory.
_MOST_AT_ONCE = 4_000_000

_Floats: TypeAlias = npt.NDArray[np.float64]
_Values: TypeAlias = Mapping[tuple[str, ObjectId], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Paired:
    """One score of two methods, on the objects for which both have it."""

    difference: Interval
    """The score of the first less that of the second."""
    higher: int
    """On how many objects the first has more, which is not the better of every score."""
    lower: int
    equal: int


def summarise(objects: Iterable[ObjectScores]) -> dict[str, Interval]:
    """The mean of every score over the objects that have it, with its interval.

    Where it is known which categories are seen, "J seen" and its like are added, and "G" where
    there are both kinds. The same objects give the same numbers, in whatever order they come.

    >>> goat = ObjectScores("goat", 1, {"J": 0.5})
    >>> dogs = [ObjectScores("dogs", number, {"J": 0.875}) for number in (1, 2)]
    >>> summarise([goat, *dogs])
    {'J': Interval(mean=0.75, low=0.5, high=0.875, count=3)}
    """
    means = _means(_by_object(objects))
    summary = means.intervals()
    if all(name in summary for name in you_tube.NAMES):
        of_four = [means.names.index(name) for name in you_tube.NAMES]
        summary["G"] = _interval(
            float(means.means_N[of_four].mean()),
            means.drawn_DN[:, of_four].mean(axis=1),
            summary["J seen"].count + summary["J unseen"].count,
        )
    return summary


def summarise_calibration(objects: Iterable[ObjectScores]) -> dict[str, Interval]:
    """How well a method knows how good its masks are; empty where it does not say.

    "calibration error" and "calibration bias" are the expected and the mean error of
    `masklet.eval.calibration` over all masks, with their intervals; `count` is of objects.

    >>> goat = ObjectScores("goat", 1, {}, {"J": {1: 0.75}, "predicted IoU": {1: 0.5}})
    >>> summarise_calibration([goat])["calibration bias"]
    Interval(mean=-0.25, low=-0.25, high=-0.25, count=1)
    """
    pairs = {(each.item, each.object_id): predicted_and_real(each) for each in objects}
    pairs = {key: pairs[key] for key in sorted(pairs) if pairs[key]}
    if not pairs:
        return {}
    rows = {item: row for row, item in enumerate(dict.fromkeys(item for item, _ in pairs))}
    errors_IK, counts_I = np.zeros((len(rows), BINS)), np.zeros(len(rows))
    for (item, _), of_object in pairs.items():
        predicted, real = np.array(of_object).T
        np.add.at(errors_IK[rows[item]], bin_of(predicted), predicted - real)
        counts_I[rows[item]] += len(predicted)

    def summed(errors_DK: _Floats, counts_D: _Floats) -> tuple[_Floats, _Floats]:
        return np.abs(errors_DK).sum(axis=1) / counts_D, errors_DK.sum(axis=1) / counts_D

    once_1I = np.ones((1, len(rows)))
    means = summed(once_1I @ errors_IK, once_1I @ counts_I)
    drawn = [summed(drawn_DI @ errors_IK, drawn_DI @ counts_I) for drawn_DI in _draws(len(rows))]
    return {
        name: _interval(
            float(means[place][0]), np.concatenate([each[place] for each in drawn]), len(pairs)
        )
        for place, name in enumerate(("calibration error", "calibration bias"))
    }


def paired(objects: Iterable[ObjectScores], others: Iterable[ObjectScores]) -> dict[str, Paired]:
    """By how much two methods differ, on the objects and scores that both have.

    Args:
        objects: the scores of the first.
        others: those of the second, in any order.

    >>> ours, theirs = ([ObjectScores("goat", 1, {"J": value})] for value in (0.75, 0.5))
    >>> paired(ours, theirs)["J"].difference
    Interval(mean=0.25, low=0.25, high=0.25, count=1)
    """
    first, second = _by_object(objects), _by_object(others)
    differences = {
        key: {
            name: value - second[key][name] for name, value in values.items() if name in second[key]
        }
        for key, values in first.items()
        if key in second
    }
    compared = {}
    for name, interval in _means(differences).intervals().items():
        of_score = [values[name] for values in differences.values() if name in values]
        compared[name] = Paired(
            difference=interval,
            higher=sum(value > 0 for value in of_score),
            lower=sum(value < 0 for value in of_score),
            equal=sum(value == 0 for value in of_score),
        )
    return compared


@dataclass(frozen=True, slots=True)
class _Means:
    names: tuple[str, ...]
    counts_N: _Floats
    """How many objects have a score."""
    means_N: _Floats
    """Over the items as they are."""
    drawn_DN: _Floats
    """Over the items of every draw; nan where none of them has the score."""

    def intervals(self) -> dict[str, Interval]:
        """Of every score."""
        return {
            name: _interval(float(mean), drawn_D, int(count))
            for name, mean, drawn_D, count in zip(
                self.names, self.means_N, self.drawn_DN.T, self.counts_N, strict=True
            )
        }


def _by_object(objects: Iterable[ObjectScores]) -> _Values:
    return {
        (scores.item, scores.object_id): {**scores.values, **you_tube.by_kind(scores)}
        for scores in objects
    }


def _interval(mean: float, drawn_D: _Floats, count: int) -> Interval:
    low, high = np.nanpercentile(drawn_D, _ENDS)
    return Interval(mean, float(low), float(high), count)


def _means(values: _Values) -> _Means:
    names = tuple(dict.fromkeys(name for each in values.values() for name in each))
    rows = {item: row for row, item in enumerate(sorted({item for item, _ in values}))}
    columns = {name: column for column, name in enumerate(names)}
    sums_IN, counts_IN = np.zeros((2, len(rows), len(names)))
    # Sorted, because the last digit of a sum depends on its order.
    for item, object_id in sorted(values):
        for name, value in values[item, object_id].items():
            sums_IN[rows[item], columns[name]] += value
            counts_IN[rows[item], columns[name]] += 1
    drawn = [
        _divided(weights_DI @ sums_IN, weights_DI @ counts_IN) for weights_DI in _draws(len(rows))
    ]
    return _Means(
        names=names,
        counts_N=counts_IN.sum(axis=0),
        means_N=_divided(sums_IN.sum(axis=0), counts_IN.sum(axis=0)),
        drawn_DN=np.concatenate(drawn) if drawn else np.zeros((0, 0)),
    )


def _draws(items: int) -> Iterator[_Floats]:
    """How often every item is drawn, in blocks of `(D, I)`."""
    chance = np.random.default_rng(_SEED)
    left = _DRAWS if items else 0
    while left:
        draws = min(left, max(_MOST_AT_ONCE // items, 1))
        drawn_DI = chance.integers(items, size=(draws, items))
        flat = drawn_DI + np.arange(draws)[:, None] * items
        yield np.bincount(flat.ravel(), minlength=flat.size).reshape(flat.shape).astype(np.float64)
        left -= draws


def _divided(sums: _Floats, counts: _Floats) -> _Floats:
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
