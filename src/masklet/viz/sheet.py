"""Contact sheets: several pictures with captions on one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

_PAPER = (247, 246, 243)
_TEXT = (46, 48, 54)


def contact_sheet(
    pictures: Sequence[npt.NDArray[np.uint8]],
    captions: Sequence[str],
    *,
    columns: int = 3,
    tile: tuple[int, int] = (300, 450),
) -> npt.NDArray[np.uint8]:
    """Lay out pictures in rows with a caption under each, `(height, width, 3)` uint8 RGB.

    Args:
        pictures: `(h, w, 3)` RGB or `(h, w, 4)` RGBA uint8, of any size; transparency is shown as a
            checkerboard.
        captions: one line of text per picture.
        columns: pictures per row.
        tile: `(height, width)` that each picture is made to fit into.

    >>> contact_sheet([np.zeros((20, 30, 3), np.uint8)] * 2, ["one", "two"], columns=2).shape
    (390, 960, 3)
    """
    height, width = tile
    gap, line = width // 22, width // 9
    count = max(min(columns, len(pictures)), 1)
    rows = -(-len(pictures) // count)
    sheet = Image.new(
        "RGB", (gap + count * (width + gap), gap + rows * (height + line + gap)), _PAPER
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=line * 0.42)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = gap + number % count * (width + gap)
        top = gap + number // count * (height + line + gap)
        fitted = _fitted(_on_checkerboard(picture), tile)
        sheet.paste(
            fitted, (left + (width - fitted.width) // 2, top + (height - fitted.height) // 2)
        )
        draw.text((left, top + height + line * 0.24), caption, fill=_TEXT, font=font)
    return np.array(sheet)


def _fitted(picture: npt.NDArray[np.uint8], tile: tuple[int, int]) -> Image.Image:
    height, width = picture.shape[:2]
    scale = min(tile[0] / height, tile[1] / width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)


def _on_checkerboard(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if picture.shape[2] == 3:
        return picture
    height, width = picture.shape[:2]
    square = max(max(height, width) // 24, 1)
    y, x = np.mgrid[:height, :width] // square
    board = np.where((x + y) % 2 == 0, 255, 224)[..., None]
    alpha = picture[..., 3:].astype(np.float32) / 255
    return np.rint(picture[..., :3] * alpha + board * (1 - alpha)).astype(np.uint8)
