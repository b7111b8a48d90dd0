"""Masks without scores count as certain."""

import numpy as np

from masklet.io.given import given_mask
from masklet.ops import rle
from tests.io.made import SIZE, square


def test_a_mask_with_pixels_is_certain_and_visible():
    segmentation = rle.encode(square(2, 3))
    mask = given_mask(7, segmentation)
    assert (mask.object_id, mask.segmentation) == (7, segmentation)
    assert (mask.predicted_iou, mask.stability, mask.object_score) == (1, 1, 10)


def test_a_mask_without_pixels_is_hidden():
    assert given_mask(7, rle.encode(np.zeros(SIZE, bool))).object_score == -10
