"""`masklet segment`: the options, and what they become."""

from pathlib import Path

import typer

from masklet.cli import options
from masklet.errors import PromptError


def segment(  # noqa: PLR0913 - typer reads one option from each parameter
    images: options.Images,
    *,
    point: options.Points = None,
    box: options.Boxes = None,
    mask: options.Masks = None,
    multimask: options.Multimask = None,
    zoom: options.Zoom = None,
    model: options.Model = options.DEFAULT_MODEL,
    device: options.Device = None,
    dtype: options.Precision = None,
    compiled: options.Compiled = False,
    out: options.Out = None,
    threshold: options.Threshold = 0.0,
    fill_holes: options.FillHoles = 0,
    drop_specks: options.DropSpecks = 0,
    max_pixels: options.MaxPixels = options.DEFAULT_MAX_PIXELS,
    as_json: options.AsJson = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Mask the objects that clicks, boxes and masks point at, the same ones in every picture.

    For `photo.jpg` it writes `photo_mask_1.png` and `photo_cutout_1.png` for object 1,
    `photo_overlay.png` and `photo.json`.

    - `masklet segment photo.jpg --point 320,240 --point 20,30,0`

    - `masklet segment 'photos/*.jpg' --box 100,50,420,380 --out masks`

    - `masklet segment photo.jpg --box 9,9,80,80@1 --point 40,30,0@1 --point 300,200@2`

    Exit codes: 0 all done, 1 some pictures failed, 2 none was done, 130 interrupted.
    """
    from masklet.cli.inputs import find_images, read_prompts
    from masklet.cli.segmenting import Output, Task, segment_images

    prompts = read_prompts(point or (), box or (), mask or (), max_pixels=max_pixels)
    if not prompts:
        raise PromptError(
            "no prompt was given; expected --point, --box or --mask, which say what to mask. For "
            "example --point 320,240; `masklet segment --help` shows all."
        )
    task = Task(
        prompts=prompts,
        model=model,
        device=device,
        dtype=dtype,
        compiled=compiled,
        multimask=multimask,
        zoom=zoom,
        threshold=threshold,
        max_hole_area=fill_holes,
        max_speck_area=drop_specks,
        max_pixels=max_pixels,
    )
    folder = None if out is None and as_json else out or Path("masklet-out")
    output = Output(folder, as_json=as_json, overwrite=overwrite)
    raise typer.Exit(segment_images(find_images(images), task, output))
