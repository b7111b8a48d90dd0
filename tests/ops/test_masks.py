"""Stability and choice among candidates, by example and by law."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masklet.ops.masks import (
    hide_absent,
    pack_bits,
    pick,
    stability_scores,
    stable_candidate,
    unpack_bits,
)
from tests.tiny import noise


def disc(radius, sharpness):
    """Logits that fall from inside to outside; a sharper edge is a more stable mask."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    return (radius - torch.hypot(y - 15.5, x - 15.5)) * sharpness


def test_stability_is_the_iou_of_the_masks_above_and_below_the_threshold():
    logits = torch.tensor([[[-1.0, -0.04, 0.04, 1.0]]])
    assert stability_scores(logits).tolist() == [pytest.approx(1 / 3)]
    assert stability_scores(logits, delta=0.01).tolist() == [1.0]
    assert stability_scores(logits, delta=2.0).tolist() == [0.0]


def test_an_empty_mask_is_stable_and_a_barely_filled_one_is_not():
    assert stability_scores(torch.full((2, 4, 4), -1.0)).tolist() == [1.0, 1.0]
    assert stability_scores(torch.zeros(4, 4)) == 0.0


def test_the_threshold_itself_belongs_to_neither_side():
    assert stability_scores(torch.tensor([[0.05, 1.0]])) == 0.5
    assert stability_scores(torch.tensor([[-0.05, 1.0]])) == 1.0


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_a_wider_margin_is_never_more_stable(first, second):
    logits = noise(3, 16, 16)
    narrow, wide = sorted((first, second))
    assert (stability_scores(logits, delta=wide) <= stability_scores(logits, delta=narrow)).all()


def test_the_single_mask_is_the_first_where_it_is_stable_and_else_the_best_of_the_others():
    sharp, blurred = disc(9, 50.0), disc(9, 0.01)
    others = torch.stack([disc(radius, 1.0) for radius in (3, 6, 12)])
    logits = torch.stack([torch.cat([first[None], others]) for first in (sharp, blurred, blurred)])
    iou = torch.tensor([[0.1, 0.9, 0.5, 0.5], [0.99, 0.2, 0.8, 0.5], [0.1, 0.3, 0.3, 0.2]])
    assert stable_candidate(logits, iou).tolist() == [0, 2, 1]


def almost_sure(inside, of):
    """A mask of `of` pixels, all but `inside` of them on the threshold."""
    logits = torch.full((1, 4, 1, of), -1.0)
    logits[0, 0] = 0.0
    logits[0, 0, 0, :inside] = 1.0
    return logits


@pytest.mark.parametrize(
    ("sure", "options", "chosen"),
    [
        (980, {}, 0),
        (979, {}, 1),
        (900, {"threshold": 0.9}, 0),
        (899, {"threshold": 0.9}, 1),
        (0, {"threshold": 0.0}, 0),
        (999, {"threshold": 1.0}, 1),
        (1000, {"delta": 2.0}, 1),
    ],
    ids=str,
)
def test_the_single_mask_is_stable_from_the_threshold_on(sure, options, chosen):
    iou = torch.tensor([[0.0, 0.9, 0.1, 0.1]])
    assert stable_candidate(almost_sure(sure, of=1000), iou, **options).tolist() == [chosen]


def test_one_candidate_is_picked_per_row():
    values = torch.arange(24).reshape(2, 3, 4)
    assert pick(values, torch.tensor([2, 0])).tolist() == [[8, 9, 10, 11], [12, 13, 14, 15]]
    assert pick(values[..., 0], torch.tensor([1, 1])).tolist() == [4, 16]


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 2, 4, 4)], ids=str)
def test_rows_of_an_absent_object_are_hidden(shape):
    logits = noise(*shape)
    hidden = hide_absent(logits, torch.tensor([1.0, 0.0, -1.0]))
    assert torch.equal(hidden[0], logits[0])
    assert (hidden[1:] == -1024).all()


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, min_side=0, max_side=20)))
def test_bits_that_are_packed_and_unpacked_are_the_masks_again(masks):
    bits = pack_bits(torch.from_numpy(masks)).numpy()
    count, height, width = masks.shape
    assert bits.shape == (count, -(-height * width // 8))
    np.testing.assert_array_equal(bits, np.packbits(masks.reshape(count, height * width), axis=1))
    np.testing.assert_array_equal(unpack_bits(bits, (height, width)), masks)


def test_packing_reads_nothing_on_the_host():
    # Tensors of the "meta" device have shapes and no values: whoever reads one fails.
    bits = pack_bits(torch.zeros((3, 5, 7), dtype=torch.bool, device="meta"))
    assert (bits.shape, bits.dtype) == ((3, 5), torch.uint8)
