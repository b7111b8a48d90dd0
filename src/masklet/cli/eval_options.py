"""The options of `masklet eval`. Imports nothing heavy."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from masklet.cli.options import Dtype, Memories

_PROTOCOL = "Protocol"
_METHOD = "Method"
_RUN = "Run"


class Task(StrEnum):
    """What is measured."""

    VOS = "vos"
    CLICKS = "clicks"
    INTERACTIVE = "interactive"
    ROBUSTNESS = "robustness"


class PromptKind(StrEnum):
    """What is said of an object."""

    MASK = "mask"
    BOX = "box"
    CLICKS = "clicks"


class Baseline(StrEnum):
    """Methods that everybody has already, through OpenCV."""

    GRABCUT = "grabcut"
    FLOOD_FILL = "flood-fill"
    OPTICAL_FLOW = "optical-flow"
    COPY = "copy"


class LeftOut(StrEnum):
    """Which annotated frames do not count."""

    ENDS = "ends"
    PROMPTED = "prompted"
    NONE = "none"


class Context(StrEnum):
    """Which prompted frames a session looks at."""

    ALL = "all"
    NEIGHBOURS = "neighbours"


class Pngs(StrEnum):
    """How masks are written besides our JSON."""

    PALETTE = "palette"
    OBJECTS = "objects"


SOURCE_HELP = (
    "A folder, a COCO file, a shard, or a name of `masklet data list`, which is looked for under "
    "--root."
)
Source: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="DATASET", help=f"{SOURCE_HELP} Not for --task robustness, which makes its own."
    ),
]
Split: TypeAlias = Annotated[
    str | None, typer.Option(help="Such as val; the one that is there, unless given.")
]
Root: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where datasets are.", show_default="$MASKLET_DATASETS"),
]
TaskOption: TypeAlias = Annotated[
    Task | None,
    typer.Option(
        "--task",
        help="vos: prompt where an object appears and track. clicks: pictures, click after click. "
        "interactive: corrections on further frames. robustness: vos on made scenes, by kind.",
        show_default="vos for videos, clicks for pictures",
        rich_help_panel=_PROTOCOL,
    ),
]
PromptOption: TypeAlias = Annotated[
    PromptKind,
    typer.Option(
        "--prompt",
        help="vos, robustness: what is said of an object where it appears.",
        rich_help_panel=_PROTOCOL,
    ),
]
Clicks: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=20,
        help="How many clicks: in a picture, or on each prompted frame.",
        show_default="clicks: 9; interactive: 3; vos: 1",
        rich_help_panel=_PROTOCOL,
    ),
]
RandomClicks: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--random-clicks",
        help="clicks: anywhere in the error instead of its centre.",
        rich_help_panel=_PROTOCOL,
    ),
]
MaxObjects: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="clicks: of a picture's objects, at most so many, drawn by lot.",
        show_default="all",
        rich_help_panel=_PROTOCOL,
    ),
]
MinArea: TypeAlias = Annotated[
    int,
    typer.Option(
        min=0, help="clicks: leave out objects of fewer pixels.", rich_help_panel=_PROTOCOL
    ),
]
Rounds: TypeAlias = Annotated[
    int,
    typer.Option(
        min=1,
        max=100,
        help="interactive: how many frames are prompted at most.",
        rich_help_panel=_PROTOCOL,
    ),
]
Online: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--online/--offline",
        help="interactive: one pass that stops where the mask is bad, or a pass after each round.",
        rich_help_panel=_PROTOCOL,
    ),
]
EveryMask: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--every-mask",
        help="vos: every annotated frame is prompted with its masks.",
        rich_help_panel=_PROTOCOL,
    ),
]
Separately: TypeAlias = Annotated[
    bool,
    typer.Option("--separately", help="vos: track each object alone.", rich_help_panel=_PROTOCOL),
]
Overlap: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--overlap/--non-overlap",
        help="vos: whether a pixel may belong to several objects.",
        show_default="with masks as prompts not",
        rich_help_panel=_PROTOCOL,
    ),
]
LeaveOut: TypeAlias = Annotated[
    LeftOut,
    typer.Option(
        help="Annotated frames that do not count: the first and the last one, as in DAVIS and "
        "SA-V; only where an object is prompted; none.",
        rich_help_panel=_PROTOCOL,
    ),
]
ClipsPerKind: TypeAlias = Annotated[
    int,
    typer.Option(min=1, help="robustness: how many clips of each kind.", rich_help_panel=_PROTOCOL),
]
BaselineOption: TypeAlias = Annotated[
    Baseline | None,
    typer.Option(
        "--baseline",
        help="A classical method of OpenCV instead of a model.",
        show_default=False,
        rich_help_panel=_METHOD,
    ),
]
Zoom: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--zoom",
        help="clicks: look at small objects again, each alone and enlarged, after every answer.",
        rich_help_panel=_METHOD,
    ),
]
Policy: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Which memories are kept: standard, or package.module:name of your own policy.",
        rich_help_panel=_METHOD,
    ),
]
Stride: TypeAlias = Annotated[
    int,
    typer.Option(
        min=1, help="standard: recent memories every so many frames.", rich_help_panel=_METHOD
    ),
]
MaxConditioning: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=2,
        help="standard: look back at no more than so many prompted frames.",
        show_default="all of them",
        rich_help_panel=_METHOD,
    ),
]
MemoriesOption: TypeAlias = Annotated[
    Memories,
    typer.Option(
        "--memories",
        help="standard: pooled and foveated memories are smaller, and faster to read.",
        rich_help_panel=_METHOD,
    ),
]
MemoryDtype: TypeAlias = Annotated[
    Dtype,
    typer.Option("--memory-dtype", help="How memories are stored.", rich_help_panel=_METHOD),
]
Prompted: TypeAlias = Annotated[
    Context,
    typer.Option(
        "--context",
        help="interactive: a frame is tracked from all prompted frames, as SAM 2 does, or from "
        "its neighbours among them.",
        rich_help_panel=_METHOD,
    ),
]
Size: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=32,
        help="Side of the network's input, a multiple of 32.",
        show_default="the model's",
        rich_help_panel=_METHOD,
    ),
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Only so many clips or pictures, evenly spread over the dataset.",
        show_default="all",
        rich_help_panel=_RUN,
    ),
]
Workers: TypeAlias = Annotated[
    int,
    typer.Option(min=1, help="Processes; each loads the model.", rich_help_panel=_RUN),
]
SkipBroken: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--skip-broken",
        help="Leave out what cannot be read, count and name it, instead of stopping.",
        rich_help_panel=_RUN,
    ),
]
PngsOption: TypeAlias = Annotated[
    Pngs | None,
    typer.Option(
        "--png",
        help="Write the masks also as an indexed PNG per frame, as benchmark servers want them, "
        "or as a PNG per object.",
        show_default=False,
        rich_help_panel=_RUN,
    ),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where the run is kept; the same command goes on there.",
        show_default="masklet-eval/DATASET-TASK-METHOD",
        rich_help_panel=_RUN,
    ),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="The scores as JSON on standard output.")
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", help="No bar and no table.")]
