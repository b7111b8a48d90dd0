"""Pictures and points become what the network sees."""

import numpy as np
import pytest
import torch
from PIL import Image

from masklet.model.preprocess import normalize, preprocess_image, to_input_pixels
from tests.parity.inputs import picture

CPU = torch.device("cpu")


def test_a_picture_is_stretched_to_the_input_and_normalised():
    image = picture(30, 50, seed=1)
    tensor = preprocess_image(image, (64, 96), CPU)
    assert (tensor.shape, tensor.dtype) == ((1, 3, 64, 96), torch.float32)
    pixels = tensor * torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    pixels = pixels + torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    enlarged = np.stack(
        [
            np.asarray(
                Image.fromarray(image[..., channel].astype(np.float32), mode=None).resize(
                    (96, 64), Image.Resampling.BILINEAR
                )
            )
            for channel in range(3)
        ]
    )
    torch.testing.assert_close(pixels[0], torch.from_numpy(enlarged) / 255, atol=1e-5, rtol=1e-5)


def test_a_picture_of_the_right_size_is_only_normalised():
    image = picture(32, 32, seed=1)
    expected = normalize(torch.from_numpy(image).permute(2, 0, 1)[None] / 255)
    assert torch.equal(preprocess_image(image, (32, 32), CPU), expected)


def test_a_view_of_a_picture_is_read_as_it_looks():
    image = picture(32, 40, seed=1)
    flipped = image[::-1, ::-1]
    assert torch.equal(
        preprocess_image(flipped, (32, 32), CPU), preprocess_image(flipped.copy(), (32, 32), CPU)
    )


def test_a_picture_that_cannot_be_written_to_is_read():
    image = picture(32, 32, seed=1)
    image.flags.writeable = False
    assert preprocess_image(image, (32, 32), CPU).shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("point", "expected"), [((0, 0), (0, 0)), ((854, 480), (1024, 512)), ((427, 120), (512, 128))]
)
def test_points_scale_with_their_picture(point, expected):
    scaled = to_input_pixels(torch.tensor([[point]]), (480, 854), (512, 1024))
    torch.testing.assert_close(scaled, torch.tensor([[expected]], dtype=torch.float32))
