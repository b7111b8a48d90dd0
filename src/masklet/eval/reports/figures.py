"""Which figures a run gets: its plots and its worst objects, for light pages and dark ones."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from masklet.eval.calibration import calibration, predicted_and_real
from masklet.eval.records import Interval, ItemScores, RunScores
from masklet.eval.reports import plots
from masklet.eval.reports.case_sheet import case_sheet
from masklet.eval.reports.grouping import Grouping, groupings
from masklet.eval.reports.pictures import Case
from masklet.eval.reports.score_words import (
    is_lower_better,
    is_share,
    main_score,
    number_of,
    shown,
)
from masklet.eval.reports.theme import DARK, LIGHT, Theme
from masklet.viz.overlay import Picture

_MOST_CLIPS = 9
_MOST_GROUPS = 24
# Photographs as PNG would make a page too heavy to be mailed.
_QUALITY = 88


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A picture for a report."""

    title: str
    caption: str
    """A sentence or two: what is seen, also for those who do not see it."""
    light: bytes
    """A PNG or JPEG file."""
    dark: bytes | None = None
    """The same for a page in the dark; the other one where there is none."""
    is_wide: bool = False
    """Whether it takes the whole width of a page, or half of it."""


def draw_figures(run: RunScores, items: Iterable[ItemScores]) -> tuple[Figure, ...]:
    """All plots that the scores have something to show for.

    Args:
        run: the whole evaluation.
        items: its items with their series; looked at one by one.

    >>> run = RunScores("clicks", "shop", "ours", {}, {}, {}, (), seconds=1.0, frames=1)
    >>> draw_figures(run, [])
    ()
    """
    kept, pairs = _collected(items)
    main = main_score(run.task, {name for each in run.objects for name in each.values})
    figures: list[Figure | None] = [_over_time(kept)] if kept else []
    for family, told in (("IoU@", "clicks"), ("J&F@", "prompted frames")):
        if sum(name.startswith(family) for name in run.summary) > 1:
            figures.append(_over_prompts(run.summary, family, told))
    values = [each.values[main] for each in run.objects if main in each.values] if main else []
    if main and len(values) > 1:
        figures.append(_distribution(values, main))
    figures.append(_reliability(pairs))
    figures += [_by_group(each, main) for each in groupings(run.objects)] if main else []
    return tuple(figure for figure in figures if figure is not None)


def worst_figure(cases: Sequence[Case], *, name: str) -> Figure:
    """The worst objects by a score, on one sheet."""
    title = f"The {len(cases)} worst objects by {name}"
    caption = (
        "Tinted and outlined in blue: predicted; outlined in yellow: the truth. Of a clip, the "
        "prompted frame and the worst one with one before and one after it, cut to where the "
        "object is."
        if any(len(case.tiles) > 1 for case in cases)
        else "Tinted and outlined in blue: predicted; outlined in yellow: the truth, and a box."
    )
    light, dark = (_jpeg(case_sheet(cases, title=title, theme=theme)) for theme in (LIGHT, DARK))
    return Figure(title, caption, light, dark, is_wide=True)


def _collected(
    items: Iterable[ItemScores],
) -> tuple[list[ItemScores], list[tuple[float, float]]]:
    """Clips with their J over time, and the predicted and the true IoU of every mask."""
    kept: list[ItemScores] = []
    pairs: list[tuple[float, float]] = []
    for item in items:
        for scores in item.objects:
            pairs += predicted_and_real(scores)
        if any(len(scores.series.get("J", {})) > 1 for scores in item.objects):
            kept.append(item)
    return kept, pairs


def _over_time(items: Sequence[ItemScores]) -> Figure:
    def mean(item: ItemScores) -> float:
        series = [each.series["J"] for each in item.objects if each.series.get("J")]
        return float(np.mean([np.mean(list(values.values())) for values in series]))

    by_mean = sorted(items, key=mean)
    places = np.linspace(0, len(items) - 1, min(len(items), _MOST_CLIPS)).round().astype(int)
    chosen = [by_mean[place] for place in places]
    told = f"{len(chosen)} of {len(items):,}" if len(chosen) < len(items) else f"{len(items):,}"
    worst, best = (shown("J", mean(item)) for item in (by_mean[0], by_mean[-1]))
    caption = (
        f"{told} clip{'s' if len(items) != 1 else ''}, from the worst, {chosen[0].item} with a J "
        f"of {worst}, to the best, {by_mean[-1].item} with {best}; each with the mean over its "
        "objects and, where it has several, its worst object."
    )
    light, dark = _both(lambda theme: plots.over_time(chosen, theme=theme))
    return Figure("J over time", caption, light, dark, is_wide=len(chosen) > 1)


def _over_prompts(summary: Mapping[str, Interval], family: str, told: str) -> Figure:
    by_count = {number_of(name) or 0: name for name in summary if name.startswith(family)}
    first, last = min(by_count), max(by_count)
    start, end = (shown(family, summary[by_count[count]].mean) for count in (first, last))
    caption = (
        f"From {start} with {first} to {end} with {last} {told}; the band is the 95 % interval."
    )
    references = {"IoU box": "a box:", "IoU mask": "a mask:"} if family == "IoU@" else {}
    light, dark = _both(
        lambda theme: plots.over_prompts(summary, family=family, references=references, theme=theme)
    )
    return Figure(f"{family.removesuffix('@')} by {told}", caption, light, dark)


def _distribution(values: Sequence[float], main: str) -> Figure:
    caption = f"How many of the {len(values):,} objects have which {main}."
    if is_share(main):
        failed, good = sum(each < 0.5 for each in values), sum(each >= 0.8 for each in values)
        caption += f" {failed:,} are below 50, {good:,} at 80 or above."
    light, dark = _both(lambda theme: plots.distribution(values, name=main, theme=theme))
    return Figure(f"{main} of all objects", caption, light, dark)


def _reliability(pairs: Sequence[tuple[float, float]]) -> Figure | None:
    predicted, true = ([pair[place] for pair in pairs] for place in (0, 1))
    found = calibration(predicted, true)
    if found is None:
        return None
    bias = 100 * found.mean_error
    caption = (
        f"Whether the method knows how good its masks are, over {len(pairs):,} of them: on the "
        f"dashed line it does. On average it expects {abs(bias):.1f} "
        f"{'more' if bias >= 0 else 'less'} than it reaches."
    )
    light, dark = _both(lambda theme: plots.reliability(found, theme=theme))
    return Figure("Calibration", caption, light, dark)


def _by_group(grouping: Grouping, main: str) -> Figure | None:
    groups = {name: summary[main] for name, summary in grouping.groups.items() if main in summary}
    if len(groups) < 2:
        return None
    by_mean = sorted(groups, key=lambda name: groups[name].mean, reverse=not is_lower_better(main))
    # The worst ones say most; the table has them all.
    chosen = {name: groups[name] for name in by_mean[-_MOST_GROUPS:]}
    caption = "The mean of each with its 95 % interval."
    if len(groups) > len(chosen):
        caption += f" The worst {len(chosen)} of {len(groups):,} groups."
    light, dark = _both(
        lambda theme: plots.by_group(chosen, name=main, property=grouping.property, theme=theme)
    )
    return Figure(f"{main} by {grouping.property}", caption, light, dark, is_wide=True)


def _both(draw: Callable[[Theme], bytes]) -> tuple[bytes, bytes]:
    return draw(LIGHT), draw(DARK)


def _jpeg(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    return buffer.getvalue()
