"""The report of a run: a page that stands alone, and one picture with the most important of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masklet.eval.records import Interval, ObjectScores, RunScores
from masklet.eval.reports.figures import Figure
from masklet.eval.reports.grouping import Grouping, groupings
from masklet.eval.reports.pages import figure_view, render, sections
from masklet.eval.reports.protocol_words import protocol_words, things_of
from masklet.eval.reports.report_sheet import SheetText, draw_sheet
from masklet.eval.reports.score_words import (
    TASK_TITLES,
    headline_scores,
    is_lower_better,
    is_share,
    main_score,
    meaning,
    ordered,
    shown,
    shown_interval,
    unit,
)
from masklet.io.atomic import make_folder, write_bytes
from masklet.io.images import write_png

PAGE_NAME = "report.html"
SHEET_NAME = "report.png"

_MOST_OBJECTS = 5000
"""Rows of the table of objects; with more of them browsers are slow."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    value: float | None = None
    """By which it is sorted; None where that is the text."""


def write_report(folder: str | Path, run: RunScores, figures: Sequence[Figure] = ()) -> None:
    """Write `report.html`, which needs no other file, and `report.png`.

    Args:
        folder: where to; it is made.
        run: the evaluation.
        figures: what is shown of it, from `masklet.eval.reports.figures`.

    Raises:
        OutputError: a file cannot be written.

    >>> from tempfile import mkdtemp
    >>> run = RunScores("vos", "shop", "ours", {}, {}, {}, (), seconds=1.0, frames=1)
    >>> write_report(mkdtemp(), run)
    """
    place = make_folder(folder)
    write_bytes(place / PAGE_NAME, report_page(run, figures).encode())
    write_png(place / SHEET_NAME, draw_sheet(_sheet_text(run), figures))


def report_page(run: RunScores, figures: Sequence[Figure] = ()) -> str:
    """The page as HTML.

    >>> run = RunScores("vos", "shop", "ours", {}, {}, {}, (), seconds=1.0, frames=1)
    >>> report_page(run).startswith("<!doctype html>")
    True
    """
    names = ordered({name for each in run.objects for name in each.values})
    main = main_score(run.task, names)  # one that objects have: G is of whole runs only
    groups = groupings(run.objects)
    columns = _columns(run.objects, names)
    command = run.settings.get("command")
    view: dict[str, Any] = {  # Any: what the template shows
        "task_title": TASK_TITLES[run.task],
        "dataset": run.dataset,
        "method": run.method,
        "headline": headline(run),
        "things": things_of(run.task),
        "main": main,
        "tiles": [
            _tile(name, run.summary[name]) for name in headline_scores(run.task, run.summary)
        ],
        "scores": [_score_row(name, run.summary[name]) for name in ordered(run.summary)],
        "figures": [figure_view(figure) for figure in figures],
        "groups": [_group_table(each, headline_scores(run.task, names)) for each in groups],
        "words": protocol_words(run.task, run.settings),
        "settings": sections({k: v for k, v in run.settings.items() if k != "command"}),
        "environment": sections(run.environment),
        "speed": _speed(run),
        "command": command if isinstance(command, str) else None,
        "skipped": run.skipped,
        "left_out": run.left_out,
        "columns": columns,
        "count": len(run.objects),
        "objects": [
            [_cell(each, column) for column in columns]
            for each in _sorted(run, main)[:_MOST_OBJECTS]
        ],
    }
    view["sections"] = _anchors(view)
    return render("report.html.j2", view)


def headline(run: RunScores) -> str:
    """The result in one line.

    >>> goat = ObjectScores("goat", 1, {"J&F": 0.5})
    >>> summary = {"J&F": Interval(0.5, 0.4, 0.6, 1)}
    >>> headline(RunScores("vos", "shop", "ours", {}, {}, summary, (goat,), 1.0, 1))
    'J&F 50.0 (40.0 to 60.0), 95 % over 1 clip'
    """
    main, things = main_score(run.task, run.summary), things_of(run.task)
    if main is None:
        return f"None of the {things} could be scored"
    count = len({each.item for each in run.objects})
    told = f"{count:,} {things if count != 1 else things.removesuffix('s')}"
    unit_of_it = "" if is_share(main) else f" {unit(main)}"
    return f"{main} {shown_interval(main, run.summary[main])}{unit_of_it}, 95 % over {told}"


def _sheet_text(run: RunScores) -> SheetText:
    rows = [_score_row(name, run.summary[name]) for name in ordered(run.summary)]
    return SheetText(
        kicker=TASK_TITLES[run.task],
        title=f"{run.method} on {run.dataset}",
        headline=headline(run),
        warning=f"{len(run.skipped):,} skipped" if run.skipped else "",
        head=("score", "mean", "95 % interval", "in percent, but for clicks and seconds"),
        rows=tuple(
            (row["name"], row["mean"], f"{row['low']} to {row['high']}", row["meaning"])
            for row in rows
        ),
        places=(0, 470, 900, 1060),
        words=protocol_words(run.task, run.settings)[0],
    )


def _tile(name: str, interval: Interval) -> Mapping[str, Any]:  # Any: what the template shows
    scaled = [round(100 * each, 2) for each in (interval.low, interval.mean, interval.high)]
    fits = is_share(name) and all(0 <= each <= 100 for each in scaled)
    return {
        **_shown(name, interval),
        "unit": "" if is_share(name) else unit(name),
        "range": scaled if fits else None,
    }


def _score_row(name: str, interval: Interval) -> Mapping[str, str]:
    told = [meaning(name), "less is better" if is_lower_better(name) else ""]
    meant = "; ".join(words for words in told if words)
    return {**_shown(name, interval), "count": f"{interval.count:,}", "meaning": meant}


def _shown(name: str, interval: Interval) -> dict[str, str]:
    mean, low, high = (shown(name, each) for each in (interval.mean, interval.low, interval.high))
    return {"name": name, "mean": mean, "low": low, "high": high}


def _group_table(
    grouping: Grouping, names: Sequence[str]
) -> Mapping[str, Any]:  # Any: what the template shows
    rows = []
    for group, summary in grouping.groups.items():
        cells = [
            {**_shown(name, summary[name]), "value": summary[name].mean}
            if name in summary
            else None
            for name in names
        ]
        count = max((each.count for each in summary.values()), default=0)
        rows.append({"name": group, "count": count, "cells": cells})
    titles = {"training": "By whether the category is in the training set"}
    title = titles.get(grouping.property, f"By {grouping.property}")
    heading = grouping.property.capitalize()
    return {"title": title, "heading": heading, "names": names, "rows": rows}


def _columns(objects: Sequence[ObjectScores], names: Sequence[str]) -> list[_Column]:
    columns = [_Column("Item", is_number=False), _Column("Object", is_number=True)]
    if any(each.category is not None for each in objects):
        columns.append(_Column("Category", is_number=False))
    if any(each.is_seen is not None for each in objects):
        columns.append(_Column("Seen", is_number=False))
    return columns + [_Column(name, is_number=True) for name in names]


def _cell(scores: ObjectScores, column: _Column) -> _Cell:
    match column.name:
        case "Item":
            return _Cell(scores.item)
        case "Object":
            return _Cell(str(scores.object_id), scores.object_id)
        case "Category":
            return _Cell(scores.category or "")
        case "Seen":
            return _Cell({True: "yes", False: "no", None: ""}[scores.is_seen])
        case name:
            value = scores.values.get(name)
            return _Cell("") if value is None else _Cell(shown(name, value), value)


def _sorted(run: RunScores, main: str | None) -> list[ObjectScores]:
    """The worst objects first, those without the main score last."""
    if main is None:
        return list(run.objects)
    sign = -1 if is_lower_better(main) else 1
    lacking = [each for each in run.objects if main not in each.values]
    scored = [each for each in run.objects if main in each.values]
    return sorted(scored, key=lambda each: sign * each.values[main]) + lacking


def _speed(run: RunScores) -> str:
    if run.seconds == 0:
        return "The masks were made elsewhere; nothing is known of the time that they took."
    things = "frame" if things_of(run.task) == "clips" else "picture"
    told = f"{run.frames:,} {things}{'' if run.frames == 1 else 's'} in {run.seconds:,.1f} s"
    if run.frames:
        told += f": {run.frames / run.seconds:,.2f} a second, {_each(run)} each"
    return f"{told}. Reading truth and scoring are not counted."


def _each(run: RunScores) -> str:
    seconds = run.seconds / run.frames
    return f"{1000 * seconds:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def _anchors(view: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {
        "scores": "Scores",
        "figures": "Figures",
        "groups": "By group",
        "measured": "How it was measured",
        "skipped": "Skipped",
        "objects": "All objects",
        "command": "How to repeat it",
    }
    targets = {"command": "repeat"}
    return [(targets.get(key, key), name) for key, name in names.items() if view.get(key, True)]
