"""What lies behind generated scenes: a photo of a pack, or a surface that is made up.

Shapes: S side of a scene.
"""

import colorsys
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from masklet.data.pictures import PACKED_SUFFIXES, read_packed_picture
from masklet.data.scenes.dice import Dice, Floats
from masklet.data.scenes.textures import PATTERNS, Colour, Look, Tile, clouds, mixed, surface
from masklet.data.spans import Span

PHOTOS = "photo"
"""The folder of a tar in which photos lie that may stand behind anything."""

# A photo is cut down to at least so much of its short side.
_LEAST_CUT = 0.6
_ROUGHNESS = 24.0


def background_photos(files: Sequence[Span]) -> tuple[Span, ...]:
    """The photos of a tar, in their order."""
    return tuple(file for file in files if _is_photo(PurePosixPath(file.name)))


def photo_background(photo: Span, dice: Dice, side: int) -> npt.NDArray[np.uint8]:
    """A square out of a photo, `(S, S, 3)` RGB, mirrored in half of the cases.

    Raises:
        DatasetError: the photo cannot be read.
    """
    pixels = read_packed_picture(photo)
    height, width = pixels.shape[:2]
    cut = min(height, width) * dice.between(_LEAST_CUT, 1.0)
    left, top = dice.between(0.0, width - cut), dice.between(0.0, height - cut)
    box = (left, top, left + cut, top + cut)
    square = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC, box=box)
    shown = np.array(square)
    return np.ascontiguousarray(shown[:, ::-1]) if dice.chance(0.5) else shown


def made_up_background(dice: Dice, side: int) -> npt.NDArray[np.uint8]:
    """A plain colour, a slope from one to another, clouds or a pattern, `(S, S, 3)` RGB.

    Args:
        dice: where everything comes from.
        side: a power of two.

    >>> made_up_background(Dice("a"), 64).shape
    (64, 64, 3)
    """
    light, dark = sorted((_colour(dice), _colour(dice)), key=sum, reverse=True)
    match dice.pick(("plain", "slope", "clouds", "pattern")):
        case "plain":
            tones = np.full((side, side), float(dice.whole(0, 1)))
        case "slope":
            tones = _slope(dice, side)
        case "clouds":
            tones = clouds(dice, side, 2, octaves=dice.whole(2, 7))
        case _:
            look = Look(dice.pick(PATTERNS), light, dark, f"{dice.whole(0, 10**9)}")
            return _unpacked(surface(look, side))
    grain = dice.between(0.0, _ROUGHNESS) * (dice.many(side, side, 1) - 0.5)
    colours = mixed(np.array(dark, float), np.array(light, float), tones)
    return np.clip(np.rint(colours + grain), 0, 255).astype(np.uint8)


def _is_photo(path: PurePosixPath) -> bool:
    return path.parent.name == PHOTOS and path.suffix.lower() in PACKED_SUFFIXES


def _colour(dice: Dice) -> Colour:
    shares = colorsys.hsv_to_rgb(
        dice.between(0.0, 1.0), dice.between(0.0, 0.8), dice.between(0.1, 1.0)
    )
    red, green, blue = (round(255 * share) for share in shares)
    return red, green, blue


def _slope(dice: Dice, side: int) -> Floats:
    """From 0 to 1 across the picture, in any direction."""
    x, y = dice.between(-1.0, 1.0), dice.between(-1.0, 1.0)
    place = np.linspace(0.0, 1.0, side)
    tones = x * place + y * place[:, None]
    span: Floats = tones - tones.min()
    return span / max(float(span.max()), 1e-6)


def _unpacked(tile: Tile) -> npt.NDArray[np.uint8]:
    """The colours of all pixels of a tile, `(S, S, 3)`."""
    shifts = np.array([0, 16, 32], np.int64)
    return ((tile.packed_SS[..., None] >> shifts) & 255).astype(np.uint8)
