"""Two runs side by side on the screen and, if wanted, on a page."""

import json
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from masklet.eval.compare import Comparison, compare, table
from masklet.eval.reports.comparison_report import describe_comparison, write_comparison
from masklet.eval.reports.score_words import shown, shown_difference
from masklet.eval.run_json import read_run


def compare_runs(
    first: Path, second: Path, *, any_protocol: bool, out: Path | None, as_json: bool
) -> None:
    """Read two runs, compare and tell; files are written if a folder for them was given.

    Raises:
        StateError: a run cannot be read, or they were not measured in the same way.
        OutputError: a file cannot be written.
    """
    runs = [read_run(_scores(path)) for path in (first, second)]
    comparison = compare(*runs, allow_different=any_protocol)
    if out is not None:
        write_comparison(out, comparison)
    if as_json:
        typer.echo(json.dumps(describe_comparison(comparison), indent=2))
    else:
        _tell(comparison)


def print_table(folders: Sequence[Path], scores: Sequence[str] | None) -> None:
    """The runs as the rows of a Markdown table. Raises `StateError`."""
    typer.echo(table([read_run(_scores(path)) for path in folders], scores))


def _scores(path: Path) -> Path:
    """The file of a run, of which the folder may be given."""
    return path / "scores.json" if path.is_dir() else path


def _tell(comparison: Comparison) -> None:
    shown_table = Table(box=None, pad_edge=False)
    for heading in ("score", *comparison.names, "difference", "95 %", "better", "worse"):
        shown_table.add_column(heading, justify="left" if heading == "score" else "right")
    for each in comparison.differences:
        interval = each.paired.difference
        low, high = (shown_difference(each.name, end) for end in (interval.low, interval.high))
        shown_table.add_row(
            each.name,
            shown(each.name, each.first),
            shown(each.name, each.second),
            shown_difference(each.name, interval.mean),
            f"{low} to {high}",
            str(each.better),
            str(each.worse),
        )
    Console().print(shown_table)
