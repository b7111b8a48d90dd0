"""Runs side by side: what one method does better than another on the same objects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from masklet.errors import StateError
from masklet.eval.bootstrap import Paired, paired, summarise
from masklet.eval.records import ObjectScores, RunScores
from masklet.eval.reports.score_words import (
    headline_scores,
    is_expectation,
    is_lower_better,
    main_score,
    ordered,
    shown,
    shown_interval,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that the two runs do not share; None where a run does not have it."""

    name: str
    first: Any  # JSON
    second: Any  # JSON


@dataclass(frozen=True, slots=True)
class Difference:
    """One score of both runs, over the objects for which both have it."""

    name: str
    first: float
    """The mean."""
    second: float
    paired: Paired
    """The second less the first."""

    @property
    def better(self) -> int:
        """On how many objects the second run is better."""
        return self.paired.lower if is_lower_better(self.name) else self.paired.higher

    @property
    def worse(self) -> int:
        """On how many objects it is worse."""
        return self.paired.higher if is_lower_better(self.name) else self.paired.lower

    @property
    def verdict(self) -> int:
        """1 where the second run is better and the whole interval says so, -1 where it is worse, 0
        where other items might turn it round."""
        interval = self.paired.difference
        if interval.low <= 0 <= interval.high:
            return 0
        return 1 if (interval.mean > 0) != is_lower_better(self.name) else -1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of one task on one dataset."""

    first: RunScores
    second: RunScores
    main: str
    """The score that objects are compared by."""
    differences: tuple[Difference, ...]
    """In the order in which scores stand in tables."""
    pairs: tuple[tuple[ObjectScores, ObjectScores], ...]
    """The objects that are in both runs."""
    only_first: tuple[ObjectScores, ...]
    """Objects that the second run does not have."""
    only_second: tuple[ObjectScores, ...]
    settings: tuple[Setting, ...]
    """All settings that are not the same."""

    @property
    def names(self) -> tuple[str, str]:
        """What the runs are called; told apart where both are of one method."""
        first, second = self.first.method, self.second.method
        return (first, second) if first != second else (f"{first} (A)", f"{second} (B)")


def compare(first: RunScores, second: RunScores, *, allow_different: bool = False) -> Comparison:
    """Put two runs side by side; differences are the second less the first.

    Args:
        first: what is compared with.
        second: what is asked about.
        allow_different: whether dataset and protocol may differ.

    Raises:
        StateError: the runs are of another task, dataset or protocol, or share no object.

    >>> def run(method, value):
    ...     goat = ObjectScores("goat", 1, {"J&F": value})
    ...     return RunScores("vos", "shop", method, {}, {}, {}, (goat,), seconds=1.0, frames=9)
    >>> compare(run("theirs", 0.5), run("ours", 0.75)).differences[0].paired.difference.mean
    0.25
    """
    _check_alike(first, second, allow_different=allow_different)
    of_first = {(each.item, each.object_id): each for each in first.objects}
    of_second = {(each.item, each.object_id): each for each in second.objects}
    pairs = [(of_first[key], of_second[key]) for key in of_first if key in of_second]
    shared = [(_kept(one, other), _kept(other, one)) for one, other in pairs]
    differences = _differences([one for one, _ in shared], [other for _, other in shared])
    main = main_score(first.task, [each.name for each in differences])
    if main is None:
        raise StateError(
            f"the runs share no scored object: {first.method!r} has {len(of_first):,}, "
            f"{second.method!r} {len(of_second):,}; expected runs over the same items. Compare "
            "others, or run both over the same dataset."
        )
    return Comparison(
        first=first,
        second=second,
        main=main,
        differences=differences,
        pairs=tuple(pairs),
        only_first=tuple(each for key, each in of_first.items() if key not in of_second),
        only_second=tuple(each for key, each in of_second.items() if key not in of_first),
        settings=tuple(_unlike(first.settings, second.settings)),
    )


def table(runs: Sequence[RunScores], scores: Sequence[str] | None = None) -> str:
    """Several runs as a Markdown table: a row per method, a column per score, the best in bold.

    Args:
        runs: in the order of the rows.
        scores: which columns; those to look at first unless given.

    >>> from masklet.eval.records import Interval
    >>> summary = {"J&F": Interval(0.569, 0.512, 0.62, 11)}
    >>> run = RunScores("vos", "shop", "ours", {}, {}, summary, (), seconds=1.0, frames=9)
    >>> print(table([run, replace(run, method="theirs", summary={})]))
    | method | J&F |
    |---|--:|
    | ours | **56.9** (51.2 to 62.0) |
    | theirs | |
    <BLANKLINE>
    """
    names = list(scores) if scores is not None else _columns(runs)
    lines = [f"| {' | '.join(['method', *names])} |", f"|---|{'--:|' * len(names)}"]
    best = {name: _best(runs, name) for name in names}
    for run in runs:
        cells = [run.method.replace("|", "\\|")]
        cells += [_cell(run, name, best[name]) for name in names]
        lines.append("|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|")
    return "\n".join(lines) + "\n"


def _check_alike(first: RunScores, second: RunScores, *, allow_different: bool) -> None:
    if first.task != second.task:
        raise StateError(
            f"the runs are of the tasks {first.task!r} and {second.task!r}; expected one task, "
            "because their scores mean different things. Compare runs of the same task."
        )
    unlike = list(_unlike({"dataset": first.dataset}, {"dataset": second.dataset}))
    one, other = ({"protocol": run.settings.get("protocol", {})} for run in (first, second))
    unlike += _unlike(one, other)
    if unlike and not allow_different:
        told = "; ".join(f"{each.name} {each.first!r} and {each.second!r}" for each in unlike)
        raise StateError(
            f"the runs were not measured alike: {told}. Expected the same dataset and protocol, or "
            "a difference says nothing of the methods. Compare other runs, or allow it."
        )


def _unlike(
    first: Mapping[str, Any], second: Mapping[str, Any], inside: str = ""
) -> Iterator[Setting]:
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name), second.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _unlike(one, other, f"{inside}{name}: ")
        elif one != other:
            yield Setting(f"{inside}{name}", one, other)


def _kept(scores: ObjectScores, other: ObjectScores) -> ObjectScores:
    """With the scores that the other one has too; more of what a method expects is not better."""
    values = {
        name: value
        for name, value in scores.values.items()
        if name in other.values and not is_expectation(name)
    }
    return replace(scores, values=values)


def _differences(
    first: Sequence[ObjectScores], second: Sequence[ObjectScores]
) -> tuple[Difference, ...]:
    found = paired(second, first)
    means = [summarise(objects) for objects in (first, second)]
    return tuple(
        Difference(name, means[0][name].mean, means[1][name].mean, found[name])
        for name in ordered(found)
    )


def _columns(runs: Sequence[RunScores]) -> list[str]:
    names = dict.fromkeys(name for run in runs for name in run.summary)
    return headline_scores(runs[0].task, names) if runs else []


def _best(runs: Sequence[RunScores], name: str) -> str:
    """The best value as it is shown; empty where no run has the score."""
    means = [run.summary[name].mean for run in runs if name in run.summary]
    pick = min if is_lower_better(name) else max
    return shown(name, pick(means)) if means else ""


def _cell(run: RunScores, name: str, best: str) -> str:
    if name not in run.summary:
        return ""
    mean, _, interval = shown_interval(name, run.summary[name]).partition(" ")
    # What looks equal is equally good.
    return f"**{mean}** {interval}" if mean == best else f"{mean} {interval}"
