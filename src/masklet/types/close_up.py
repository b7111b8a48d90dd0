"""A `CloseUp` is a finer answer for a part of an image. Coordinates as in `masklet.types`."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from masklet.ops.resize import resize_logits

# Of a side of the part, how much fades at each end from the coarse logits into the fine ones.
_FADE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class CloseUp:
    """Mask logits of a part of an image that the model has looked at alone."""

    logits: Tensor
    """`(h, w)` float32 on the model's grid, which here covers the part only."""
    box: tuple[int, int, int, int]
    """The part: x0, y0, x1, y1 in whole pixels inside the image; x1 and y1 lie just after it."""

    def pasted(self, full_HW: Tensor) -> Tensor:
        """The logits of the whole image, `(height, width)` float32, with this part in its place.

        Towards the edges of the part its logits fade into those that were there; the border of the
        image is no such edge.

        >>> seen = CloseUp(torch.ones(4, 4), (2, 0, 5, 4)).pasted(torch.zeros(4, 5))
        >>> seen[0].tolist()
        [0.0, 0.0, 1.0, 1.0, 1.0]
        """
        x0, y0, x1, y1 = self.box
        height, width = full_HW.shape
        part = slice(y0, y1), slice(x0, x1)
        fine = resize_logits(self.logits[None], (y1 - y0, x1 - x0))[0]
        across = _weights(x0, x1, width, full_HW.device)
        down = _weights(y0, y1, height, full_HW.device)
        whole = full_HW.float().clone()
        whole[part] = whole[part].lerp(fine, down[:, None] * across)
        return whole


def _weights(start: int, stop: int, length: int, device: torch.device) -> Tensor:
    """How much of the fine logits is taken along one side, `(stop - start,)`, 0 to 1."""
    middles = torch.arange(start, stop, device=device) + 0.5
    before = middles - (start if start > 0 else -math.inf)
    after = (stop if stop < length else math.inf) - middles
    return (torch.minimum(before, after) / (_FADE * (stop - start))).clamp(max=1.0)
