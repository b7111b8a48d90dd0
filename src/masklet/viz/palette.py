"""Colours that stay with an object id."""

from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

# Each colour was chosen to be far, in OKLab, from all before it, as seen with full colour vision and
# with each of the three kinds of colour blindness (simulated after Machado et al. 2009,
# doi 10.1109/TVCG.2009.113), among colours bright and strong enough to stand on a photograph.
_FIRST: tuple[Colour, ...] = (
    (30, 136, 255),
    (255, 214, 10),
    (238, 39, 55),
    (25, 224, 245),
    (255, 158, 128),
    (176, 74, 184),
    (31, 143, 102),
    (181, 166, 242),
    (255, 95, 174),
    (179, 155, 0),
    (112, 89, 221),
    (166, 232, 156),
)

# Later rounds take the same colours darker, then lighter: towards this, by this share.
_ROUNDS: tuple[tuple[Colour, float], ...] = (
    ((0, 0, 0), 0.0),
    ((0, 0, 0), 0.4),
    ((255, 255, 255), 0.36),
)

WHITE: Colour = (255, 255, 255)
INK: Colour = (18, 20, 26)
"""Nearly black: casings and shadows."""
ON: Colour = (18, 184, 92)
"""A click on the object."""
BESIDE: Colour = (226, 38, 54)
"""A click beside it."""


def colour_of(object_id: int) -> Colour:
    """The colour of an object: the same for the same id, in every picture and every run.

    The ids 1 to 36 have different colours; then they repeat.

    >>> colour_of(1)
    (30, 136, 255)
    """
    turn, place = divmod(object_id - 1, len(_FIRST))
    towards, share = _ROUNDS[turn % len(_ROUNDS)]
    red, green, blue = (
        round(own * (1 - share) + other * share)
        for own, other in zip(_FIRST[place], towards, strict=True)
    )
    return red, green, blue
