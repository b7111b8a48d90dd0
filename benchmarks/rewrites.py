"""What every exact rewrite of the network saves: its plain form and ours on the same tensors.

    python -m benchmarks.rewrites    # six minutes, from the repository's root

SAM 2.1 tiny at 1024 x 1024 with made-up weights. One thread, processor time, the least of several
rounds in which both forms take turns. Writes a table, and all figures as JSON; `tables.py` puts it into
the page on benchmarks.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from benchmarks import tables
from benchmarks.measure import timed
from benchmarks.rewrite_cases import Rewrite, every_rewrite
from benchmarks.rewrite_inputs import Inputs
from torch import Tensor

from masklet.eval.environment import environment
from masklet.model.config import SAM2_1_LARGE, SAM2_1_TINY, ModelConfig
from masklet.model.kernels import linear
from masklet.model.precision import set_precision
from masklet.model.sam2 import SAM2
from tests.parity import weights

SIDE = 1024


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="of every row, at least")
    parser.add_argument("--out", type=Path, default=tables.RESULTS / "rewrites")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows, rates = [], [product_rates()]
    with torch.inference_mode():
        for rewrite in every_rewrite(*inputs()):
            rows.append(measured(rewrite, arguments.seconds))
            print("{name}, {part}: {before_ms:.2f}, {after_ms:.2f}".format_map(rows[-1]))
    rates.append(product_rates())
    figures = {"environment": str(environment()), "rates": rates, "rows": rows}
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    table = tables.rewrites_table(figures)
    arguments.out.with_suffix(".md").write_text(table)
    print(table)


def product_rates() -> dict[str, float]:
    """GFLOP/s of torch's and oneDNN's product in this process: neighbours slow them unevenly."""
    x, weight = torch.randn(1024, 1024), torch.randn(1024, 1024)
    with torch.inference_mode():
        seconds = {
            "torch": min(timed(lambda: F.linear(x, weight), 1)["cpu_s"] for _ in range(20)),
            "onednn": min(timed(lambda: linear(x, weight, None), 1)["cpu_s"] for _ in range(20)),
        }
    return {library: 2 * 1024**3 / took / 1e9 for library, took in seconds.items()}


def inputs() -> tuple[Inputs, Inputs, Inputs]:
    """What is measured: tiny, tiny in bfloat16, and large with half the side, or it takes minutes."""
    tiny, large = made_up(SAM2_1_TINY), made_up(SAM2_1_LARGE)
    narrow = set_precision(deepcopy(tiny), torch.bfloat16)
    return Inputs.of(tiny, SIDE), Inputs.of(narrow, SIDE), Inputs.of(large, SIDE // 2)


def made_up(config: ModelConfig) -> SAM2:
    """A model with the weights that the tests of parity use."""
    model = SAM2(config).eval().requires_grad_(False)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    model.load_state_dict(weights.state_dict(shapes, 0))
    return model


def measured(rewrite: Rewrite, seconds: float) -> dict[str, Any]:
    """Least times of both forms, and how far their results are apart."""
    least = {"before": float("inf"), "after": float("inf")}
    results: dict[str, Any] = {}
    started, rounds = time.process_time(), 0
    while rounds < 2 or (time.process_time() - started < seconds and rounds < 100):
        for name, best in least.items():
            used = time.process_time()
            results[name] = getattr(rewrite, name)()
            least[name] = min(best, time.process_time() - used)
        rounds += 1
    difference, scale = apart(**results)
    described = {key: getattr(rewrite, key) for key in ("name", "where", "plain", "part")}
    return described | {
        "before_ms": 1000 * least["before"],
        "after_ms": 1000 * least["after"],
        "rounds": rounds,
        "difference": difference,
        "scale": scale,
    }


def apart(before: Any, after: Any) -> tuple[float, float]:
    """The largest difference between two results, and the largest value of the second."""
    pairs = list(zip(_tensors(before), _tensors(after), strict=True))
    difference = max(float((one.float() - other.float()).abs().max()) for one, other in pairs)
    return difference, max(float(other.abs().max()) for _, other in pairs)


def _tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
        return
    yield from result


if __name__ == "__main__":
    sys.exit(main())
