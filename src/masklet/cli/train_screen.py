"""What people see while a model trains: a table that follows the steps, or a line now and then."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from masklet.cli.progress import one_line

_MEANS = ("loss", "focal", "dice", "iou", "object_score", "reached", "restored", "gradient")
# Steps of which means are shown: one alone says little.
_RECENT = 50
# Seconds between two lines where there is no terminal, and between two looks of the table.
_LINE, _LOOK = 30.0, 0.25


class TrainScreen:
    """Shows what the records of a training say."""

    def __init__(self, console: Console, live: Live | None, *, is_quiet: bool) -> None:
        self._console, self._live, self._is_quiet = console, live, is_quiet
        self._recent: deque[Mapping[str, Any]] = deque(maxlen=_RECENT)
        self._scores: list[Mapping[str, Any]] = []
        self._shown = 0.0

    def told(self, record: Mapping[str, Any]) -> None:
        """One more record of the diary."""
        if "scores" in record:
            self._scores.append(record)
            shown = ", ".join(f"{name} {value:.3f}" for name, value in record["scores"].items())
            self.say(f"step {record['step']:,}: {shown}")
            return
        self._recent.append(record)
        now = time.monotonic()
        if self._live is not None and now - self._shown >= _LOOK:
            self._shown = now
            self._live.update(self._table(), refresh=True)
        elif self._live is None and not self._is_quiet and now - self._shown >= _LINE:
            self._shown = now
            self.say(line(record, self._means()))

    def say(self, text: str) -> None:
        """One remark, `masklet:` and a line."""
        remark = f"masklet: {one_line(text)}"
        self._console.print(remark, markup=False, highlight=False, soft_wrap=True)

    def _means(self) -> dict[str, float]:
        count = len(self._recent)
        names = [name for name in _MEANS if name in self._recent[-1]]
        return {name: sum(each[name] for each in self._recent) / count for name in names}

    def _table(self) -> Table:
        record, means = self._recent[-1], self._means()
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        for _ in range(4):
            table.add_column(justify="left")
        left = _left(record)
        table.add_row("step", f"{record['step']:,}", "progress", f"{record['progress']:.1%}")
        table.add_row("time", clock(record["seconds"]), "left", left)
        table.add_row("loss", f"{means['loss']:.3f}", *_quality(means))
        if "focal" in means:
            focal, dice = f"{means['focal']:.4f}", f"{means['dice']:.3f}"
            table.add_row("focal", focal, "dice", dice)
            error, present = f"{means['iou']:.3f}", f"{means['object_score']:.3f}"
            table.add_row("IoU error", error, "object", present)
        rate, length = f"{record['learning_rate']:.2e}", f"{means['gradient']:.2f}"
        table.add_row("learning rate", rate, "gradient", length)
        table.add_row("frames a second", _rate(record), "memory", _memory(record))
        table.add_row("learns from", f"{record['kind']}, {record['side']} px", *_skipped(record))
        for each in self._scores[-3:]:
            scores = "  ".join(f"{name} {value:.3f}" for name, value in each["scores"].items())
            table.add_row(f"step {each['step']:,}", scores)
        return table


@contextmanager
def train_screen(*, is_quiet: bool) -> Iterator[TrainScreen]:
    """A screen for as long as the block runs, on standard error; remarks stay, the table goes.

    >>> with train_screen(is_quiet=True) as screen:
    ...     screen.told({"step": 1, "seconds": 0.0})
    """
    console = Console(stderr=True)
    if is_quiet or not console.is_terminal:
        yield TrainScreen(console, None, is_quiet=is_quiet)
        return
    with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False) as live:
        yield TrainScreen(console, live, is_quiet=is_quiet)


def line(record: Mapping[str, Any], means: Mapping[str, float]) -> str:
    """A step in one line.

    >>> record = {"step": 9, "seconds_left": 90.0, "frames_per_second": 8.0, "kind": "clips"}
    >>> line(record | {"side": 64}, {"loss": 2.0, "reached": 0.5})
    'step 9: loss 2.000, IoU 0.500, 8.0 frames a second of clips at 64 px, 1 min 30 s left'
    """
    return (
        f"step {record['step']:,}: loss {means['loss']:.3f}, {' '.join(_quality(means))}, "
        f"{_rate(record)} frames a second of {record['kind']} at {record['side']} px, "
        f"{_left(record)} left"
    )


def clock(seconds: float) -> str:
    """A time for people.

    >>> clock(5), clock(90), clock(7320)
    ('5 s', '1 min 30 s', '2 h 2 min')
    """
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def _quality(means: Mapping[str, float]) -> tuple[str, str]:
    """How good answers to users are, or guesses at what is missing of pictures, with its name."""
    if "restored" in means:
        return "restored", f"{means['restored']:.3f}"
    return "IoU", f"{means['reached']:.3f}"


def _left(record: Mapping[str, Any]) -> str:
    left = record["seconds_left"]
    return "-" if left is None else clock(left)


def _rate(record: Mapping[str, Any]) -> str:
    rate = record["frames_per_second"]
    return "-" if rate is None else f"{rate:.1f}"


def _memory(record: Mapping[str, Any]) -> str:
    memory = record["memory"]
    return "-" if memory is None else f"{memory / 1024:.1f} GiB"


def _skipped(record: Mapping[str, Any]) -> tuple[str, ...]:
    return ("skipped", f"{record['skipped']:,}") if record["skipped"] else ()
