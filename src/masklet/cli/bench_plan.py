"""What `masklet bench` is to measure, from what was typed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from masklet.cli.options import Dtype
from masklet.cli.progress import download_bar
from masklet.errors import PromptError
from masklet.eval.bench.speed import Plan, cells_of, made_clip
from masklet.eval.bench.speed_records import Cell, Setup
from masklet.io.open import open_video
from masklet.io.video import Frame
from masklet.model.preprocess import checked_input_size
from masklet.model.sam2 import SAM2
from masklet.weights.load import load

_CLIP_FRAMES = 8
"""How many frames are held; they are taken in turn."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed; several values stand in one text, with commas."""

    models: str
    objects: str
    sizes: str | None
    dtypes: str
    devices: str | None
    frames: int
    threads: int | None
    clip: Path | None


def make_plan(wish: Wish) -> Plan:
    """All that is to be measured; every model and every device was tried then.

    Raises:
        PromptError: a number or a precision is none, or given twice.
        ImageError: a size is no multiple of 32.
        VideoError: the clip cannot be read.
        CheckpointError: a model or a device cannot be used.
    """
    objects = read_counts("--objects", wish.objects)
    typed_sizes = None if wish.sizes is None else read_counts("--size", wish.sizes)
    dtypes = _read_dtypes(wish.dtypes)
    for size in typed_sizes or ():
        checked_input_size(size, size)
    clip = made_clip() if wish.clip is None else _read_clip(wish.clip)
    devices = [None] if wish.devices is None else _parts("--device", wish.devices)
    cells: list[Cell] = []
    for name in _parts("--model", wish.models):
        for device in devices:
            with download_bar(name) as progress:
                model = load(name, device=device, dtype=dtypes[0], progress=progress)
            setups = [Setup(name, str(model.device), dtype) for dtype in dtypes]
            cells += cells_of(setups, typed_sizes or (model.config.image_size,), objects)
    return Plan(tuple(cells), clip, repeats=wish.frames)


def open_model(setup: Setup) -> SAM2:
    """The model of a row, which was tried before: a bar of its own would disturb the screen."""
    return load(setup.model, device=setup.device, dtype=setup.dtype)


def read_counts(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers from 1 on, with commas between them, in their order.

    Raises:
        PromptError: something else stands there, or a number stands there twice.

    >>> read_counts("--objects", "1,4, 16")
    (1, 4, 16)
    """
    parts = _parts(option, text)
    counts = [int(part) for part in parts if part.isascii() and part.isdecimal()]
    if len(counts) < len(parts) or 0 in counts:
        raise PromptError(
            f"{option} {text!r} is no list of numbers; expected whole numbers from 1 on, with "
            f"commas between several, as in {option} 1,4,16."
        )
    return tuple(counts)


@contextmanager
def chosen_threads(count: int | None) -> Iterator[None]:
    """So many threads of the CPU inside the block; None leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _parts(option: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if "" in parts or len(set(parts)) < len(parts):
        raise PromptError(
            f"{option} {text!r} has an empty or a repeated part; expected different ones, with a "
            "comma between two. Leave the others out."
        )
    return parts


def _read_dtypes(text: str) -> list[str]:
    names = _parts("--dtype", text)
    unknown = [name for name in names if name not in list(Dtype)]
    if unknown:
        raise PromptError(
            f"--dtype {unknown[0]!r} is unknown; expected {', '.join(Dtype)}. Put commas between "
            "several."
        )
    return names


def _read_clip(path: Path) -> tuple[Frame, ...]:
    with open_video(path) as video:
        return tuple(islice(video.frames(), _CLIP_FRAMES))
