"""The matrix of speed on one GPU, in parts with the most valuable first, and which goals are met.

    PYTHONPATH=src python benchmarks/gpu.py --minutes 9 --out DIR     # on a GPU
    PYTHONPATH=src python benchmarks/gpu.py --rehearse --parts tiny   # its rehearsal on a processor

It is made for a computer that is lent for minutes and has no network: the four released networks come
with random weights, which are as fast as trained ones. Every part is a `masklet bench` of its own; what
is measured is in `gpu.json` and `gpu.md` as soon as its part is done, and a part for which the time
does not suffice leaves the rows that it finished.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from masklet.eval.bench.speed_records import OURS, Bench, Measured, read_bench, write_bench
from masklet.eval.bench.speed_table import bench_markdown
from masklet.io.atomic import make_folder, write_bytes
from masklet.memory.standard import MemoryForm

HERE = Path(__file__).resolve().parent
DTYPE = "bfloat16"
# Less is not enough to start a part and measure one row.
_LEAST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Goal:
    """Frames a second that a network is to track at 1024 pixels in bfloat16, from pixels to masks."""

    size: str
    objects: int
    memories: MemoryForm
    frames_per_second: float


GOALS = (
    # One object: a quarter of the rate at which an H200 multiplies bfloat16 matrices.
    Goal("tiny", 1, "full", 350),
    Goal("small", 1, "full", 320),
    Goal("base-plus", 1, "full", 235),
    Goal("large", 1, "full", 110),
    # Sixteen: about a third of that rate, and what smaller memories are to bring.
    Goal("tiny", 16, "full", 45),
    Goal("tiny", 16, "foveated", 110),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One call of `masklet bench`."""

    name: str
    size: str
    """Of the network: tiny, small, base-plus or large."""
    objects: tuple[int, ...] = (1, 16)
    memories: str = "full"
    modes: str = "no"
    """Whether it is compiled."""
    has_peers: bool = False


OTHERS = ("small", "base-plus", "large")
PARTS = (
    Part("tiny", "tiny", memories="full,foveated"),
    Part("tiny-compiled", "tiny", memories="full,foveated", modes="yes"),
    *(Part(size, size) for size in OTHERS),
    # Ours is measured again, in the same minute as the peers.
    Part("tiny-peers", "tiny", has_peers=True),
    *(Part(f"{size}-compiled", size, modes="yes") for size in OTHERS),
    Part("tiny-crowd", "tiny", objects=(4, 64), memories="full,foveated"),
    Part("tiny-crowd-compiled", "tiny", objects=(4, 64), memories="full,foveated", modes="yes"),
    *(Part(f"{size}-peers", size, has_peers=True) for size in OTHERS),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large all of it is."""

    device: str
    side: int
    repeats: int
    most_objects: int


ON_GPU = Scale("cuda", 1024, 50, 64)
REHEARSAL = Scale("cpu", 64, 1, 2)


def main() -> None:
    """Measure part by part, print the table and the goals."""
    arguments = _parsed()
    scale = REHEARSAL if arguments.rehearse else ON_GPU
    if scale.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU here; --rehearse tries all of it on the processor")
    make_folder(arguments.out)
    bench = None
    deadline = time.monotonic() + 60 * arguments.minutes
    with TemporaryDirectory() as scratch:
        for part in _chosen(arguments.parts):
            left = deadline - time.monotonic()
            if left < _LEAST_SECONDS:
                print("the time is over", flush=True)
                break
            print(f"{part.name}: {left:.0f} seconds left", flush=True)
            folder = Path(scratch) / part.name
            _run(words(part, scale, folder), left)
            if (folder / "bench.json").exists():
                bench = merged(bench, read_bench(folder / "bench.json"))
                _write(bench, scale.side, arguments.out)
    if bench is None:
        raise SystemExit("nothing was measured")
    print(report(bench, scale.side))


def words(part: Part, scale: Scale, out: Path) -> list[str]:
    """The words of `masklet bench` for a part."""
    objects = dict.fromkeys(min(count, scale.most_objects) for count in part.objects)
    settings = {
        "--model": f"untrained:sam2.1-hiera-{part.size}",
        "--objects": ",".join(map(str, objects)),
        "--size": str(scale.side),
        "--dtype": DTYPE,
        "--compile": part.modes,
        "--memories": part.memories,
        "--device": scale.device,
        "--frames": str(scale.repeats),
        "--out": str(out),
    }
    pairs = [word for pair in settings.items() for word in pair]
    return [*pairs, "--no-plot", *(["--peers"] if part.has_peers else [])]


def merged(before: Bench | None, after: Bench) -> Bench:
    """All rows of both; of what was measured twice the later one, in the earlier one's place."""
    if before is None:
        return after
    rows = {row.cell: row for row in (*before.rows, *after.rows)}
    return replace(before, rows=tuple(rows.values()), peers={**before.peers, **after.peers})


def report(bench: Bench, side: int) -> str:
    """The goals, the rate that they are measured by, and all rows, as Markdown."""
    lines = [
        f"{_rate(bench.rows) / 1e12:.4g} TFLOP/s in large {DTYPE} products, the best of all rows.",
        "",
        "| network | objects | memories | goal, frames a second | measured | |",
        "|---|--:|---|--:|--:|---|",
        *(_verdict(goal, bench.rows, side) for goal in GOALS),
        "",
        bench_markdown(bench),
    ]
    return "\n".join(lines)


def _verdict(goal: Goal, rows: Iterable[Measured], side: int) -> str:
    """The faster of eager and compiled against a goal."""
    asked = f"| {goal.size} | {goal.objects} | {goal.memories} | {goal.frames_per_second:g} |"
    fitting = [
        (row.frames_per_second, row)
        for row in rows
        if row.frames_per_second is not None and _is_about(row, goal, side)
    ]
    if not fitting:
        return f"{asked} | not measured |"
    rate, row = max(fitting, key=lambda pair: pair[0])
    mode = "compiled" if row.cell.setup.compiled else "eager"
    return (
        f"{asked} {rate:.1f} | {'met' if rate >= goal.frames_per_second else 'not met'}, {mode} |"
    )


def _is_about(row: Measured, goal: Goal, side: int) -> bool:
    cell = row.cell
    return (
        cell.setup.library == OURS
        and cell.setup.model.endswith(f"sam2.1-hiera-{goal.size}")
        and cell.setup.dtype == DTYPE
        and (cell.size, cell.objects, cell.memories) == (side, goal.objects, goal.memories)
    )


def _rate(rows: Iterable[Measured]) -> float:
    """Operations a second, the best of all that were measured."""
    return max((row.floor.flops_per_second for row in rows if row.floor is not None), default=0.0)


def _run(options: Sequence[str], seconds: float) -> None:
    """Until it is done or the time is over; what it started ends with it."""
    command = [sys.executable, "-m", "masklet", "bench", *options]
    with subprocess.Popen(  # noqa: S603  # our own command
        command, start_new_session=True, stdout=subprocess.DEVNULL
    ) as child:
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            print("stopped: the time is over", flush=True)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


def _write(bench: Bench, side: int, folder: Path) -> None:
    write_bench(folder / "gpu.json", bench)
    write_bytes(folder / "gpu.md", report(bench, side).encode())


def _chosen(names: str | None) -> tuple[Part, ...]:
    if names is None:
        return PARTS
    by_name = {part.name: part for part in PARTS}
    unknown = [name for name in names.split(",") if name not in by_name]
    if unknown:
        raise SystemExit(f"there is no part {unknown[0]}; there are {', '.join(by_name)}")
    return tuple(by_name[name] for name in names.split(","))


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=9.0, help="for all parts together")
    parser.add_argument("--parts", metavar="NAME,...", help=", ".join(p.name for p in PARTS))
    parser.add_argument("--rehearse", action="store_true", help="small and on the processor")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
