"""Every exact rewrite of the network beside its plain form, as two calls on the same tensors.

Both calls return the same up to rounding. The plain one differs in the rewrite alone: everything else
runs as the package has it. Shapes as in `masklet.model.tensors`.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch
from benchmarks import plain_forms
from benchmarks.plain_forms import swapped
from benchmarks.rewrite_inputs import Inputs, noise, parts
from torch import Tensor

from masklet.model import kernels, memory_attention, positions, sam2
from masklet.model.image_encoder import FpnNeck
from masklet.model.mask_decoder import MaskDecoder, to_quads
from masklet.model.memory_attention import RotaryAttention
from masklet.model.memory_encoder import MemoryEncoder
from masklet.model.sam2 import SAM2
from masklet.model.tensors import FrameFeatures, PromptTensors
from masklet.model.trunks import hiera
from masklet.model.two_way import Attention

Call: TypeAlias = Callable[[], Any]
# Rows of a pass through the mask decoder on a CPU, as `ImagePredictor` has them.
_ROWS = 4


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rewrite and its plain form."""

    name: str
    where: str
    """The file under `src/masklet`."""
    plain: str
    """The plain form, in words."""
    part: str
    """What both calls compute."""
    before: Call
    after: Call


def every_rewrite(exact: Inputs, narrow: Inputs, deep: Inputs) -> Iterator[Rewrite]:
    """All rewrites, in the order in which a frame meets them.

    Args:
        exact: a model in float32.
        narrow: the same in bfloat16.
        deep: one with more blocks in windows.
    """
    yield from _products(exact)
    yield from _trunk(exact, deep)
    yield from _bands(exact, narrow)
    yield from _fine_maps(exact)
    yield from _memory_attention(exact)
    yield from _attention_in_tiles(exact, narrow)
    yield from _two_way(exact)
    yield from _masks(exact)
    yield from _memories(exact)
    yield from _tables(exact)


def _products(inputs: Inputs) -> Iterator[Rewrite]:
    one = inputs.readout(1, 7)
    calls = {
        "encode": inputs.encode,
        "memory attention, 1 object, 7 memories": partial(
            inputs.model.condition, inputs.features, one
        ),
    }
    for part, call in calls.items():
        yield Rewrite(
            "products by oneDNN",
            "model/kernels.py",
            "`F.linear`, then the activation",
            part,
            swapped(call, (kernels, "_onednn_linear", None)),
            call,
        )


def _trunk(exact: Inputs, deep: Inputs) -> Iterator[Rewrite]:
    for inputs, part in ((exact, "encode"), (deep, "encode, large at 512 pixels")):
        yield Rewrite(
            "window order",
            "model/trunks/hiera.py",
            "into windows and back in every block",
            part,
            swapped(inputs.encode, (hiera.Block, "forward", plain_forms.row_major_block)),
            inputs.encode,
        )
    attention = (hiera.WindowAttention, "forward", plain_forms.padded_window_attention)
    yield Rewrite(
        "padding never projected",
        "model/trunks/hiera.py",
        "padded before the projection, cut after the last",
        "encode",
        swapped(exact.encode, attention),
        exact.encode,
    )
    yield Rewrite(
        "pooling as three maxima",
        "model/trunks/hiera.py",
        "`F.max_pool2d`",
        "encode",
        swapped(exact.encode, (hiera, "pool", plain_forms.max_pool)),
        exact.encode,
    )


def _bands(exact: Inputs, narrow: Inputs) -> Iterator[Rewrite]:
    for inputs, part in ((exact, "encode"), (narrow, "encode, bfloat16")):
        yield Rewrite(
            "a few rows of windows at a time",
            "model/trunks/hiera.py",
            "all tokens through one block after the other",
            part,
            swapped(inputs.encode, (hiera, "rows_in_cache", plain_forms.all_rows)),
            inputs.encode,
        )


def _fine_maps(inputs: Inputs) -> Iterator[Rewrite]:
    encoder, decoder = inputs.model.image_encoder, inputs.model.sam_mask_decoder
    first, second, _, _ = encoder.trunk(inputs.images_F3SS)

    def call() -> tuple[Tensor, Tensor]:
        quarter = encoder.neck.fine_map(first, 0, decoder.conv_s0)
        eighth = encoder.neck.fine_map(second, 1, decoder.conv_s1)
        return quarter.tokens_BLC, eighth.tokens_BLC

    yield Rewrite(
        "two 1x1 convolutions folded",
        "model/image_encoder.py",
        "one after the other",
        "both fine maps",
        swapped(call, (FpnNeck, "fine_map", plain_forms.fine_map)),
        call,
    )


def _memory_attention(inputs: Inputs) -> Iterator[Rewrite]:
    model, features = inputs.model, inputs.features
    call = partial(model.condition, features, inputs.readout(1, 7))
    yield Rewrite(
        "raw memories as values",
        "model/memory_attention.py",
        "values projected before attention",
        "memory attention, 1 object, 7 memories",
        swapped(call, (RotaryAttention, "forward", plain_forms.rotary_attention)),
        call,
    )
    many = inputs.readout(8, 1)
    copies = features.rows(torch.zeros(8, dtype=torch.int64))
    # The others see the objects apart, and are the same in both forms.
    first = (model.memory_attention, "layers", model.memory_attention.layers[:1])
    yield Rewrite(
        "first self-attention shared",
        "model/memory_attention.py",
        "for every object",
        "first layer of memory attention, 8 objects, 1 memory",
        swapped(partial(model.condition, copies, many), first),
        swapped(partial(model.condition, features, many), first),
    )
    several = partial(model.condition, features, inputs.readout(8, 2))
    yield Rewrite(
        "keys of an object at a time",
        "model/memory_attention.py",
        "those of all in one batch",
        "first layer of memory attention, 8 objects, 2 memories",
        swapped(several, first, (memory_attention, "rows_in_cache", plain_forms.all_rows)),
        swapped(several, first),
    )
    width = model.memory_attention.attention_width
    table = positions.rotary_table(features.grid, width, model.device)
    keys = noise(1, 7 * inputs.tokens, width)
    yield Rewrite(
        "rotation by complex numbers",
        "model/positions.py",
        "real numbers",
        "keys of 7 memories, one layer",
        partial(positions.rotate_real, keys, table),
        partial(positions.rotate, keys, table),
    )


def _attention_in_tiles(exact: Inputs, narrow: Inputs) -> Iterator[Rewrite]:
    memory, width = exact.model.config.memory.width, exact.model.memory_attention.attention_width
    heads, of_head = _global_heads(exact.model)
    tokens = exact.tokens
    cases = {
        "a global block of the trunk": (tokens, heads, of_head, of_head),
        "self-attention to a frame": (tokens, 1, width, width),
        "attention to 7 memories, values projected": (7 * tokens, 1, width, width),
        "attention to 7 memories, raw values": (7 * tokens, 1, width, memory),
    }
    for inputs, (part, sizes) in ((i, case) for i in (exact, narrow) for case in cases.items()):
        keys, heads, of_key, of_value = sizes
        dtype = inputs.model.memory_attention.layers[0].linear1.weight.dtype
        # Three times as large as keys, queries attend to few of them.
        q, k = 3 * noise(1, tokens, heads, of_key), noise(1, keys, heads, of_key, seed=1)
        v = noise(1, keys, heads, of_value, seed=2)
        operands = [x.to(dtype) for x in (q, k, v)]
        yield Rewrite(
            "attention in tiles",
            "model/kernels.py",
            "`F.scaled_dot_product_attention`",
            f"{part}, {str(dtype).removeprefix('torch.')}",
            partial(plain_forms.sdpa, *operands),
            partial(kernels.attend, *operands),
        )


def _two_way(inputs: Inputs) -> Iterator[Rewrite]:
    shared = inputs.model.condition(inputs.features, None)
    own = shared + 0.1 * noise(8, *shared.shape[1:])
    boxes = partial(_in_passes, inputs, shared, _ROWS)
    calls = {
        "64 boxes": boxes,
        "decode, 8 objects": partial(inputs.decode, own, inputs.boxes(8)),
    }
    plain = (
        (Attention, "read_image", plain_forms.read_image),
        (Attention, "read_tokens", plain_forms.read_tokens),
    )
    for part, call in calls.items():
        yield Rewrite(
            "image not projected",
            "model/two_way.py",
            "every row's image projected to keys, values, queries",
            part,
            swapped(call, *plain),
            call,
        )
    decode = calls["decode, 8 objects"]
    yield Rewrite(
        "two objects at a time",
        "model/sam2.py",
        "all in one batch",
        "decode, 8 objects",
        swapped(decode, (sam2, "rows_in_cache", plain_forms.all_rows)),
        decode,
    )
    yield Rewrite(
        "one image for all boxes",
        "model/two_way.py",
        "a copy for every box",
        "64 boxes",
        partial(_in_passes, inputs, shared.expand(64, -1, -1), _ROWS),
        boxes,
    )
    yield Rewrite(
        "four boxes at a time",
        "image/predictor.py",
        "all 64 in one batch",
        "64 boxes",
        partial(_in_passes, inputs, shared, 64),
        boxes,
    )


def _masks(inputs: Inputs) -> Iterator[Rewrite]:
    """Putting the fine maps into quad order, once an image, is part of the rewrite's time."""
    model, grid = inputs.model, inputs.features.grid
    encoder, decoder = model.image_encoder, model.sam_mask_decoder
    first, second, _, _ = encoder.trunk(inputs.images_F3SS)
    quarter = encoder.neck.fine_map(first, 0, decoder.conv_s0).ordered(0)
    eighth = encoder.neck.fine_map(second, 1, decoder.conv_s1).ordered(0)
    images = [
        one.tokens_BLC.unflatten(1, one.grid).permute(0, 3, 1, 2).contiguous()
        for one in (eighth, quarter)
    ]

    def plain(self: MaskDecoder, image: Tensor, tokens: Tensor, _: FrameFeatures) -> Tensor:
        return plain_forms.mask_logits(self, image, tokens, *images)

    def call(embedding: Tensor) -> tuple[Tensor, ...]:
        features = dataclasses.replace(
            inputs.features,
            eighth_FL4c=to_quads(eighth.tokens_BLC, grid, levels=1),
            quarter_FL16c=to_quads(quarter.tokens_BLC, grid, levels=2),
        )
        return parts(model.decode(embedding, features, inputs.boxes(len(embedding))))

    def before(embedding: Tensor) -> tuple[Tensor, ...]:
        return inputs.decode(embedding, inputs.boxes(len(embedding)))

    shared = model.condition(inputs.features, None)
    for rows, part in ((1, "decode, 1 object"), (8, "decode, 8 objects")):
        embedding = shared + 0.1 * noise(rows, *shared.shape[1:])
        yield Rewrite(
            "masks grow in place",
            "model/mask_decoder.py",
            "transposed convolutions, channels first",
            part,
            swapped(partial(before, embedding), (MaskDecoder, "_logits", plain)),
            partial(call, embedding),
        )


def _memories(inputs: Inputs) -> Iterator[Rewrite]:
    side = inputs.images_F3SS.shape[-1]
    for rows, part in ((1, "make a memory, 1 object"), (8, "make memories, 8 objects")):
        features = inputs.features.rows(torch.zeros(rows, dtype=torch.int64))
        call = partial(
            inputs.model.encode_memory,
            features,
            5 * noise(rows, side, side),
            torch.ones(rows),
            binarize=False,
        )
        yield Rewrite(
            "channels last",
            "model/memory_encoder.py",
            "channels first, norms written out",
            part,
            swapped(call, (MemoryEncoder, "forward", plain_forms.memory_encoder)),
            call,
        )
    yield Rewrite(
        "one object at a time",
        "model/sam2.py",
        "all in one batch",
        part,
        swapped(call, (sam2, "rows_in_cache", plain_forms.all_rows)),
        call,
    )


def _tables(inputs: Inputs) -> Iterator[Rewrite]:
    grid, config = inputs.features.grid, inputs.model.config
    trunk, fourier = inputs.model.image_encoder.trunk, inputs.model.sam_prompt_encoder.pe_layer
    stride4 = (4 * grid[0], 4 * grid[1])
    pairs = {
        "bicubic positions of the trunk": (trunk, "_positions_of", trunk.positions, (stride4,)),
        "Fourier positions": (fourier, "_grid_of", fourier.grid, (grid,)),
    }
    for part, (owner, plain, ours, arguments) in pairs.items():
        before, after = partial(getattr(owner, plain), *arguments), partial(ours, *arguments)
        yield _table(part, before, after)
    device = inputs.model.device
    for part, ours, plain, width in (
        ("sine grid of frames", positions.sine_grid, "_sine_grid", config.width),
        ("sine grid of memories", positions.sine_grid, "_sine_grid", config.memory.width),
        ("rotation", positions.rotary_table, "_rotary_table", config.width),
    ):
        make = getattr(positions, plain).__wrapped__
        yield _table(part, partial(make, grid, width, device), partial(ours, grid, width, device))


def _table(part: str, before: Call, after: Call) -> Rewrite:
    return Rewrite("table made once", "model/positions.py", "made anew", part, before, after)


def _in_passes(inputs: Inputs, embedding: Tensor, rows: int) -> tuple[Tensor, ...]:
    """64 boxes, so many at a time; the logits of all."""
    prompts, passes = inputs.boxes(64), []
    for start in range(0, 64, rows):
        several = slice(start, start + rows)
        some = PromptTensors(prompts.points_BP2[several], prompts.labels_BP[several])
        seen = embedding if len(embedding) == 1 else embedding[several]
        passes.append(inputs.decode(seen, some)[0])
    return (torch.cat(passes),)


def _global_heads(model: SAM2) -> tuple[int, int]:
    """Heads of a global block of the trunk, and their width."""
    block = next(block for block in model.image_encoder.trunk.blocks if block.window == 0)
    return block.attn.heads, block.attn.proj.in_features // block.attn.heads
