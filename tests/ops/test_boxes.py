"""Boxes: overlap of pairs, and the tight box of a mask."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masklet.ops.boxes import box_iou, boxes_from_masks


@st.composite
def whole_boxes(draw):
    corners = draw(hnp.arrays(np.int64, (draw(st.integers(0, 6)), 4), elements=st.integers(0, 12)))
    low, high = corners[:, :2], corners[:, 2:]
    return np.concatenate([np.minimum(low, high), np.maximum(low, high)], axis=1)


def painted(box):
    mask = np.zeros((12, 12), bool)
    x0, y0, x1, y1 = box
    mask[y0:y1, x0:x1] = True
    return mask


@given(whole_boxes(), whole_boxes())
def test_box_iou_equals_counting_pixels(boxes, others):
    iou = box_iou(torch.from_numpy(boxes).float(), torch.from_numpy(others).float())
    assert iou.shape == (len(boxes), len(others))
    for row, box in enumerate(boxes):
        for column, other in enumerate(others):
            a, b = painted(box), painted(other)
            expected = (a & b).sum() / max(1, (a | b).sum())
            assert iou[row, column].item() == pytest.approx(expected, abs=1e-6)


def test_boxes_without_area_overlap_nothing_not_even_themselves():
    point = torch.tensor([[3.0, 3.0, 3.0, 3.0]])
    assert box_iou(point, point).tolist() == [[0.0]]


def test_an_inverted_box_has_no_area():
    inverted = torch.tensor([[4.0, 4.0, 0.0, 0.0]])
    assert box_iou(inverted, torch.tensor([[0.0, 0.0, 4.0, 4.0]])).tolist() == [[0.0]]


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, max_side=12)))
def test_the_box_of_a_mask_is_tight_and_an_empty_one_is_zero(masks):
    boxes = boxes_from_masks(torch.from_numpy(masks))
    assert boxes.dtype == torch.float32
    for mask, box in zip(masks, boxes.tolist(), strict=True):
        rows, columns = np.nonzero(mask)
        expected = [0, 0, 0, 0]
        if mask.any():
            expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert box == expected


def test_no_masks_have_no_boxes():
    assert boxes_from_masks(torch.zeros((0, 5, 5), dtype=torch.bool)).shape == (0, 4)


@pytest.mark.parametrize("shape", [(2, 0, 5), (2, 5, 0)])
def test_masks_without_pixels_have_empty_boxes(shape):
    assert boxes_from_masks(torch.zeros(shape, dtype=torch.bool)).tolist() == [[0.0] * 4] * 2
