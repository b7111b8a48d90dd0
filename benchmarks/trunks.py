"""The two trunks of our small model side by side: size, arithmetic, time of all that a model does.

    python benchmarks/trunks.py                 # about three minutes
    python benchmarks/trunks.py --rounds 30     # on a busy machine

Untrained weights, one thread, processor time: the least of several rounds, in which the trunks take
turns, so that a busy moment of the machine does not fall on one of them. The four verbs are those of
one tracked object; a tracked frame is their sum. Writes a table in Markdown and all figures as JSON.

Shapes: F images, S their side.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import torch
from measure import timed
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from masklet.eval.environment import environment
from masklet.model.config import MASKLET_SMALL_HIERA, MASKLET_SMALL_HYBRID
from masklet.model.precision import set_precision
from masklet.model.sam2 import SAM2
from masklet.model.tensors import MemoryReadout, PromptTensors

HERE = Path(__file__).resolve().parent
TRUNKS = {"hiera": MASKLET_SMALL_HIERA, "hybrid": MASKLET_SMALL_HYBRID}
SIDES = (256, 512)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
VERBS = ("encode", "condition", "decode", "remember")
# Of a step of training: enough pictures that starting an operation costs nothing beside it.
TAUGHT = 8
Calls: TypeAlias = dict[str, Callable[[], Any]]


def main() -> None:
    """Measure, print the table, write both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "trunks")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = {
        "environment": {"line": str(environment()), **asdict(environment())},
        "rounds": arguments.rounds,
        "trunks": {name: sizes(SAM2(config)) for name, config in TRUNKS.items()},
    }
    for side, dtype in product(SIDES, DTYPES):
        print(f"{side} pixels, {dtype}", file=sys.stderr)
        for name, times in measured(side, dtype, arguments.rounds).items():
            figures["trunks"][name][f"{side} {dtype}"] = times
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    table = trunks_table(figures)
    arguments.out.with_suffix(".md").write_text(table)
    print(table)


def sizes(model: SAM2) -> dict[str, float]:
    """Parameters, the megabytes of a file in half precision, arithmetic of encoding a picture."""
    whole = sum(value.numel() for value in model.state_dict().values())
    trunk = sum(value.numel() for value in model.image_encoder.trunk.parameters())
    found = {"trunk": trunk / 1e6, "parameters": whole / 1e6, "fp16_mb": whole * 2 / 1e6}
    for side in SIDES:
        # With gradients and plain attention every product goes through an operation that is counted.
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            model.encode_image(torch.zeros(1, 3, side, side))
        found[f"{side} gflop"] = counter.get_total_flops() / 1e9
    return found


def measured(side: int, dtype: str, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of every call, by trunk."""
    calls = {name: calls_of(SAM2(config), side, DTYPES[dtype]) for name, config in TRUNKS.items()}
    least: dict[str, dict[str, float]] = {name: {} for name in TRUNKS}
    for number in range(rounds + 1):
        for name in TRUNKS:
            spent = {call: timed(run, 1)["cpu_s"] * 1000 for call, run in calls[name].items()}
            # The first round only warms up.
            if number > 0:
                known = least[name] or spent
                least[name] = {call: min(known[call], took) for call, took in spent.items()}
    for times in least.values():
        times["frame"] = sum(times[verb] for verb in VERBS)
    return least


def calls_of(model: SAM2, side: int, dtype: torch.dtype) -> Calls:
    """The four verbs as for one object with seven memories and sixteen pointers; a taught encoder."""
    torch.manual_seed(0)
    images = torch.randn(TAUGHT, 3, side, side)
    taught = SAM2(model.config).train()
    model = set_precision(model.eval(), dtype)
    memory, tokens = model.config.memory.width, (side // 16) ** 2
    with torch.inference_mode():
        features = model.encode_image(images[:1])
        plain = model.condition(features, None)
    readout = MemoryReadout(
        torch.randn(1, 7, tokens, memory),
        torch.tensor([[0, 1, 2, 3, 4, 5, 6]]),
        torch.randn(1, 16, model.config.width),
        torch.arange(16.0)[None],
    )
    click = PromptTensors(torch.full((1, 1, 2), side / 2), torch.ones(1, 1, dtype=torch.int64))
    logits, score = torch.randn(1, side, side), torch.ones(1)
    verbs: Calls = {
        "encode": lambda: model.encode_image(images[:1]),
        "condition": lambda: model.condition(features, readout),
        "decode": lambda: model.decode(plain, features, click),
        "remember": lambda: model.encode_memory(features, logits, score, binarize=False),
    }
    inferred = {name: torch.inference_mode()(call) for name, call in verbs.items()}
    return inferred | {"teach": lambda: teach(taught, images, dtype)}


def teach(model: SAM2, images_F3SS: Tensor, dtype: torch.dtype) -> None:
    """Forward and backward through the encoder, as a step of training would."""
    is_narrow = dtype != torch.float32
    # Plain products: the fused attention of CPUs spends longer on many small windows.
    with torch.autocast("cpu", dtype, enabled=is_narrow), sdpa_kernel(SDPBackend.MATH):
        features = model.encode_image(images_F3SS)
    maps = (features.embedding_FLC, features.eighth_FL4c, features.quarter_FL16c)
    torch.stack([one.float().square().mean() for one in maps]).sum().backward()
    model.zero_grad()


def trunks_table(figures: dict[str, Any]) -> str:
    """The figures as Markdown; ratios are the hybrid's over Hiera's."""
    hiera, hybrid = figures["trunks"]["hiera"], figures["trunks"]["hybrid"]
    lines = [
        f"{figures['environment']['line']}.",
        f"Milliseconds of processor time, the least of {figures['rounds']} rounds.",
        "",
        "| what | side | dtype | Hiera | hybrid | ratio |",
        "|---|--:|---|--:|--:|--:|",
    ]
    for size, said in _SIZES.items():
        lines.append(_row(said, "", "", hiera[size], hybrid[size]))
    for side in SIDES:
        key = f"{side} gflop"
        lines.append(_row("encode one image, GFLOP", str(side), "", hiera[key], hybrid[key]))
    for side, dtype, (call, said) in product(SIDES, DTYPES, _SAID.items()):
        key = f"{side} {dtype}"
        share = TAUGHT if call == "teach" else 1
        pair = (of[key][call] / share for of in (hiera, hybrid))
        lines.append(_row(said, str(side), dtype, *pair))
    return "\n".join(lines) + "\n"


_SIZES = {
    "trunk": "parameters of the trunk, millions",
    "parameters": "parameters of the model, millions",
    "fp16_mb": "file in half precision, MB",
}
_SAID = {
    "encode": "encode one image",
    "condition": "read seven memories",
    "decode": "one click",
    "remember": "make one memory",
    "frame": "one tracked frame",
    "teach": "encoder, forward and backward, an image",
}


def _row(what: str, side: str, dtype: str, hiera: float, hybrid: float) -> str:
    ratio = f"{hybrid / hiera:.2f}"
    return f"| {what} | {side} | {dtype} | {_number(hiera)} | {_number(hybrid)} | {ratio} |"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    main()
