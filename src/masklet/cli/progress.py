"""What people see while a command works: a bar and remarks, both on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Reporter:
    """Counts what is done and says what is remarkable, without tearing the bar apart."""

    def __init__(self, console: Console, bar: Progress | None, total: int) -> None:
        self._console = console
        self._bar = bar
        self._task = TaskID(0) if bar is None else bar.add_task("", total=total, rate="")
        self._start = time.monotonic()
        self.done = 0

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        rate = self.done / max(time.monotonic() - self._start, 1e-9)
        if self._bar is not None:
            self._bar.update(self._task, advance=1, rate=_rate(rate))

    def say(self, text: str) -> None:
        """One remark, `masklet:` and a line."""
        remark = f"masklet: {one_line(text)}"
        self._console.print(remark, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The bar is away meanwhile: two at once cannot be drawn."""
        if self._bar is None:
            yield
            return
        self._bar.stop()
        yield
        self._bar.start()


@contextmanager
def reporter(total: int, *, quiet: bool = False) -> Iterator[Reporter]:
    """Report on `total` pieces of work; the bar shows for two or more, on a terminal.

    Args:
        total: how many pieces there are.
        quiet: no bar; remarks are still made.

    >>> with reporter(1) as report:
    ...     report.step()
    """
    console = Console(stderr=True)
    if quiet or total < 2 or not console.is_terminal:
        yield Reporter(console, None, total)
        return
    rate = TextColumn("{task.fields[rate]}")
    with _bar(console, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn()) as bar:
        yield Reporter(console, bar, total)


@contextmanager
def download_bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar that shows while bytes arrive; told how many are here, and how many come in all.

    >>> with download_bar("model.safetensors") as progress:
    ...     progress(100, None)
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _total: None
        return
    speed = (TransferSpeedColumn(), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), *speed)
    with _bar(console, *columns) as bar:
        task = bar.add_task(name, total=None, visible=False)

        def progress(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield progress


def _bar(console: Console, *columns: ProgressColumn) -> Progress:
    # Not redirected, or results on standard output would be drawn on standard error.
    return Progress(*columns, console=console, transient=True, redirect_stdout=False)


def one_line(text: str) -> str:
    """Text as one line: file names may hold line breaks and commands to the terminal.

    >>> one_line("no file a\\nb")
    'no file a b'
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{1 / per_second:.1f} s each"
