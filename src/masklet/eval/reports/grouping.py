"""Scores by group: by category, and by whether the category is in the training set."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from masklet.eval.bootstrap import summarise
from masklet.eval.records import Interval, ObjectScores


@dataclass(frozen=True, slots=True)
class Grouping:
    """The objects of a run, told apart by one of their properties."""

    property: str
    """Which one."""
    groups: Mapping[str, Mapping[str, Interval]]
    """The scores of each group, two at least, the one with the most objects first."""


def groupings(objects: Iterable[ObjectScores]) -> tuple[Grouping, ...]:
    """All ways to tell the objects apart that give two groups or more.

    >>> scores = [ObjectScores("a", 1, {"J": 0.5}, category=name) for name in ("cat", "dog")]
    >>> [(each.property, list(each.groups)) for each in groupings(scores)]
    [('category', ['cat', 'dog'])]
    """
    kept = list(objects)
    properties: Mapping[str, Callable[[ObjectScores], str | None]] = {
        "category": lambda each: each.category,
        "training": _seen,
    }
    found = []
    for name, group_of in properties.items():
        members: dict[str, list[ObjectScores]] = {}
        for each in kept:
            group = group_of(each)
            if group is not None:
                members.setdefault(group, []).append(each)
        by_size = sorted(members, key=lambda group: (-len(members[group]), group))
        if len(by_size) > 1:
            found.append(Grouping(name, {group: summarise(members[group]) for group in by_size}))
    return tuple(found)


def _seen(scores: ObjectScores) -> str | None:
    if scores.is_seen is None:
        return None
    return "seen in training" if scores.is_seen else "unseen in training"
