"""A matrix of speed is measured, shown as it grows, and written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from masklet.cli.bench_peers import PeerPlan, plan_peers, save_for_peer
from masklet.cli.bench_plan import Wish, chosen_threads, make_plan, open_model
from masklet.cli.bench_screen import Screen, bench_table, screen
from masklet.cli.progress import one_line
from masklet.cli.results import check_free
from masklet.eval.bench.page_tables import read_page, replace_tables, with_table
from masklet.eval.bench.peer_rows import peer_rows
from masklet.eval.bench.speed import Plan, sweep
from masklet.eval.bench.speed_records import Bench, Measured, Scored, describe_bench, write_bench
from masklet.eval.bench.speed_table import bench_markdown, caption
from masklet.eval.environment import environment
from masklet.io.atomic import make_folder, write_bytes

_INTERRUPTED = 130
_TABLE = "bench"
_FIGURES, _MARKDOWN, _PLOT = "bench.json", "bench.md", "bench.png"


@dataclass(frozen=True, slots=True)
class BenchOutput:
    """Where results go."""

    folder: Path
    page: Path | None = None
    """A page into which the table is written too."""
    has_plot: bool = True
    overwrite: bool = False
    """Files that exist may be replaced."""
    as_json: bool = False
    """The figures on standard output, instead of the table."""


def run_bench(wish: Wish, output: BenchOutput) -> int:
    """Measure and write what was found; returns the exit code.

    Raises:
        MaskletError: an option is bad, a package is missing or a file cannot be written; all that
            can be known before is told before anything is measured.
    """
    _check_output(output)
    with chosen_threads(wish.threads):
        plan = make_plan(wish)
        peers = plan_peers(plan.cells) if wish.has_peers else PeerPlan()
        # Not before: bad input leaves no empty folder behind.
        make_folder(output.folder)
        with screen() as shown:
            for note in peers.notes:
                shown.say(note)
            bench, is_complete = _measure(plan, peers, output.folder / _FIGURES, shown)
            if not is_complete:
                total = len(plan.cells) + len(peers.cells)
                shown.say(f"interrupted after {len(bench.rows)} of {total} rows")
    if bench.rows:
        _write(bench, output)
    if is_complete and output.page is not None:
        replace_tables(output.page, {_TABLE: bench_markdown(bench)})
    _show(bench, output)
    return 0 if is_complete else _INTERRUPTED


def _check_output(output: BenchOutput) -> None:
    """Raise what would otherwise be raised after all the work."""
    if output.has_plot:
        # matplotlib is an extra: this is where it is missed.
        import masklet.eval.bench.speed_plot  # noqa: F401
    if output.page is not None:
        with_table(read_page(output.page), _TABLE, "", where=str(output.page))
    if not output.overwrite:
        check_free(output.folder, _file_names(output))


def _measure(plan: Plan, peers: PeerPlan, figures: Path, shown: Screen) -> tuple[Bench, bool]:
    """The rows, and whether they are all; each is on the disk as soon as it is measured."""
    height, width = plan.clip[0].shape[:2]
    devices = list(dict.fromkeys(cell.setup.device for cell in plan.cells))
    scored = None
    if plan.labelled is not None:
        scored = Scored(plan.labelled.name, len(plan.labelled.items))
    bench = Bench(environment(devices), (height, width), (), scored, peers.versions)
    try:
        for row in _rows(plan, peers, shown):
            bench = replace(bench, rows=(*bench.rows, row))
            write_bench(figures, bench)
            shown.add(row)
    except KeyboardInterrupt:
        return bench, False
    return bench, True


def _rows(plan: Plan, peers: PeerPlan, shown: Screen) -> Iterator[Measured]:
    """Ours, then those of peers."""
    share = len(plan.cells) / (len(plan.cells) + len(peers.cells))
    yield from sweep(plan, open_model, lambda done: shown.progress(share * done))
    yield from peer_rows(
        peers.cells,
        plan,
        save_for_peer,
        lambda done: shown.progress(share + (1 - share) * done),
    )


def _write(bench: Bench, output: BenchOutput) -> None:
    write_bytes(output.folder / _MARKDOWN, bench_markdown(bench).encode())
    if output.has_plot:
        from masklet.eval.bench.speed_plot import draw_speed

        write_bytes(output.folder / _PLOT, draw_speed(bench))


def _show(bench: Bench, output: BenchOutput) -> None:
    if output.as_json:
        print(json.dumps(describe_bench(bench)))
        return
    console = Console()
    console.print(one_line(caption(bench)), markup=False, highlight=False)
    console.print(bench_table(bench.rows, console.width))
    if bench.rows:
        written = ", ".join(str(output.folder / name) for name in _file_names(output))
        console.print(
            one_line(f"written: {written}"), markup=False, highlight=False, soft_wrap=True
        )


def _file_names(output: BenchOutput) -> list[str]:
    return [_FIGURES, _MARKDOWN, *([_PLOT] if output.has_plot else [])]
