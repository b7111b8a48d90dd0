"""Things are cut out with soft edges, and what was behind them is filled in."""

import math

import torch

from masklet.data.layers import cut_out, filled_in, hue_shifted, smeared, widened

SIDE = 24


def square(top=8, left=8, side=8):
    mask = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    mask[:, top : top + side, left : left + side] = True
    return mask


def test_a_layer_has_nothing_beyond_its_mask_and_all_of_it_within():
    layer = cut_out(torch.full((1, 3, SIDE, SIDE), 0.8), square(), square(10, 10, 2)[:, None])
    assert layer.shape == (1, 6, SIDE, SIDE)
    assert torch.equal(layer[:, 3] > 0, square())
    assert torch.equal(layer[:, 4] > 0.5, square())
    assert torch.equal(layer[:, 5] > 0.5, square(10, 10, 2))
    torch.testing.assert_close(layer[:, 0], 0.8 * layer[:, 3])
    assert layer[0, 3, 12, 12] == 1


def test_other_hues_keep_the_shape_and_stay_colours():
    frames = torch.zeros(1, 3, SIDE, SIDE)
    frames[:, 0] = 1.0
    layer = cut_out(frames, square(), square()[:, None])
    green = hue_shifted(layer, torch.tensor([2 * math.pi / 3]))
    assert torch.equal(green[:, 3:], layer[:, 3:])
    middle = green[0, :3, 12, 12]
    assert sorted(middle.round().tolist()) == [0.0, 0.0, 1.0]
    assert middle[0] < 0.01
    assert (green[:, :3] <= green[:, 3:4] + 1e-6).all()


def test_a_layer_that_moves_is_smeared_along_its_way():
    layer = cut_out(
        torch.ones(2, 3, SIDE, SIDE),
        square().expand(2, -1, -1),
        square()[:, None].expand(2, -1, -1, -1),
    )
    way = torch.tensor([[0.5, 0.0], [0.0, 0.0]])
    blurred = smeared(layer, way)
    torch.testing.assert_close(blurred[1], layer[1], atol=1e-5, rtol=0)
    seen = blurred[0, 3] > 0.01
    assert seen[12].sum() > 8 + 4
    assert seen[:, 12].sum() == 8
    # Half of the time it covers what it covers in the middle of its way.
    assert torch.equal(blurred[0, 4, 12] > 0.5, square()[0, 12])


def test_a_hole_is_filled_from_what_is_near():
    frames = torch.zeros(1, 3, SIDE, SIDE)
    frames[..., SIDE // 2 :] = 1.0
    filled = filled_in(frames, square(4, 8, 8))
    assert torch.equal(filled[..., :4, :], frames[..., :4, :])
    hole = filled[0, 0, 4:12, 8:16]
    assert (hole[:, 0] < 0.4).all()
    assert (hole[:, -1] > 0.6).all()


def test_a_picture_that_is_all_hole_becomes_black():
    frames = torch.ones(1, 3, SIDE, SIDE)
    filled = filled_in(frames, torch.ones(1, SIDE, SIDE, dtype=torch.bool))
    assert filled.abs().max() == 0


def test_masks_are_widened_by_pixels():
    assert torch.equal(widened(square(8, 8, 8), 2), square(6, 6, 12))
