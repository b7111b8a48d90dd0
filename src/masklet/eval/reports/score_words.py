"""How scores are named, ordered and shown to people: shares in percent, clicks and seconds as such."""

import re
from collections.abc import Iterable, Mapping

from masklet.eval.records import Interval, Task

TASK_TITLES: Mapping[Task, str] = {
    "vos": "Semi-supervised video segmentation",
    "clicks": "Interactive image segmentation",
    "interactive": "Interactive video segmentation",
    "robustness": "Robustness on generated clips",
}

_MAIN: Mapping[Task, tuple[str, ...]] = {
    "vos": ("G", "J&F", "J"),
    "clicks": ("IoU@1", "IoU box", "IoU mask"),
    "interactive": ("J&F", "J&F@1"),
    "robustness": ("J&F", "J"),
}

_HEADLINES: Mapping[Task, tuple[str, ...]] = {
    "vos": ("G", "J&F", "J", "F", "presence", "flicker"),
    "clicks": ("IoU@1", "IoU@3", "IoU@5", "IoU box", "NoC@85", "NoC@90"),
    "interactive": ("J&F", "J&F@1", "J&F@3", "J&F@8", "seconds@1", "seconds@8"),
    "robustness": ("J&F", "J", "F", "presence", "flicker"),
}

# A name without its number, in the order in which the scores stand in tables.
_MEANINGS: Mapping[str, str] = {
    "G": "mean of J and F of seen and of unseen categories",
    "J&F": "mean of J and F",
    "J": "overlap of mask and truth (IoU)",
    "F": "agreement of the outlines of mask and truth",
    "J seen": "J over objects of categories that are in the training set",
    "F seen": "F over objects of categories that are in the training set",
    "J unseen": "J over objects of categories that are not in the training set",
    "F unseen": "F over objects of categories that are not in the training set",
    "J recall": "frames with a J above 50",
    "F recall": "frames with an F above 50",
    "J decay": "J of the first quarter of the frames less that of the last",
    "F decay": "F of the first quarter of the frames less that of the last",
    "presence": "frames on which it is told rightly whether the object is seen",
    "flicker": "pixels in or out of the mask for one frame only, by its area",
    "IoU@": "IoU after {number} click{s}",
    "NoC@": "clicks until an IoU of {number} is reached",
    "IoU box": "IoU when prompted with a box",
    "IoU mask": "IoU when prompted with a mask",
    "J&F@": "J&F after {number} prompted frame{s}",
    "seconds@": "annotation time for {number} prompted frame{s}, by the paper's formula",
    "calibration error": "how far the predicted IoU lies from the true one",
    "calibration bias": "predicted less true IoU: above zero, the method is too sure",
    "predicted IoU@": "what the method itself expects after {number} click{s}",
    "predicted IoU box": "what the method itself expects of a box",
    "predicted IoU mask": "what the method itself expects of a mask",
}
_LOSSES = ("J decay", "F decay", "flicker", "calibration error")
_ORDER = {name: place for place, name in enumerate(_MEANINGS)}


def ordered(names: Iterable[str]) -> list[str]:
    """Names of scores as they stand in a table: the usual ones first, numbers rising.

    >>> ordered(["IoU@10", "IoU@9", "F", "J&F", "own"])
    ['J&F', 'F', 'IoU@9', 'IoU@10', 'own']
    """
    return sorted(names, key=_place)


def main_score(task: Task, names: Iterable[str]) -> str | None:
    """The score that stands for all of a task; None where there is no score at all.

    >>> main_score("vos", ["F", "J", "J&F"])
    'J&F'
    """
    known = ordered(names)
    usual = [name for name in _MAIN[task] if name in known]
    return next(iter([*usual, *known]), None)


def headline_scores(task: Task, names: Iterable[str]) -> list[str]:
    """Up to six scores to look at first.

    >>> headline_scores("vos", ["J decay", "F", "J", "J&F"])
    ['J&F', 'J', 'F']
    """
    known = ordered(names)
    return [name for name in _HEADLINES[task] if name in known] or known[:6]


def is_expectation(name: str) -> bool:
    """Whether a score is what the method itself says, which is no merit.

    >>> is_expectation("predicted IoU@1")
    True
    """
    return name.startswith("predicted ")


def meaning(name: str) -> str:
    """What a score says, as a clause; empty for one that is not known here.

    >>> meaning("IoU@3")
    'IoU after 3 clicks'
    """
    number = number_of(name)
    told = _MEANINGS.get(_family(name), "")
    return told.format(number=number, s="" if number == 1 else "s")


def is_share(name: str) -> bool:
    """Whether a score is a share of something, 0 to 1, and shown in percent.

    >>> is_share("J&F"), is_share("NoC@90"), is_share("seconds@1")
    (True, False, False)
    """
    return _family(name) not in ("NoC@", "seconds@")


def is_lower_better(name: str) -> bool:
    """Whether less is better.

    >>> is_lower_better("NoC@90"), is_lower_better("J decay"), is_lower_better("J")
    (True, True, False)
    """
    return not is_share(name) or name in _LOSSES


def unit(name: str) -> str:
    """What a shown value counts.

    >>> unit("J&F"), unit("NoC@90")
    ('percent', 'clicks')
    """
    if is_share(name):
        return "percent"
    return "clicks" if name.startswith("NoC") else "seconds"


def shown(name: str, value: float) -> str:
    """A value of that score, as text.

    >>> shown("J&F", 0.569), shown("NoC@90", 4.25), shown("seconds@1", 36.04)
    ('56.9', '4.25', '36.0')
    """
    if is_share(name):
        text = f"{100 * value:.1f}"
    else:
        text = f"{value:.2f}" if unit(name) == "clicks" else f"{value:.1f}"
    # Rounding leaves a sign on nothing.
    return text.removeprefix("-") if not text.strip("-0.") else text


def shown_interval(name: str, interval: Interval) -> str:
    """A mean with its interval, as text.

    >>> shown_interval("J&F", Interval(0.569, 0.512, 0.62, 11))
    '56.9 (51.2 to 62.0)'
    """
    low, high = shown(name, interval.low), shown(name, interval.high)
    return f"{shown(name, interval.mean)} ({low} to {high})"


def shown_difference(name: str, value: float) -> str:
    """A difference of two values of that score, with its sign.

    >>> shown_difference("J&F", 0.021), shown_difference("J&F", -0.00001)
    ('+2.1', '0.0')
    """
    text = shown(name, value)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def number_of(name: str) -> int | None:
    """The number at the end of a name: how many clicks or prompted frames.

    >>> number_of("IoU@3"), number_of("IoU box")
    (3, None)
    """
    found = re.search(r"@(\d+)$", name)
    return int(found[1]) if found else None


def _family(name: str) -> str:
    return re.sub(r"@\d+$", "@", name)


def _place(name: str) -> tuple[int, int, str]:
    place = _ORDER.get(name, _ORDER.get(_family(name), len(_ORDER)))
    return place, number_of(name) or 0, name
