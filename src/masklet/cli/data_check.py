"""A dataset is checked item by item, and what is wrong with it is told."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

import typer

from masklet.cli.data_items import Items
from masklet.cli.interrupts import interrupts
from masklet.cli.progress import one_line, reporter
from masklet.data.check import check_clip, check_picture, listed_problems
from masklet.data.records import Problem

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

_TOLD_PER_ITEM = 5
"""Problems of one item on the screen: where a folder is the wrong one, every frame has the same."""


def check_dataset(items: Items, *, workers: int, as_json: bool, quiet: bool) -> int:
    """Check what is there and tell it on standard output; returns the exit code."""
    found, checked = _problems(items, workers, quiet=quiet)
    problems = _in_order(items, [*listed_problems(items.dataset), *found])
    if as_json:
        typer.echo(_document(items, checked, problems))
    else:
        for line in (*_lines(problems), _summary(items, checked, problems)):
            typer.echo(one_line(line))
    if checked < len(items.names):
        return INTERRUPTED
    return 1 if problems else 0


def _problems(items: Items, workers: int, *, quiet: bool) -> tuple[list[Problem], int]:
    """What was found by reading, and how many items were read before somebody wanted an end."""
    found: list[Problem] = []
    with (
        interrupts("clip" if items.are_clips else "picture") as interrupt,
        reporter(len(items.names), quiet=quiet) as report,
    ):
        checking = items.each(
            check_clip, check_picture, workers=workers, stop=lambda: interrupt.wanted
        )
        for problems in checking:
            found += problems
            report.step()
    return found, report.done


def _in_order(items: Items, problems: Iterable[Problem]) -> list[Problem]:
    """Those of the whole dataset first, then item after item, each once."""
    place = {name: number for number, name in enumerate(items.names)}

    def key(problem: Problem) -> tuple[bool, int, str]:
        return problem.item != "", place.get(problem.item, len(place)), problem.item

    return sorted(dict.fromkeys(problems), key=key)


def _lines(problems: Sequence[Problem]) -> Iterable[str]:
    for item, group in groupby(problems, key=lambda each: each.item):
        told = [str(problem) for problem in group]
        yield from told[:_TOLD_PER_ITEM]
        if len(told) > _TOLD_PER_ITEM:
            more = f"{len(told) - _TOLD_PER_ITEM:,} more of its problems are told with --json"
            yield f"{item or 'the dataset'}: {more}"


def _summary(items: Items, checked: int, problems: Sequence[Problem]) -> str:
    counted = items.counted(checked)
    if checked < items.total:
        counted += f" of {items.total:,}"
    broken = len({problem.item for problem in problems if problem.item})
    told = (
        f"{len(problems):,} problem{'' if len(problems) == 1 else 's'}"
        if problems
        else "no problems"
    )
    where = f" in {items.counted(broken)}" if broken else ""
    return f"{items.dataset.name}: {told}{where}; {counted} checked"


def _document(items: Items, checked: int, problems: Sequence[Problem]) -> str:
    dataset = items.dataset
    document = {
        "format": "masklet-check",
        "version": 1,
        "dataset": dataset.name,
        "root": str(dataset.root),
        "layout": dataset.layout,
        "items": items.total,
        "checked": checked,
        "problems": [
            {"item": each.item, "where": each.where, "what": each.what} for each in problems
        ],
    }
    return json.dumps(document, indent=2)
