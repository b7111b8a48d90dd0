"""Connected components: the same as scipy's, on whole batches, whatever the shape of the mask."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masklet.ops.components import drop_specks, fill_holes, label

ndimage = pytest.importorskip("scipy.ndimage")

EIGHT = np.ones((3, 3))
SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=24)
BATCHES = hnp.arrays(np.bool_, SHAPES) | hnp.arrays(np.bool_, SHAPES, fill=st.just(True))


def flip_small_by_loop(masks, where, max_area):
    flipped = masks.copy()
    for mask, places in zip(flipped, where, strict=True):
        labels, count = ndimage.label(places, EIGHT)
        for number in range(1, count + 1):
            if (labels == number).sum() <= max_area:
                mask[labels == number] ^= True
    return flipped


def spiral(side):
    """A path of one pixel, with gaps of one pixel, from the border to the middle."""
    mask = np.zeros((side, side), bool)
    row, column, down, right = 0, 0, 0, 1
    mask[0, 0] = True
    length, turns = side - 1, 0
    while length > 0:
        for _ in range(length):
            row, column = row + down, column + right
            mask[row, column] = True
        down, right = right, -down
        turns += 1
        if turns >= 3 and turns % 2 == 1:
            length -= 2
    return mask


@given(BATCHES)
def test_labels_are_scipys_numbered_over_the_whole_batch(masks):
    labels, areas = label(torch.from_numpy(masks))
    assert labels.shape == masks.shape
    before = 0
    for mask, found in zip(masks, labels.numpy(), strict=True):
        expected, count = ndimage.label(mask, EIGHT)
        pairs = np.unique(np.stack([expected[mask], found[mask]]), axis=1)
        assert pairs.shape[1] == count
        assert sorted(pairs[1]) == list(range(before + 1, before + count + 1))
        assert not found[~mask].any()
        before += count
    assert areas.tolist() == [0, *np.bincount(labels.numpy().ravel(), minlength=1)[1:]]


@given(BATCHES, st.integers(0, 30))
def test_filling_and_dropping_equal_a_plain_loop_over_components(masks, max_area):
    tensor = torch.from_numpy(masks)
    filled = fill_holes(tensor, max_area=max_area)
    dropped = drop_specks(tensor, max_area=max_area)
    np.testing.assert_array_equal(filled, flip_small_by_loop(masks, ~masks, max_area))
    np.testing.assert_array_equal(dropped, flip_small_by_loop(masks, masks, max_area))


def test_labels_are_counted_in_reading_order():
    mask = torch.tensor([[[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 1]]], dtype=torch.bool)
    labels, _ = label(mask)
    assert labels.tolist() == [[[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]]]


def test_components_of_different_masks_are_never_joined():
    labels, areas = label(torch.ones((3, 4, 5), dtype=torch.bool))
    assert areas.tolist() == [0, 20, 20, 20]
    assert labels[:, 0, 0].tolist() == [1, 2, 3]


def test_the_end_of_a_row_does_not_touch_the_start_of_the_next():
    mask = torch.tensor([[[False, False, True], [True, False, False]]])
    _, areas = label(mask)
    assert areas.tolist() == [0, 1, 1]


def test_a_checkerboard_is_one_component_joined_at_corners():
    board = torch.from_numpy(np.indices((64, 65)).sum(axis=0) % 2 == 0)[None]
    labels, areas = label(board)
    assert areas.tolist() == [0, int(board.sum())]
    assert torch.equal(labels > 0, board)


@pytest.mark.parametrize("turned", range(4))
def test_a_long_spiral_is_one_component_and_so_is_the_gap_in_it(turned):
    path = np.rot90(spiral(101), turned).copy()
    expected_gap = ndimage.label(~path, EIGHT)[1]
    assert ndimage.label(path, EIGHT)[1] == 1
    assert len(label(torch.from_numpy(path)[None])[1]) == 2
    assert len(label(torch.from_numpy(~path)[None])[1]) == expected_gap + 1


def test_a_comb_that_joins_only_in_its_last_row_is_one_component():
    comb = torch.zeros((1, 50, 801), dtype=torch.bool)
    comb[:, :, ::2] = True
    comb[:, -1] = True
    assert label(comb)[1].tolist() == [0, int(comb.sum())]


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 7), (2, 7, 1), (1, 3, 4)])
def test_a_constant_mask_is_one_component_or_none(shape, value):
    labels, areas = label(torch.full(shape, value))
    assert areas.tolist() == [0] + [shape[1] * shape[2]] * shape[0] * value
    assert (labels > 0).all() if value else not labels.any()


@pytest.mark.parametrize("shape", [(0, 5, 5), (2, 0, 5), (2, 5, 0)])
def test_a_batch_without_pixels_comes_back_as_it_is(shape):
    masks = torch.zeros(shape, dtype=torch.bool)
    labels, areas = label(masks)
    assert (labels.shape, labels.dtype, areas.tolist()) == (shape, torch.int64, [0])
    assert fill_holes(masks, max_area=3).shape == shape
    assert drop_specks(masks, max_area=3).shape == shape


def test_an_outside_component_at_the_border_is_filled_like_any_hole():
    mask = torch.ones((1, 6, 6), dtype=torch.bool)
    mask[0, 0, 2:4] = False
    assert fill_holes(mask, max_area=2).all()
    assert torch.equal(fill_holes(mask, max_area=1), mask)


def test_cleaning_leaves_its_argument_alone_and_takes_any_strides():
    masks = torch.from_numpy(np.random.default_rng(0).random((2, 30, 40)) < 0.4)
    view = masks.transpose(1, 2)[:, ::2]
    before = view.clone()
    cleaned = drop_specks(view, max_area=4)
    assert torch.equal(view, before)
    assert torch.equal(cleaned, drop_specks(view.contiguous(), max_area=4))
