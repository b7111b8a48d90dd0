"""`masklet demo`: the options of a first look."""

from pathlib import Path
from typing import Annotated

import typer

from masklet.cli import options


def demo(  # noqa: PLR0913 - typer reads one option from each parameter
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A picture or a video of yours; unless given, one of each is drawn.",
            show_default=False,
        ),
    ] = None,
    *,
    point: options.Points = None,
    box: options.Boxes = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where results go.")] = Path(
        "masklet-demo"
    ),
    model: options.Model = options.DEFAULT_MODEL,
    device: options.Device = None,
    dtype: options.Precision = None,
    max_pixels: options.MaxPixels = options.DEFAULT_MAX_PIXELS,
) -> None:
    """Mask the objects of a picture and follow those of a clip that the program draws itself, and
    say how well it went.

    With FILE, mask what --point and --box say, or what is in its middle; in a video, or a folder of
    its frames, they are about the first frame, and what they say is followed to the end.
    """
    from masklet.cli.demo_clip import is_video, show_clip, show_video
    from masklet.cli.demonstrating import show_picture, show_sample
    from masklet.cli.inputs import read_prompts
    from masklet.cli.segmenting import Task
    from masklet.errors import PromptError

    prompts = read_prompts(point or (), box or (), (), max_pixels=max_pixels)
    task = Task(prompts, model=model, device=device, dtype=dtype, max_pixels=max_pixels)
    if file is not None and is_video(file):
        raise typer.Exit(show_video(file, task, out))
    if file is not None:
        show_picture(file, task, out)
    elif prompts:
        raise PromptError(
            "--point and --box were given without a file; expected FILE before them. The picture "
            "and the clip that are drawn have their own prompts."
        )
    else:
        show_sample(task, out)
        raise typer.Exit(show_clip(task, out))
