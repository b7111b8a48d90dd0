"""Prompts as official programs write them, as rows of tensors for the network.

Shapes as in `masklet.model.tensors`.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.errors import PromptError
from masklet.image.predictor import ImageFeatures
from masklet.model.preprocess import to_input_pixels
from masklet.model.tensors import PromptTensors

# Beside, on, the two corners of a box; -1 is no point at all.
_LABELS = (-1, 0, 1, 2, 3)


def prompt_tensors(
    image: ImageFeatures,
    point_coords: npt.ArrayLike | Tensor | None,
    point_labels: npt.ArrayLike | Tensor | None,
    box: npt.ArrayLike | Tensor | None,
    mask_input: npt.ArrayLike | Tensor | None,
    *,
    normalize_coords: bool,
) -> PromptTensors:
    """All prompts of one call on one image.

    Args:
        image: the encoded image.
        point_coords: `(P, 2)` x, y, or `(B, P, 2)` for B objects.
        point_labels: `(P,)` or `(B, P)`: 1 on the object, 0 beside it.
        box: `(4,)` x0, y0, x1, y1, or `(B, 4)`.
        mask_input: `(1, h, w)` or `(B, 1, h, w)` logits of an earlier answer.
        normalize_coords: True for pixels of the image, False for 0 to 1.

    Raises:
        AssertionError: there are points and no labels.
        PromptError: a shape, a number or a label cannot be, or the parts speak of different
            numbers of objects.
    """
    points_BP2, labels_BP = _points_and_box(point_coords, point_labels, box)
    mask_Bhw = None if mask_input is None else _mask(mask_input, image)
    rows = len(points_BP2) if mask_Bhw is None else max(len(points_BP2), len(mask_Bhw))
    if mask_Bhw is not None and rows > min(len(points_BP2), len(mask_Bhw)) > 1:
        raise _unequal(f"{len(mask_Bhw)} masks", f"points or boxes of {len(points_BP2)} objects")
    device = image.embedding_BLC.device
    height, width = image.size if normalize_coords else (1, 1)
    return PromptTensors(
        points_BP2=to_input_pixels(points_BP2.to(device), (height, width), image.input_size).expand(
            rows, -1, -1
        ),
        labels_BP=labels_BP.to(device).expand(rows, -1),
        mask_Bhw=None if mask_Bhw is None else mask_Bhw.to(device).expand(rows, -1, -1),
    )


def _points_and_box(
    point_coords: npt.ArrayLike | Tensor | None,
    point_labels: npt.ArrayLike | Tensor | None,
    box: npt.ArrayLike | Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Corners and clicks as one list of points per row, in the caller's coordinates."""
    parts: list[tuple[Tensor, Tensor]] = []
    if box is not None:
        corners_B22 = _corners(box)
        # parity 10: a box is two points, before the clicks.
        parts.append((corners_B22, torch.tensor([2, 3]).expand(len(corners_B22), 2)))
    if point_coords is not None:
        parts.append(_points(point_coords, point_labels))
    if not parts:
        return torch.zeros((1, 0, 2)), torch.zeros((1, 0), dtype=torch.int64)
    if len(parts[0][0]) != len(parts[-1][0]):
        raise _unequal(f"{len(parts[0][0])} boxes", f"points of {len(parts[-1][0])} objects")
    points_BP2, labels_BP = (torch.cat(both, dim=1) for both in zip(*parts, strict=True))
    if points_BP2.shape[1] == 0:
        raise PromptError(
            "point_coords holds no points; expected at least one, or None. "
            "Leave point_coords and point_labels out."
        )
    return points_BP2, labels_BP


def _points(
    point_coords: npt.ArrayLike | Tensor, point_labels: npt.ArrayLike | Tensor | None
) -> tuple[Tensor, Tensor]:
    if point_labels is None:
        raise AssertionError(
            "point_coords came without point_labels; expected one label per point, 1 on the object "
            "and 0 beside it. Pass point_labels too."
        )
    points = _tensor(point_coords, np.float32)
    labels = _tensor(point_labels, np.int64)
    if points.dim() not in (2, 3) or points.shape[-1] != 2 or labels.shape != points.shape[:-1]:
        raise PromptError(
            f"point_coords has shape {tuple(points.shape)} and point_labels {tuple(labels.shape)}; "
            "expected (P, 2) and (P,), or (B, P, 2) and (B, P). "
            "Wrap a single click in a list: [[x, y]] and [1]."
        )
    _check_finite(points, "point_coords")
    if not torch.isin(labels, torch.tensor(_LABELS, device=labels.device)).all():
        raise PromptError(
            f"point_labels are {labels.tolist()}; expected 1 (on the object) or 0 (beside it). "
            "A box is passed as box."
        )
    return (points[None], labels[None]) if points.dim() == 2 else (points, labels)


def _corners(box: npt.ArrayLike | Tensor) -> Tensor:
    boxes = _tensor(box, np.float32)
    if boxes.numel() == 0 or boxes.shape[-1] != 4:
        raise PromptError(
            f"box has shape {tuple(boxes.shape)}; expected (4,) or (B, 4), x0, y0, x1, y1. "
            "Leave box out where there is none."
        )
    _check_finite(boxes, "box")
    return boxes.reshape(-1, 2, 2)


def _mask(mask_input: npt.ArrayLike | Tensor, image: ImageFeatures) -> Tensor:
    logits = _tensor(mask_input, np.float32)
    grid = (image.input_size[0] // 4, image.input_size[1] // 4)
    rows = 1 if logits.dim() == 3 else len(logits)
    if logits.dim() not in (3, 4) or logits.shape[-3:] != (1, *grid) or rows == 0:
        raise PromptError(
            f"mask_input has shape {tuple(logits.shape)}; expected {(1, *grid)} or "
            f"{('B', 1, *grid)}: logits, not a mask of the image. "
            "Pass low_res[i : i + 1] of an earlier answer (the third thing that predict returns)."
        )
    _check_finite(logits, "mask_input")
    return logits.reshape(rows, *grid)


def _tensor(values: npt.ArrayLike | Tensor, dtype: type[np.float32 | np.int64]) -> Tensor:
    if isinstance(values, Tensor):
        # Prompts are small, and one of them may be on another device than the next.
        values = values.detach().cpu()
        return values.float() if dtype is np.float32 else values.long()
    return torch.from_numpy(np.array(values, dtype))


def _check_finite(values: Tensor, name: str) -> None:
    if not torch.isfinite(values).all():
        raise PromptError(
            f"{name} holds values that are not finite; expected numbers. Drop such prompts first."
        )


def _unequal(these: str, those: str) -> PromptError:
    return PromptError(
        f"there are {these} and {those}; expected as many of each, one row per object. "
        "Repeat the rows that all objects share."
    )
