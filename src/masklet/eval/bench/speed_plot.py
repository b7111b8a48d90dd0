"""Frames a second against the number of objects, a line for each setting; needs matplotlib."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from masklet.eval.bench.speed_records import Bench, Measured, Setup
from masklet.eval.reports.plot_style import dress, key, label, new_figure, png
from masklet.eval.reports.theme import LIGHT, Theme, css
from masklet.viz.palette import colour_of

_DASHES = {"float32": "-", "bfloat16": "--", "float16": ":"}
# Object ids whose colours show on white.
_COLOURS = (1, 3, 7, 6, 11, 9)


def draw_speed(bench: Bench, *, theme: Theme = LIGHT) -> bytes:
    """A PNG with both axes logarithmic, so that equal distances are equal factors.

    Colours tell sizes, models and devices apart, dashes precisions. Cells that failed are left out.

    >>> from masklet.eval.environment import environment
    >>> draw_speed(Bench(environment(), (720, 1280), ()))[1:4]
    b'PNG'
    """
    figure = new_figure(7.2, 4.2, theme)
    axes = figure.subplots()
    rows = [row for row in bench.rows if row.frames_per_second is not None]
    lines = _lines(rows)
    names = list(dict.fromkeys(name for name, _ in lines))
    for (name, dtype), of_line in lines.items():
        place = names.index(name)
        axes.plot(
            [row.cell.objects for row in of_line],
            [row.frames_per_second or 0.0 for row in of_line],
            label=f"{name} {dtype}",
            color=css(colour_of(_COLOURS[place % len(_COLOURS)])),
            linestyle=_DASHES[dtype],
            marker="o",
            markersize=4.5,
            linewidth=1.8,
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


def _lines(rows: Sequence[Measured]) -> Mapping[tuple[str, str], list[Measured]]:
    """The points of every line, by what its colour and its dashes stand for."""
    models = {row.cell.setup.model for row in rows}
    devices = {row.cell.setup.device for row in rows}
    lines: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for row in rows:
        setup = row.cell.setup
        parts = [setup.model] if len(models) > 1 else []
        parts += [setup.device] if len(devices) > 1 else []
        lines[" ".join([*parts, str(row.cell.size)]), setup.dtype].append(row)
    return {at: sorted(of_line, key=lambda row: row.cell.objects) for at, of_line in lines.items()}


def _where(bench: Bench) -> str:
    """Which model, if there is one only, and on what."""
    setups: set[Setup] = {row.cell.setup for row in bench.rows}
    models = {setup.model for setup in setups}
    told = list(models) if len(models) == 1 else []
    return ", ".join([*told, *(each.name for each in bench.environment.devices)])
