"""How the learning rate goes through training: factors of its peak, as functions of progress.

Progress runs from 0 to 1 over a whole training, whatever that is counted in. Ask for the middle of
a step, `(step + 0.5) / steps`: then neither the first step nor the last has a rate of zero.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from masklet.errors import TrainingError

Kind: TypeAlias = Literal["constant", "cosine", "reciprocal-root"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule with its numbers, which are shares of the whole training.

    Raises:
        TrainingError: a number lies outside its range.
    """

    kind: Kind = "constant"
    warm_up: float = 0.0
    """How long the rate rises from zero, in a straight line."""
    cool_down: float = 0.0
    """How long it falls to zero at the end, in a straight line."""
    end: float = 0.1
    """The factor at the end of `cosine`."""
    timescale: float = 0.01
    """After how long `reciprocal-root` has fallen to the root of a half."""

    def __post_init__(self) -> None:
        for name, value in (("warm_up", self.warm_up), ("cool_down", self.cool_down)):
            _check(name, value, 0 <= value <= 1, "a share of the training, 0 to 1")
        both = self.warm_up + self.cool_down
        _check("warm_up + cool_down", both, both <= 1, "both to fit into the training, at most 1")
        _check("end", self.end, 0 <= self.end <= 1, "a factor of the peak, 0 to 1")
        _check("timescale", self.timescale, self.timescale > 0, "a share of the training above 0")


def factor_at(schedule: Schedule, progress: float) -> float:
    """What the peak learning rate is multiplied with, 0 to 1.

    Args:
        schedule: which way it goes.
        progress: 0 to 1; for what lies outside, the nearer end counts.

    >>> factor_at(Schedule("constant", warm_up=0.02, cool_down=0.5), 0.75)
    0.5
    """
    progress = min(max(progress, 0.0), 1.0)
    since = max(progress - schedule.warm_up, 0.0)
    ramp = trapezoid(progress, schedule.warm_up, schedule.cool_down)
    match schedule.kind:
        case "constant":
            return ramp
        case "cosine":
            # The last value counts where all of it is warm-up.
            length = max(1.0 - schedule.warm_up, 1e-9)
            return ramp * cosine(since / length, schedule.end)
        case "reciprocal-root":
            return ramp * reciprocal_root(since, schedule.timescale)


def trapezoid(progress: float, warm_up: float, cool_down: float) -> float:
    """Up in a straight line, level at 1, down in a straight line to zero.

    >>> [trapezoid(progress, warm_up=0.02, cool_down=0.3) for progress in (0.01, 0.5, 1.0)]
    [0.5, 1.0, 0.0]
    """
    left = 1.0 - progress
    rising = progress / warm_up if progress < warm_up else 1.0
    return rising * (left / cool_down if left < cool_down else 1.0)


def cosine(share: float, end: float) -> float:
    """Half a wave from 1 down to `end`.

    >>> [round(cosine(share, end=0.1), 2) for share in (0.0, 0.5, 1.0)]
    [1.0, 0.55, 0.1]
    """
    return end + (1.0 - end) * (0.5 + 0.5 * math.cos(math.pi * share))


def reciprocal_root(since: float, timescale: float) -> float:
    """From 1 down as one over a square root, without an end.

    Such a training can be cooled down from any point (arXiv 2106.04560).

    >>> [reciprocal_root(since, timescale=0.1) for since in (0.0, 0.3)]
    [1.0, 0.5]
    """
    return (1.0 + since / timescale) ** -0.5


def _check(name: str, value: float, is_fine: bool, expected: str) -> None:
    if not is_fine:
        raise TrainingError(
            f"the schedule's {name} is {value:g}; expected {expected}. Change it in the recipe."
        )
