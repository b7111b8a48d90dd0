"""YouTube-VOS's overall score, to which seen and unseen categories count the same."""

from collections.abc import Iterable, Mapping

from masklet.eval.records import ObjectScores

NAMES = ("J seen", "J unseen", "F seen", "F unseen")
"""The four scores of which G is the mean."""


def you_tube_g(objects: Iterable[ObjectScores]) -> float | None:
    """G, the mean of J over seen, J over unseen, F over seen and F over unseen objects.

    None unless there are objects of both kinds.

    >>> dog = ObjectScores("a", 1, {"J": 0.75, "F": 1.0}, is_seen=True)
    >>> yak = ObjectScores("b", 1, {"J": 0.25, "F": 0.5}, is_seen=False)
    >>> you_tube_g([dog, yak, dog])
    0.625
    """
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    for scores in objects:
        for name, value in by_kind(scores).items():
            found[name].append(value)
    if not all(found.values()):
        return None
    return sum(sum(values) / len(values) for values in found.values()) / len(NAMES)


def by_kind(scores: ObjectScores) -> Mapping[str, float]:
    """J and F under the names of the object's kind; empty where that is not known.

    >>> by_kind(ObjectScores("a", 1, {"J": 0.75, "presence": 1.0}, is_seen=True))
    {'J seen': 0.75}
    """
    if scores.is_seen is None:
        return {}
    kind = "seen" if scores.is_seen else "unseen"
    return {f"{name} {kind}": scores.values[name] for name in ("J", "F") if name in scores.values}
