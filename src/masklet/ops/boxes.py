"""Boxes as x0, y0, x1, y1 in pixels, x1 and y1 just after the last pixel.

Shapes: N M boxes or masks, H W pixels.
"""

import torch
from torch import Tensor


def box_iou(boxes_N4: Tensor, others_M4: Tensor) -> Tensor:
    """Intersection over union of every box with every other one, `(N, M)`, 0 to 1.

    Two boxes without area have IoU 0.

    >>> box_iou(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]))
    tensor([[0.3333]])
    """
    x0_N1, y0_N1, x1_N1, y1_N1 = boxes_N4[:, :, None].unbind(dim=1)
    x0_M, y0_M, x1_M, y1_M = others_M4.unbind(dim=1)
    width_NM = (torch.minimum(x1_N1, x1_M) - torch.maximum(x0_N1, x0_M)).clamp(min=0)
    height_NM = (torch.minimum(y1_N1, y1_M) - torch.maximum(y0_N1, y0_M)).clamp(min=0)
    intersection_NM = width_NM * height_NM
    union_NM = _areas(boxes_N4)[:, None] + _areas(others_M4) - intersection_NM
    return torch.where(union_NM > 0, intersection_NM / union_NM, 0.0)


def boxes_from_masks(masks_NHW: Tensor) -> Tensor:
    """The tight box of every bool mask, `(N, 4)` float32; an empty mask gives all zeros.

    >>> boxes_from_masks(torch.tensor([[[False, True, True], [False, True, False]]]))
    tensor([[1., 0., 3., 2.]])
    """
    x0_N, x1_N = _first_and_after_last(masks_NHW.any(dim=1))
    y0_N, y1_N = _first_and_after_last(masks_NHW.any(dim=2))
    return torch.stack([x0_N, y0_N, x1_N, y1_N], dim=1).float()


def _areas(boxes_N4: Tensor) -> Tensor:
    return (boxes_N4[:, 2:] - boxes_N4[:, :2]).clamp(min=0).prod(dim=1)


def _first_and_after_last(hit_NL: Tensor) -> tuple[Tensor, Tensor]:
    # Weights that fall from the left (or right) end find the first hit without a host read.
    length = hit_NL.shape[1]
    place_L = torch.arange(length, device=hit_NL.device)
    padding_N1 = hit_NL.new_zeros((len(hit_NL), 1), dtype=torch.int64)
    nearest_NL = torch.cat([padding_N1, hit_NL * (length - place_L)], dim=1)
    farthest_NL = torch.cat([padding_N1, hit_NL * (place_L + 1)], dim=1)
    after_last_N = farthest_NL.amax(dim=1)
    first_N = torch.where(after_last_N > 0, length - nearest_NL.amax(dim=1), 0)
    return first_N, after_last_N
