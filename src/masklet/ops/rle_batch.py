"""Run-length encoding of many masks at once, where they are.

Shapes: N masks, H W their size, P = H x W pixels, K changes.
"""

import numpy as np
import torch
from torch import Tensor

from masklet.ops.rle import Rle, encode, encode_changes


def encode_masks(masks_NHW: Tensor) -> list[Rle]:
    """The compressed encoding of every bool mask, byte for byte what `encode` gives.

    >>> encode_masks(torch.tensor([[[False, True], [True, True]]]))
    [{'size': [2, 2], 'counts': '13'}]
    """
    # 1, 16 and 64 discs in 720x1280 on one thread of AMD EPYC: one by one 0.3, 5.5 and 23 ms of
    # processor time, all at once 2, 44 and 176 ms. Not measured on a GPU.
    if masks_NHW.device.type == "cpu":
        return [encode(mask) for mask in masks_NHW.numpy()]
    return encode_on_device(masks_NHW)


def encode_on_device(masks_NHW: Tensor) -> list[Rle]:
    """`encode_masks` that moves nothing to the host but where pixels change, in one copy."""
    count, height, width = masks_NHW.shape
    changes = column_changes(masks_NHW).cpu().numpy()
    firsts = np.arange(count + 1) * (height * width)
    bounds = np.searchsorted(changes, firsts)
    return [
        encode_changes(changes[bounds[n] : bounds[n + 1]] - firsts[n], (height, width))
        for n in range(count)
    ]


def column_changes(masks_NHW: Tensor) -> Tensor:
    """Where pixels differ from the one before, `(K,)` int64, rising.

    Places are counted down column after column and mask after mask; before the first pixel of every
    mask is outside.
    """
    pixels_NP = masks_NHW.transpose(1, 2).flatten(1)
    differs_NP = pixels_NP.clone()
    differs_NP[:, 1:] ^= pixels_NP[:, :-1]
    return torch.nonzero(differs_NP.flatten())[:, 0]
