"""Numbers on masks: a small tag in the colour of its object."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from masklet.viz.overlay import Picture, line_width
from masklet.viz.palette import INK, WHITE, Colour, colour_of


def draw_labels(image: Picture, masks: npt.NDArray[np.bool_], *, ids: Sequence[int]) -> Picture:
    """Write the number of its object at the top of every mask; empty masks get none.

    Args:
        image: `(height, width, 3)` uint8 RGB; it is not changed.
        masks: `(N, height, width)` bool.
        ids: the object of each mask.

    >>> picture = np.zeros((60, 80, 3), np.uint8)
    >>> bool((draw_labels(picture, np.ones((1, 60, 80), bool), ids=[1]) != picture).any())
    True
    """
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    size = max(11.0, line_width(image.shape[:2]) * 5.5)
    font = ImageFont.load_default(size=size)
    for mask, object_id in zip(masks, ids, strict=True):
        if mask.any():
            _draw_tag(draw, mask, str(object_id), colour_of(object_id), font)
    return np.array(canvas)


def _draw_tag(
    draw: ImageDraw.ImageDraw,
    mask: npt.NDArray[np.bool_],
    text: str,
    colour: Colour,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    padding = (bottom - top) * 0.42
    tall, wide = bottom - top + 2 * padding, max(right - left, bottom - top) + 2 * padding
    row = int(np.flatnonzero(mask.any(axis=1))[0])
    columns = np.flatnonzero(mask[row])
    # Above the highest point, moved into the picture where there is no room.
    x = min(max(float(columns.mean()) - wide / 2, 0), max(mask.shape[1] - wide, 0))
    y = min(max(row - tall - padding, 0), max(mask.shape[0] - tall, 0))
    box = (x, y, x + wide, y + tall)
    draw.rounded_rectangle(box, tall * 0.28, fill=colour, outline=INK)
    place = (x + wide / 2 - (left + right) / 2, y + tall / 2 - (top + bottom) / 2)
    draw.text(place, text, fill=INK if _is_bright(colour) else WHITE, font=font)


def _is_bright(colour: Colour) -> bool:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue > 140
