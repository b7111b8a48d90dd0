"""A comparison of two runs as JSON, as a page that stands alone, and as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from masklet.eval.compare import Comparison, Difference
from masklet.eval.records import ObjectScores
from masklet.eval.reports import plots
from masklet.eval.reports.figures import Figure
from masklet.eval.reports.pages import figure_view, render, setting_text
from masklet.eval.reports.plot_style import shortened
from masklet.eval.reports.protocol_words import protocol_words, things_of
from masklet.eval.reports.report_sheet import SheetText, draw_sheet
from masklet.eval.reports.score_words import TASK_TITLES, is_lower_better, shown, shown_difference
from masklet.eval.reports.theme import DARK
from masklet.io.atomic import make_folder, write_bytes, write_json
from masklet.io.images import write_png

JSON_NAME = "comparison.json"
PAGE_NAME = "comparison.html"
SHEET_NAME = "comparison.png"

FORMAT = "masklet-comparison"
FORMAT_VERSION = 1

_MOST_CHANGED = 12
_MOST_NAMED = 40


def write_comparison(folder: str | Path, comparison: Comparison) -> None:
    """Write `comparison.json`, `comparison.html`, which needs no other file, and `comparison.png`.

    Args:
        folder: where to; it is made.
        comparison: from `masklet.eval.compare.compare`.

    Raises:
        OutputError: a file cannot be written.
    """
    place, figures = make_folder(folder), _figures(comparison)
    write_json(place / JSON_NAME, describe_comparison(comparison))
    write_bytes(place / PAGE_NAME, _page(comparison, figures).encode())
    write_png(place / SHEET_NAME, draw_sheet(_sheet_text(comparison), figures))


def describe_comparison(comparison: Comparison) -> dict[str, Any]:  # Any: JSON
    """The comparison as `write_comparison` writes it."""
    main = comparison.main
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "task": comparison.first.task,
        "datasets": [comparison.first.dataset, comparison.second.dataset],
        "methods": list(comparison.names),
        "main": main,
        "differences": {each.name: _describe(each) for each in comparison.differences},
        "settings": {each.name: [each.first, each.second] for each in comparison.settings},
        "objects": [
            {
                "item": one.item,
                "object_id": one.object_id,
                "first": dict(one.values),
                "second": dict(other.values),
            }
            for one, other in comparison.pairs
        ],
        "only_first": [[each.item, each.object_id] for each in comparison.only_first],
        "only_second": [[each.item, each.object_id] for each in comparison.only_second],
    }


def _describe(each: Difference) -> dict[str, float]:
    interval = each.paired.difference
    return {
        "first": each.first,
        "second": each.second,
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "count": interval.count,
        "better": each.better,
        "worse": each.worse,
        "equal": each.paired.equal,
    }


def _page(comparison: Comparison, figures: Sequence[Figure]) -> str:
    run = comparison.first
    return render(
        "comparison.html.j2",
        {
            "task_title": TASK_TITLES[run.task],
            "dataset": run.dataset,
            "names": comparison.names,
            "things": things_of(run.task),
            "main": comparison.main,
            "headline": _headline(comparison),
            "verdict": _verdict(comparison),
            "warnings": _warnings(comparison),
            "count": f"{len(comparison.pairs):,}",
            "rows": [_row(each) for each in comparison.differences],
            "figures": [figure_view(each) for each in figures],
            "changed": _most_changed(comparison),
            "settings": [
                (each.name.replace("_", " "), setting_text(each.first), setting_text(each.second))
                for each in comparison.settings
            ],
            "missing": _missing(comparison),
        },
    )


def _sheet_text(comparison: Comparison) -> SheetText:
    run = comparison.first
    rows = [_row(each) for each in comparison.differences]
    names = tuple(shortened(each, 20) for each in comparison.names)
    return SheetText(
        kicker=f"{TASK_TITLES[run.task]}, two runs compared",
        title=f"{comparison.names[1]} against {comparison.names[0]} on {run.dataset}",
        headline=_headline(comparison),
        warning="not measured alike" if _warnings(comparison)[:1] == [_UNLIKE] else "",
        head=("score", *names, "difference", "95 % interval", f"objects on which {names[1]} is"),
        rows=tuple(
            (
                row["name"],
                row["first"],
                row["second"],
                row["difference"],
                f"{row['low']} to {row['high']}",
                f"{row['better']} better, {row['worse']} worse, {row['equal']} equal",
            )
            for row in rows
        ),
        places=(0, 500, 800, 1000, 1290, 1390),
        words=protocol_words(run.task, run.settings)[0],
    )


def _main_difference(comparison: Comparison) -> Difference:
    return next(each for each in comparison.differences if each.name == comparison.main)


def _headline(comparison: Comparison) -> str:
    each = _main_difference(comparison)
    interval, count = each.paired.difference, len({one.item for one, _ in comparison.pairs})
    mean, low, high = (
        shown_difference(each.name, value) for value in (interval.mean, interval.low, interval.high)
    )
    things = things_of(comparison.first.task)
    told = f"{count:,} {things if count != 1 else things.removesuffix('s')}"
    return f"{each.name} {mean} ({low} to {high}), 95 % over {told}"


def _verdict(comparison: Comparison) -> str:
    each = _main_difference(comparison)
    first, second = comparison.names
    told = (
        f"Of {each.paired.difference.count:,} objects {each.better:,} are better, {each.worse:,} "
        f"worse and {each.paired.equal:,} equal."
    )
    match each.verdict:
        case 0:
            return f"{told} Other {things_of(comparison.first.task)} might turn it round."
        case 1:
            return f"{told} The whole interval says that {second} is better than {first}."
        case _:
            return f"{told} The whole interval says that {second} is worse than {first}."


_UNLIKE = (
    "The runs were not measured alike: a difference may come from the dataset or the protocol "
    "instead of the methods."
)


def _warnings(comparison: Comparison) -> list[str]:
    warnings = []
    protocols = [run.settings.get("protocol") for run in (comparison.first, comparison.second)]
    if comparison.first.dataset != comparison.second.dataset or protocols[0] != protocols[1]:
        warnings.append(_UNLIKE)
    left_out = len(comparison.only_first) + len(comparison.only_second)
    if left_out:
        noun = "object is" if left_out == 1 else "objects are"
        warnings.append(f"{left_out:,} {noun} in one of the runs only and left out here.")
    return warnings


def _row(each: Difference) -> Mapping[str, Any]:  # Any: what the template shows
    interval = each.paired.difference
    return {
        "name": each.name,
        "first": shown(each.name, each.first),
        "second": shown(each.name, each.second),
        "difference": shown_difference(each.name, interval.mean),
        "low": shown_difference(each.name, interval.low),
        "high": shown_difference(each.name, interval.high),
        "verdict": each.verdict,
        "better": f"{each.better:,}",
        "worse": f"{each.worse:,}",
        "equal": f"{each.paired.equal:,}",
    }


def _most_changed(comparison: Comparison) -> list[Mapping[str, Any]]:
    main = comparison.main
    changes = [
        (other.values[main] - one.values[main], one, other)
        for one, other in comparison.pairs
        if main in one.values and main in other.values
    ]
    changes.sort(key=lambda change: -abs(change[0]))
    return [
        {
            "item": one.item,
            "object_id": one.object_id,
            "first": shown(main, one.values[main]),
            "second": shown(main, other.values[main]),
            "difference": shown_difference(main, change),
            "is_better": (change > 0) != is_lower_better(main),
        }
        for change, one, other in changes[:_MOST_CHANGED]
        if change
    ]


def _missing(comparison: Comparison) -> list[Mapping[str, str]]:
    found = zip(comparison.names, (comparison.only_first, comparison.only_second), strict=True)
    return [
        {"run": name, "count": f"{len(objects):,}", "which": _named(objects)}
        for name, objects in found
        if objects
    ]


def _named(objects: Sequence[ObjectScores]) -> str:
    named = ", ".join(f"{each.item} {each.object_id}" for each in objects[:_MOST_NAMED])
    more = len(objects) - _MOST_NAMED
    return f"{named} and {more:,} more" if more > 0 else named


def _figures(comparison: Comparison) -> tuple[Figure, Figure]:
    main, names = comparison.main, comparison.names
    pairs = [
        (one.values[main], other.values[main])
        for one, other in comparison.pairs
        if main in one.values and main in other.values
    ]
    gains = [second - first for first, second in pairs]
    side = "below" if is_lower_better(main) else "above"
    return (
        Figure(
            f"{main} of every object",
            f"A dot per object; {side} the dashed line {names[1]} is better.",
            plots.scatter(pairs, name=main, labels=names),
            plots.scatter(pairs, name=main, labels=names, theme=DARK),
        ),
        Figure(
            "Gains and losses",
            f"A bar per object, from the one on which {names[1]} loses most to the one on which it "
            "gains most.",
            plots.changes(gains, name=main),
            plots.changes(gains, name=main, theme=DARK),
        ),
    )
