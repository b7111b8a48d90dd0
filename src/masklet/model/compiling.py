"""`torch.compile` for the parts of the network that do the work, each on its own.

Code is compiled for the sizes of a picture that it first sees, and made anew for others. Numbers of
rows, points, memories, pointers and frames vary from call to call, and the parts say so to torch.
Even then it compiles apart what is missing or single: no point, no pointer, one row, one frame.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from masklet.model.image_encoder import ImageEncoder
from masklet.model.int8 import has_int8
from masklet.model.kernels import widening_pays
from masklet.model.mask_decoder import MaskDecoder
from masklet.model.memory_attention import MemoryAttention
from masklet.model.positions import rotary_table, sine_grid
from masklet.model.sam2 import SAM2
from masklet.model.tensors import FrameFeatures, MemoryReadout, PromptTensors
from masklet.model.trunks.hiera import window_places

# Two rows stand for any number of them; three clicks, seven memories and sixteen pointers likewise,
# and are what is usual, for which code is tuned.
_ROWS, _CLICKS, _MEMORIES, _POINTERS = 2, 3, 7, 16
# A part comes in up to five versions for every model, input size and precision. Torch stops at eight
# of them all together, and lets the rest run uncompiled.
_VERSIONS = 256
# On CPUs torch has another convolution, of stride 1 and float32, for so many rows and more.
_MANY_ROWS = 16


def compile_parts(model: SAM2, *, backend: str = "inductor", fullgraph: bool = False) -> None:
    """Let `torch.compile` make the parts fast that do the work; names of parameters stay.

    It raises torch's own limit of versions of a function, for the whole process.

    Args:
        model: compiled in place, part by part, when each is first used.
        backend: as for `torch.compile`.
        fullgraph: whether code that cannot be compiled is an error, not left as it is.

    Raises:
        ValueError: the model has weights of eight bits.

    >>> from masklet.model.config import SAM2_1_TINY
    >>> model = SAM2(SAM2_1_TINY).eval()
    >>> compile_parts(model)
    >>> is_compiled(model)
    True
    """
    if is_compiled(model):
        return
    if has_int8(model):
        raise ValueError(
            "a model with weights of eight bits is to be compiled; expected floating-point ones, "
            "because the products of eight bits are ready-made. Load it with another dtype."
        )
    for known in (sine_grid, rotary_table, window_places, widening_pays):
        torch.compiler.assume_constant_result(known)
    config = torch._dynamo.config  # noqa: SLF001  # its documented place
    config.cache_size_limit = max(config.cache_size_limit, _VERSIONS)
    # Traced, the hook would be compiled as well.
    hook = torch._dynamo.decorators.skip(_expect_changes)  # noqa: SLF001
    for part in _parts(model):
        part.register_forward_pre_hook(hook, with_kwargs=True)
        part.compile(backend=backend, fullgraph=fullgraph, dynamic=False)


def is_compiled(model: SAM2) -> bool:
    """Whether `compile_parts` was called on the model; copies of a compiled one are not."""
    return model.image_encoder._compiled_call_impl is not None  # noqa: SLF001  # torch has no name for it


@torch.inference_mode()
def warm_up(model: SAM2, input_size: tuple[int, int]) -> None:
    """Compile everything now that pictures and videos of one input size will need.

    After it no click, box or mask, no number of objects, memories or frames in a batch compiles
    anything, as long as it is asked in inference mode, as predictors, trackers and sessions do. (On
    CPUs it does for batches of sixteen pictures and more, if the trunk is the hybrid one.) Thirteen
    versions of the four parts are made, on CPUs fourteen, in several minutes: for the bundled model at
    256 pixels three minutes of one CPU core (AMD EPYC, torch 2.13), less where torch's cache on disk
    has them. Memories that are smaller than the grid are compiled when they first come. A model that
    is not compiled is left alone.

    Args:
        model: compiled by `masklet.load(compile=True)`.
        input_size: `(height, width)` of the network's input, multiples of 32.

    >>> import masklet
    >>> model = masklet.load(compile=True)  # doctest: +SKIP
    >>> warm_up(model, (256, 256))  # doctest: +SKIP
    """
    if not is_compiled(model):
        return
    height, width = input_size
    for frames in (_ROWS, 1):
        features = model.encode_image(torch.zeros((frames, 3, height, width), device=model.device))
    for rows in (_ROWS, 1):
        _follow(model, features, rows)
    if model.device.type == "cpu":
        _remember(model, features, _MANY_ROWS)


@cache
def compiling_hindrance(device: torch.device) -> str | None:
    """Why nothing can be compiled for a device on this computer, in one line; None if it can.

    It compiles three operations, once a process, in seconds.
    """
    # A number that was never there: torch would find in its cache what it cannot make any more.
    number = float(time.time_ns() % 1_000_000_007)

    def tiny(x: Tensor) -> Tensor:
        return (x * number).exp().sum()

    try:
        torch.compile(tiny, dynamic=False)(torch.ones(8, device=device))
    except (RuntimeError, OSError, ImportError) as error:
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return None


def _parts(model: SAM2) -> tuple[nn.Module, ...]:
    return (
        model.image_encoder,
        model.memory_attention,
        model.sam_mask_decoder,
        model.memory_encoder,
    )


def _follow(model: SAM2, features: FrameFeatures, rows: int) -> None:
    """All that can happen to so many rows on a frame."""
    height, width = features.grid
    clicks = PromptTensors(
        points_BP2=torch.zeros((rows, _CLICKS, 2), device=model.device),
        labels_BP=torch.ones((rows, _CLICKS), dtype=torch.int64, device=model.device),
        mask_Bhw=torch.zeros((rows, 4 * height, 4 * width), device=model.device),
    )
    only_mask = replace(
        clicks, points_BP2=clicks.points_BP2[:, :0], labels_BP=clicks.labels_BP[:, :0]
    )
    embedding_BLC = model.condition(features, None)
    for prompts in (replace(clicks, mask_Bhw=None), clicks, only_mask):
        candidates = model.decode(embedding_BLC, features, prompts)
    memory_BLD = _remember(model, features, rows)
    for pointers in (_POINTERS, 0):
        model.condition(features, _readout(memory_BLD, candidates.pointers_BMC[:, 0], pointers))


def _remember(model: SAM2, features: FrameFeatures, rows: int) -> Tensor:
    height, width = features.grid
    logits_BSS = torch.zeros((rows, 16 * height, 16 * width), device=model.device)
    score_B = torch.zeros(rows, device=model.device)
    return model.encode_memory(features, logits_BSS, score_B, binarize=False)


def _readout(memory_BLD: Tensor, pointer_BC: Tensor, pointers: int) -> MemoryReadout:
    rows, device = len(memory_BLD), memory_BLD.device
    return MemoryReadout(
        spatial_BNLD=torch.stack([memory_BLD] * _MEMORIES, dim=1),
        slots_BN=torch.zeros((rows, _MEMORIES), dtype=torch.int64, device=device),
        pointers_BKC=pointer_BC[:, None].repeat(1, pointers, 1),
        times_BK=torch.zeros((rows, pointers), device=device),
    )


def _expect_changes(  # Any: what hooks are given
    part: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any]
) -> None:
    """Tell the compiler which sizes of a part's arguments will be others another time."""
    if part._compiled_call_impl is None:  # noqa: SLF001  # a copy
        return
    rows: tuple[Tensor, ...] = ()
    tokens: tuple[Tensor, ...] = ()
    match part:
        case ImageEncoder():
            rows = given[:1]
        case MemoryAttention():
            embedding_FLC, memories, pointers = given
            rows, tokens = (embedding_FLC,), (memories.tokens_BSD, memories.slots_BS, *pointers)
            if (cells := named.get("cells")) is not None:
                tokens = (*tokens, memories.places_LD, cells.places_BS2, cells.log_counts_BS)
        case MaskDecoder():
            image_BLC, sparse_BPC, _, features = given
            maps = (features.embedding_FLC, features.eighth_FL4c, features.quarter_FL16c)
            rows, tokens = (image_BLC, *maps), (sparse_BPC,)
        case _:
            rows = given
    for tensor in (*rows, *tokens):
        torch._dynamo.maybe_mark_dynamic(tensor, 0)  # noqa: SLF001  # its documented place
    for tensor in tokens:
        torch._dynamo.maybe_mark_dynamic(tensor, 1)  # noqa: SLF001
