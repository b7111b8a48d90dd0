"""The colours of reports, on white paper and in the dark."""

from dataclasses import dataclass

from masklet.viz.palette import Colour, colour_of


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a figure."""

    ground: Colour
    line: Colour
    """Grids, rules and frames."""
    text: Colour
    quiet: Colour
    """Text that is read second."""
    first: Colour
    """What a figure is about."""
    second: Colour
    """What stands against it."""


_BLUE, _RED = colour_of(1), colour_of(3)

LIGHT = Theme((255, 255, 255), (225, 227, 231), (28, 31, 38), (92, 98, 110), _BLUE, _RED)
DARK = Theme((33, 36, 44), (60, 64, 76), (230, 232, 236), (168, 173, 184), _BLUE, _RED)


def css(colour: Colour) -> str:
    """A colour as the web and matplotlib write it.

    >>> css((30, 136, 255))
    '#1e88ff'
    """
    return "#{:02x}{:02x}{:02x}".format(*colour)
