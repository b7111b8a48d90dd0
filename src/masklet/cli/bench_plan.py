"""What `masklet bench` is to measure, from what was typed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import cast, get_args

import torch

from masklet.cli.eval_plan import Source, are_clips
from masklet.cli.options import NetworkDtype
from masklet.cli.progress import download_bar
from masklet.data.records import VideoDataset
from masklet.errors import CheckpointError, DatasetError, PromptError
from masklet.eval.bench.speed import Opened, Plan, cells_of, made_clip
from masklet.eval.bench.speed_records import Cell, Setup
from masklet.io.open import open_video
from masklet.io.video import Frame
from masklet.memory.standard import MemoryForm
from masklet.model.compiling import compiling_hindrance, warm_up
from masklet.model.config import ModelConfig
from masklet.model.kernels import linear
from masklet.model.preprocess import checked_input_size
from masklet.model.sam2 import SAM2
from masklet.weights.load import checked_dtype, load
from masklet.weights.untrained import untrained

_CLIP_FRAMES = 8
"""How many frames are held; they are taken in turn."""
_MODES = {"no": False, "yes": True}
_FORMS: Mapping[str, MemoryForm] = {form: form for form in get_args(MemoryForm)}
_UNTRAINED = "untrained:"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed; several values stand in one text, with commas."""

    models: str
    objects: str
    sizes: str | None
    dtypes: str
    modes: str
    """Whether the network is compiled: "no", "yes" or both."""
    memories: str
    """In which form past frames are remembered."""
    devices: str | None
    frames: int
    threads: int | None
    clip: Path | None
    data: str | None
    """Labelled clips, as `masklet eval` takes them."""
    limit: int | None
    """At most so many of them."""
    has_peers: bool = False
    """Whether other implementations are measured too."""


def make_plan(wish: Wish) -> Plan:
    """All that is to be measured; every model and every device was tried then.

    Raises:
        PromptError: a number, a precision, a mode or a form is none, or given twice; the data are
            pictures, none although they are limited, or there for a model that is not trained.
        ImageError: a size is no multiple of 32.
        DatasetError: the data are missing, empty or broken.
        VideoError: the clip cannot be read.
        CheckpointError: a model, a device or a precision cannot be used, or nothing can be compiled.
    """
    objects = read_counts("--objects", wish.objects)
    typed_sizes = None if wish.sizes is None else read_counts("--size", wish.sizes)
    dtypes = _read_words("--dtype", wish.dtypes, list(NetworkDtype))
    modes = [_MODES[word] for word in _read_words("--compile", wish.modes, list(_MODES))]
    forms = [_FORMS[word] for word in _read_words("--memories", wish.memories, list(_FORMS))]
    names = _parts("--model", wish.models)
    check_trained(names, wish.data)
    for size in typed_sizes or ():
        checked_input_size(size, size)
    labelled = open_labelled(wish.data, wish.limit)
    clip = made_clip() if wish.clip is None else _read_clip(wish.clip)
    devices = [None] if wish.devices is None else _parts("--device", wish.devices)
    cells: list[Cell] = []
    for name in names:
        for device in devices:
            with download_bar(name) as progress:
                model = open_named(name, device=device, dtype=dtypes[0], progress=progress)
            for dtype in dtypes:
                checked_dtype(dtype, model.device, compile=True in modes)
            if True in modes:
                check_compiler(model.device, compiling_hindrance(model.device))
            setups = setups_of(name, str(model.device), dtypes, modes)
            cells += cells_of(setups, typed_sizes or (model.config.image_size,), objects, forms)
    return Plan(tuple(cells), clip, repeats=wish.frames, labelled=labelled)


def open_model(setup: Setup, size: int) -> Opened:
    """The model of some rows, which was tried before: a bar of its own would disturb the screen."""
    if setup.compiled:
        # What was compiled for other sizes and models would change what is compiled now.
        torch.compiler.reset()
    model = open_named(setup.model, device=setup.device, dtype=setup.dtype, compile=setup.compiled)
    warm_up(model, (size, size))
    return Opened(model, _outline(model.config), lambda left, right: linear(left, right, None))


def open_named(
    name: str,
    *,
    device: str | None,
    dtype: str | None = None,
    compile: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> SAM2:
    """The model of `--model`, trained or not; the arguments are those of `load`.

    Raises:
        CheckpointError: there is none, or it cannot be used so.

    >>> open_named("untrained:sam2.1-hiera-tiny", device="cpu").config.image_size
    1024
    """
    if name.startswith(_UNTRAINED):
        plain = name.removeprefix(_UNTRAINED)
        return untrained(plain, device=device, dtype=dtype, compile=compile)
    return load(name, device=device, dtype=dtype, progress=progress, compile=compile)


def check_trained(names: Sequence[str], data: str | None) -> None:
    """Make sure that nobody takes the masks of random weights for those of a model.

    Raises:
        PromptError: masks are to be scored, and a model has learned nothing.
    """
    new = [name for name in names if name.startswith(_UNTRAINED)]
    if new and data is not None:
        raise PromptError(
            f"--data {data} was given for {new[0]}; expected a model that was trained, because "
            "random weights give masks that mean nothing. Leave --data or that model out."
        )


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


def open_labelled(data: str | None, limit: int | None) -> VideoDataset | None:
    """The clips on which masks are scored; None where none were named.

    Raises:
        PromptError: a limit has nothing to limit, or the data are pictures.
        DatasetError: the data are missing, empty or broken.
    """
    if data is None:
        if limit is not None:
            raise PromptError(
                f"--limit {limit} was given without --data; expected a dataset whose clips are "
                "limited. Name one, or leave --limit out."
            )
        return None
    dataset = Source(data, limit=limit).open()
    if not are_clips(dataset):
        raise PromptError(
            f"--data {data} holds pictures; expected clips, because it is tracking that is "
            "measured. Name a dataset of videos."
        )
    if dataset.problems:
        raise DatasetError(
            f"{dataset.name} has {len(dataset.problems)} problems, such as: {dataset.problems[0]}. "
            "Expected a whole dataset; `masklet data check` names all of it. Mend it."
        )
    return cast("VideoDataset", dataset)


@contextmanager
def chosen_threads(count: int | None) -> Iterator[None]:
    """So many threads of the CPU inside the block; None leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def setups_of(
    name: str, device: str, dtypes: Sequence[str], modes: Sequence[bool]
) -> tuple[Setup, ...]:
    """A model in every precision, and in each of these as it is, compiled, or both.

    >>> [setup.compiled for setup in setups_of("tiny", "cpu", ["float32"], [False, True])]
    [False, True]
    """
    return tuple(
        Setup(name, device, dtype, is_compiled) for dtype in dtypes for is_compiled in modes
    )


def check_compiler(device: torch.device, hindrance: str | None) -> None:
    """Make sure that no model goes on uncompiled while its rows say that it was compiled.

    Args:
        device: where.
        hindrance: why nothing can be compiled there; None if it can.

    Raises:
        CheckpointError: it cannot.
    """
    if hindrance is not None:
        raise CheckpointError(
            f"--compile yes was given, but torch.compile does not work here for {device}: "
            f"{hindrance}. Expected a C++ compiler for cpu, Triton for cuda. Install it, or leave "
            "--compile out."
        )


@lru_cache(maxsize=8)
def _outline(config: ModelConfig) -> SAM2:
    """The network on the meta device: shapes without numbers."""
    with torch.device("meta"):
        return SAM2(config).eval().requires_grad_(requires_grad=False)


def _parts(option: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if "" in parts or len(set(parts)) < len(parts):
        raise PromptError(
            f"{option} {text!r} has an empty or a repeated part; expected different ones, with a "
            "comma between two. Leave the others out."
        )
    return parts


def _read_words(option: str, text: str, known: Sequence[str]) -> list[str]:
    words = _parts(option, text)
    unknown = [word for word in words if word not in known]
    if unknown:
        raise PromptError(
            f"{option} {unknown[0]!r} is unknown; expected {', '.join(known)}. Put commas between "
            "several."
        )
    return words


def _read_clip(path: Path) -> tuple[Frame, ...]:
    with open_video(path) as video:
        return tuple(islice(video.frames(), _CLIP_FRAMES))
