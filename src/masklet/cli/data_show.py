"""What a dataset holds, as a table, as JSON and as a sheet of pictures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from masklet.cli.data_check import INTERRUPTED
from masklet.cli.data_items import Items
from masklet.cli.data_sheet import draw_sheet
from masklet.cli.data_table import statistics_table
from masklet.cli.interrupts import interrupts
from masklet.cli.progress import one_line, reporter
from masklet.cli.results import check_free
from masklet.data.check import listed_problems
from masklet.data.findings import Findings
from masklet.data.records import Clip, Picture, Problem
from masklet.data.statistics import Facts, Statistics, clip_facts, picture_facts, summarise
from masklet.errors import DatasetError
from masklet.eval.runs import file_name
from masklet.io.atomic import make_folder, write_json
from masklet.io.images import write_png

_STATISTICS, _SHEET = "statistics.json", "sheet.png"


@dataclass(frozen=True, slots=True)
class ShowOutput:
    """Where results go, and how they are made."""

    folder: Path | None
    """None: one by the name of the dataset; with `as_json` none at all."""
    count: int = 24
    """Items on the sheet."""
    workers: int = 1
    skip_broken: bool = False
    overwrite: bool = False
    as_json: bool = False
    quiet: bool = False

    def place(self, name: str) -> Path | None:
        """Where the files about a dataset of this name go; None where there are to be none."""
        if self.folder is None and self.as_json:
            return None
        return self.folder or Path("masklet-data") / file_name(name.replace(" ", "-"))


@dataclass(frozen=True, slots=True)
class _Gathered:
    facts: tuple[Facts, ...]
    broken: tuple[Problem, ...]
    """One for each item that could not be read."""
    is_complete: bool
    """Whether nobody wanted an end before."""


def show_dataset(items: Items, output: ShowOutput) -> int:
    """Count and draw what is there; returns the exit code.

    Raises:
        DatasetError: something is broken and not to be skipped, or nothing is whole.
        OutputError: results exist or cannot be written.
    """
    folder = output.place(items.dataset.name)
    if folder is not None and not output.overwrite:
        check_free(folder, [_STATISTICS, _SHEET])
    listed = listed_problems(items.dataset)
    if listed and not output.skip_broken:
        raise _refusal(items, listed[0])
    gathered = _gathered(items, output)
    if not gathered.is_complete:
        return INTERRUPTED
    if not gathered.facts:
        raise DatasetError(
            f"{items.dataset.name} has {items.counted(items.total)}, and none can be read: "
            f"{gathered.broken[0]}. Expected one at least; `masklet data check` names all problems."
        )
    statistics = summarise(gathered.facts)
    document = _document(items, statistics, listed, gathered.broken)
    if folder is not None:
        make_folder(folder)
        write_json(folder / _STATISTICS, document)
        write_png(folder / _SHEET, draw_sheet(items, gathered.facts, output.count))
    if output.as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        _print(document, statistics_table(statistics, items), folder)
    return 0


def _gathered(items: Items, output: ShowOutput) -> _Gathered:
    """Read all items; raises `DatasetError` at the first broken one that is not to be skipped."""
    facts: dict[str, Facts] = {}
    broken: list[Problem] = []
    with (
        interrupts("clip" if items.are_clips else "picture") as interrupt,
        reporter(len(items.names), quiet=output.quiet) as report,
    ):
        reading = items.each(
            _of_clip, _of_picture, workers=output.workers, stop=lambda: interrupt.wanted
        )
        for found in reading:
            report.step()
            if isinstance(found, Facts):
                facts[found.name] = found
                continue
            if not output.skip_broken:
                raise _refusal(items, found)
            broken.append(found)
            report.say(f"left out {found}")
    ordered = [facts[name] for name in items.names if name in facts]
    return _Gathered(tuple(ordered), tuple(broken), report.done == len(items.names))


def _of_clip(clip: Clip) -> Facts | Problem:
    findings = Findings(clip.name)
    return findings.attempt("", partial(clip_facts, clip)) or findings.problems()[0]


def _of_picture(picture: Picture) -> Facts | Problem:
    findings = Findings(picture.name)
    return findings.attempt("", partial(picture_facts, picture)) or findings.problems()[0]


def _refusal(items: Items, problem: Problem) -> DatasetError:
    return DatasetError(
        f"{items.dataset.name} is not whole: {problem}. Expected nothing missing or broken; "
        "`masklet data check` names all of it. Mend it, or leave it out with --skip-broken."
    )


def _document(
    items: Items, statistics: Statistics, listed: Sequence[Problem], broken: Sequence[Problem]
) -> dict[str, Any]:  # Any: JSON
    dataset = items.dataset
    return {
        "format": "masklet-statistics",
        "version": 1,
        "dataset": dataset.name,
        "root": str(dataset.root),
        "layout": dataset.layout,
        "items_in_all": items.total,
        **statistics.describe(),
        "problems_of_listing": [str(problem) for problem in listed],
        "left_out": [str(problem) for problem in broken],
    }


def _print(document: dict[str, Any], table: Table, folder: Path | None) -> None:  # Any: JSON
    console = Console()

    def line(text: str) -> None:
        console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)

    line(f"{document['dataset']} ({document['layout']})")
    console.print(table)
    listed, left_out = document["problems_of_listing"], document["left_out"]
    if listed or left_out:
        line(f"left out: {len(left_out):,}; `masklet data check` names all problems")
    if folder is not None:
        line(f"written: {folder / _STATISTICS}, {folder / _SHEET}")
