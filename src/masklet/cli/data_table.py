"""Statistics of a dataset, in words."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from masklet.cli.data_items import Items
from masklet.cli.progress import one_line
from masklet.data.statistics import Spread, Statistics


def statistics_table(statistics: Statistics, items: Items) -> Table:
    """Two columns: what was counted, and how much of it there is."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, told in _rows(statistics, items):
        table.add_row(name, Text(one_line(told)))
    return table


def _rows(told: Statistics, items: Items) -> Iterator[tuple[str, str]]:
    of = f" of {items.total:,}" if told.items < items.total else ""
    without = f", {told.items_without_objects:,} without objects"
    read = f"{told.items:,}{of}{without if told.items_without_objects else ''}"
    one = "clip" if items.are_clips else "picture"
    yield f"{one}s", read
    if items.are_clips:
        per = _spread(told.frames_per_item)
        yield "frames", f"{told.frames:,}, {told.annotated_frames:,} annotated; per clip {per}"
    sizes = (told.smallest, told.median_size, told.largest)
    smallest, median, largest = (f"{width}x{height}" for height, width in sizes)
    same = smallest == largest
    yield "size", smallest if same else f"{smallest} to {largest}, median {median}"
    yield "objects", f"{told.objects:,}; per {one} {_spread(told.objects_per_item)}"
    if items.are_clips:
        yield "masks", f"{told.masks:,}"
    areas = told.areas
    yield "small", f"{_part(areas['small'], told.objects)} of less than 32x32 pixels"
    yield "medium", _part(areas["medium"], told.objects)
    yield "large", f"{_part(areas['large'], told.objects)} of more than 96x96 pixels"
    if items.are_clips:
        yield "late", f"{_part(told.late_objects, told.objects)} not on the first annotated frame"
    if told.hidden_share is not None and told.disappearance_rate is not None:
        hidden, back = 100 * told.hidden_share, 100 * told.disappearance_rate
        yield "hidden", f"on {hidden:.1f} % of the frames from an object's first one on"
        yield "disappear", f"{back:.1f} % of the objects, and come back later"
    if told.categories:
        most = ", ".join(f"{name} {count:,}" for name, count in told.categories)
        yield "categories", f"{told.num_categories:,}; most: {most}"


def _spread(values: Spread) -> str:
    """Such as "1 to 9, median 2", or one number where all are equal."""
    if values.least == values.most:
        return f"{values.least:,.0f}"
    return f"{values.least:,.0f} to {values.most:,.0f}, median {values.median:g}"


def _part(count: int, whole: int) -> str:
    return f"{count:,} ({100 * count / whole:.0f} %)" if whole else f"{count:,}"
