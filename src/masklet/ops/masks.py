"""Measures and choices on mask logits, and masks as bits.

Shapes: B rows, M candidates, h w the mask-logit grid, N masks, Q bytes.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# The reference's defaults: how much a mask may change when the threshold moves by the delta.
_STABILITY_DELTA = 0.05
_STABILITY_THRESHOLD = 0.98


def stability_scores(logits: Tensor, *, delta: float = _STABILITY_DELTA) -> Tensor:
    """How little a mask depends on its threshold, `(...)` for logits `(..., h, w)`, 0 to 1.

    The IoU of the mask above `delta` and the mask above `-delta`; 1 where both are empty.
    """
    inner = (logits > delta).sum(dim=(-2, -1)).float()
    outer = (logits > -delta).sum(dim=(-2, -1)).float()
    return torch.where(outer > 0, inner / outer.clamp(min=1), 1.0)


def stable_candidate(
    logits_BMhw: Tensor,
    iou_BM: Tensor,
    *,
    delta: float = _STABILITY_DELTA,
    threshold: float = _STABILITY_THRESHOLD,
) -> Tensor:
    """The single-mask answer of every row, int64 `(B,)` into the four candidates (parity 8).

    Candidate 0 where it is stable, else the one of 1 to 3 with the highest predicted IoU.
    """
    is_stable = stability_scores(logits_BMhw[:, 0], delta=delta) >= threshold
    return torch.where(is_stable, 0, 1 + iou_BM[:, 1:].argmax(dim=1))


def pick(values_BM: Tensor, index_B: Tensor) -> Tensor:
    """One candidate per row, `(B, ...)`."""
    return values_BM[torch.arange(len(index_B), device=index_B.device), index_B]


def hide_absent(logits: Tensor, object_score_B: Tensor) -> Tensor:
    """Logits `(B, ...)` with -1024 everywhere in rows whose object is not visible (parity 7)."""
    is_visible = (object_score_B > 0).view(-1, *(1,) * (logits.dim() - 1))
    return torch.where(is_visible, logits, -1024.0)


def pack_bits(masks: Tensor) -> Tensor:
    """Eight pixels to a byte, `(N, Q)` uint8 for bool masks `(N, height, width)`, on their device.

    Row after row, the first pixel in the highest bit; the last byte is filled up with zeros.
    """
    pixels = masks.flatten(1)
    padded = torch.nn.functional.pad(pixels, (0, -pixels.shape[1] % 8))
    weights = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8)
    eights = padded.unflatten(1, (padded.shape[1] // 8, 8)) * weights.to(masks.device)
    return eights.sum(dim=2, dtype=torch.uint8)


def unpack_bits(bits_NQ: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The bool masks `(N, *size)` that `pack_bits` made bytes of."""
    pixels = np.unpackbits(bits_NQ, axis=1, count=size[0] * size[1])
    return pixels.view(np.bool_).reshape(len(bits_NQ), *size)
