"""A tracked frame is kept as run-length encodings and numbers."""

import numpy as np
import torch

from masklet.ops.rle import decode
from masklet.types import FrameResult, MaskSet


def result():
    logits = torch.full((2, 10, 20), -8.0)
    logits[0, 2:5, 3:9] = 8.0
    masks = MaskSet(logits, torch.tensor([0.9, 0.1]), torch.tensor([3.0, -2.0]), (10, 20), (0, 1))
    return FrameResult(7, (5, 3), masks)


def test_a_frame_is_kept_with_the_masks_and_scores_of_its_objects():
    kept = result().kept()
    assert kept.frame_index == 7
    assert [mask.object_id for mask in kept.objects] == [5, 3]
    first = kept.objects[0]
    np.testing.assert_array_equal(decode(first.segmentation), result().masks.masks()[0])
    assert (round(first.predicted_iou, 3), first.object_score, first.stability) == (0.9, 3.0, 1.0)


def test_a_frame_that_was_fetched_is_kept_as_any_other():
    there = result()
    fetched = FrameResult(there.frame_index, there.object_ids, there.masks._sent()).fetched()
    assert fetched.kept() == there.kept()


def test_the_mask_of_an_object_is_found_by_its_id():
    kept = result().kept()
    assert kept.at(3).object_score == -2.0
    assert kept.at(4) is None
