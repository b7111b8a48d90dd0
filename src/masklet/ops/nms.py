"""Non-maximum suppression: of boxes or masks that overlap, the one with the highest score stays.

Shapes: N boxes or masks, R rows of a part, H W pixels, P pixels of a flat mask.
"""

import numpy as np
import torch
from torch import Tensor

from masklet.ops.boxes import box_iou

# Entries of a matrix that are made at once: 4 MB of float32, which stays in a processor's cache.
_CHUNK = 1 << 20


def nms_boxes(boxes_N4: Tensor, scores_N: Tensor, *, iou_threshold: float) -> Tensor:
    """The boxes that stay, as indices by falling score; equal scores keep their order.

    A box goes when its IoU with a better one that stays is above `iou_threshold`.

    >>> boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 5], [9, 9, 12, 12]])
    >>> nms_boxes(boxes, torch.tensor([0.8, 0.9, 0.5]), iou_threshold=0.7)
    tensor([1, 2])
    """
    order_N = torch.argsort(scores_N, descending=True, stable=True)
    sorted_N4 = boxes_N4[order_N]
    count = len(order_N)
    overlaps_NN = torch.zeros((count, count), dtype=torch.bool, device=boxes_N4.device)
    rows = max(1, _CHUNK // max(1, count))
    for start in range(0, count, rows):
        # A box is only ever suppressed by an earlier one: the left part is not asked for.
        part_R4 = sorted_N4[start : start + rows]
        overlaps_NN[start : start + rows, start:] = (
            box_iou(part_R4, sorted_N4[start:]) > iou_threshold
        )
    return _greedy(order_N, overlaps_NN)


def nms_masks(masks_NHW: Tensor, scores_N: Tensor, *, iou_threshold: float) -> Tensor:
    """The bool masks that stay, as indices by falling score; equal scores keep their order.

    A mask goes when its IoU with a better one that stays is above `iou_threshold`; an empty mask
    overlaps nothing. Costs N x N x H x W multiplications.

    >>> masks = torch.tensor([[[True, True, False]], [[True, True, True]], [[False, False, True]]])
    >>> nms_masks(masks, torch.tensor([0.8, 0.9, 0.5]), iou_threshold=0.5)
    tensor([1, 2])
    """
    order_N = torch.argsort(scores_N, descending=True, stable=True)
    intersection_NN = _intersections(masks_NHW.flatten(1))[order_N][:, order_N]
    area_N = intersection_NN.diagonal()
    union_NN = area_N[:, None] + area_N[None, :] - intersection_NN
    overlaps_NN = intersection_NN / union_NN.clamp(min=1) > iou_threshold
    return _greedy(order_N, overlaps_NN)


def _intersections(masks_NP: Tensor) -> Tensor:
    """Common pixels of every pair of flat masks, `(N, N)` int64, exact."""
    count, pixels = masks_NP.shape
    total_NN = torch.zeros((count, count), dtype=torch.int64, device=masks_NP.device)
    step = max(1, _CHUNK // max(1, count))
    for start in range(0, pixels, step):
        # A sum of so few ones is exact in float32, and in TensorFloat-32.
        part_NP = masks_NP[:, start : start + step].float()
        total_NN += (part_NP @ part_NP.T).round().long()
    return total_NN


def _greedy(order_N: Tensor, overlaps_NN: Tensor) -> Tensor:
    overlaps = overlaps_NN.cpu().numpy()  # the one host read: the choice goes one by one
    alive = np.ones(len(overlaps), bool)
    kept = []
    for row in range(len(overlaps)):
        if alive[row]:
            kept.append(row)
            alive &= ~overlaps[row]
    return order_N[torch.tensor(kept, dtype=torch.int64, device=order_N.device)]
