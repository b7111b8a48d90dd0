"""`masklet eval`: the commands, and what their options become."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from masklet.cli import eval_options as asked
from masklet.cli import options

_DEFAULT = "run"


class _RunUnlessNamed(TyperGroup):
    """`masklet eval DATASET` is `masklet eval run DATASET`."""

    # Any: typer's own kind of context, or in older versions click's.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name in where none is given."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="eval",
    cls=_RunUnlessNamed,
    help="Measure masks by the field's protocols: `masklet eval DATASET`, ours or anybody's.",
    no_args_is_help=True,
)


@app.command(_DEFAULT)
def run(  # noqa: PLR0913 - typer reads one option from each parameter
    context: typer.Context,
    dataset: asked.Source = None,
    *,
    split: asked.Split = None,
    root: asked.Root = None,
    task: asked.TaskOption = None,
    prompt: asked.PromptOption = asked.PromptKind.MASK,
    clicks: asked.Clicks = None,
    random_clicks: asked.RandomClicks = False,
    max_objects: asked.MaxObjects = None,
    min_area: asked.MinArea = 0,
    rounds: asked.Rounds = 8,
    online: asked.Online = False,
    every_mask: asked.EveryMask = False,
    separately: asked.Separately = False,
    overlap: asked.Overlap = None,
    leave_out: asked.LeaveOut = asked.LeftOut.ENDS,
    clips_per_kind: asked.ClipsPerKind = 3,
    model: options.Model = options.DEFAULT_MODEL,
    baseline: asked.BaselineOption = None,
    device: options.Device = None,
    dtype: options.Precision = None,
    size: asked.Size = None,
    zoom: asked.Zoom = False,
    policy: asked.Policy = "standard",
    stride: asked.Stride = 1,
    max_conditioning: asked.MaxConditioning = None,
    memories: asked.MemoriesOption = options.Memories.FULL,
    memory_dtype: asked.MemoryDtype = options.Dtype.BFLOAT16,
    prompted: asked.Prompted = asked.Context.ALL,
    limit: asked.Limit = None,
    workers: asked.Workers = 1,
    skip_broken: asked.SkipBroken = False,
    png: asked.PngsOption = None,
    out: asked.Out = None,
    as_json: asked.AsJson = False,
    quiet: asked.Quiet = False,
) -> None:
    """Measure a model, or a classical method, on a dataset: `masklet eval DATASET`.

    Every item is kept once it is done: stop it, and the same command goes on. It writes
    `scores.json`, `report.html` and `report.png`.

    - `masklet eval davis-2017 --root datasets`

    - `masklet eval DAVIS/ --prompt clicks --clicks 3 --limit 10 --workers 2`

    - `masklet eval val-images.tar --task clicks --baseline grabcut`

    - `masklet eval --task robustness`

    Exit codes: 0 all done, 2 it could not be done, 130 interrupted.
    """
    from masklet.cli.eval_plan import read_plan
    from masklet.cli.evaluating import Output, evaluate

    output = Output(out, png, workers, skip_broken, as_json, quiet, _command())
    raise typer.Exit(evaluate(read_plan(context.params), output))


@app.command()
def score(  # noqa: PLR0913 - typer reads one option from each parameter
    predictions: Annotated[
        Path, typer.Argument(metavar="PRED", help="A folder with the masks of the clips.")
    ],
    dataset: Annotated[str, typer.Argument(metavar="GT", help=asked.SOURCE_HELP)],
    *,
    split: asked.Split = None,
    root: asked.Root = None,
    leave_out: asked.LeaveOut = asked.LeftOut.ENDS,
    strict: Annotated[
        bool, typer.Option("--strict", help="An object without any mask is an error.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="What made the masks, for tables.", show_default="PRED")
    ] = None,
    workers: asked.Workers = 1,
    skip_broken: asked.SkipBroken = False,
    out: asked.Out = None,
    as_json: asked.AsJson = False,
    quiet: asked.Quiet = False,
) -> None:
    """Score the masks of any tool: a folder per clip, or a JSON file per clip, against the truth.

    Indexed PNGs, a PNG per object, masklet's own JSON, COCO and YouTube-VIS are read.

    - `masklet eval score results/ DAVIS/`
    """
    from masklet.cli.eval_plan import Source
    from masklet.cli.evaluating import Output
    from masklet.cli.scoring_files import score_files

    output = Output(out, None, workers, skip_broken, as_json, quiet, command=_command())
    source = Source(dataset, split, root)
    raise typer.Exit(
        score_files(predictions, source, output, leave_out=leave_out, strict=strict, name=name)
    )


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="The folder of a run.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The folder of another run.")],
    *,
    any_protocol: Annotated[
        bool,
        typer.Option("--any-protocol", help="Also runs that were not measured in the same way."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a page, a picture and JSON.", show_default=False),
    ] = None,
    as_json: asked.AsJson = False,
) -> None:
    """Put two runs side by side: paired differences, with intervals, over the objects of both.

    - `masklet eval compare runs/small runs/flow --out comparison`
    """
    from masklet.cli.comparing import compare_runs

    compare_runs(first, second, any_protocol=any_protocol, out=out, as_json=as_json)


@app.command()
def table(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, one a row.")
    ],
    *,
    scores: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]", help="Which scores.", show_default="the usual ones of the task"
        ),
    ] = None,
) -> None:
    """Put any number of runs into one Markdown table, the best of each score in bold.

    - `masklet eval table runs/* --scores 'J&F,J,F'`
    """
    from masklet.cli.comparing import print_table

    print_table(runs, None if scores is None else scores.split(","))


def _command() -> str:
    return shlex.join(["masklet", *sys.argv[1:]])
