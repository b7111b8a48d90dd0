"""What people see while `masklet bench` measures: a table that grows, with a bar below it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn
from rich.table import Table

from masklet.cli.progress import one_line
from masklet.eval.bench.speed_records import Measured
from masklet.eval.bench.speed_table import Column, columns_of


class Screen:
    """Shows rows as they come, on standard error; without a terminal, a line for each."""

    def __init__(self, console: Console, live: Live | None, bar: Progress) -> None:
        self._console = console
        self._live = live
        self._bar = bar
        self._task = bar.add_task("", total=1.0)
        self._rows: list[Measured] = []

    def progress(self, share: float) -> None:
        """Say which share of all work is done.

        The screen is drawn here and at no other time: it must not take turns with what is timed.
        """
        if self._live is not None:
            self._bar.update(self._task, completed=share)
            self._live.refresh()

    def add(self, row: Measured) -> None:
        """One more row."""
        self._rows.append(row)
        if self._live is None:
            rate = row.frames_per_second
            told = row.failure if rate is None else f"{rate:.2f} frames a second"
            self.say(f"{row.cell}: {told}")
            return
        table = bench_table(self._rows, self._console.width)
        self._live.update(Group(table, self._bar), refresh=True)

    def say(self, text: str) -> None:
        """One remark, `masklet:` and a line."""
        remark = f"masklet: {one_line(text)}"
        self._console.print(remark, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def screen() -> Iterator[Screen]:
    """A screen for as long as the block runs; what it showed is gone then, remarks are not."""
    console = Console(stderr=True)
    bar = Progress(BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), auto_refresh=False)
    if not console.is_terminal:
        yield Screen(console, None, bar)
        return
    with Live(bar, console=console, auto_refresh=False, transient=True) as live:
        yield Screen(console, live, bar)


def bench_table(rows: Sequence[Measured], width: int) -> Table:
    """The rows for a terminal of so many letters a line."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    columns = _fitting(columns_of(rows), rows, width)
    for column in columns:
        # In narrow columns most of it fits into 80 letters.
        heading = column.heading.replace(" ", "\n")
        table.add_column(heading, justify="right" if column.is_number else "left")
    for row in rows:
        table.add_row(*(column.cell(row) for column in columns))
    return table


def _fitting(columns: Sequence[Column], rows: Sequence[Measured], width: int) -> tuple[Column, ...]:
    """The columns without as many parts, the last ones first, as are too many for the width."""
    kept = list(columns)
    for column in reversed(columns):
        if sum(_letters(each, rows) + 1 for each in kept) <= width:
            break
        if column.is_part:
            kept.remove(column)
    return tuple(kept)


def _letters(column: Column, rows: Sequence[Measured]) -> int:
    words = [*column.heading.split(" "), *(column.cell(row) for row in rows)]
    return max(map(len, words))
