"""`masklet models`: which models there are, fetching, checking and converting them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import typer

from masklet.errors import CheckpointError, OutputError

if TYPE_CHECKING:
    from masklet.model.sam2 import SAM2
    from masklet.weights.transfer import Progress
    from masklet.weights.zoo import Entry

app = typer.Typer(
    name="models",
    help="List, download, verify and convert models.",
    no_args_is_help=True,
)


class Layout(StrEnum):
    """What a model can be written as."""

    OFFICIAL = "official"
    SAFETENSORS = "safetensors"
    HUGGINGFACE = "huggingface"


@app.command("list")
def list_models(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for scripts.")] = False,
) -> None:
    """List the models that can be given by name, with their published scores."""
    from masklet.weights.zoo import SCORES_SOURCE, ZOO

    if as_json:
        typer.echo(json.dumps([_described(entry) for entry in ZOO.values()], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("model", "params", "size", "licence", "SA-V", "MOSE", "LVOS", "here"):
        table.add_column(heading, no_wrap=True)
    for entry in ZOO.values():
        table.add_row(*_row(entry))
    console = Console()
    console.print(table)
    console.print(f"Scores: {SCORES_SOURCE}.", highlight=False)


@app.command()
def download(
    name: Annotated[str, typer.Argument(help="A name of `masklet models list`.")],
) -> None:
    """Fetch a model into the cache, go on with a broken download, verify, and print its path."""
    from masklet.weights.download import fetch
    from masklet.weights.zoo import find

    entry = find(name)
    if entry.remote is None:
        typer.echo(_path_of(entry))
        return
    with _progress(entry.remote.file_name) as progress:
        path = fetch(entry.remote, progress=progress)
    typer.echo(path)


@app.command()
def verify(
    model: Annotated[str, typer.Argument(help="A name of the list, a file or a folder.")],
) -> None:
    """Check that a model is whole: its checksum, if it is known by name, and every tensor."""
    from masklet.weights.download import check_sum
    from masklet.weights.load import locate
    from masklet.weights.recognise import describe
    from masklet.weights.zoo import get

    entry = get(model)
    path = locate(model) if entry is None else _path_of(entry)
    if entry is not None and entry.remote is not None:
        check_sum(path, entry.remote)
        typer.echo(f"checksum: {entry.remote.sha256}, as published")
    whole = _assembled(path)
    parameters = sum(parameter.numel() for parameter in whole.parameters())
    dtypes = sorted({str(tensor.dtype) for tensor in whole.state_dict().values()})
    typer.echo(f"model: {describe(whole.config)}, {parameters:,} parameters, {', '.join(dtypes)}")
    typer.echo(f"{path} is whole")


@app.command()
def convert(
    source: Annotated[str, typer.Argument(help="A name of the list, a file, a folder or a URL.")],
    target: Annotated[Path, typer.Argument(help="What to write; it must not exist.")],
    to: Annotated[Layout, typer.Option("--to", help="The layout to write.")],
) -> None:
    """Write a model in another layout, every number as it is."""
    from masklet.weights import save
    from masklet.weights.load import locate
    from masklet.weights.zoo import get

    if target.exists():
        raise OutputError(
            f"{target} exists; expected a new name, so that nothing is overwritten by mistake. "
            "Remove it or choose another name."
        )
    with _progress(source) as progress:
        path = locate(source, progress=progress)
    model = _assembled(path)
    match to:
        case Layout.OFFICIAL:
            save.save_official(model, target)
        case Layout.SAFETENSORS:
            entry = get(source)
            name, licence = (entry.name, entry.licence) if entry else ("", "")
            save.save_safetensors(model, target, name=name, licence=licence)
        case Layout.HUGGINGFACE:
            save.save_huggingface(model, target)
        case _:
            assert_never(to)
    typer.echo(target)


def _described(entry: "Entry") -> dict[str, Any]:  # Any: JSON
    import dataclasses

    from masklet.weights.zoo import SCORES_SOURCE

    document = dataclasses.asdict(entry)
    remote = document.pop("remote") or {"urls": (), "sha256": None}
    if entry.scores is not None:
        document["scores"]["source"] = SCORES_SOURCE
    return document | {
        "urls": remote["urls"],
        "sha256": remote["sha256"],
        "path": str(entry.path()),
        "is_here": entry.path().exists(),
    }


def _row(entry: "Entry") -> list[str]:
    scores = entry.scores
    here = "bundled" if entry.remote is None else "cached"
    return [
        entry.name,
        "" if entry.parameters is None else f"{entry.parameters / 1e6:.1f} M",
        "" if entry.size_bytes is None else f"{entry.size_bytes / 1e6:.0f} MB",
        entry.licence,
        "" if scores is None else f"{scores.sa_v_test:.1f}",
        "" if scores is None else f"{scores.mose_val:.1f}",
        "" if scores is None else f"{scores.lvos_v2:.1f}",
        here if entry.path().exists() else "no",
    ]


def _path_of(entry: "Entry") -> Path:
    if (path := entry.path()).exists():
        return path
    raise CheckpointError(
        f"{entry.name} is not here: {path} does not exist; expected it "
        + (
            "in this build, which carries no bundled weights. Name another model."
            if entry.remote is None
            else f"in the cache. Run `masklet models download {entry.name}` first."
        )
    )


def _assembled(path: Path) -> "SAM2":
    from masklet.weights.assemble import assemble
    from masklet.weights.read import read

    return assemble(read(path))


@contextmanager
def _progress(name: str) -> Iterator["Progress"]:
    """A bar on standard error while bytes arrive."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # In a log a bar is noise.
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None, visible=False)

        def progress(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield progress
