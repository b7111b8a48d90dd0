"""`masklet train`: the options, and what they become."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

_DATA = "Data"
_RECIPE = "Recipe"

Data: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--data",
        metavar="PATH",
        help="What is learned from: a dataset as for `masklet eval`, a folder with images/ and "
        "masks/, a folder of packs, or a quoted pattern. Repeat it for more.",
        rich_help_panel=_DATA,
    ),
]
Held: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--eval",
        metavar="PATH",
        help="Pictures or clips that are measured on now and then, and never learned from.",
        show_default="val-*.tar of a folder of packs, else every fifth picture",
        rich_help_panel=_DATA,
    ),
]
Cache: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Keep the data as they lie on the device: the next training begins in seconds.",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting of the recipe, such as optim.learning_rate=1e-4 or "
        "stages.0.side=192. Repeat it for more; --show lists all.",
        rich_help_panel=_RECIPE,
    ),
]
Init: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="WEIGHTS",
        help="Begin with these: a name of `masklet models list`, a file or an https address.",
        show_default="as the recipe says",
        rich_help_panel=_RECIPE,
    ),
]
Minutes: TypeAlias = Annotated[
    float | None,
    typer.Option(
        help="The budget in time, all runs together; the learning rate follows it.",
        show_default="as the recipe says",
        rich_help_panel=_RECIPE,
    ),
]
Steps: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="The budget in steps.", show_default="as the recipe says", rich_help_panel=_RECIPE
    ),
]
Show: TypeAlias = Annotated[
    bool,
    typer.Option("--show", help="List all settings and do nothing.", rich_help_panel=_RECIPE),
]
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(help="cpu, cuda or cuda:1; unless given, a GPU if there is one."),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where the training is kept.", show_default="masklet-train/RECIPE"
    ),
]
Resume: TypeAlias = Annotated[
    bool,
    typer.Option("--resume", help="Go on where the training in --out was stopped."),
]
DryRun: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Check data, memory and one step, and say how long it would take."
    ),
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", help="No table while it trains.")]


def train(  # noqa: PLR0913 - typer reads one option from each parameter
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="warm_up, small_image, small_video, finetune, sam2_full, or file.py:function of your "
            "own.",
        ),
    ],
    *,
    data: Data = [],  # noqa: B006 - typer's way of saying none
    held: Held = None,
    cache: Cache = None,
    settings: Settings = None,
    init: Init = None,
    minutes: Minutes = None,
    steps: Steps = None,
    show: Show = False,
    device: Device = None,
    out: Out = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Train a model: from random numbers, or on your own pictures from weights that know a lot.

    Ctrl-C finishes the step, saves, and says how to go on. With torchrun it trains on many GPUs.

    - `masklet train finetune --data photos/labels.json --init sam2.1-hiera-tiny --dry-run`

    - `masklet train small_image --data packs/ --minutes 60 --out run`

    - `torchrun --nproc-per-node 8 -m masklet train sam2_full --data SA-V/ --data SA-1B/`

    Exit codes: 0 done, 2 it could not be done, 130 interrupted.
    """
    from masklet.cli.train_plan import TrainPlan
    from masklet.cli.training import show_settings, train_model

    plan = TrainPlan(
        recipe=recipe,
        settings=tuple(settings or ()),
        init=init,
        minutes=minutes,
        steps=steps,
        data=tuple(data),
        held=held,
        cache=cache,
        device=device,
        folder=out,
        resumes=resume,
        is_dry=dry_run,
        is_quiet=quiet,
        command=shlex.join(["masklet", *sys.argv[1:]]),
    )
    if show:
        show_settings(plan)
        return
    raise typer.Exit(train_model(plan))
