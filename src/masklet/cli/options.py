"""The options of the commands that mask pictures. Imports nothing heavy."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer


class Dtype(StrEnum):
    """Precision of numbers."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class NetworkDtype(StrEnum):
    """Precision of the network, whose image encoder may have weights of eight bits."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    INT8 = "int8"


class Memories(StrEnum):
    """In which form past frames are remembered; `StandardPolicy` says what is what."""

    FULL = "full"
    POOLED = "pooled"
    FOVEATED = "foveated"


_PROMPTS = "What is meant (pixels of the picture, x to the right, y down)"
_MODEL = "Model"

Points: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--point",
        metavar="X,Y[,0|1][@ID]",
        help="A click on the object, or beside it with ,0. Repeat it for more clicks; @2 makes it "
        "one about object 2.",
        rich_help_panel=_PROMPTS,
    ),
]
Boxes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--box",
        metavar="X0,Y0,X1,Y1[@ID]",
        help="A box around the object, from its top left to its bottom right. Several boxes are "
        "several objects: 1, 2, 3 in their order, or as @ID says.",
        rich_help_panel=_PROMPTS,
    ),
]
Masks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="FILE[@ID]",
        help="A picture of a first guess, as large as the picture: 0 outside, one other value "
        "inside.",
        rich_help_panel=_PROMPTS,
    ),
]
Model: TypeAlias = Annotated[
    str,
    typer.Option(
        help="A name of `masklet models list`, a file, a folder or an https address.",
        rich_help_panel=_MODEL,
    ),
]
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="cpu, cuda, cuda:1 or mps; unless given, a GPU if there is one.",
        rich_help_panel=_MODEL,
    ),
]
Precision: TypeAlias = Annotated[
    NetworkDtype | None,
    typer.Option(
        "--dtype",
        help="Precision; unless given, bfloat16 on CUDA and float32 elsewhere. int8, on processors "
        "only, is bfloat16 with weights of eight bits in the image encoder.",
        rich_help_panel=_MODEL,
    ),
]
Compiled: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Let torch.compile make the network faster: worth minutes of waiting for many frames "
        "on a GPU, rarely on a processor.",
        rich_help_panel=_MODEL,
    ),
]
MaxPixels: TypeAlias = Annotated[
    int,
    typer.Option(
        min=1,
        help="Refuse larger pictures by their header; raise it for files that you trust.",
    ),
]
Images: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="IMAGE...", help="Pictures, folders or quoted patterns."),
]
Multimask: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--multimask/--single",
        help="Three candidates for every object, best first, or the network's single answer; "
        "unless given, the best of three for a lone click, else the single one.",
        show_default=False,
    ),
]
Zoom: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--zoom/--no-zoom",
        help="Look at small objects again, each alone and enlarged: finer masks, for the time of "
        "one more picture each. Unless given, with models that see less than 1024 pixels, and not "
        "with --multimask.",
        show_default=False,
    ),
]
Threshold: TypeAlias = Annotated[
    float,
    typer.Option(help="Logit above which a pixel belongs to a mask; higher is tighter."),
]
FillHoles: TypeAlias = Annotated[
    int, typer.Option(min=0, help="Fill holes of at most so many pixels.")
]
DropSpecks: TypeAlias = Annotated[
    int, typer.Option(min=0, help="Drop separate pieces of at most so many pixels.")
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where results go.", show_default="masklet-out"),
]
AsJson: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json",
        help="One JSON document per picture and line on standard output, and no files unless "
        "--out is given.",
    ),
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace results that exist.")
]

DEFAULT_MODEL = "masklet-small"
"""`masklet.weights.zoo.BUNDLED`; a test holds the two together, an import would be slow."""
DEFAULT_MAX_PIXELS = 200_000_000
"""`masklet.io.images.DEFAULT_MAX_PIXELS`, held together in the same way."""
