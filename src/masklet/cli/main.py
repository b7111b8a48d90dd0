"""The command `masklet`: its subcommands, and how bad input is reported."""

import sys
from typing import Annotated

import typer

from masklet.cli import data, evaluate, models
from masklet.cli.bench import bench
from masklet.cli.demo import demo
from masklet.cli.segment import segment
from masklet.cli.track import track
from masklet.cli.train import train
from masklet.errors import MaskletError

app = typer.Typer(
    name="masklet",
    help="Masks of the objects that you point at, in pictures and videos.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    # A traceback is for a bug of ours: plain, so that it can be pasted into a report.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(segment)
app.command()(track)
app.command()(demo)
app.command()(bench)
app.command()(train)
app.add_typer(data.app)
app.add_typer(evaluate.app)
app.add_typer(models.app)


def main() -> None:
    """Run the command; bad input is one line on standard error and exit code 2."""
    try:
        app()
    except MaskletError as error:
        from masklet.cli.progress import one_line

        typer.echo(f"masklet: {one_line(str(error))}", err=True)
        sys.exit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
        import masklet

        typer.echo(f"masklet {masklet.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Say which version."
        ),
    ] = False,
) -> None:
    """Masks of the objects that you point at, in pictures and videos."""
