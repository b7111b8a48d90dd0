"""The datasets that have a name, on a screen. Imports nothing heavy."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from masklet.data.known import CATALOG, Entry


def show_catalog(root: Path, *, as_json: bool) -> None:
    """Write what there is, and which of it is in `root`, to standard output."""
    if as_json:
        typer.echo(json.dumps([_described(entry, root) for entry in CATALOG.values()], indent=2))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("dataset", no_wrap=True)
    table.add_column("here", no_wrap=True)
    table.add_column("what it is, its splits and licence, where to get it", overflow="fold")
    for entry in CATALOG.values():
        table.add_row(entry.name, _whether_here(entry, root), "\n".join(_told(entry)))
    console = Console()
    console.print(table)
    told = f"Looked for in {root.absolute()}; docs/datasets.md says how each is laid out."
    console.print(told, markup=False, highlight=False, soft_wrap=True)


def _described(entry: Entry, root: Path) -> dict[str, Any]:  # Any: JSON
    place = root.absolute() / entry.name
    here = not entry.is_own and place.exists()
    return asdict(entry) | {"path": None if entry.is_own else str(place), "is_here": here}


def _told(entry: Entry) -> list[str]:
    if entry.is_own:
        return [entry.title, "give its path in place of a name"]
    splits = [", ".join(entry.splits)] if entry.splits else []
    return [entry.title, *splits, entry.licence, entry.home]


def _whether_here(entry: Entry, root: Path) -> str:
    if entry.is_own:
        return ""
    return "yes" if (root / entry.name).exists() else "no"
