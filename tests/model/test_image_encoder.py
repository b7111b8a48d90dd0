"""The neck equals its plain form, though the fine maps of full width are never made."""

import dataclasses

import torch
import torch.nn.functional as F

from masklet.model.config import MemoryConfig, ModelConfig, Version
from masklet.model.image_encoder import FpnNeck, ImageEncoder
from masklet.model.layers import PointwiseConv
from masklet.model.trunks.token_map import TokenMap
from tests.tiny import noise, tiny_config, tiny_model, with_weights

PREFIX = "image_encoder.neck."


def conv(layer, image):
    return F.conv2d(image, layer.weight, layer.bias)


def image_of(tokens, grid):
    return tokens.transpose(1, 2).unflatten(2, grid)


def test_the_embedding_is_stride_16_plus_stride_32_doubled():
    neck = with_weights(FpnNeck((4, 8, 16, 32), 32), prefix=PREFIX)
    third, fourth = noise(2, 24, 16), noise(2, 6, 32, seed=1)
    with torch.no_grad():
        ours = neck.embedding(TokenMap(third, (4, 6)), TokenMap(fourth, (2, 3)))
        own = conv(neck.convs[1].conv, image_of(third, (4, 6)))
        below = conv(neck.convs[0].conv, image_of(fourth, (2, 3)))
    expected = own + below.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(image_of(ours, (4, 6)), expected)


def test_the_embedding_does_not_depend_on_the_order_of_tokens():
    neck = with_weights(FpnNeck((4, 8, 16, 32), 32), prefix=PREFIX)
    third, fourth = TokenMap(noise(2, 64, 16), (8, 8)), TokenMap(noise(2, 16, 32), (4, 4))
    with torch.no_grad():
        ordered = neck.embedding(third, fourth)
        assert torch.equal(neck.embedding(third.ordered(4), fourth.ordered(2)), ordered)


def fine_gradients(compose):
    """The fine maps of both levels and what their squares teach all four layers."""
    neck = with_weights(FpnNeck((4, 8, 16, 32), 32), prefix=PREFIX)
    projections = [with_weights(PointwiseConv(32, 6), seed=level) for level in (1, 2)]
    maps = []
    for level, projection in enumerate(projections):
        stage = TokenMap(noise(2, 12, 4 * 2**level), (3, 4))
        maps.append(compose(neck, stage, level, projection))
    sum(one.square().sum() for one in maps).backward()
    layers = [neck.convs[3].conv, neck.convs[2].conv, *projections]
    return maps, [value.grad for layer in layers for value in (layer.weight, layer.bias)]


def test_a_fine_map_and_its_gradients_equal_two_convolutions():
    def folded(neck, stage, level, projection):
        return neck.fine_map(stage, level, projection).tokens_BLC

    def plain(neck, stage, level, projection):
        image = image_of(stage.tokens_BLC, stage.grid)
        return conv(projection, conv(neck.convs[3 - level].conv, image)).flatten(2).transpose(1, 2)

    for ours, expected in zip(fine_gradients(folded), fine_gradients(plain), strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_a_fine_map_keeps_the_order_of_its_tokens():
    neck = with_weights(FpnNeck((4, 8, 16, 32), 32), prefix=PREFIX)
    stage = TokenMap(noise(1, 64, 4), (8, 8))
    projection = with_weights(PointwiseConv(32, 6))
    with torch.no_grad():
        in_windows = neck.fine_map(stage.ordered(4), 0, projection)
        in_rows = neck.fine_map(stage, 0, projection)
    assert (in_windows.grid, in_windows.window) == ((8, 8), 4)
    torch.testing.assert_close(in_windows.ordered(0).tokens_BLC, in_rows.tokens_BLC)


def test_an_encoder_holds_a_lateral_layer_for_every_stage_deepest_first():
    config = tiny_config()
    with torch.device("meta"):
        encoder = ImageEncoder(config)
    inputs = [lateral.conv.in_channels for lateral in encoder.neck.convs]
    assert inputs == [config.trunk.embed_dim * scale for scale in (8, 4, 2, 1)]


def test_the_width_of_the_neck_is_the_models_not_the_trunks():
    trunk = dataclasses.replace(tiny_config().trunk, embed_dim=8)
    config = ModelConfig(trunk, MemoryConfig(Version.V2_1, layers=1, width=16), 64, 64)
    with torch.device("meta"):
        encoder = ImageEncoder(config)
    assert {lateral.conv.out_channels for lateral in encoder.neck.convs} == {64}


def test_features_hold_the_projected_maps_in_quad_order():
    model = tiny_model()
    images = noise(1, 3, 64, 96)
    with torch.no_grad():
        features = model.encode_image(images)
        first, second, *_ = model.image_encoder.trunk(images)
        neck, decoder = model.image_encoder.neck, model.sam_mask_decoder
        for stage, lateral, projection, quads in (
            (first, neck.convs[3].conv, decoder.conv_s0, features.quarter_FL16c),
            (second, neck.convs[2].conv, decoder.conv_s1, features.eighth_FL4c),
        ):
            plain = conv(
                projection, conv(lateral, image_of(stage.ordered(0).tokens_BLC, stage.grid))
            )
            for y, x in ((0, 0), (5, 9), (stage.grid[0] - 1, stage.grid[1] - 1)):
                token, child = place_in_quads(
                    y, x, stage.grid[0] // features.grid[0], features.grid
                )
                torch.testing.assert_close(
                    quads[0, token, child], plain[0, :, y, x], atol=1e-4, rtol=1e-4
                )


def place_in_quads(y, x, scale, grid):
    """The stride-16 token and, inside it, the child that a fine token is."""
    token = (y // scale) * grid[1] + x // scale
    child, side = 0, scale
    y, x = y % scale, x % scale
    while side > 1:
        side //= 2
        child = child * 4 + (y // side) * 2 + x // side
        y, x = y % side, x % side
    return token, child
