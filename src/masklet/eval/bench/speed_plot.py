"""Frames a second against the number of objects, a line for each setting; needs matplotlib."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from masklet.eval.bench.speed_records import Bench, Measured, Setup
from masklet.eval.reports.plot_style import Axes, dress, key, label, new_figure, png
from masklet.eval.reports.theme import LIGHT, Theme, css
from masklet.viz.palette import colour_of

_MARKERS = {"float32": "o", "bfloat16": "s", "float16": "^", "int8": "D"}
_DASHES = {False: "-", True: "--"}
# Object ids whose colours show on white.
_COLOURS = (1, 3, 7, 6, 11, 9)


def draw_speed(bench: Bench, *, theme: Theme = LIGHT) -> bytes:
    """A PNG with both axes logarithmic, so that equal distances are equal factors.

    Colours tell sizes, memories, models, devices and libraries apart, markers precisions, of which the narrow ones are
    hollow; what was compiled is dashed. Cells that failed are left out.

    >>> from masklet.eval.environment import environment
    >>> draw_speed(Bench(environment(), (720, 1280), ()))[1:4]
    b'PNG'
    """
    figure = new_figure(7.2, 4.2, theme)
    axes = figure.subplots()
    rows = [row for row in bench.rows if row.frames_per_second is not None]
    lines = _lines(rows)
    colours = _colours(lines)
    for line, of_line in lines.items():
        axes.plot(
            [row.cell.objects for row in of_line],
            [row.frames_per_second or 0.0 for row in of_line],
            color=colours[line.name],
            linestyle=_DASHES[line.compiled],
            linewidth=1.8,
            **_marker(line.dtype, colours[line.name], theme),
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.minorticks_off()
    counts = sorted({row.cell.objects for row in rows})
    axes.set_xticks(counts, [str(count) for count in counts])
    ticks = steps_around([row.frames_per_second or 1.0 for row in rows] or [1.0])
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylim(ticks[0], ticks[-1])
    axes.set_xlabel("objects")
    label(axes, "Tracked frames a second", _where(bench), theme)
    dress(axes, theme)
    if lines:
        _explain(axes, lines, theme)
        key(figure, axes, theme)
    return png(figure)


def steps_around(values: Sequence[float]) -> list[float]:
    """Round numbers, 1, 2, 5, 10 and so on, from below the lowest value to above the highest one.

    >>> steps_around([0.3, 1.5])
    [0.2, 0.5, 1.0, 2.0]
    """
    decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    steps = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
    steps.append(float(f"1e{decades[-1] + 1}"))
    first = max(place for place, step in enumerate(steps) if step <= min(values))
    last = min(place for place, step in enumerate(steps) if step > max(values))
    return steps[first : last + 1]


@dataclass(frozen=True, slots=True)
class _Line:
    """What the colour, the markers and the dashes of a line stand for."""

    name: str
    dtype: str
    compiled: bool


def _lines(rows: Sequence[Measured]) -> Mapping[_Line, list[Measured]]:
    """The points of every line."""
    models = {row.cell.setup.model for row in rows}
    devices = {row.cell.setup.device for row in rows}
    forms = {row.cell.memories for row in rows}
    libraries = {row.cell.setup.library for row in rows}
    lines: dict[_Line, list[Measured]] = defaultdict(list)
    for row in rows:
        setup = row.cell.setup
        parts = [setup.library] if len(libraries) > 1 else []
        parts += [setup.model] if len(models) > 1 else []
        parts += [setup.device] if len(devices) > 1 else []
        parts.append(str(row.cell.size))
        parts += [row.cell.memories] if len(forms) > 1 else []
        name = " ".join(parts)
        lines[_Line(name, setup.dtype, setup.compiled)].append(row)
    return {at: sorted(of_line, key=lambda row: row.cell.objects) for at, of_line in lines.items()}


def _colours(lines: Iterable[_Line]) -> dict[str, str]:
    names = dict.fromkeys(line.name for line in lines)
    return {
        name: css(colour_of(_COLOURS[place % len(_COLOURS)])) for place, name in enumerate(names)
    }


def _marker(dtype: str, colour: str, theme: Theme) -> dict[str, Any]:  # Any: matplotlib's
    inside = colour if dtype == "float32" else css(theme.ground)
    return {"marker": _MARKERS[dtype], "markersize": 5.0, "markerfacecolor": inside}


def _explain(axes: Axes, lines: Collection[_Line], theme: Theme) -> None:
    """Entries of the key: every colour, every marker, and the dashes where there are any.

    One for each line would be too many for its width.
    """
    quiet = css(theme.quiet)
    for name, colour in _colours(lines).items():
        axes.plot([], [], label=name, color=colour, linewidth=1.8)
    for dtype in dict.fromkeys(line.dtype for line in lines):
        style = _marker(dtype, quiet, theme)
        axes.plot([], [], label=dtype, color=quiet, linestyle="none", **style)
    if any(line.compiled for line in lines):
        for is_compiled, word in ((False, "eager"), (True, "compiled")):
            dashes = _DASHES[is_compiled]
            axes.plot([], [], label=word, color=quiet, linestyle=dashes, linewidth=1.8)


def _where(bench: Bench) -> str:
    """Which model, if there is one only, and on what."""
    setups: set[Setup] = {row.cell.setup for row in bench.rows}
    models = {setup.model for setup in setups}
    told = list(models) if len(models) == 1 else []
    return ", ".join([*told, *(each.name for each in bench.environment.devices)])
