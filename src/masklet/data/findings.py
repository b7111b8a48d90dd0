"""What was found to be wrong with one item, each problem once."""

import re
from collections.abc import Callable
from typing import TypeVar

from masklet.data.records import Problem
from masklet.errors import DatasetError, ImageError, VideoError

T = TypeVar("T")

# What messages go on with after they have told what happened.
_ADVICE = re.compile(r"[;.,:] expected ", re.IGNORECASE)


class Findings:
    """Collects what is wrong with an item.

    >>> found = Findings("bear")
    >>> found.add("frame 00005", "it is black")
    >>> [str(problem) for problem in found.problems()]
    ['bear: frame 00005: it is black']
    """

    def __init__(self, item: str) -> None:
        self._item = item
        self._problems: dict[Problem, None] = {}
        self._told: set[str] = set()

    def add(self, where: str, what: str) -> None:
        """One problem, as `Problem` has it."""
        self._problems[Problem(self._item, where, what)] = None

    def attempt(self, where: str, read: Callable[[], T]) -> T | None:
        """What was read, or None: that it cannot be read is a problem.

        A file that is needed in several places is told at the first of them.
        """
        try:
            return read()
        except (DatasetError, ImageError, VideoError) as error:
            what = clause(error)
            if what not in self._told:
                self._told.add(what)
                self.add(where, what)
            return None

    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order in which they were found."""
        return tuple(self._problems)


def clause(error: Exception) -> str:
    """What happened, without the advice.

    >>> clause(DatasetError("it is red; expected it to be blue. Paint it."))
    'it is red'
    """
    return _ADVICE.split(str(error), maxsplit=1)[0]
