"""A picture of six small squares before a slope, with their exact masks."""

import numpy as np

from masklet.types import Prompt

SIDE = 22
CORNERS = ((20, 20), (70, 30), (120, 20), (30, 80), (80, 85), (125, 80))
"""x, y of the top left ones."""


def small_squares():
    """`(120, 160, 3)` uint8, and `(6, 120, 160)` bool."""
    y, x = np.mgrid[:120, :160]
    image = np.stack([60 + x // 4, 90 + y // 4, np.full_like(x, 60)], axis=2).astype(np.uint8)
    masks = np.zeros((6, 120, 160), bool)
    colours = [(230, 60, 40), (240, 220, 40), (40, 60, 230)]
    for number, (left, top) in enumerate(CORNERS):
        masks[number, top : top + SIDE, left : left + SIDE] = True
        image[masks[number]] = colours[number % 3]
    return image, masks


def middles():
    """A click in the middle of each."""
    return [Prompt.point(x + SIDE // 2, y + SIDE // 2) for x, y in CORNERS]


def boxes():
    """The tight box of each."""
    return [Prompt.box_xyxy(x, y, x + SIDE, y + SIDE) for x, y in CORNERS]
