"""Pictures that are made of cut-outs when they are asked for: some of them before a background.

Masks are exact: what is seen of each object and of its larger parts after all that lies before them.

Shapes: S side of a scene.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from masklet.data.backgrounds import made_up_background, photo_background
from masklet.data.cutout_layers import (
    Pose,
    full_area,
    laid_colours,
    laid_mask,
    laid_parts,
)
from masklet.data.packed_cutouts import Cutout, PackedCutout
from masklet.data.records import Mask, PictureObject
from masklet.data.scenes.dice import Dice
from masklet.data.spans import Span
from masklet.ops import rle
from masklet.types import ObjectId

SIDE = 256
"""Pixels of the squares that scenes are."""

_MOST_OTHERS = 4
_TWIN = 0.12
_PHOTO = 0.75
# Lengths as shares of the side. What a scene is named after is never so small that nobody sees it.
_LENGTHS, _LEAD_LENGTHS = (0.15, 0.9), (0.35, 0.9)
# Its middle lies at least so much of its length within the picture.
_WITHIN = 0.3
_UPRIGHT, _TILT = 0.6, 20.0

# What is hidden more than that, or smaller, is not asked for.
_SEEN_OBJECT, _SEEN_PART = 0.2, 0.5
_LEAST_PIXELS = 32
# A part that is nearly all that is seen of what it belongs to is no other answer than that.
_NEARLY_ALL = 0.9


@dataclass(frozen=True, slots=True)
class CutoutScene:
    """A `Picture` of cut-outs; its objects count from 1, each before its parts."""

    name: str
    """That of its first cut-out."""
    seed: str
    """What all else is drawn from."""
    cutouts: tuple[PackedCutout, ...]
    photo: Span | None
    """What lies behind them; None: something made up."""

    def image(self) -> npt.NDArray[np.uint8]:
        """`(S, S, 3)` RGB, made now; raises `DatasetError` as `Picture` says."""
        dice = Dice(f"{self.seed} background")
        if self.photo is None:
            picture = made_up_background(dice, SIDE)
        else:
            picture = photo_background(self.photo, dice, SIDE)
        for packed, pose in self._laid_out():
            picture = _painted(picture, laid_colours(packed.pixels(), pose, SIDE))
        return picture

    def objects(self) -> tuple[PictureObject, ...]:
        """Those of which enough is seen, from back to front; raises `DatasetError`."""
        layers = [(packed.read(), pose) for packed, pose in self._laid_out()]
        masks = [laid_mask(cutout, pose, SIDE) for cutout, pose in layers]
        found: list[PictureObject] = []
        for place, (cutout, pose) in enumerate(layers):
            before = np.logical_or.reduce([np.zeros((SIDE, SIDE), bool), *masks[place + 1 :]])
            found += _objects_of(cutout, pose, masks[place] & ~before, len(found) + 1)
        return tuple(found)

    def _laid_out(self) -> Iterator[tuple[PackedCutout, Pose]]:
        """From the back, where the largest lies, to the front."""
        dice = Dice(f"{self.seed} poses")
        bounds = [_LEAD_LENGTHS, *[_LENGTHS] * (len(self.cutouts) - 1)]
        poses = [_drawn_pose(dice, *lengths) for lengths in bounds]
        order = dice.shuffled(range(len(poses)))
        largest = max(order, key=lambda place: poses[place].length)
        for place in sorted(order, key=lambda place: place != largest):
            yield self.cutouts[place], poses[place]


def scenes_of(
    cutouts: Sequence[PackedCutout], photos: Sequence[Span], seed: str
) -> tuple[CutoutScene, ...]:
    """A scene for every cut-out, in which up to four others are, too; nothing is read.

    Args:
        cutouts: of one pack or several.
        photos: what may lie behind them; where there are none, all backgrounds are made up.
        seed: the same one gives the same scenes.
    """
    return tuple(_drawn_scene(each, cutouts, photos, f"{seed} {each.name}") for each in cutouts)


def _drawn_scene(
    lead: PackedCutout, cutouts: Sequence[PackedCutout], photos: Sequence[Span], seed: str
) -> CutoutScene:
    dice = Dice(seed)
    # A twin of the first one is what prompts must tell it from.
    others = [
        lead if dice.chance(_TWIN) else dice.pick(cutouts)
        for _ in range(dice.whole(0, _MOST_OTHERS))
    ]
    photo = dice.pick(photos) if photos and dice.chance(_PHOTO) else None
    return CutoutScene(lead.name, seed, (lead, *others), photo)


def _drawn_pose(dice: Dice, shortest: float, longest: float) -> Pose:
    """All lengths are as likely as those twice as long."""
    share = shortest * (longest / shortest) ** dice.between(0.0, 1.0)
    edge = _WITHIN * share
    return Pose(
        x=SIDE * dice.between(edge, 1 - edge),
        y=SIDE * dice.between(edge, 1 - edge),
        length=SIDE * share,
        turn=dice.between(-_TILT, _TILT) if dice.chance(_UPRIGHT) else dice.between(-180.0, 180.0),
        is_mirrored=dice.chance(0.5),
    )


def _painted(
    picture: npt.NDArray[np.uint8], colours: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """The picture with a layer before it, whose colours are premultiplied."""
    behind = (255 - colours[..., 3:].astype(np.uint16)) * picture + 127
    mixed: npt.NDArray[np.uint8] = (colours[..., :3] + behind // 255).clip(max=255).astype(np.uint8)
    return mixed


def _objects_of(
    cutout: Cutout, pose: Pose, seen: Mask, first_id: ObjectId
) -> Iterator[PictureObject]:
    """An object and its parts, if enough of it is seen; ids count from `first_id`."""
    if not _is_enough(seen, full_area(cutout, pose), _SEEN_OBJECT):
        return
    yield PictureObject(first_id, rle.encode(seen))
    # By place in the cut-out, of what is asked for: its id and how much is seen of it.
    asked: dict[int | None, tuple[ObjectId, int]] = {None: (first_id, _pixels(seen))}
    for part in laid_parts(cutout, pose, SIDE):
        mask = part.mask & seen
        parent, parent_pixels = asked[_nearest(cutout, part.place, asked)]
        pixels = _pixels(mask)
        if _is_enough(mask, part.full_area, _SEEN_PART) and pixels < _NEARLY_ALL * parent_pixels:
            object_id = first_id + len(asked)
            asked[part.place] = (object_id, pixels)
            yield PictureObject(object_id, rle.encode(mask), kind="part", parent=parent)


def _is_enough(seen: Mask, full: float, share: float) -> bool:
    return _pixels(seen) >= max(_LEAST_PIXELS, share * full)


def _nearest(cutout: Cutout, place: int, asked: Container[int | None]) -> int | None:
    """The smallest thing that is asked for and that a part belongs to."""
    parent = cutout.parts[place].parent
    while parent not in asked:
        assert parent is not None, "the object itself is always asked for"
        parent = cutout.parts[parent].parent
    return parent


def _pixels(mask: Mask) -> int:
    return int(np.count_nonzero(mask))
