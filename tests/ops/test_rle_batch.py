"""Many masks are encoded as one is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp

from masklet.ops.rle import encode
from masklet.ops.rle_batch import column_changes, encode_masks, encode_on_device

STACKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, min_side=0, max_side=20))
FORMS = pytest.mark.parametrize("encoded", [encode_masks, encode_on_device])


@FORMS
@given(masks=STACKS)
def test_masks_together_are_encoded_to_the_bytes_of_each_alone(encoded, masks):
    assert encoded(torch.from_numpy(masks)) == [encode(mask) for mask in masks]


@FORMS
@pytest.mark.parametrize("first", [False, True])
def test_empty_and_full_masks_do_not_run_into_their_neighbours(encoded, first):
    masks = np.stack([np.full((3, 4), first), np.full((3, 4), not first), np.eye(3, 4) > 0])
    assert encoded(torch.from_numpy(masks)) == [encode(mask) for mask in masks]


@FORMS
def test_no_masks_have_no_encodings(encoded):
    assert encoded(torch.zeros((0, 5, 6), dtype=torch.bool)) == []


def test_changes_are_counted_down_the_columns_of_one_mask_after_the_other():
    masks = torch.tensor([[[0, 1], [1, 1]], [[1, 0], [0, 0]]], dtype=torch.bool)
    assert column_changes(masks).tolist() == [1, 4, 5]


def test_changes_of_a_part_of_a_larger_tensor_are_those_of_its_copy():
    masks = torch.from_numpy(np.random.default_rng(0).random((4, 9, 12)) < 0.5)
    part = masks[::2, 1:8:3, ::2]
    before = masks.clone()
    assert torch.equal(column_changes(part), column_changes(part.clone()))
    assert torch.equal(masks, before)
