"""Cut-outs are laid on a scene: enlarged, mirrored, turned and put in their place, with soft edges.

Colours and masks go the same way, and what lay within something else still does afterwards.

Shapes: S side of a scene.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from masklet.data.packed_cutouts import Cutout, opaque
from masklet.data.records import Mask
from masklet.ops import rle

# A part is worth asking for if it is so much of the object, as a share of pixels.
_PART_SHARES = (0.02, 0.9)

# Linear, since the bows of cubic curves would let a mask reach out of the one around it.
_LINEAR = Image.Resampling.BILINEAR


@dataclass(frozen=True, slots=True)
class Pose:
    """How a cut-out lies on a scene."""

    x: float
    """Of its middle, in pixels from the left edge of the scene."""
    y: float
    """From the upper edge."""
    length: float
    """Of its longer side, in pixels."""
    turn: float = 0.0
    """Degrees, clockwise."""
    is_mirrored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LaidPart:
    """A part of an object, where it lies on a scene."""

    place: int
    """In `Cutout.parts`."""
    mask: Mask
    """`(S, S)`."""
    full_area: float
    """Pixels that it would have if nothing hid it and the scene had no edge."""


def laid_colours(pixels: npt.NDArray[np.uint8], pose: Pose, side: int) -> npt.NDArray[np.uint8]:
    """The colours of a cut-out, multiplied with their opacity, and the opacity, `(S, S, 4)`."""
    # Premultiplied, so that colours of transparent pixels do not show around the edges.
    return np.asarray(_laid(Image.fromarray(pixels).convert("RGBa"), pose, side))


def laid_mask(cutout: Cutout, pose: Pose, side: int) -> Mask:
    """Where the object is more than half opaque, `(S, S)`."""
    return _is_half(_laid(Image.fromarray(cutout.pixels[..., 3]), pose, side))


def laid_parts(cutout: Cutout, pose: Pose, side: int) -> Iterator[LaidPart]:
    """The larger parts of the object, those after their parents that are parts of them."""
    whole = float(np.count_nonzero(opaque(cutout.pixels)))
    for place, part in enumerate(cutout.parts):
        if _PART_SHARES[0] <= part.area / whole <= _PART_SHARES[1]:
            drawn = np.where(rle.decode(part.segmentation), np.uint8(255), np.uint8(0))
            mask = _is_half(_laid(Image.fromarray(drawn), pose, side))
            yield LaidPart(place, mask, part.area * _scale(cutout, pose) ** 2)


def full_area(cutout: Cutout, pose: Pose) -> float:
    """Pixels that the object would have if nothing hid it and the scene had no edge."""
    return np.count_nonzero(opaque(cutout.pixels)) * _scale(cutout, pose) ** 2


def _laid(picture: Image.Image, pose: Pose, side: int) -> Image.Image:
    # Made smaller first, since the way to its place looks at no more than four pixels for each.
    scale = pose.length / max(picture.size)
    width, height = (max(round(each * scale), 1) for each in picture.size)
    small = picture.resize((width, height), _LINEAR)
    if pose.is_mirrored:
        small = ImageOps.mirror(small)
    # Pillow takes pixels beyond the edge for those at the edge: edges are soft only within.
    small = ImageOps.expand(small, border=1)
    cosine, sine = math.cos(math.radians(pose.turn)), math.sin(math.radians(pose.turn))
    reach_x = (abs(cosine) * small.width + abs(sine) * small.height) / 2
    reach_y = (abs(sine) * small.width + abs(cosine) * small.height) / 2
    # Only what it reaches is looked at: that takes most of the time.
    left, right = _span(pose.x, reach_x, side)
    top, bottom = _span(pose.y, reach_y, side)
    x, y = pose.x - left, pose.y - top
    from_scene = (
        *(cosine, sine, small.width / 2 - cosine * x - sine * y),
        *(-sine, cosine, small.height / 2 + sine * x - cosine * y),
    )
    size = (right - left, bottom - top)
    scene = Image.new(small.mode, (side, side))
    scene.paste(small.transform(size, Image.Transform.AFFINE, from_scene, _LINEAR), (left, top))
    return scene


def _span(middle: float, reach: float, side: int) -> tuple[int, int]:
    """The first pixel that lies within reach, and the one after the last; one pixel at least."""
    first = min(max(math.floor(middle - reach), 0), side - 1)
    return first, min(max(math.ceil(middle + reach), first + 1), side)


def _is_half(picture: Image.Image) -> Mask:
    inside: Mask = np.asarray(picture) > 127
    return inside


def _scale(cutout: Cutout, pose: Pose) -> float:
    return pose.length / max(cutout.pixels.shape[:2])
