"""Where the time goes before and after the largest of the exact rewrites.

    python -m benchmarks.profiles    # two minutes, after `python -m benchmarks.rewrites`

The rewrites are those that save most milliseconds in the table, each once. One thread; tables of
torch's profiler, by the time that an operator spends itself. Writes the tables, and all figures as JSON; `tables.py`
puts them into the page on benchmarks.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from benchmarks import tables
from benchmarks.rewrite_cases import Call, every_rewrite
from benchmarks.rewrites import inputs
from torch.profiler import ProfilerActivity, profile

from masklet.eval.environment import environment

WINS, OPERATORS = 3, 8


def main() -> None:
    """Profile, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--figures", type=Path, default=tables.RESULTS / "rewrites.json")
    parser.add_argument("--out", type=Path, default=tables.RESULTS / "profiles")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    wins = largest(json.loads(arguments.figures.read_text())["rows"])
    profiles = []
    with torch.inference_mode():
        for rewrite in every_rewrite(*inputs()):
            if (rewrite.name, rewrite.part) not in wins:
                continue
            described = {"name": rewrite.name, "plain": rewrite.plain, "part": rewrite.part}
            before, after = profiled(rewrite.before), profiled(rewrite.after)
            profiles.append(described | {"before": before, "after": after})
    profiles.sort(key=lambda of: wins.index((of["name"], of["part"])))
    figures = {"environment": str(environment()), "profiles": profiles}
    arguments.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    table = tables.profiles_table(figures)
    arguments.out.with_suffix(".md").write_text(table)
    print(table)


def largest(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Name and part of the rewrites that save most, the largest first."""
    best: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["after_ms"] - row["before_ms"]):
        best.setdefault(row["name"], row)
    return [(row["name"], row["part"]) for row in list(best.values())[:WINS]]


def profiled(call: Call) -> dict[str, Any]:
    """The operators that take most of a call by themselves, after a call to warm up.

    The profiler's clock goes on while others have the processor. Its shares are taken of the call's
    processor time.
    """
    call()
    with profile(activities=[ProfilerActivity.CPU], acc_events=True) as profiler:
        used = time.process_time()
        call()
        whole_ms = 1000 * (time.process_time() - used)
    averages = profiler.key_averages()
    total = sum(one.self_cpu_time_total for one in averages)
    most = sorted(averages, key=lambda one: one.self_cpu_time_total, reverse=True)[:OPERATORS]
    operators = [
        {"name": one.key, "calls": one.count, "ms": one.self_cpu_time_total / total * whole_ms}
        for one in most
    ]
    return {"whole_ms": whole_ms, "operators": operators}


if __name__ == "__main__":
    sys.exit(main())
