"""`masklet data`: which datasets there are, whether one is whole, and what is in it."""

import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from masklet.cli import eval_options as asked
from masklet.cli import options

VARIABLE = "MASKLET_DATASETS"
"""`masklet.data.catalog.VARIABLE`; a test holds the two together, an import would be slow."""

Source: TypeAlias = Annotated[str, typer.Argument(metavar="DATASET", help=asked.SOURCE_HELP)]
Root: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where the folders of datasets with a name are.",
        show_default=f"${VARIABLE}, else this folder",
    ),
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1, help="Only so many clips or pictures, evenly spread.", show_default="all of them"
    ),
]
Workers: TypeAlias = Annotated[int, typer.Option(min=1, help="Processes that read at once.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", help="No bar.")]

app = typer.Typer(
    name="data",
    help="Labelled datasets: which are known, whether one is whole, what is in it.",
    no_args_is_help=True,
)


@app.command("list")
def list_datasets(
    *,
    root: Root = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for scripts.")] = False,
) -> None:
    """List the datasets that can be given by name, where to get them and which are here."""
    from masklet.cli.data_list import show_catalog

    show_catalog(_place_of(root), as_json=as_json)


@app.command()
def check(
    dataset: Source,
    *,
    split: asked.Split = None,
    root: Root = None,
    workers: Workers = 1,
    limit: Limit = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="All problems as JSON on standard output.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Read every frame and every annotation, and name all that is missing or broken.

    - `masklet data check davis-2017 --root datasets`

    - `masklet data check DAVIS/ --workers 4`

    - `masklet data check instances_val2017.json --limit 100`

    Exit codes: 0 whole, 1 there are problems, 2 it could not be opened, 130 interrupted.
    """
    from masklet.cli.data_check import check_dataset
    from masklet.cli.data_items import open_items

    items = open_items(dataset, split=split, root=root, limit=limit)
    raise typer.Exit(check_dataset(items, workers=workers, as_json=as_json, quiet=quiet))


@app.command()
def show(  # noqa: PLR0913 - typer reads one option from each parameter
    dataset: Source,
    *,
    split: asked.Split = None,
    root: Root = None,
    count: Annotated[int, typer.Option(min=1, help="Clips or pictures on the sheet.")] = 24,
    workers: Workers = 1,
    limit: Limit = None,
    skip_broken: Annotated[
        bool,
        typer.Option(
            "--skip-broken",
            help="Leave out what cannot be read, count and name it, instead of stopping.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where statistics.json and sheet.png go.",
            show_default="masklet-data/DATASET",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="The statistics as JSON on standard output, and no files unless --out is given.",
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Count what a dataset holds, and draw some of it with its masks on a sheet.

    - `masklet data show davis-2017 --root datasets`

    - `masklet data show val-images.tar --count 48 --out shown`

    Exit codes: 0 shown, 2 it could not be read, 130 interrupted.
    """
    from masklet.cli.data_items import open_items
    from masklet.cli.data_show import ShowOutput, show_dataset

    items = open_items(dataset, split=split, root=root, limit=limit)
    output = ShowOutput(out, count, workers, skip_broken, overwrite, as_json, quiet)
    raise typer.Exit(show_dataset(items, output))


@app.command()
def scenes(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    *,
    kinds: Annotated[
        str,
        typer.Option(
            metavar="KIND[,KIND]",
            help="occlusion, look-alikes, leaving, cut, fast, long, small, thin, deform, light.",
            show_default="all",
        ),
    ] = "",
    clips_per_kind: Annotated[int, typer.Option(min=1, help="How many of each.")] = 4,
    seed: Annotated[int, typer.Option(min=1, help="Another one gives other clips.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Write made clips with exact masks as a dataset in the layout of DAVIS, to learn from.

    They are drawn as those of `masklet eval --task robustness`, whose seed is 0, so that none of
    these is one of those. 40 to 60 frames of 320x240 pixels each, the long ones 300.

    - `masklet data scenes scenes --clips-per-kind 12 --kinds thin,small,occlusion`

    Exit codes: 0 written, 2 it could not be, 130 interrupted (then nothing is).
    """
    from masklet.cli.data_scenes import write_scenes

    words = [word.strip() for word in kinds.split(",") if word.strip()]
    count = write_scenes(out, words, clips_per_kind=clips_per_kind, seed=seed, quiet=quiet)
    typer.echo(f"{out}: {count:,} clips")


def _place_of(root: Path | None) -> Path:
    """The folder in which datasets with a name are looked for."""
    return root or Path(os.environ.get(VARIABLE) or ".")
