"""Both cross-attentions equal plain attention, whether rows share an image or have their own."""

import pytest
import torch
import torch.nn.functional as F

from masklet.model.two_way import Attention, TwoWayTransformer
from tests.tiny import noise, with_weights

PREFIX = "sam_mask_decoder.transformer."


def plain(layer, q, k, v):
    """Every input projected, then attention head by head."""
    q, k, v = (
        F.linear(x, projection.weight, projection.bias)
        for x, projection in ((q, layer.q_proj), (k, layer.k_proj), (v, layer.v_proj))
    )
    heads = []
    for one_q, one_k, one_v in zip(*(x.chunk(8, dim=-1) for x in (q, k, v)), strict=True):
        scores = one_q @ one_k.transpose(1, 2) / one_q.shape[-1] ** 0.5
        heads.append(scores.softmax(dim=-1) @ one_v)
    return F.linear(torch.cat(heads, dim=-1), layer.out_proj.weight, layer.out_proj.bias)


def plain_transformer(model, tokens, image, positions):
    places, image = tokens, image.expand(len(tokens), -1, -1)
    for number, layer in enumerate(model.layers):
        if number == 0:
            tokens = plain(layer.self_attn, tokens, tokens, tokens)
        else:
            placed = tokens + places
            tokens = tokens + plain(layer.self_attn, placed, placed, tokens)
        tokens = layer.norm1(tokens)
        read = plain(layer.cross_attn_token_to_image, tokens + places, image + positions, image)
        tokens = layer.norm2(tokens + read)
        first, second = layer.mlp.layers
        hidden = F.relu(F.linear(tokens, first.weight, first.bias))
        tokens = layer.norm3(tokens + F.linear(hidden, second.weight, second.bias))
        answer = plain(layer.cross_attn_image_to_token, image + positions, tokens + places, tokens)
        image = layer.norm4(image + answer)
    final = model.final_attn_token_to_image
    tokens = tokens + plain(final, tokens + places, image + positions, image)
    return model.norm_final_attn(tokens), image


def attention():
    return with_weights(Attention(32, 16), prefix=PREFIX + "final_attn_token_to_image.")


def transformer():
    return with_weights(TwoWayTransformer(32), prefix=PREFIX)


@pytest.mark.parametrize("images", [1, 3], ids=["one image for all rows", "an image per row"])
@pytest.mark.parametrize("count", [1, 9], ids=["one token", "nine tokens"])
def test_tokens_read_the_image_as_plain_attention_does(images, count):
    layer, positions = attention(), noise(20, 32, seed=2)
    tokens, image = noise(3, count, 32), noise(images, 20, 32, seed=1)
    ours = layer.read_image(tokens, image, positions)
    whole = image.expand(3, -1, -1)
    torch.testing.assert_close(
        ours, plain(layer, tokens, whole + positions, whole), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("images", [1, 3], ids=["one image for all rows", "an image per row"])
@pytest.mark.parametrize("count", [1, 9], ids=["one token", "nine tokens"])
def test_the_image_reads_tokens_as_plain_attention_does(images, count):
    layer, positions = attention(), noise(20, 32, seed=2)
    keys, values = noise(3, count, 32), noise(3, count, 32, seed=3)
    image = noise(images, 20, 32, seed=1)
    ours = layer.read_tokens(image, positions, keys, values)
    whole = image.expand(3, -1, -1)
    torch.testing.assert_close(
        ours, plain(layer, whole + positions, keys, values), atol=1e-5, rtol=1e-4
    )


def test_the_plain_form_of_the_layer_is_plain_attention():
    layer, tokens = attention(), noise(3, 5, 32)
    torch.testing.assert_close(layer(tokens, tokens, tokens), plain(layer, tokens, tokens, tokens))


@pytest.mark.parametrize("images", [1, 3], ids=["one image for all rows", "an image per row"])
def test_the_transformer_equals_its_plain_form(images):
    model, positions = transformer(), noise(20, 32, seed=2)
    tokens, image = noise(3, 9, 32), noise(images, 20, 32, seed=1)
    ours = model(tokens, image, positions)
    expected_tokens, expected_image = plain_transformer(model, tokens, image, positions)
    torch.testing.assert_close(ours.tokens_BTC, expected_tokens, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.image_BLC, expected_image, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("images", [1, 3], ids=["one image for all rows", "an image per row"])
def test_the_transformer_has_the_gradients_of_its_plain_form(images):
    gradients = []
    for forward in (
        lambda *a: tuple(getattr(a[0](*a[1:]), n) for n in ("tokens_BTC", "image_BLC")),
        plain_transformer,
    ):
        model = transformer().train()
        inputs = [noise(3, 9, 32), noise(images, 20, 32, seed=1), noise(20, 32, seed=2)]
        for tensor in inputs:
            tensor.requires_grad_()
        # Weighted by noise: a plain sum of what a norm gives does not depend on what it was given.
        tokens, image = forward(model, *inputs)
        (
            (tokens * noise(3, 9, 32, seed=4)).sum() + (image * noise(3, 20, 32, seed=5)).sum()
        ).backward()
        named = {name: value.grad for name, value in model.named_parameters()}
        gradients.append({**named, **{f"input {n}": x.grad for n, x in enumerate(inputs)}})
    ours, expected = gradients
    for name, gradient in expected.items():
        # Softmax does not see the bias of keys: its gradient is zero, or rounding.
        own = torch.zeros_like(gradient) if ours[name] is None else ours[name]
        torch.testing.assert_close(own, gradient, atol=1e-3, rtol=1e-3, msg=lambda m, n=name: n + m)
    assert {name for name, gradient in ours.items() if gradient is None} <= {
        name for name in ours if name.endswith("k_proj.bias")
    }


def test_rows_do_not_see_each_other():
    model, positions = transformer(), noise(20, 32, seed=2)
    tokens, image = noise(3, 9, 32), noise(3, 20, 32, seed=1)
    together = model(tokens, image, positions)
    alone = model(tokens[1:2], image[1:2], positions)
    torch.testing.assert_close(together.tokens_BTC[1:2], alone.tokens_BTC, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.image_BLC[1:2], alone.image_BLC, atol=1e-5, rtol=1e-4)
