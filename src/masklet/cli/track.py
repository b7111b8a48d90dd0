"""`masklet track`: the options, and what they become."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from masklet.cli import options

_PROMPTS = "What is meant (frames counted from 0; pixels of the frame, x to the right, y down)"
_SPAN = "Which frames"
_MEMORY = "Memory"
_RESULTS = "Results"

Video: TypeAlias = Annotated[
    str, typer.Argument(metavar="VIDEO", help="A video, a folder of pictures, or camera:0.")
]
Points: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--point",
        metavar="FRAME:X,Y[,0|1][@ID]",
        help="A click on the object on that frame, or beside it with ,0. Repeat it for more "
        "clicks; @2 makes it one about object 2.",
        rich_help_panel=_PROMPTS,
    ),
]
Boxes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--box",
        metavar="FRAME:X0,Y0,X1,Y1[@ID]",
        help="A box around the object. Several boxes on one frame are several objects: 1, 2, 3 in "
        "their order, or as @ID says.",
        rich_help_panel=_PROMPTS,
    ),
]
Masks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="FRAME:FILE[@ID]",
        help="A picture of the object's mask, as large as the frame: 0 outside, one other value "
        "inside. Of a palette PNG without @ID every index is an object.",
        rich_help_panel=_PROMPTS,
    ),
]
PromptFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--prompts",
        metavar="FILE.json",
        help="Prompts in a file, as the masklets.json of an earlier run has them.",
        rich_help_panel=_PROMPTS,
    ),
]
Reverse: TypeAlias = Annotated[
    bool,
    typer.Option("--reverse", help="From the last prompted frame back.", rich_help_panel=_SPAN),
]
Both: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--both",
        help="Forward to the end, then back from the first prompt of each object.",
        rich_help_panel=_SPAN,
    ),
]
Start: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="First frame of the results.",
        show_default="the first prompted one, or with --reverse and --both 0",
        rich_help_panel=_SPAN,
    ),
]
End: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Last frame of the results, itself included.",
        show_default="the last one of the video, or with --reverse the last prompted one",
        rich_help_panel=_SPAN,
    ),
]
MemoryDtype: TypeAlias = Annotated[
    options.Dtype,
    typer.Option(
        "--memory-dtype",
        help="How memories are stored; bfloat16 as SAM 2 does.",
        rich_help_panel=_MEMORY,
    ),
]
Stride: TypeAlias = Annotated[
    int,
    typer.Option(
        min=1,
        help="Recent memories are taken every so many frames.",
        rich_help_panel=_MEMORY,
    ),
]
MaxConditioning: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=2,
        help="Look back at no more than so many prompted frames, the closest ones.",
        show_default="all of them",
        rich_help_panel=_MEMORY,
    ),
]
Memories: TypeAlias = Annotated[
    options.Memories,
    typer.Option(
        help="pooled and foveated memories are smaller: faster with many objects, with other masks.",
        rich_help_panel=_MEMORY,
    ),
]
Size: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=32,
        help="Side of the network's input, a multiple of 32: smaller is faster, with other masks.",
        show_default="the model's",
    ),
]
Lookahead: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Frames that are encoded at once; a GPU likes several.",
        show_default="4 under CUDA, else 1",
    ),
]
NonOverlap: TypeAlias = Annotated[
    bool,
    typer.Option("--non-overlap", help="Give every pixel to one object at most."),
]
Out: TypeAlias = Annotated[
    Path,
    typer.Option(metavar="DIR", help="Where results go.", rich_help_panel=_RESULTS),
]
Formats: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="NAME[,NAME]",
        help="masklets (JSON), palette (an indexed PNG per frame), objects (a PNG per object and "
        "frame), overlay (MP4), coco, ytvis, cutout-webm, cutout-mov, cutout-png. Repeat it for "
        "more.",
        show_default="masklets,overlay",
        rich_help_panel=_RESULTS,
    ),
]
Resume: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on where an earlier run of the same command was stopped.",
        rich_help_panel=_RESULTS,
    ),
]
AsJson: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json", help="The summary as JSON on standard output.", rich_help_panel=_RESULTS
    ),
]
Quiet: TypeAlias = Annotated[
    bool,
    typer.Option("--quiet", help="No bar and no summary.", rich_help_panel=_RESULTS),
]


def track(  # noqa: PLR0913 - typer reads one option from each parameter
    video: Video,
    *,
    point: Points = None,
    box: Boxes = None,
    mask: Masks = None,
    prompts: PromptFile = None,
    reverse: Reverse = False,
    both: Both = False,
    start: Start = None,
    end: End = None,
    model: options.Model = options.DEFAULT_MODEL,
    device: options.Device = None,
    dtype: options.Precision = None,
    compiled: options.Compiled = False,
    memory_dtype: MemoryDtype = options.Dtype.BFLOAT16,
    stride: Stride = 1,
    max_conditioning: MaxConditioning = None,
    memories: Memories = options.Memories.FULL,
    size: Size = None,
    lookahead: Lookahead = None,
    non_overlap: NonOverlap = False,
    out: Out = Path("masklet-out"),
    formats: Formats = None,
    overwrite: options.Overwrite = False,
    resume: Resume = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Follow the objects that clicks, boxes and masks point at through a video.

    It writes `masklets.json`, `overlay.mp4`, `sheet.png` (16 frames) and `scores.png` (how sure it
    was, over time). Ctrl-C leaves a valid result of the frames so far and says how to go on.

    - `masklet track clip.mp4 --point 0:320,240`

    - `masklet track clip.mp4 --box 0:9,9,80,80@1 --point 30:300,200@2 --both --format palette`

    - `masklet track frames/ --mask 0:00000.png --out masks`

    Exit codes: 0 all done, 2 it could not be done, 130 interrupted.
    """
    from masklet.cli.formats import read_formats
    from masklet.cli.tracking_output import TrackOutput
    from masklet.cli.tracking_plan import TrackTask, read_direction
    from masklet.cli.tracking_run import track_video
    from masklet.cli.video_prompts import typed_prompts

    direction = read_direction(reverse=reverse, both=both)
    said = typed_prompts(point or (), box or (), mask or ())
    task = TrackTask(video, said, model, device, dtype, direction, start, end, compiled)
    task = replace(task, stride=stride, max_conditioning=max_conditioning, memories=memories)
    task = replace(task, memory_dtype=memory_dtype, lookahead=lookahead)
    task = replace(task, non_overlap=non_overlap, size=size)
    kinds = read_formats(formats or ())
    output = TrackOutput(out, kinds, overwrite, resume, as_json, quiet, _resuming())
    raise typer.Exit(track_video(task, output, prompt_file=prompts))


def _resuming() -> str:
    """The command that goes on with this one."""
    words = [word for word in sys.argv[1:] if word not in ("--overwrite", "--resume")]
    return shlex.join(["masklet", *words, "--resume"])
