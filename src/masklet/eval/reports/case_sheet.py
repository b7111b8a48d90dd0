"""Objects and how they were answered, laid out on one sheet with headings and a legend."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from masklet.eval.reports.pictures import PREDICTED, TRUTH, Case
from masklet.eval.reports.theme import LIGHT, Theme
from masklet.viz.overlay import Picture, draw_masks
from masklet.viz.palette import BESIDE, ON

_GAP, _HEADING, _CAPTION, _TITLE = 20, 38, 32, 78
_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a case stands: its left and its upper edge."""

    left: int
    top: int


def case_sheet(cases: Sequence[Case], *, title: str, theme: Theme = LIGHT) -> Picture:
    """All cases, `(height, width, 3)` uint8 RGB: four frames of a clip in a row, or four pictures.

    Args:
        cases: with tiles of one size.
        title: what stands above.
        theme: the colours of everything around the pictures.

    >>> case_sheet([], title="The worst objects").shape
    (98, 1700, 3)
    """
    tile = cases[0].tiles[0].picture.shape if cases else (0, 400)
    places, bottom = _places(cases, tile[1], tile[0] + _HEADING + _CAPTION + _GAP)
    width = _GAP + _COLUMNS * (tile[1] + _GAP)
    sheet = Image.new("RGB", (width, bottom), theme.ground)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP + 4), title, fill=theme.text, font=_font(27))
    swatches = list(_swatches(theme, clicks=any(case.has_clicks for case in cases)))
    _draw_legend(sheet, width - _GAP, swatches, theme)
    for case, place in zip(cases, places, strict=True):
        _draw_case(sheet, case, place, theme)
    return np.array(sheet)


def _places(cases: Sequence[Case], tile_width: int, row: int) -> tuple[list[_Place], int]:
    """Where each case stands, and where the sheet ends."""
    places, column, top = [], 0, _TITLE
    for case in cases:
        if column + len(case.tiles) > _COLUMNS:
            column, top = 0, top + row
        places.append(_Place(_GAP + column * (tile_width + _GAP), top))
        column += max(len(case.tiles), 1)
        # Frames of a clip have a row for themselves, even if there are fewer than four.
        column = _COLUMNS if len(case.tiles) > 1 else column
    return places, (top + row if cases else _TITLE) + _GAP


def _draw_case(sheet: Image.Image, case: Case, place: _Place, theme: Theme) -> None:
    draw = ImageDraw.Draw(sheet)
    width = sum(tile.picture.shape[1] + _GAP for tile in case.tiles) - _GAP
    font = _font(20)
    score_width = draw.textlength(case.score, font=font)
    room = width - score_width - 24
    heading = _cut(draw, case.heading, font, room)
    draw.text((place.left, place.top + 6), heading, fill=theme.text, font=font)
    after = place.left + draw.textlength(heading, font=font) + 24
    draw.text((after, place.top + 6), case.score, fill=theme.quiet, font=font)
    left, top = place.left, place.top + _HEADING
    for tile in case.tiles:
        height, across = tile.picture.shape[:2]
        sheet.paste(Image.fromarray(tile.picture), (left, top))
        caption = _cut(draw, tile.caption, _font(17), across)
        draw.text((left, top + height + 8), caption, fill=theme.quiet, font=_font(17))
        left += across + _GAP


def _draw_legend(
    sheet: Image.Image, right: int, swatches: Sequence[tuple[str, Image.Image]], theme: Theme
) -> None:
    draw = ImageDraw.Draw(sheet)
    font = _font(18)
    for words, swatch in reversed(swatches):
        right -= round(draw.textlength(words, font=font))
        draw.text((right, _GAP + 8), words, fill=theme.text, font=font)
        right -= swatch.width + 12
        sheet.paste(swatch, (right, _GAP + 5))
        right -= 30


def _swatches(theme: Theme, *, clicks: bool) -> Iterator[tuple[str, Image.Image]]:
    for words, number, alpha in (("predicted", PREDICTED, 0.45), ("truth", TRUTH, 0.0)):
        ground = np.full((32, 46, 3), 96, np.uint8)
        mask = np.zeros((1, 32, 46), bool)
        mask[:, 6:-6, 6:-6] = True
        yield words, Image.fromarray(draw_masks(ground, mask, ids=[number], alpha=alpha))
    for words, colour in (("click on it", ON), ("click beside it", BESIDE)) if clicks else ():
        fine = Image.new("RGB", (4 * 24, 4 * 32), theme.ground)
        box = (4 * 2, 4 * 6, 4 * 22, 4 * 26)
        draw = ImageDraw.Draw(fine)
        (draw.ellipse if colour == ON else draw.rectangle)(box, fill=colour)
        yield words, fine.resize((24, 32), Image.Resampling.BOX)


def _cut(
    draw: ImageDraw.ImageDraw,
    words: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    room: float,
) -> str:
    """The words, without their middle where there is not room enough."""
    kept = words
    while draw.textlength(kept, font=font) > room and len(words) > 4:
        words = words[: len(words) // 2] + words[len(words) // 2 + 1 :]
        kept = f"{words[: len(words) // 2]}...{words[len(words) // 2 :]}"
    return kept


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
