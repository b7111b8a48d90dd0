"""The trunk equals its plain form on every grid, keeps its tokens in order and its cache fresh."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from masklet.model import kernels
from masklet.model.config import HieraConfig
from masklet.model.trunks.hiera import Hiera, pool
from masklet.model.trunks.token_map import TokenMap
from tests.model import naive_hiera
from tests.tiny import noise, tiny_config, with_weights

PREFIX = "image_encoder.trunk."
SIDES = [(64, 64), (128, 128), (32, 32), (96, 160), (160, 32), (224, 448)]
CONFIGS = {
    "all kinds of blocks": tiny_config().trunk,
    "windows of the released models": dataclasses.replace(
        tiny_config().trunk, stages=(1, 2, 3, 2), window_sizes=(8, 4, 16, 8)
    ),
    "global among windows that fit": dataclasses.replace(
        tiny_config().trunk, stages=(1, 2, 4, 2), window_sizes=(8, 4, 2, 2), global_blocks=(4,)
    ),
    "every block global": dataclasses.replace(
        tiny_config().trunk, stages=(1, 1, 1, 1), global_blocks=(0, 1, 2, 3)
    ),
    "small windows": dataclasses.replace(
        tiny_config().trunk, window_sizes=(2, 4, 6, 3), global_blocks=()
    ),
    "windows that never fit": dataclasses.replace(
        tiny_config().trunk, window_sizes=(8, 6, 10, 5), global_blocks=()
    ),
}


def hiera(config=CONFIGS["all kinds of blocks"], seed=0):
    return with_weights(Hiera(config).eval(), seed, PREFIX)


def image_of(stage):
    return stage.ordered(0).tokens_BLC.unflatten(1, stage.grid)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("side", SIDES, ids=str)
def test_the_trunk_equals_its_plain_form(config, side):
    model, images = hiera(config), noise(2, 3, *side)
    with torch.no_grad():
        ours, plain = model(images), naive_hiera.trunk(model, images)
    assert [stage.grid for stage in ours] == [
        (side[0] // stride, side[1] // stride) for stride in (4, 8, 16, 32)
    ]
    for stage, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(image_of(stage), expected, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("side", SIDES, ids=str)
def test_rows_of_windows_may_go_through_the_blocks_one_after_the_other(monkeypatch, config, side):
    model, images = hiera(config), noise(2, 3, *side)
    with torch.inference_mode():
        whole = model(images)
        monkeypatch.setattr(kernels, "_CACHED", 0)
        in_bands = model(images)
    for stage, expected in zip(in_bands, whole, strict=True):
        assert (stage.grid, stage.window) == (expected.grid, expected.window)
        torch.testing.assert_close(stage.tokens_BLC, expected.tokens_BLC, atol=2e-6, rtol=2e-5)


def test_the_trunk_has_the_gradients_of_its_plain_form():
    images = noise(1, 3, 96, 64)
    gradients = []
    for forward in (lambda m, x: [image_of(stage) for stage in m(x)], naive_hiera.trunk):
        model = hiera().train()
        sum(stage.square().mean() for stage in forward(model, images)).backward()
        gradients.append({name: value.grad for name, value in model.named_parameters()})
    ours, plain = gradients
    assert all(gradient is not None for gradient in ours.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-4, rtol=1e-3, msg=name)


def test_images_of_a_batch_do_not_see_each_other():
    model, images = hiera(), noise(3, 3, 96, 64)
    with torch.no_grad():
        together, alone = model(images), model(images[1:2])
    for stage, own in zip(together, alone, strict=True):
        torch.testing.assert_close(image_of(stage)[1:2], image_of(own), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("window", [3, 5, 7])
def test_a_block_that_pools_in_windows_of_odd_side_is_refused(window):
    """No released model has one: 2 x 2 cells do not tile such a window."""
    config = dataclasses.replace(tiny_config().trunk, window_sizes=(8, window, 14, 7))
    with pytest.raises(ValueError, match="even"):
        hiera(config)


@pytest.mark.parametrize("first", [0, 2, 4])
@pytest.mark.parametrize("then", [0, 2, 8])
def test_tokens_find_their_way_between_any_two_orders(first, then):
    x = TokenMap(noise(2, 8 * 16, 3), (8, 16))
    back = x.ordered(first).ordered(then).ordered(0)
    assert torch.equal(back.tokens_BLC, x.tokens_BLC)


def test_tokens_in_window_order_are_grouped_by_windows_row_by_row():
    x = TokenMap(torch.arange(4 * 6).reshape(1, -1, 1), (4, 6))
    tokens = x.ordered(2).tokens_BLC[0, :, 0].reshape(2, 3, 4)
    assert tokens[0, 1].tolist() == [2, 3, 8, 9]
    assert tokens[1, 2].tolist() == [16, 17, 22, 23]


@pytest.mark.parametrize("window", [0, 2, 4])
def test_pooling_in_any_order_is_pooling_the_image(window):
    x = TokenMap(noise(2, 8 * 12, 3), (8, 12))
    pooled = pool(x.ordered(window))
    assert (pooled.grid, pooled.window) == ((4, 6), window // 2)
    if window == 2:
        # Windows of one token: row-major order is the order of windows.
        pooled = TokenMap(pooled.tokens_BLC, pooled.grid)
    expected = naive_hiera.pooled(x.tokens_BLC.unflatten(1, (8, 12)))
    assert torch.equal(image_of(pooled), expected)


def position_of(model, grid=(16, 16)):
    with torch.no_grad():
        return model.positions(grid)


def plain_positions(model, grid=(16, 16)):
    with torch.no_grad():
        return naive_hiera.positions(model, grid)


def test_positions_are_made_once_per_grid():
    model = hiera()
    once = position_of(model)
    assert position_of(model) is once
    assert position_of(model, (8, 24)).shape == (1, 8, 24, 16)
    torch.testing.assert_close(position_of(model, (8, 24)), plain_positions(model, (8, 24)))


def add_in_place(model):
    with torch.no_grad():
        model.pos_embed += 1


def add_to_the_tile_in_place(model):
    with torch.no_grad():
        model.pos_embed_window += 1


def load_a_state(model):
    model.load_state_dict(hiera(seed=1).state_dict())


def assign_a_state(model):
    model.load_state_dict(hiera(seed=1).state_dict(), assign=True)


def replace_the_parameter(model):
    model.pos_embed = nn.Parameter(model.pos_embed.detach() + 1)


def replace_its_data(model):
    model.pos_embed.data = model.pos_embed.data + 1


def load_during_inference(model):
    with torch.inference_mode():
        model.load_state_dict(hiera(seed=1).state_dict())


@pytest.mark.parametrize(
    "change",
    [
        add_in_place,
        add_to_the_tile_in_place,
        load_a_state,
        assign_a_state,
        replace_the_parameter,
        replace_its_data,
        load_during_inference,
    ],
    ids=lambda change: change.__name__,
)
def test_positions_follow_a_change_of_their_weights(change):
    model = hiera()
    before = position_of(model).clone()
    change(model)
    torch.testing.assert_close(position_of(model), plain_positions(model))
    assert not torch.equal(position_of(model), before)


def test_positions_follow_new_weights_that_land_where_the_old_ones_were():
    # An allocator may give the place of freed weights to those that come next; here it surely does.
    place = np.zeros((1, 16, 7, 7), np.float32)
    model = hiera()
    model.pos_embed = nn.Parameter(torch.from_numpy(place))
    position_of(model)
    place += 1
    model.pos_embed = nn.Parameter(torch.from_numpy(place))
    torch.testing.assert_close(position_of(model), plain_positions(model))


def test_positions_made_during_inference_do_not_reach_training():
    model = hiera()
    with torch.inference_mode():
        model(noise(1, 3, 64, 64))
    model.train()
    model(noise(1, 3, 64, 64))[3].tokens_BLC.sum().backward()
    assert model.pos_embed.grad.abs().sum() > 0
    with torch.no_grad():
        cached = model.positions((16, 16))
    weight = torch.ones((), requires_grad=True)
    (cached * weight).sum().backward()
    assert weight.grad == pytest.approx(cached.sum().item(), rel=1e-4)


def test_a_model_that_was_made_during_inference_can_be_used():
    """Programs put their whole main function into such a region."""
    with torch.inference_mode():
        model = hiera()
        made = model.positions((16, 16))
        torch.testing.assert_close(made, naive_hiera.positions(model, (16, 16)))
        model.load_state_dict(hiera(seed=1).state_dict())
        changed = model.positions((16, 16))
        torch.testing.assert_close(changed, naive_hiera.positions(model, (16, 16)))


def test_training_the_rest_keeps_the_positions_of_a_frozen_table():
    model = hiera().train()
    model.pos_embed.requires_grad_(False)
    model.pos_embed_window.requires_grad_(True)
    model(noise(1, 3, 64, 64))[3].tokens_BLC.sum().backward()
    assert model.pos_embed.grad is None
    assert model.pos_embed_window.grad.abs().sum() > 0


def test_a_position_table_may_be_smaller_or_larger_than_the_image():
    for side in (2, 40):
        config = HieraConfig(16, 2, (1, 1, 1, 1), (), (8, 4, 4, 2), position_grid=side)
        model = hiera(config)
        torch.testing.assert_close(position_of(model), plain_positions(model))


def test_paths_are_dropped_more_often_the_deeper_they_are():
    model = Hiera(tiny_config().trunk, drop_path=0.3)
    rates = [block.drop_path.rate for block in model.blocks]
    assert rates == pytest.approx([0.05 * number for number in range(7)])
