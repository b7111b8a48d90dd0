"""How far a training is and when it ends: pure functions of its budget, its steps and its time."""

from masklet.train.config import RunOptions


def progress_at(run: RunOptions, step: int, seconds: float) -> float:
    """The share of the budget that is spent, 0 to 1, in the middle of step `step`, counted from 0.

    With a budget in steps and one in time, the one that is spent more counts.

    >>> progress_at(RunOptions(steps=10), step=4, seconds=1e6)
    0.45
    """
    by_steps = 0.0 if run.steps is None else (step + 0.5) / run.steps
    by_time = 0.0 if run.minutes is None else seconds / (60 * run.minutes)
    return min(max(by_steps, by_time), 1.0)


def is_over(run: RunOptions, step: int, seconds: float) -> bool:
    """Whether the budget is spent after `step` steps and so many seconds.

    >>> is_over(RunOptions(steps=10, minutes=1.0), step=9, seconds=60.0)
    True
    """
    by_steps = run.steps is not None and step >= run.steps
    return by_steps or (run.minutes is not None and seconds >= 60 * run.minutes)


def seconds_left(run: RunOptions, step: int, seconds: float, pace: float) -> float:
    """How long the rest takes, in seconds.

    Args:
        run: the budget.
        step: steps that are done.
        seconds: that are spent.
        pace: seconds of a step, with all that comes between two of them.

    >>> seconds_left(RunOptions(steps=10, minutes=1.0), step=8, seconds=20.0, pace=3.0)
    6.0
    """
    ends = []
    if run.steps is not None:
        ends.append((run.steps - step) * pace)
    if run.minutes is not None:
        ends.append(60 * run.minutes - seconds)
    return max(min(ends), 0.0)
