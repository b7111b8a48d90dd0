"""Points, boxes and masks are embedded as their formulas say."""

import math

import pytest
import torch
import torch.nn.functional as F

from masklet.model.prompt_encoder import PromptEncoder
from tests.tiny import noise, with_weights

WIDTH = 16


@pytest.fixture
def encoder():
    return with_weights(PromptEncoder(WIDTH).eval(), prefix="sam_prompt_encoder.")


def position(encoder, x, y, size):
    height, width = size
    unit = torch.tensor([(x + 0.5) / width, (y + 0.5) / height])
    angles = (2 * unit - 1) @ encoder.pe_layer.positional_encoding_gaussian_matrix * 2 * math.pi
    return torch.cat([angles.sin(), angles.cos()])


@pytest.mark.parametrize("label", [0, 1, 2, 3])
def test_a_point_is_its_position_and_its_kind(encoder, label):
    embedded = encoder.embed_points(
        torch.tensor([[[10.0, 4.0]]]), torch.tensor([[label]]), (32, 64)
    )
    kind = encoder.point_embeddings[label].weight[0]
    torch.testing.assert_close(embedded[0, 0], position(encoder, 10, 4, (32, 64)) + kind)


def test_a_padding_point_is_the_same_wherever_it_is(encoder):
    points = torch.tensor([[[0.0, 0.0], [20.0, 7.0]]])
    embedded = encoder.embed_points(points, torch.tensor([[-1, -1]]), (32, 64))
    torch.testing.assert_close(embedded[0], encoder.not_a_point_embed.weight.expand(2, -1))


def test_prompts_end_with_one_padding_point(encoder):
    points, labels = noise(3, 2, 2, scale=9.0), torch.tensor([[1, 0], [2, 3], [1, -1]])
    embedded = encoder.embed_prompts(points, labels, (32, 32))
    assert embedded.shape == (3, 3, WIDTH)
    torch.testing.assert_close(embedded[:, :2], encoder.embed_points(points, labels, (32, 32)))
    torch.testing.assert_close(embedded[:, 2], encoder.not_a_point_embed.weight.expand(3, -1))


def test_rows_without_a_point_have_no_token_at_all(encoder):
    none = encoder.embed_prompts(
        torch.zeros(2, 0, 2), torch.zeros(2, 0, dtype=torch.int64), (32, 32)
    )
    assert none.shape == (2, 0, WIDTH)


def plain_mask(encoder, mask):
    first, norm1, _, second, norm2, _, last = encoder.mask_downscaling

    def normed(layer, image):
        mean = image.mean(1, keepdim=True)
        deviation = (image.var(1, keepdim=True, correction=0) + 1e-6).sqrt()
        scaled = (image - mean) / deviation
        return scaled * layer.weight[:, None, None] + layer.bias[:, None, None]

    x = F.gelu(normed(norm1, F.conv2d(mask[:, None], first.weight, first.bias, stride=2)))
    x = F.gelu(normed(norm2, F.conv2d(x, second.weight, second.bias, stride=2)))
    return F.conv2d(x, last.weight, last.bias).flatten(2).transpose(1, 2)


@pytest.mark.parametrize("size", [(16, 16), (8, 24)], ids=str)
def test_a_mask_equals_its_plain_form(encoder, size):
    mask = noise(2, *size, scale=4.0)
    torch.testing.assert_close(
        encoder.embed_mask(mask), plain_mask(encoder, mask), atol=1e-5, rtol=1e-5
    )


def test_no_mask_is_one_embedding_for_all_rows_and_places(encoder):
    assert encoder.embed_no_mask().shape == (1, 1, WIDTH)
    assert torch.equal(encoder.embed_no_mask()[0], encoder.no_mask_embed.weight)
