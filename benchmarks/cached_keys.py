"""What keeping the keys of stored memories would save: how long it takes to make them on every frame.

    python -m benchmarks.cached_keys

Every layer of memory attention projects the memories of all objects to keys and turns them, anew on
every frame, though neither a memory nor its place changes. The time that is added to a memory does,
so a cache would have to add its projection on every frame; that is not counted here. One thread,
processor time, the least of several rounds.
"""

import argparse
from collections.abc import Callable
from typing import Any

import torch
from benchmarks.measure import timed
from benchmarks.rewrite_inputs import Inputs
from benchmarks.rewrites import made_up

import masklet
from masklet.model.config import SAM2_1_TINY
from masklet.model.positions import rotary_table, rotate
from masklet.model.precision import set_precision
from masklet.model.tensors import PromptTensors

MEMORIES = 7


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    small = masklet.load("masklet-small")
    print("| model | objects | dtype | frame | keys | projecting | turning | cache |")
    print("|---|--:|---|--:|--:|--:|--:|--:|--:|")
    for name, model, side, rows in (
        ("masklet-small, 512", small, 512, 16),
        ("SAM 2.1 tiny, 1024", made_up(SAM2_1_TINY), 1024, 1),
    ):
        for dtype in (torch.float32, torch.bfloat16):
            with torch.inference_mode():
                inputs = Inputs.of(set_precision(model, dtype), side)
                frame = frame_ms(inputs, rows, rounds)
                projecting, turning = keys_ms(inputs, rows, rounds)
            share, times = (projecting + turning) / frame, cache_size(inputs)
            print(
                f"| {name} | {rows} | {str(dtype).removeprefix('torch.')} | {frame:.0f} ms "
                f"| {share:.1%} | {projecting:.1f} ms | {turning:.1f} ms "
                f"| {times:.0f} times the memory |",
                flush=True,
            )


def frame_ms(inputs: Inputs, rows: int, rounds: int) -> float:
    """Milliseconds of the four verbs of a tracked frame."""
    model, side = inputs.model, inputs.images_F3SS.shape[-1]
    readout, prompts = inputs.readout(rows, MEMORIES), PromptTensors.nothing(rows, model.device)
    conditioned = model.condition(inputs.features, readout)
    logits, score = torch.randn(rows, side, side), torch.ones(rows)
    verbs = (
        inputs.encode,
        lambda: model.condition(inputs.features, readout),
        lambda: model.decode(conditioned, inputs.features, prompts),
        lambda: model.encode_memory(inputs.features, logits, score, binarize=False),
    )
    return sum(least(verb, rounds) for verb in verbs)


def keys_ms(inputs: Inputs, rows: int, rounds: int) -> tuple[float, float]:
    """Milliseconds of projecting all memories in all layers, and of turning them."""
    attention = inputs.model.memory_attention
    memories_BSD = inputs.readout(rows, MEMORIES).spatial_BNLD.flatten(1, 2)
    table = rotary_table(inputs.features.grid, attention.attention_width, inputs.model.device)
    layers = [layer.cross_attn_image for layer in attention.layers]
    projecting = least(lambda: [layer.k_proj(memories_BSD) for layer in layers], rounds)
    keys_BSC = layers[0].k_proj(memories_BSD)
    turning = least(lambda: rotate(keys_BSC, table), rounds)
    return projecting, len(layers) * turning


def cache_size(inputs: Inputs) -> float:
    """How many times as many bytes the keys of a memory take as the memory, which is bfloat16."""
    attention, memory = inputs.model.memory_attention, inputs.model.config.memory
    key_bytes = attention.layers[0].cross_attn_image.k_proj.weight.element_size()
    return attention.attention_width * memory.layers * key_bytes / (memory.width * 2)


def least(call: Callable[[], Any], rounds: int) -> float:
    """Milliseconds of the quickest of several calls."""
    return 1000 * min(timed(call, 1)["cpu_s"] for _ in range(rounds + 1))


if __name__ == "__main__":
    main()
