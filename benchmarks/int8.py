"""How long a picture is encoded with weights of eight bits, beside bfloat16 and float32.

    python benchmarks/int8.py                 # about two minutes
    python benchmarks/int8.py --rounds 60     # on a busy machine

One thread, processor time: the least of several rounds, in which the precisions take turns, so that a
busy moment of the machine does not fall on one of them. The official model has made-up weights, which
cost the same time. Writes a table in Markdown and all figures as JSON.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from measure import timed

import masklet
from masklet.eval.environment import environment
from masklet.model.config import SAM2_1_TINY
from masklet.model.precision import set_precision
from masklet.model.sam2 import SAM2

HERE = Path(__file__).resolve().parent
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
MODELS: dict[str, Callable[[], SAM2]] = {
    "masklet-small": lambda: masklet.load(device="cpu"),
    "sam2.1-hiera-tiny": lambda: SAM2(SAM2_1_TINY).eval().requires_grad_(requires_grad=False),
}
# A large picture takes long enough that a few rounds do.
CASES = (("masklet-small", 256, 1), ("masklet-small", 512, 1), ("sam2.1-hiera-tiny", 1024, 5))


def main() -> None:
    """Measure, print the table, write both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "int8")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = {
        "environment": {"line": str(environment()), **asdict(environment())},
        "rounds": arguments.rounds,
        "cases": [
            {"model": name, "input": side} | measured(name, side, max(arguments.rounds // fewer, 1))
            for name, side, fewer in CASES
        ],
    }
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    table = int8_table(figures)
    arguments.out.with_suffix(".md").write_text(table)
    print(table)


@torch.inference_mode()
def measured(name: str, side: int, rounds: int) -> dict[str, float]:
    """Milliseconds of encoding a picture, by precision."""
    models = {word: set_precision(MODELS[name](), dtype) for word, dtype in DTYPES.items()}
    image = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    times: dict[str, list[float]] = {word: [] for word in models}
    for _ in range(rounds + 1):
        for word, model in models.items():
            encode = model.encode_image
            times[word].append(timed(lambda encode=encode: encode(image), 1)["cpu_s"] * 1000)
    # The first round only warms up.
    return {word: min(several[1:]) for word, several in times.items()}


def int8_table(figures: dict[str, Any]) -> str:
    """The figures as Markdown; ratios are of the time of int8."""
    lines = [
        f"{figures['environment']['line']}.",
        f"Milliseconds of processor time, the least of {figures['rounds']} rounds.",
        "",
        "| model | input | float32 | bfloat16 | int8 | of float32 | of bfloat16 |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for case in figures["cases"]:
        cells = [case["model"], str(case["input"])]
        cells += [f"{case[word]:.1f}" for word in DTYPES]
        cells += [f"{case['int8'] / case[word]:.2f}" for word in ("float32", "bfloat16")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
