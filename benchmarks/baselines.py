"""Measure the bundled model and the classical methods side by side, and write the tables.

    python benchmarks/baselines.py DATA --out runs      # val-images.tar and val-videos.tar of a folder

It calls `masklet eval` for every method and protocol, one after the other, into folders of `--out`,
and writes their tables into docs/evaluation.md. Stopped and started again it goes on; on one core
the whole takes about an hour, most of it GrabCut.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from masklet.eval.bench.page_tables import replace_tables
from masklet.eval.compare import table
from masklet.eval.records import RunScores
from masklet.eval.reports.grouping import groupings
from masklet.eval.reports.score_words import shown
from masklet.eval.run_json import read_run

PAGE = Path(__file__).resolve().parent.parent / "docs" / "evaluation.md"
OURS = "masklet-small"
ZOOMED = f"{OURS}-zoom"
PICTURES = (OURS, ZOOMED, "grabcut", "flood-fill")
VIDEOS = (OURS, "optical-flow", "copy")

_IMAGES, _CLIPS = "val-images.tar", "val-videos.tar"
# GrabCut takes a third of a second for an answer: half of the pictures, few objects, few clicks.
_CLICKS = ("--max-objects", "3", "--limit", "100", "--clicks", "5")
_MADE = ("--task", "robustness", "--clips-per-kind", "1")

PROTOCOLS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "clicks": ((_IMAGES, *_CLICKS), PICTURES),
    "mask": ((_CLIPS,), VIDEOS),
    "box": ((_CLIPS, "--prompt", "box"), VIDEOS),
    "click": ((_CLIPS, "--prompt", "clicks"), VIDEOS),
    "robustness": (_MADE, VIDEOS),
    "offline": ((_CLIPS, "--task", "interactive", "--rounds", "4"), (OURS,)),
    "online": ((_CLIPS, "--task", "interactive", "--rounds", "4", "--online"), (OURS,)),
}
"""Options of `masklet eval`, and the methods that are measured with them."""


def evaluate(data: Path, out: Path, protocol: str, method: str) -> None:
    """One run, in a process of its own."""
    (first, *options), _ = PROTOCOLS[protocol]
    source = [str(data / first)] if first.endswith(".tar") else [first]
    chosen = {OURS: [], ZOOMED: ["--zoom"]}.get(method, ["--baseline", method])
    folder = str(out / f"{protocol}-{method}")
    words = ["eval", *source, *options, *chosen, "--out", folder, "--quiet"]
    subprocess.run([sys.executable, "-m", "masklet", *words], check=True)  # noqa: S603  # ours


def tables(out: Path) -> dict[str, str]:
    """The tables of the page by name, from finished runs."""
    runs = {
        protocol: [_read(out / f"{protocol}-{method}", method) for method in methods]
        for protocol, (_, methods) in PROTOCOLS.items()
    }
    scores = ("J&F", "J", "F", "presence", "flicker")
    shown_scores = {
        "clicks": ("IoU@1", "IoU@3", "IoU@5", "IoU box", "NoC@85"),
        "offline": ("J&F@1", "J&F@2", "J&F@3", "J&F@4", "seconds@4"),
        "online": ("J&F@1", "J&F@2", "J&F@3", "J&F@4", "seconds@4"),
    }
    made = {name: table(of_name, shown_scores.get(name, scores)) for name, of_name in runs.items()}
    kinds = {run.method: next(iter(groupings(run.objects))).groups for run in runs["robustness"]}
    lines = [f"| J&F by kind | {' | '.join(kinds)} |", f"|---|{'--:|' * len(kinds)}"]
    for kind in sorted({kind for groups in kinds.values() for kind in groups}):
        cells = [shown("J&F", groups[kind]["J&F"].mean) for groups in kinds.values()]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return made | {"kinds": "\n".join(lines) + "\n"}


def _read(folder: Path, method: str) -> RunScores:
    run = read_run(folder / "scores.json")
    return replace(run, method=f"{run.method}, zoom") if method == ZOOMED else run


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    for protocol, (_, methods) in PROTOCOLS.items():
        for method in methods:
            evaluate(arguments.data, arguments.out, protocol, method)
    replace_tables(PAGE, tables(arguments.out))


if __name__ == "__main__":
    main()
