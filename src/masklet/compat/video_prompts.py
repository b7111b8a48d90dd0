"""Prompts on a frame of a video as official programs write them.

Shapes: P points, S the side of the network's input.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.compat.video_state import Answer, Points
from masklet.errors import PromptError
from masklet.model.preprocess import to_input_pixels
from masklet.ops.resize import resize_mask
from masklet.tracking.rows import RowPrompt

# Beside, on, the two corners of a box; -1 is no point at all.
_LABELS = (-1, 0, 1, 2, 3)
# Carried-over logits are clamped to this before they are a prompt (parity 9).
_LOGIT_LIMIT = 32.0


def said(
    points: npt.ArrayLike | Tensor | None,
    labels: npt.ArrayLike | Tensor | None,
    box: npt.ArrayLike | Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Corners and then clicks, `(P, 2)` in the caller's coordinates, and their labels `(P,)`.

    Raises:
        PromptError: there are points without labels or labels without points, there is neither a
            point nor a box, or a shape, a number or a label cannot be.
    """
    if (points is None) != (labels is None):
        given, lacking = ("labels", "points") if points is None else ("points", "labels")
        raise PromptError(
            f"{given} came without {lacking}; expected both or neither. Pass {lacking} too: "
            "1 is on the object, 0 beside it."
        )
    if points is None and box is None:
        raise PromptError(
            "neither points nor a box came; expected at least one of them. "
            "Pass points and labels, or box; a mask goes to add_new_mask."
        )
    clicks_P2, signs_P = torch.zeros((0, 2)), torch.zeros(0, dtype=torch.int64)
    if points is not None and labels is not None:
        clicks_P2, signs_P = _clicks(points, labels)
    if box is None:
        return clicks_P2, signs_P
    # parity 10: a box is two points, before the clicks.
    return (
        torch.cat([_corners(box), clicks_P2]),
        torch.cat([torch.tensor([2, 3]), signs_P]),
    )


def on_input(
    prompt: tuple[Tensor, Tensor], size: tuple[int, int], side: int, device: torch.device
) -> Points:
    """The prompt in pixels of the input; `size` is (height, width) of its coordinates."""
    points_P2, labels_P = prompt
    return Points(to_input_pixels(points_P2.to(device), size, (side, side)), labels_P.to(device))


def row_prompt(points: Points, carried: Answer | None, device: torch.device) -> RowPrompt:
    """Points, and the logits of an earlier answer that they correct."""
    logits_hw = None
    if carried is not None:
        logits_hw = carried.logits_hw.to(device).clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT)
    return RowPrompt(points.points_P2, points.labels_P, len(points.labels_P), logits_hw)


def mask_on_input(mask: npt.ArrayLike | Tensor, side: int, device: torch.device) -> Tensor:
    """A mask as large as the input, `(S, S)` float32 of 0 and 1.

    Raises:
        AssertionError: it has not two dimensions.
    """
    pixels = mask if isinstance(mask, Tensor) else torch.from_numpy(np.array(mask, np.bool_))
    if pixels.dim() != 2:
        raise AssertionError(
            f"mask has shape {tuple(pixels.shape)}; expected (height, width). "
            "Pass one mask at a time, without further axes."
        )
    pixels = pixels.to(device).float()
    if pixels.shape == (side, side):
        return pixels
    return (resize_mask(pixels[None], (side, side))[0] >= 0.5).float()


def _clicks(
    points: npt.ArrayLike | Tensor, labels: npt.ArrayLike | Tensor
) -> tuple[Tensor, Tensor]:
    clicks, signs = _tensor(points).float(), _tensor(labels)
    if clicks.dim() == 3 and signs.dim() == 2 and len(clicks) == 1:
        clicks, signs = clicks[0], signs[0]
    if (
        clicks.dim() != 2
        or clicks.shape[-1] != 2
        or signs.shape != clicks.shape[:1]
        or not len(signs)
    ):
        raise PromptError(
            f"points have shape {tuple(clicks.shape)} and labels {tuple(signs.shape)}; expected "
            "(P, 2) and (P,), at least one. Wrap a single click in a list: [[x, y]] and [1]."
        )
    _check_finite(clicks, "points")
    if not torch.isin(signs, torch.tensor(_LABELS)).all():
        raise PromptError(
            f"labels are {signs.tolist()}; expected 1 (on the object) or 0 (beside it). "
            "A box is passed as box."
        )
    return clicks, signs.long()


def _corners(box: npt.ArrayLike | Tensor) -> Tensor:
    corners = _tensor(box).float()
    if corners.numel() != 4:
        raise PromptError(
            f"box has shape {tuple(corners.shape)}; expected (4,): x0, y0, x1, y1. "
            "Every object has a call of its own."
        )
    _check_finite(corners, "box")
    return corners.reshape(2, 2)


def _tensor(values: npt.ArrayLike | Tensor) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach().cpu()
    return torch.from_numpy(np.array(values))


def _check_finite(values: Tensor, name: str) -> None:
    if not torch.isfinite(values).all():
        raise PromptError(
            f"{name} holds values that are not finite; expected numbers. Drop such prompts first."
        )
