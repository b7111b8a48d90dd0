"""The three ways of resizing, each against Pillow or its formula."""

import numpy as np
import pytest
import torch
from PIL import Image

from masklet.ops.resize import resize_frame_pil, resize_image, resize_logits, resize_mask
from tests.parity.inputs import picture
from tests.tiny import noise

SIZES = [(20, 30), (64, 64), (200, 96), (17, 300)]


def with_pillow(plane, size):
    """Pillow's bilinear filter, which widens when shrinking, on floats."""
    image = Image.fromarray(plane.numpy())
    return torch.from_numpy(
        np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR)).copy()
    )


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_images_are_resized_with_a_filter_that_widens_when_shrinking(size):
    images = noise(2, 3, 60, 90)
    resized = resize_image(images, size)
    assert resized.shape == (2, 3, *size)
    expected = torch.stack([with_pillow(plane, size) for plane in images.flatten(0, 1)])
    torch.testing.assert_close(resized.flatten(0, 1), expected, atol=5e-5, rtol=1e-5)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_masks_are_resized_as_images_are(size):
    masks = noise(2, 60, 90) > 0
    expected = torch.stack([with_pillow(mask.float(), size) for mask in masks])
    torch.testing.assert_close(resize_mask(masks, size), expected, atol=5e-5, rtol=1e-5)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_logits_are_interpolated_between_their_four_neighbours(size):
    logits = noise(2, 16, 24)
    resized = resize_logits(logits, size)
    for y, x in ((0, 0), (size[0] // 2, size[1] // 3), (size[0] - 1, size[1] - 1)):
        place_y = min(max((y + 0.5) * 16 / size[0] - 0.5, 0), 15)
        place_x = min(max((x + 0.5) * 24 / size[1] - 0.5, 0), 23)
        top, left = int(place_y), int(place_x)
        bottom, right = min(top + 1, 15), min(left + 1, 23)
        down, across = place_y - top, place_x - left
        upper = logits[:, top, left] * (1 - across) + logits[:, top, right] * across
        lower = logits[:, bottom, left] * (1 - across) + logits[:, bottom, right] * across
        expected = upper * (1 - down) + lower * down
        torch.testing.assert_close(resized[:, y, x], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_video_frames_are_resized_by_pillow_on_bytes(size):
    frame = picture(60, 90, seed=2)
    expected = np.asarray(Image.fromarray(frame).resize((size[1], size[0]))) / 255.0
    resized = resize_frame_pil(frame, size)
    assert (resized.shape, resized.dtype) == ((3, *size), torch.float32)
    assert np.array_equal(resized.permute(1, 2, 0).numpy(), expected.astype(np.float32))


@pytest.mark.parametrize("resize", [resize_mask, resize_logits], ids=lambda r: r.__name__)
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.bfloat16, torch.float32], ids=str)
def test_masks_and_logits_come_out_in_float32(resize, dtype):
    masks = (noise(2, 8, 8) > 0).to(dtype)
    for size in ((8, 8), (16, 12)):
        assert resize(masks, size).dtype == torch.float32


@pytest.mark.parametrize("resize", [resize_mask, resize_logits], ids=lambda r: r.__name__)
def test_no_masks_stay_no_masks(resize):
    assert resize(torch.zeros(0, 8, 8), (8, 8)).shape == (0, 8, 8)
    assert resize(torch.zeros(0, 8, 8), (16, 12)).shape == (0, 16, 12)


def test_what_has_its_size_already_is_not_touched():
    images, logits = noise(1, 3, 8, 9), noise(2, 8, 9)
    assert resize_image(images, (8, 9)) is images
    assert torch.equal(resize_logits(logits, (8, 9)), logits)
    assert torch.equal(resize_mask(logits > 0, (8, 9)), (logits > 0).float())


def test_the_three_ways_differ():
    plane = noise(1, 1, 40, 40)
    shrunk = resize_image(plane.expand(1, 3, -1, -1), (10, 10))[0, 0]
    assert (shrunk - resize_logits(plane[0], (10, 10))[0]).abs().max() > 0.1
