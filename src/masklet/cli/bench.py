"""`masklet bench`: the options, and what they become."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from masklet.cli import options

_MATRIX = "What is measured: every combination (several with commas)"
_ACCURACY = "Accuracy beside it"
_RESULTS = "Results"

Models: TypeAlias = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME[,NAME]",
        help="Names of `masklet models list`, files, folders or https addresses; "
        "untrained:NAME is the network of an official name with random weights: as fast, and "
        "nothing is fetched.",
        rich_help_panel=_MATRIX,
    ),
]
Objects: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="N[,N]",
        help="How many objects are tracked at once, and boxes are asked for.",
        rich_help_panel=_MATRIX,
    ),
]
Sizes: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="N[,N]",
        help="Sides of the network's input, multiples of 32.",
        show_default="the size that the model was made for",
        rich_help_panel=_MATRIX,
    ),
]
Dtypes: TypeAlias = Annotated[
    str,
    typer.Option(
        "--dtype",
        metavar="NAME[,NAME]",
        help="Precisions: float32, bfloat16, float16, and int8 on processors.",
        rich_help_panel=_MATRIX,
    ),
]
Compiles: TypeAlias = Annotated[
    str,
    typer.Option(
        "--compile",
        metavar="NO[,YES]",
        help="Whether the network is compiled: no, yes, or one after the other. It takes minutes "
        "for every size the first time.",
        rich_help_panel=_MATRIX,
    ),
]
Memories: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="FORM[,FORM]",
        help="In which form past frames are remembered: full, as SAM 2 does, pooled or foveated, "
        "which are smaller and change the masks.",
        rich_help_panel=_MATRIX,
    ),
]
Devices: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME[,NAME]",
        help="cpu, cuda, cuda:1 or mps.",
        show_default="a GPU if there is one, else cpu",
        rich_help_panel=_MATRIX,
    ),
]
Peers: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--peers",
        help="Also measure transformers and PyPI's sam2 with the same weights, where they are "
        "installed. They track a clip from its beginning: on a processor that takes minutes a row.",
        rich_help_panel=_MATRIX,
    ),
]
Frames: TypeAlias = Annotated[
    int, typer.Option(min=1, help="How often everything is timed, after two times for warming up.")
]
Threads: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Threads of the CPU.", show_default="as torch chooses"),
]
Clip: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A video or a folder of pictures, whose first frames are used.",
        show_default="waves of 1280x720",
    ),
]
Data: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DATASET",
        help="Labelled clips on which masks are scored at the same settings, as `masklet eval` "
        "does: a folder, a file, or a name of `masklet data list`.",
        show_default="no accuracy",
        rich_help_panel=_ACCURACY,
    ),
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Only so many clips of --data, evenly spread.",
        show_default="all",
        rich_help_panel=_ACCURACY,
    ),
]
Out: TypeAlias = Annotated[
    Path,
    typer.Option(metavar="DIR", help="Where results go.", rich_help_panel=_RESULTS),
]
Docs: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="PAGE.md",
        help="Also write the table into a page, between the lines `<!-- begin bench -->` and "
        "`<!-- end bench -->`.",
        rich_help_panel=_RESULTS,
    ),
]
Plot: TypeAlias = Annotated[
    bool,
    typer.Option("--plot/--no-plot", help="Draw bench.png.", rich_help_panel=_RESULTS),
]
AsJson: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json",
        help="All figures as JSON on standard output, instead of the table.",
        rich_help_panel=_RESULTS,
    ),
]


def bench(  # noqa: PLR0913 - typer reads one option from each parameter
    *,
    model: Models = options.DEFAULT_MODEL,
    objects: Objects = "1,4,16",
    size: Sizes = None,
    dtype: Dtypes = "float32,bfloat16",
    compiled: Compiles = "no",
    memories: Memories = "full",
    device: Devices = None,
    peers: Peers = False,
    frames: Frames = 20,
    threads: Threads = None,
    clip: Clip = None,
    data: Data = None,
    limit: Limit = None,
    out: Out = Path("masklet-out"),
    docs: Docs = None,
    plot: Plot = True,
    overwrite: options.Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure how fast a model is on this computer: frames a second, parts, memory, accuracy.

    It writes `bench.json`, `bench.md` and `bench.png` (which needs the extra `eval`). As it stands
    it takes less than a minute on two cores. Ctrl-C keeps what is done.

    - `masklet bench`

    - `masklet bench --objects 1,16 --size 512,1024 --dtype bfloat16 --device cuda`

    - `masklet bench --model sam2.1-hiera-tiny,sam2.1-hiera-large --clip clip.mp4`

    - `masklet bench --size 256,512 --compile no,yes --memories full,foveated --data davis-2017`

    - `masklet bench --model untrained:sam2.1-hiera-tiny --device cuda --peers`

    Exit codes: 0 all done, 2 it could not be done, 130 interrupted.
    """
    from masklet.cli.bench_plan import Wish
    from masklet.cli.benching import BenchOutput, run_bench

    wish = Wish(
        models=model,
        objects=objects,
        sizes=size,
        dtypes=dtype,
        modes=compiled,
        memories=memories,
        devices=device,
        frames=frames,
        threads=threads,
        clip=clip,
        data=data,
        limit=limit,
        has_peers=peers,
    )
    output = BenchOutput(out, docs, plot, overwrite, as_json)
    raise typer.Exit(run_bench(wish, output))
