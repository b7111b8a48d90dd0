"""Small layers state their precision and do what their plain forms do."""

import pytest
import torch
import torch.nn.functional as F

from masklet.model.layers import MLP, DropPath, LayerNorm, Linear, PointwiseConv
from tests.tiny import noise, with_weights


def test_a_pointwise_convolution_on_tokens_is_one_on_images():
    layer = with_weights(PointwiseConv(6, 4))
    tokens = noise(2, 15, 6)
    image = tokens.transpose(1, 2).unflatten(2, (3, 5))
    expected = F.conv2d(image, layer.weight, layer.bias).flatten(2).transpose(1, 2)
    torch.testing.assert_close(layer(tokens), expected)
    assert layer.weight.shape == (4, 6, 1, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_norm_answers_in_float32_whatever_comes_in(dtype):
    layer = with_weights(LayerNorm(6, eps=1e-6))
    x = noise(3, 6).to(dtype)
    normed = layer(x)
    assert normed.dtype == torch.float32
    expected = (x.float() - x.float().mean(1, keepdim=True)) / x.float().std(
        1, keepdim=True, correction=0
    )
    torch.testing.assert_close(normed, expected * layer.weight + layer.bias, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_an_mlp_activates_between_its_layers_and_not_after(activation):
    layer = with_weights(MLP((4, 8, 8, 3), activation))
    x = noise(5, 4)
    first, second, third = layer.layers
    activate = getattr(F, activation)
    hidden = activate(
        F.linear(activate(F.linear(x, first.weight, first.bias)), second.weight, second.bias)
    )
    torch.testing.assert_close(layer(x), F.linear(hidden, third.weight, third.bias))


def test_a_narrow_linear_answers_in_its_own_precision():
    layer = with_weights(Linear(4, 3)).to(torch.bfloat16)
    assert layer(noise(2, 4)).dtype == torch.bfloat16


def test_dropped_paths_are_whole_samples_and_the_mean_stays():
    layer = DropPath(0.25).train()
    x = torch.ones(4000, 3, 2)
    y = layer(x)
    per_sample = y.flatten(1)
    assert (per_sample == per_sample[:, :1]).all()
    assert sorted(set(per_sample[:, 0].tolist())) == pytest.approx([0.0, 4 / 3])
    assert y.mean() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.5, False)], ids=["none", "eval"])
def test_no_path_is_dropped_without_a_rate_or_in_eval_mode(rate, training):
    x = noise(5, 3)
    assert torch.equal(DropPath(rate).train(training)(x), x)
