"""The matrix of speed as a table that people read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from masklet.eval.bench.memory_peak import Kind
from masklet.eval.bench.speed_records import OURS, Bench, Measured
from masklet.eval.reports.score_words import shown

_MISSING = ""
_SCORE = "J&F"
_PEAKS: Mapping[Kind, str] = {
    "device": "on the device",
    "process": "of the process, which keeps a little from row to row",
    "process since its start": "of the process since its start, so it never falls",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and what stands under it."""

    heading: str
    cell: Callable[[Measured], str]
    is_number: bool = True
    is_part: bool = False
    """Whether it is about a part of what another column tells."""


def columns_of(rows: Sequence[Measured]) -> tuple[Column, ...]:
    """What a wide terminal has room for: settings, of which only those that differ, speed, memory.

    Times are the median in milliseconds. What no row has, has no column.
    """
    return (
        *_settings(rows),
        Column("frames a second", _frames_per_second),
        Column("frame", _median("frame")),
        Column("frame 95%", _ninety_five),
        *_floors(rows),
        *(_part(name) for name in ("encode", "memory attention", "decoder", "memory encoder")),
        *_accuracies(rows),
        Column("MiB", _mebibytes),
    )


def bench_markdown(bench: Bench) -> str:
    """All of it in Markdown, with what it was measured on before it.

    >>> from masklet.eval.environment import environment
    >>> bench_markdown(Bench(environment(), (720, 1280), ())).count("| click |")
    1
    """
    rows = bench.rows
    *leading, memory = columns_of(rows)
    columns = (*leading, _part("click"), _part("boxes"), memory)
    rules = "".join("|--:" if column.is_number else "|---" for column in columns)
    lines = [caption(bench), "", _line(column.heading for column in columns), f"{rules}|"]
    lines += [_line(column.cell(row) for column in columns) for row in rows]
    return "\n".join(lines) + "\n"


def caption(bench: Bench) -> str:
    """What was measured on what, and what the figures mean."""
    height, width = bench.frame_size
    counts = sorted({part.count for row in bench.rows for part in row.parts.values()})
    times = f" of {' or '.join(map(str, counts))}" if counts else ""
    kinds = {row.peak.kind for row in bench.rows if row.peak is not None}
    peaks = "".join(f"; memory is the highest {_PEAKS[kind]}" for kind in sorted(kinds))
    return (
        f"{_same_for_all(bench.rows)}{bench.environment}. Frames of {width} x {height} in the "
        f"steady state. Milliseconds, medians{times}{peaks}.{_told_of_peers(bench)}"
        f"{_told_of_scores(bench)}"
    )


def _settings(rows: Sequence[Measured]) -> tuple[Column, ...]:
    """Library, model and device where there are several, what is not as usual, and the rest."""
    columns: list[Column] = []
    if any(row.cell.setup.library != OURS for row in rows):
        columns.append(Column("library", lambda row: row.cell.setup.library, is_number=False))
    if len({row.cell.setup.model for row in rows}) > 1:
        columns.append(Column("model", lambda row: row.cell.setup.model, is_number=False))
    if len({row.cell.setup.device for row in rows}) > 1:
        columns.append(Column("device", lambda row: row.cell.setup.device, is_number=False))
    columns.append(Column("dtype", lambda row: row.cell.setup.dtype, is_number=False))
    if any(row.cell.setup.compiled for row in rows):
        columns.append(Column("mode", _mode, is_number=False))
    columns.append(Column("input", lambda row: str(row.cell.size)))
    if any(row.cell.memories != "full" for row in rows):
        columns.append(Column("memories", lambda row: row.cell.memories, is_number=False))
    columns.append(Column("objects", lambda row: str(row.cell.objects)))
    return tuple(columns)


def _same_for_all(rows: Sequence[Measured]) -> str:
    """The model and the device that have no column of their own."""
    models = {row.cell.setup.model for row in rows}
    devices = {row.cell.setup.device for row in rows}
    told = [f"`{each}`" for each in models] if len(models) == 1 else []
    told += [f"on {each}" for each in devices] if len(devices) == 1 else []
    return f"{' '.join(told)}: " if told else ""


def _told_of_peers(bench: Bench) -> str:
    if not bench.peers:
        return ""
    names = " and ".join(f"{name} {version}" for name, version in bench.peers.items())
    return (
        f" {names} from the ninth frame of a clip on, with seven memories and fewer pointers, from "
        "pictures that are resized already to masks in the host's memory."
    )


def _told_of_scores(bench: Bench) -> str:
    if bench.scored is None:
        return ""
    clips = f"{bench.scored.clips} clip{'' if bench.scored.clips == 1 else 's'}"
    return f" {_SCORE} with masks on first frames, {clips} of {bench.scored.dataset}."


def _floors(rows: Sequence[Measured]) -> list[Column]:
    return [Column("of the floor", _share)] if any(row.floor for row in rows) else []


def _accuracies(rows: Sequence[Measured]) -> list[Column]:
    return [Column(_SCORE, _accuracy)] if any(row.accuracy for row in rows) else []


def _part(name: str) -> Column:
    return Column(name, _median(name), is_part=True)


def _mode(row: Measured) -> str:
    return "compiled" if row.cell.setup.compiled else "eager"


def _frames_per_second(row: Measured) -> str:
    rate = row.frames_per_second
    if rate is None:
        return row.failure or _MISSING
    return f"{rate:.1f}" if rate >= 10 else f"{rate:.2f}"


def _median(name: str) -> Callable[[Measured], str]:
    def cell(row: Measured) -> str:
        return _milliseconds(row.parts[name].p50) if name in row.parts else _MISSING

    return cell


def _ninety_five(row: Measured) -> str:
    return _milliseconds(row.parts["frame"].p95) if "frame" in row.parts else _MISSING


def _share(row: Measured) -> str:
    share = row.share_of_floor
    return _MISSING if share is None else f"{share:.2f}"


def _accuracy(row: Measured) -> str:
    return _MISSING if row.accuracy is None else shown(_SCORE, row.accuracy.mean)


def _mebibytes(row: Measured) -> str:
    return _MISSING if row.peak is None else f"{row.peak.num_bytes / 2**20:.0f}"


def _milliseconds(seconds: float) -> str:
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.1f}"


def _line(cells: Iterable[str]) -> str:
    # A model may be a path, and a path may hold a bar.
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
