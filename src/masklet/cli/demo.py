"""`masklet demo`: the options of a first look."""

from pathlib import Path
from typing import Annotated

import typer

from masklet.cli import options


def demo(  # noqa: PLR0913 - typer reads one option from each parameter
    picture: Annotated[
        Path | None,
        typer.Argument(
            metavar="[IMAGE]",
            help="A picture of yours; unless given, one is drawn.",
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
    """Mask the objects of a picture that the program draws itself, and say how well it went.

    With IMAGE, mask what --point and --box say, or what is in its middle.
    """
    from masklet.cli.demonstrating import show_picture, show_sample
    from masklet.cli.inputs import read_prompts
    from masklet.cli.segmenting import Task
    from masklet.errors import PromptError

    prompts = read_prompts(point or (), box or (), (), max_pixels=max_pixels)
    task = Task(prompts, model=model, device=device, dtype=dtype, max_pixels=max_pixels)
    if picture is not None:
        show_picture(picture, task, out)
    elif prompts:
        raise PromptError(
            "--point and --box were given without a picture; expected IMAGE before them. The "
            "picture that is drawn has its own prompts."
        )
    else:
        show_sample(task, out)
