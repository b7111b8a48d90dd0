"""Plots of scores, each as the bytes of a PNG; needs matplotlib, the extra `[eval]`."""

from collections.abc import Mapping, Sequence

import numpy as np

from masklet.eval.calibration import Calibration
from masklet.eval.records import Interval, ItemScores, Series
from masklet.eval.reports.plot_style import (
    Axes,
    drawable,
    dress,
    key,
    label,
    new_figure,
    png,
    shortened,
    write,
)
from masklet.eval.reports.score_words import is_lower_better, is_share, number_of, shown, unit
from masklet.eval.reports.theme import LIGHT, Theme, css

_WIDE, _NARROW = 10.0, 4.9
"""Inches: the whole width of a page, and a bit less than half of it."""


def over_time(items: Sequence[ItemScores], *, name: str = "J", theme: Theme = LIGHT) -> bytes:
    """A small plot per clip: a score by frame, as the mean over its objects and of the worst one.

    Args:
        items: the clips; those without a series of that name are left out.
        name: which series, shares.
        theme: the colours.

    >>> from masklet.eval.records import ObjectScores
    >>> goat = ObjectScores("goat", 1, {}, {"J": {0: 0.9, 5: 0.7}})
    >>> over_time([ItemScores("goat", (goat,), frames=6, seconds=1.0)])[1:4]
    b'PNG'
    """
    curves = [(item, _series(item, name)) for item in items]
    curves = [(item, series) for item, series in curves if series]
    columns = min(max(len(curves), 1), 3)
    rows = -(-len(curves) // columns) or 1
    figure = new_figure(_WIDE if columns > 1 else _NARROW, 0.4 + 1.75 * rows, theme)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for (item, series), axes in zip(curves, grid.flat, strict=False):
        _draw_clip(axes, item.item, series, theme)
    for axes in grid.flat[len(curves) :]:
        axes.set_axis_off()
    grid[0, 0].set_ylabel(name, rotation=0)
    grid[-1, 0].set_xlabel("frame")
    # The first plot with two lines explains them all.
    several = [place for place, (_, series) in enumerate(curves) if len(series) > 1]
    if several:
        key(figure, grid.flat[several[0]], theme)
    return png(figure)


def over_prompts(
    summary: Mapping[str, Interval],
    *,
    family: str = "IoU@",
    references: Mapping[str, str] | None = None,
    theme: Theme = LIGHT,
) -> bytes:
    """A score against the number of clicks or prompted frames, with the band of its interval.

    Args:
        summary: scores by name, of which those of the family are drawn: "IoU@1", "IoU@2" and so on.
        family: how their names begin.
        references: names of further scores in the summary, drawn as level lines, with their labels.
        theme: the colours.

    >>> over_prompts({"IoU@1": Interval(0.6, 0.5, 0.7, 9)})[1:4]
    b'PNG'
    """
    found = {number_of(name) or 0: name for name in summary if name.startswith(family)}
    counts = sorted(found)
    chosen = [summary[found[count]] for count in counts]
    low, mean, high = (
        100 * np.array([getattr(each, part) for each in chosen]) for part in ("low", "mean", "high")
    )
    figure = new_figure(_NARROW, 3.3, theme)
    axes = figure.subplots()
    axes.fill_between(counts, low, high, color=css(theme.first), alpha=0.16, linewidth=0)
    axes.plot(counts, mean, color=css(theme.first), linewidth=1.8, marker="o", markersize=4.5)
    _draw_references(axes, summary, references or {}, counts, theme)
    write(axes, (counts[0], mean[0]), f"{mean[0]:.1f}", theme, shift=(6, -9))
    last = write(axes, (counts[-1], mean[-1]), f"{mean[-1]:.1f}", theme, shift=(0, 6))
    last.set(ha="right")
    axes.set_xticks(counts)
    clicks = family == "IoU@"
    axes.set_xlabel("clicks" if clicks else "prompted frames")
    axes.set_ylim(*_share_limits([*low, *mean]))
    note = f"{max(each.count for each in chosen):,} objects"
    label(axes, f"{family.removesuffix('@')} by {axes.get_xlabel()}", note, theme)
    dress(axes, theme)
    return png(figure)


def reliability(found: Calibration, *, theme: Theme = LIGHT) -> bytes:
    """How far the predicted IoU can be believed: the mean IoU of masks for which it is about equal.

    Below are the numbers of masks.

    >>> from masklet.eval.calibration import calibration
    >>> reliability(calibration([0.5, 0.9], [0.4, 0.95]))[1:4]
    b'PNG'
    """
    filled = [each for each in found.bins if each.predicted is not None and each.actual is not None]
    x = 100 * np.clip([each.predicted or 0.0 for each in filled], 0, 1)
    y = 100 * np.array([each.actual or 0.0 for each in filled])
    figure = new_figure(_NARROW, 3.9, theme)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
    upper.plot([0, 100], [0, 100], color=css(theme.quiet), linewidth=1, linestyle=(0, (4, 3)))
    upper.vlines(x, np.minimum(x, y), np.maximum(x, y), color=css(theme.second), linewidth=1.2)
    upper.plot(x, y, color=css(theme.first), linewidth=1.8, marker="o", markersize=4.5)
    write(upper, (3, 97), "less sure than right", theme).set(va="top")
    write(upper, (97, 3), "surer than right", theme).set(ha="right")
    upper.set(xlim=(0, 100), ylim=(0, 102), ylabel="IoU with the truth")
    upper.set_yticks(range(0, 101, 25))
    label(upper, "Predicted and true IoU", f"{100 * found.expected_error:.1f} apart", theme)
    edges = [100 * each.low for each in found.bins]
    counts = [each.count for each in found.bins]
    lower.bar(edges, counts, 88 / len(edges), align="edge", color=css(theme.first), alpha=0.55)
    lower.set(xlabel="predicted IoU", ylabel="masks")
    lower.set_yticks([max(counts)], [f"{max(counts):,}"])
    dress(upper, theme)
    dress(lower, theme)
    return png(figure)


def distribution(values: Sequence[float], *, name: str = "J&F", theme: Theme = LIGHT) -> bytes:
    """How many objects have which score, with the mean and the median.

    >>> distribution([0.2, 0.8, 0.9])[1:4]
    b'PNG'
    """
    scale = 100.0 if is_share(name) else 1.0
    scores = scale * np.asarray(values, np.float64)
    # Clicks are whole numbers, each with a bar of its own.
    last = 100.0 if is_share(name) else max(float(np.ceil(scores.max(initial=1))), 1.0) + 0.5
    edges = np.linspace(0, 100, 21) if is_share(name) else np.arange(0.5, last + 1)
    figure = new_figure(_NARROW, 3.3, theme)
    axes = figure.subplots()
    counts, _ = np.histogram(scores, edges)
    widths = np.diff(edges)
    bars = axes.bar(edges[:-1] + 0.06 * widths, counts, 0.88 * widths, align="edge", alpha=0.75)
    for bar in bars:
        bar.set_facecolor(css(theme.first))
    top = 1.1 * max(int(counts.max()), 1)
    mean, median = float(np.mean(scores)), float(np.median(scores))
    axes.axvline(mean, color=css(theme.text), linewidth=1.4)
    axes.axvline(median, color=css(theme.text), linewidth=1.4, linestyle=(0, (2, 2)))
    axes.set(xlim=(min(0, edges[0]), edges[-1]), ylim=(0, top), ylabel="objects")
    axes.set_xlabel(name if is_share(name) else f"{name} ({unit(name)})")
    axes.locator_params(axis="y", integer=True, nbins=4)
    axes.locator_params(axis="x", integer=True, nbins=6)
    note = f"line: mean {shown(name, mean / scale)}, dashed: median {shown(name, median / scale)}"
    label(axes, f"{name} of {len(scores):,} objects", note, theme)
    dress(axes, theme)
    return png(figure)


def by_group(
    groups: Mapping[str, Interval],
    *,
    name: str = "J&F",
    property: str = "group",
    theme: Theme = LIGHT,
) -> bytes:
    """A bar per group with its interval, in the given order from the top.

    >>> by_group({"crossing": Interval(0.6, 0.5, 0.7, 9)})[1:4]
    b'PNG'
    """
    scale = 100.0 if is_share(name) else 1.0
    figure = new_figure(_WIDE, 0.65 + 0.3 * max(len(groups), 2), theme)
    axes = figure.subplots()
    rows = np.arange(len(groups))
    low, mean, high = (
        scale * np.array([getattr(each, part) for each in groups.values()])
        for part in ("low", "mean", "high")
    )
    axes.barh(rows, mean, 0.62, color=css(theme.first), alpha=0.75)
    axes.hlines(rows, low, high, color=css(theme.text), linewidth=1.4)
    for row, interval in enumerate(groups.values()):
        place = (max(high[row], mean[row]), float(row))
        text = write(axes, place, shown(name, interval.mean), theme, shift=(6, 0))
        text.set(va="center", color=css(theme.text))
    axes.set_yticks(
        rows,
        [drawable(f"{shortened(group, 40)}  ({each.count:,})") for group, each in groups.items()],
    )
    axes.set(ylim=(len(groups) - 0.4, -0.6), xlim=(0, 108 if is_share(name) else 1.1 * max(high)))
    if is_share(name):
        axes.set_xticks(range(0, 101, 20))
    label(axes, f"{name} by {property}", "objects in brackets", theme)
    dress(axes, theme, grid="x")
    axes.tick_params(axis="y", labelcolor=css(theme.text), labelsize=8.5)
    return png(figure)


def scatter(
    pairs: Sequence[tuple[float, float]],
    *,
    name: str = "J&F",
    labels: tuple[str, str] = ("A", "B"),
    theme: Theme = LIGHT,
) -> bytes:
    """Every object as a dot: its score in one run to the right, in the other one up.

    Args:
        pairs: the scores of each object in both runs.
        name: which score.
        labels: what the two runs are called.
        theme: the colours; where the second run is better, dots have the first of them.

    >>> scatter([(0.4, 0.5), (0.8, 0.7)])[1:4]
    b'PNG'
    """
    scale = 100.0 if is_share(name) else 1.0
    first, second = scale * np.asarray(pairs, np.float64).reshape(-1, 2).T
    figure = new_figure(_NARROW, 4.7, theme)
    axes = figure.subplots()
    last = 100.0 if is_share(name) else float(max(first.max(initial=1), second.max(initial=1)))
    margin = 0.03 * last
    axes.plot([0, last], [0, last], color=css(theme.quiet), linewidth=1, linestyle=(0, (4, 3)))
    gains = (second - first) * (-1 if is_lower_better(name) else 1)
    for chosen, colour in (
        (gains == 0, theme.quiet),
        (gains < 0, theme.second),
        (gains > 0, theme.first),
    ):
        dots = axes.scatter(first[chosen], second[chosen], 22, color=css(colour), alpha=0.6)
        dots.set_linewidth(0)
    axes.set(xlim=(-margin, last + margin), ylim=(-margin, last + margin), aspect="equal")
    axes.set_xlabel(drawable(shortened(labels[0], 50)), parse_math=False)
    axes.set_ylabel(drawable(shortened(labels[1], 50)), parse_math=False)
    better, worse = int((gains > 0).sum()), int((gains < 0).sum())
    note = f"{shortened(labels[1], 20)}: {better:,} better, {worse:,} worse"
    label(axes, f"{name} of {len(first):,} objects", note, theme)
    dress(axes, theme, grid="both")
    return png(figure)


def changes(differences: Sequence[float], *, name: str = "J&F", theme: Theme = LIGHT) -> bytes:
    """A bar per object, from the one that lost most to the one that gained most.

    Args:
        differences: of a score, the second run less the first.
        name: which score.
        theme: the colours; objects that became better have the first of them.

    >>> changes([0.1, -0.2, 0.3])[1:4]
    b'PNG'
    """
    scale = (100.0 if is_share(name) else 1.0) * (-1 if is_lower_better(name) else 1)
    gains = np.sort(scale * np.asarray(differences, np.float64))
    figure = new_figure(_NARROW, 4.7, theme)
    axes = figure.subplots()
    colours = [css(theme.first if gain > 0 else theme.second) for gain in gains]
    # Many bars have no room for gaps between them.
    axes.bar(range(len(gains)), gains, 0.8 if len(gains) < 80 else 1.0, color=colours, alpha=0.75)
    axes.axhline(0, color=css(theme.quiet), linewidth=1)
    axes.set(xlabel="objects, by their gain", xlim=(-0.8, max(len(gains), 1) - 0.2))
    axes.set_xticks([])
    axes.set_ylabel("gain" if is_share(name) else f"gain in {unit(name)}")
    label(axes, f"Gain in {name}, object by object", "", theme)
    dress(axes, theme)
    return png(figure)


def _series(item: ItemScores, name: str) -> dict[int, Series]:
    """The series of every object of a clip that has one."""
    return {each.object_id: each.series[name] for each in item.objects if each.series.get(name)}


def _draw_clip(axes: Axes, clip: str, series: Mapping[int, Series], theme: Theme) -> None:
    by_frame: dict[int, list[float]] = {}
    for of_object in series.values():
        for frame, value in of_object.items():
            by_frame.setdefault(frame, []).append(value)
    frames = sorted(by_frame)
    means = {object_id: float(np.mean(list(each.values()))) for object_id, each in series.items()}
    worst = min(means, key=means.__getitem__)
    note = f"mean {100 * np.mean(list(means.values())):.1f}"
    values = [float(np.mean(by_frame[frame])) for frame in frames]
    _draw_line(axes, frames, values, css(theme.first), "mean over objects")
    if len(series) > 1:
        note += f", object {worst} {100 * means[worst]:.1f}"
        of_worst = [series[worst][frame] for frame in sorted(series[worst])]
        _draw_line(axes, sorted(series[worst]), of_worst, css(theme.second), "worst object")
    axes.set(ylim=(-2, 102), xlim=(frames[0], max(frames[-1], frames[0] + 1)))
    axes.set_yticks(range(0, 101, 25))
    axes.locator_params(axis="x", integer=True, nbins=5)
    label(axes, shortened(clip, 22), note, theme)
    dress(axes, theme)


def _draw_line(
    axes: Axes, frames: Sequence[int], values: Sequence[float], colour: str, name: str
) -> None:
    # One frame is no line.
    marker = "o" if len(frames) == 1 else ""
    shares = 100 * np.array(values)
    axes.plot(frames, shares, color=colour, linewidth=1.4, label=name, marker=marker)


def _draw_references(
    axes: Axes,
    summary: Mapping[str, Interval],
    references: Mapping[str, str],
    counts: Sequence[int],
    theme: Theme,
) -> None:
    for name, told in references.items():
        if name in summary:
            level = 100 * summary[name].mean
            axes.axhline(level, color=css(theme.quiet), linewidth=1, linestyle=(0, (4, 3)))
            write(axes, (counts[0], level), f"{told} {level:.1f}", theme, shift=(0, 3))


def _share_limits(values: Sequence[float]) -> tuple[float, float]:
    """A scale in percent on which all values fit, with ends at tens."""
    low, high = min(values), max(values)
    return 10 * float(np.floor((low - 4) / 10)), 10 * float(np.ceil((high + 4) / 10))
