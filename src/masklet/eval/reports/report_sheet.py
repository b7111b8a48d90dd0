"""The most important of a report as one picture, for those who only look at pictures."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from masklet.eval.reports.figures import Figure
from masklet.eval.reports.theme import LIGHT
from masklet.viz.overlay import Picture
from masklet.viz.palette import Colour

_MARGIN, _WIDTH, _GAP = 64, 2000, 40
_ROW, _LINE = 46, 38
_MOST_ROWS = 18


@dataclass(frozen=True, slots=True)
class SheetText:
    """What is written above the figures."""

    kicker: str
    title: str
    headline: str
    warning: str
    """Beside the headline, in red; may be empty."""
    head: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Of the table, a text for every column."""
    places: tuple[int, ...]
    """Where each column stands in pixels of 2000: the first and the last with their left edge, the
    numbers between them with their right one."""
    words: str
    """Below the table."""


def draw_sheet(text: SheetText, figures: Sequence[Figure]) -> Picture:
    """Headline, table and figures one below the other, `(height, 2128, 3)` uint8 RGB.

    Args:
        text: what is written.
        figures: a wide one fills a row, of the others two stand side by side.

    >>> text = SheetText("", "a title", "", "", ("name", "what"), (), (0, 200), "")
    >>> draw_sheet(text, []).shape[1:]
    (2128, 3)
    """
    parts = [_heading(text), _table(text), _words(text.words), *_figure_rows(figures)]
    height = 2 * _MARGIN + sum(part.height for part in parts) + _GAP * (len(parts) - 1)
    sheet = Image.new("RGB", (_WIDTH + 2 * _MARGIN, height), LIGHT.ground)
    top = _MARGIN
    for part in parts:
        sheet.paste(part, (_MARGIN, top))
        top += part.height + _GAP
    return np.array(sheet)


def _heading(text: SheetText) -> Image.Image:
    part = Image.new("RGB", (_WIDTH, 176), LIGHT.ground)
    draw = ImageDraw.Draw(part)
    _print(draw, (0, 0), text.kicker, 26, LIGHT.quiet)
    _print(draw, (0, 40), text.title, 56)
    _print(draw, (0, 122), text.headline, 36)
    _print(draw, (_WIDTH, 130), text.warning, 26, LIGHT.second, anchor="ra")
    return part


def _table(text: SheetText) -> Image.Image:
    kept = text.rows[:_MOST_ROWS]
    lines = 1 + len(kept) + (len(kept) < len(text.rows))
    part = Image.new("RGB", (_WIDTH, lines * _ROW), LIGHT.ground)
    draw = ImageDraw.Draw(part)
    for line, row in enumerate([text.head, *kept]):
        if line:
            draw.rectangle((0, line * _ROW - 4, _WIDTH, line * _ROW - 3), fill=LIGHT.line)
        for column, words in enumerate(row):
            is_end = column in (0, len(row) - 1)
            colour = LIGHT.text if line and column < len(row) - 1 else LIGHT.quiet
            place = (text.places[column], line * _ROW + 4)
            _print(draw, place, words, 27, colour, anchor="la" if is_end else "ra")
    if len(kept) < len(text.rows):
        words = f"and {len(text.rows) - len(kept)} more on the page"
        _print(draw, (0, (lines - 1) * _ROW + 4), words, 24, LIGHT.quiet)
    return part


def _words(words: str) -> Image.Image:
    lines: list[str] = []
    line, measure = "", ImageDraw.Draw(Image.new("RGB", (1, 1)))
    for word in words.split():
        longer = f"{line} {word}".strip()
        if measure.textlength(longer, font=_font(25)) > _WIDTH:
            lines, line = [*lines, line], word
        else:
            line = longer
    lines.append(line)
    part = Image.new("RGB", (_WIDTH, _LINE * len(lines)), LIGHT.ground)
    for place, each in enumerate(lines):
        _print(ImageDraw.Draw(part), (0, place * _LINE), each, 25, LIGHT.quiet)
    return part


def _figure_rows(figures: Sequence[Figure]) -> list[Image.Image]:
    rows: list[Image.Image] = []
    waiting: list[Image.Image] = []
    for figure in figures:
        with Image.open(io.BytesIO(figure.light)) as picture:
            whole = picture.convert("RGB")
        if figure.is_wide:
            rows.append(_fitted(whole, _WIDTH))
            continue
        waiting.append(_fitted(whole, (_WIDTH - _GAP) // 2))
        if len(waiting) == 2:
            rows.append(_side_by_side(waiting))
            waiting = []
    return rows + ([_side_by_side(waiting)] if waiting else [])


def _side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    row = Image.new("RGB", (_WIDTH, max(each.height for each in pictures)), LIGHT.ground)
    for place, picture in enumerate(pictures):
        row.paste(picture, (place * (_WIDTH + _GAP) // 2, 0))
    return row


def _fitted(picture: Image.Image, width: int) -> Image.Image:
    if picture.width == width:
        return picture
    height = max(round(picture.height * width / picture.width), 1)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _print(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    words: str,
    size: int,
    colour: Colour = LIGHT.text,
    *,
    anchor: str = "la",
) -> None:
    # A name may be longer than the sheet is wide.
    font, kept = _font(size), words
    room = _WIDTH - place[0] if anchor == "la" else _WIDTH
    while words and draw.textlength(kept, font=font) > room:
        words = words[: len(words) * 9 // 10]
        kept = f"{words}..."
    draw.text(place, kept, fill=colour, font=font, anchor=anchor)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
