"""The JSON of scores: of a whole run and of one item, from records to files and back.

    {"format": "masklet-scores", "format_version": 1,
     "task": "vos", "dataset": "davis-2017 val", "method": "masklet-small",
     "settings": {...}, "environment": {...}, "seconds": 61.2, "frames": 2074,
     "summary": {"J&F": {"mean": 0..1, "low": 0..1, "high": 0..1, "count": objects}},
     "objects": [{"item": "dogs-jump", "object_id": 1, "category": "dog" | null,
                  "is_seen": true | false | null, "values": {"J&F": 0..1}, "series": {}}],
     "skipped": [{"item": "goat", "why": "..."}]}

    {"format": "masklet-item-scores", "format_version": 1,
     "item": "dogs-jump", "frames": 66, "seconds": 2.5,
     "objects": [{..., "series": {"J": {"0": 0..1, "5": 0..1}}}]}

A series has the frame index as its key, counted from 0. Numbers keep all their digits, and whole
numbers stay whole.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from masklet.errors import StateError
from masklet.eval.records import (
    Interval,
    ItemScores,
    ObjectScores,
    RunScores,
    Series,
    Skipped,
    Task,
)
from masklet.io import json_parts as parts
from masklet.io.atomic import write_json

FORMAT = "masklet-scores"
ITEM_FORMAT = "masklet-item-scores"
FORMAT_VERSION = 1

_WHAT = {FORMAT: "the scores of a run", ITEM_FORMAT: "the scores of one clip or picture"}


def write_run(path: str | Path, run: RunScores) -> None:
    """Write a run, whole or not at all. Raises `OutputError`.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "scores.json"
    >>> run = RunScores("vos", "davis-2017 val", "ours", {}, {}, {}, (), seconds=2.5, frames=9)
    >>> write_run(path, run)
    >>> read_run(path) == run
    True
    """
    write_json(path, describe_run(run))


def describe_run(run: RunScores) -> dict[str, Any]:  # Any: JSON
    """A run as `write_run` writes it."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "task": run.task,
        "dataset": run.dataset,
        "method": run.method,
        "settings": dict(run.settings),
        "environment": dict(run.environment),
        "seconds": run.seconds,
        "frames": run.frames,
        "summary": {name: _describe_interval(each) for name, each in run.summary.items()},
        "objects": [_describe_object(each) for each in run.objects],
        "skipped": [{"item": each.item, "why": each.why} for each in run.skipped],
        "left_out": run.left_out,
    }


def read_run(path: str | Path) -> RunScores:
    """What `write_run` wrote.

    Raises:
        StateError: the file is missing, damaged, of another format or of a newer version.
    """
    document, where = _opened(path, FORMAT), str(path)
    return RunScores(
        task=_read_task(document, where),
        dataset=parts.field(document, "dataset", str, where),
        method=parts.field(document, "method", str, where),
        settings=parts.field(document, "settings", dict, where),
        environment=parts.field(document, "environment", dict, where),
        summary=_read_summary(document, where),
        objects=_read_objects(document, where),
        seconds=_number(document, "seconds", where),
        frames=_count(document, "frames", where),
        skipped=tuple(
            Skipped(parts.field(each, "item", str, told), parts.field(each, "why", str, told))
            for told, each in _numbered(document, "skipped", where)
        ),
        left_out=_count(document, "left_out", where),
    )


def write_item(path: str | Path, item: ItemScores) -> None:
    """Write the scores of a clip or picture, whole or not at all. Raises `OutputError`.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "goat.json"
    >>> write_item(path, ItemScores("goat", (), frames=90, seconds=1.5))
    >>> read_item(path).frames
    90
    """
    document = {
        "format": ITEM_FORMAT,
        "format_version": FORMAT_VERSION,
        "item": item.item,
        "frames": item.frames,
        "seconds": item.seconds,
        "left_out": item.left_out,
        "objects": [_describe_object(each) for each in item.objects],
    }
    write_json(path, document)


def read_item(path: str | Path) -> ItemScores:
    """What `write_item` wrote; raises `StateError` as `read_run` does."""
    document, where = _opened(path, ITEM_FORMAT), str(path)
    return ItemScores(
        item=parts.field(document, "item", str, where),
        objects=_read_objects(document, where),
        frames=_count(document, "frames", where),
        seconds=_number(document, "seconds", where),
        left_out=_count(document, "left_out", where),
    )


def _describe_object(scores: ObjectScores) -> dict[str, Any]:  # Any: JSON
    # A file with nan in it is no JSON, and would be refused when it is read again.
    numbers = [*scores.values.values()]
    for of_frame in scores.series.values():
        numbers += of_frame.values()
    assert all(math.isfinite(number) for number in numbers), scores
    series = {
        name: {str(frame): of_frame[frame] for frame in sorted(of_frame)}
        for name, of_frame in scores.series.items()
    }
    return {
        "item": scores.item,
        "object_id": scores.object_id,
        "category": scores.category,
        "is_seen": scores.is_seen,
        "values": dict(scores.values),
        "series": series,
    }


def _describe_interval(interval: Interval) -> dict[str, float]:
    return {
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "count": interval.count,
    }


def _opened(path: str | Path, kind: str) -> dict[str, Any]:  # Any: JSON
    document = parts.read_document(path, f"{_WHAT[kind]} as masklet writes them")
    found = document.get("format")
    if found != kind:
        raise StateError(
            f"{path} has the format {found!r}; expected {kind!r}, {_WHAT[kind]}. Check the name; a "
            f"run is {FORMAT!r}, one of its items {ITEM_FORMAT!r}."
        )
    version = parts.field(document, "format_version", int, str(path))
    if not 1 <= version <= FORMAT_VERSION:
        raise StateError(
            f"{path} has version {version} of its format; expected at most {FORMAT_VERSION}. It "
            "was written by a newer masklet: pip install --upgrade masklet."
        )
    return document


def _read_task(document: dict[str, Any], where: str) -> Task:
    found = parts.field(document, "task", str, where)
    for task in get_args(Task):
        if task == found:
            return task
    raise StateError(
        f"{where} is of the task {found!r}; expected one of {', '.join(get_args(Task))}. The file "
        "is damaged or was edited: write it again."
    )


def _read_summary(document: dict[str, Any], where: str) -> dict[str, Interval]:
    summary = parts.field(document, "summary", dict, where)
    read = {}
    for name in summary:
        told = f"{where}, summary, {name}"
        interval = parts.field(summary, name, dict, told)
        mean, low, high = (_number(interval, each, told) for each in ("mean", "low", "high"))
        read[name] = Interval(mean, low, high, _count(interval, "count", told))
    return read


def _read_objects(document: dict[str, Any], where: str) -> tuple[ObjectScores, ...]:
    read: dict[tuple[str, int], ObjectScores] = {}
    for told, described in _numbered(document, "objects", where):
        scores = _read_object(described, told)
        key = (scores.item, scores.object_id)
        if key in read:
            raise StateError(
                f"{where} has object {scores.object_id} of {scores.item!r} twice; expected every "
                "object once. The file is damaged or was edited: write it again."
            )
        read[key] = scores
    return tuple(read.values())


def _read_object(document: dict[str, Any], where: str) -> ObjectScores:
    category, is_seen = document.get("category"), document.get("is_seen")
    if not (is_seen is None or isinstance(is_seen, bool)):
        raise StateError(
            f"{where} says {is_seen!r} for 'is_seen'; expected true, false or null. The file is "
            "damaged or was edited: write it again."
        )
    values = parts.field(document, "values", dict, where)
    series = parts.field(document, "series", dict, where)
    return ObjectScores(
        item=parts.field(document, "item", str, where),
        object_id=parts.field(document, "object_id", int, where),
        values={name: _number(values, name, f"{where}, values") for name in values},
        series={
            name: _read_series(parts.field(series, name, dict, where), f"{where}, {name}")
            for name in series
        },
        category=None if category is None else parts.field(document, "category", str, where),
        is_seen=is_seen,
    )


def _read_series(document: Mapping[str, Any], where: str) -> Series:
    for frame in document:
        # One way to write each: "+5" and "05" are frames to int() too.
        if not re.fullmatch("0|[1-9][0-9]{0,8}", frame):
            raise StateError(
                f"{where} has a score for {frame!r}; expected a frame index, counted from 0. The "
                "file is damaged or was edited: write it again."
            )
    return {int(frame): _number(dict(document), frame, where) for frame in document}


def _numbered(
    document: dict[str, Any], name: str, where: str
) -> list[tuple[str, dict[str, Any]]]:  # Any: JSON
    """The JSON objects of a list, each with its place for messages."""
    return [
        (f"{where}, {name}[{place}]", each)
        for place, each in enumerate(parts.objects(document, name, where))
    ]


def _number(document: dict[str, Any], name: str, where: str) -> float:
    parts.number(document, name, where)
    # As it stands there: a whole number stays one.
    value: float = document[name]
    return value


def _count(document: dict[str, Any], name: str, where: str) -> int:
    count = parts.field(document, name, int, where)
    if count < 0:
        raise StateError(
            f"{where} says {count} for '{name}'; expected at least 0. The file is damaged or was "
            "edited: write it again."
        )
    return count
