"""A memory made of channels-last tokens equals one made of images."""

import pytest
import torch
import torch.nn.functional as F

from masklet.model.config import MemoryConfig, Version
from masklet.model.memory_encoder import Fuser, MaskDownsampler, MemoryEncoder
from tests.tiny import noise, with_weights

GRID = (2, 3)
SIDE = (32, 48)
WIDTH, MEMORY_WIDTH = 256, 8
PREFIX = "memory_encoder."


MEMORY = MemoryConfig(version=Version.V2_1, width=MEMORY_WIDTH)
LIGHT = MemoryConfig(version=Version.V2_1, width=MEMORY_WIDTH, encoder_width=24, mask_stride=4)


def encoder(memory=MEMORY):
    return with_weights(MemoryEncoder(WIDTH, memory).eval(), prefix=PREFIX)


def conv(layer, image, **options):
    return F.conv2d(image, layer.weight, layer.bias, **options)


def norm(layer, image):
    return layer(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def plain_downsampler(layer, mask):
    stride = layer.mask_stride
    x = mask.unflatten(2, (-1, stride)).unflatten(1, (-1, stride)).mean(dim=(2, 4))[:, None]
    *steps, last = layer.encoder
    for convolution, of_channels in zip(steps[::3], steps[1::3], strict=True):
        x = F.gelu(norm(of_channels, conv(convolution, x, stride=2, padding=1)))
    return conv(last, x)


def plain_fuser(layer, x):
    for block in layer.layers:
        branch = norm(block.norm, conv(block.dwconv, x, padding=3, groups=x.shape[1]))
        branch = branch.permute(0, 2, 3, 1)
        branch = F.gelu(F.linear(branch, block.pwconv1.weight, block.pwconv1.bias))
        branch = block.gamma * F.linear(branch, block.pwconv2.weight, block.pwconv2.bias)
        x = x + branch.permute(0, 3, 1, 2)
    return x


def plain(model, pixels, mask):
    x = conv(model.pix_feat_proj, pixels) + plain_downsampler(model.mask_downsampler, mask)
    return conv(model.out_proj, plain_fuser(model.fuser, x))


def tokens(image):
    return image.flatten(2).transpose(1, 2)


@pytest.mark.parametrize("memory", [MEMORY, LIGHT], ids=["as SAM 2", "light"])
@pytest.mark.parametrize("frames", [1, 2], ids=["one frame for all rows", "a frame per row"])
def test_a_memory_and_its_gradients_equal_their_plain_form(frames, memory):
    results = []
    for forward in (lambda m, x, mask: m(tokens(x), mask, grid=GRID), lambda *a: tokens(plain(*a))):
        model = encoder(memory).train()
        pixels, mask = noise(frames, WIDTH, *GRID), noise(2, *SIDE, seed=1, scale=10.0)
        pixels.requires_grad_()
        mask.requires_grad_()
        kept = forward(model, pixels, mask)
        (kept * noise(2, 6, MEMORY_WIDTH, seed=2)).sum().backward()
        gradients = {name: p.grad for name, p in model.named_parameters()}
        results.append({"memory": kept, "pixels": pixels.grad, "mask": mask.grad, **gradients})
    ours, expected = results
    for name, value in expected.items():
        torch.testing.assert_close(ours[name], value, atol=1e-4, rtol=1e-3, msg=name)


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("width", [16, 32, 64, 256])
def test_a_mask_is_downsampled_for_models_of_any_width(width, stride):
    layer = with_weights(MaskDownsampler(width, stride), prefix=PREFIX + "mask_downsampler.")
    mask = noise(2, *SIDE, scale=10.0)
    with torch.no_grad():
        expected = tokens(plain_downsampler(layer, mask))
        torch.testing.assert_close(layer(mask), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("width", [16, 32, 64, 128, 256])
def test_a_mask_is_seen_by_models_of_any_width(width, stride):
    """A norm over a single channel would turn every mask into the same constant."""
    layer = with_weights(MaskDownsampler(width, stride), prefix=PREFIX + "mask_downsampler.")
    inside, outside = torch.full((1, *SIDE), 10.0), torch.full((1, *SIDE), -10.0)
    with torch.no_grad():
        difference = (layer(inside) - layer(outside)).abs().mean()
    assert difference > 1e-2


def test_a_mask_of_another_stride_is_refused():
    with pytest.raises(ValueError, match="masks of stride 2; expected 1 or 4"):
        MaskDownsampler(WIDTH, 2)


def test_the_fuser_of_a_fresh_model_hardly_changes_its_input():
    layer, x = Fuser(WIDTH), noise(1, 6, WIDTH)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, GRID), x, atol=1e-4, rtol=0)


def test_rows_do_not_see_each_other():
    model, pixels, mask = encoder(), tokens(noise(2, WIDTH, *GRID)), noise(2, *SIDE, seed=1)
    with torch.no_grad():
        together = model(pixels, mask, grid=GRID)
        alone = model(pixels[1:], mask[1:], grid=GRID)
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-4)
