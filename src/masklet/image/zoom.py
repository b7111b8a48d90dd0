"""Where a predictor looks closer, what it asks there, and whether it takes what it sees.

A small object covers few cells of the network's grid. Shown alone, larger, it gets a finer outline,
and is often understood better (the "zoom-in" of f-BRS, arXiv 2001.10331).

Coordinates as in `masklet.types`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from masklet.ops.masks import stability_scores
from masklet.ops.resize import resize_mask
from masklet.types import MaskSet, Prompt

# Crops of 1.4 times the box, as in f-BRS, and of 3 times gained half a point less with the first
# `masklet-small`, on 580 objects of its training pictures.
_SIDES_OF_BOX = 2.0
# With a third instead `masklet-small` had a mean IoU of 0.382 in place of 0.391 after one click, and 0.632
# in place of 0.636 after three, on 80 pictures of sources that it did not learn from.
_LARGEST_SHARE = 1 / 2
# Of a side of the image, so that the network sees more than a few enlarged pixels.
_SMALLEST_SHARE = 1 / 8


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of an image, in whole pixels, that is looked at as an image of its own."""

    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 inside the image; x1 and y1 lie just after the last pixel."""

    @property
    def part(self) -> tuple[slice, slice]:
        """Its rows and columns, to index an array of the image's size with."""
        x0, y0, x1, y1 = self.box
        return slice(y0, y1), slice(x0, x1)

    @property
    def size(self) -> tuple[int, int]:
        """`(height, width)`."""
        x0, y0, x1, y1 = self.box
        return y1 - y0, x1 - x0

    def seen(self, prompt: Prompt) -> Prompt | None:
        """Clicks and box in the crop's own coordinates; None if none of them lies inside.

        Clicks beside it are left out, and so is a mask.

        >>> Crop((10, 20, 30, 40)).seen(Prompt.point(15, 22) + Prompt.point(2, 22, 0))
        Prompt(points 1, on 1)
        """
        x0, y0, x1, y1 = self.box
        x, y = prompt.points.T
        inside = (x0 - 0.5 <= x) & (x <= x1) & (y0 - 0.5 <= y) & (y <= y1)
        if prompt.box is None and not inside.any():
            return None
        return Prompt(
            points=prompt.points[inside] - np.array([x0, y0], np.float32),
            labels=prompt.labels[inside],
            box=None if prompt.box is None else prompt.box - np.array([x0, y0] * 2, np.float32),
        )


@dataclass(frozen=True, slots=True)
class Look:
    """A closer look at the object of one mask of an answer."""

    row: int
    """Which mask of the answer, counted from 0."""
    crop: Crop
    prompt: Prompt
    """In the coordinates of the crop."""

    @property
    def starts_from_mask(self) -> bool:
        """Whether the mask so far is part of the question: clicks correct it, a box alone says
        more than it knows.
        """
        return len(self.prompt.points) > 0

    def known(self, answer: MaskSet) -> MaskSet:
        """What the answer says already, as an answer about the crop."""
        logits = answer.full_logits_of(self.row)[self.crop.part]
        grid = (answer.logits.shape[1], answer.logits.shape[2])
        return MaskSet(
            logits=resize_mask(logits[None], grid),
            iou=answer.iou[self.row, None],
            object_score=answer.object_score[self.row, None],
            size=self.crop.size,
            prompt_index=(0,),
            threshold=answer.threshold,
        )


def worthwhile_looks(answer: MaskSet, prompts: Sequence[Prompt]) -> list[Look]:
    """The objects of an answer that a closer look may help, in the order of its masks.

    These are the ones at most a third as wide and as high as the image, of which clicks or a box
    were given. A mask that was given says all there is to say.

    Args:
        answer: masks of an image.
        prompts: what `answer.prompt_index` points to.
    """
    looks = []
    for row, box in enumerate(answer.boxes().tolist()):
        prompt = prompts[answer.prompt_index[row]]
        crop = crop_around(_object_box(box, prompt), answer.size)
        said = None if crop is None else crop.seen(prompt)
        if crop is not None and said is not None:
            looks.append(Look(row, crop, said))
    return looks


def crop_around(box: Sequence[float], size: tuple[int, int]) -> Crop | None:
    """The crop to look at an object in; None if the object is too large, or nowhere.

    Args:
        box: x0, y0, x1, y1 around the object.
        size: `(height, width)` of the image.

    >>> crop_around((40, 20, 60, 30), (100, 200))
    Crop(box=(30, 15, 70, 35))
    >>> crop_around((0, 0, 10, 90), (100, 200)) is None
    True
    """
    height, width = size
    columns, rows = _span(box[0], box[2], width), _span(box[1], box[3], height)
    if columns is None or rows is None:
        return None
    return Crop((columns[0], rows[0], columns[1], rows[1]))


def is_clearer(found: MaskSet, known: MaskSet) -> bool:
    """Whether a new answer to the same question is taken: it shows something, and is as stable.

    Asked for as much stability as before (that of SAM 2's fallback), closer looks gain as much on
    average and lose much a third less often. Asked for a higher predicted IoU, they gain less.
    """
    logits_2hw = torch.cat([found.logits, known.logits]).float() - known.threshold
    stable, before = stability_scores(logits_2hw)
    return bool(((logits_2hw[0] > 0).any() & (stable >= before)).item())


def _object_box(box: Sequence[float], prompt: Prompt) -> list[float]:
    """Around the mask, the box that was given and all clicks on the object."""
    boxes = [box] if box[2] > box[0] else []
    if prompt.box is not None:
        boxes.append(prompt.box.tolist())
    boxes += [[x, y, x + 1, y + 1] for x, y in prompt.points[prompt.labels == 1].tolist()]
    if not boxes:
        return [0.0] * 4
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return [min(x0), min(y0), max(x1), max(y1)]


def _span(start: float, stop: float, length: int) -> tuple[int, int] | None:
    """One side of a crop, whole pixels of the image's side."""
    start, stop = max(start, 0.0), min(stop, float(length))
    if not 0 < stop - start <= _LARGEST_SHARE * length:
        return None
    reach = max(_SIDES_OF_BOX * (stop - start), _SMALLEST_SHARE * length) / 2
    middle = (start + stop) / 2
    return max(math.floor(middle - reach), 0), min(math.ceil(middle + reach), length)
