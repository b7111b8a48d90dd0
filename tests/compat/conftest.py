"""The official tiny model with random weights at 128 pixels, and pictures."""

import numpy as np
import pytest
import torch

from masklet.compat.sam2.build_sam import build_sam2
from masklet.compat.sam2.sam2_image_predictor import SAM2ImagePredictor

SMALL = "++model.image_size=128"


@pytest.fixture(scope="session")
def model():
    torch.manual_seed(3)
    built = build_sam2("sam2.1_hiera_t.yaml", device="cpu", hydra_overrides_extra=[SMALL])
    with torch.no_grad():
        # As trained: logits beyond what is returned as low resolution.
        for network in built.sam_mask_decoder.output_hypernetworks_mlps:
            network.layers[2].weight *= 3000
            network.layers[2].bias.zero_()
        # The best of the three candidates is the last one.
        built.sam_mask_decoder.iou_prediction_head.layers[2].bias += torch.tensor([0, 0, -0.2, 0.3])
    return built


@pytest.fixture(scope="session")
def image():
    rows, columns = np.mgrid[:90, :120]
    disc = (rows - 40) ** 2 + (columns - 70) ** 2 < 600
    noise = np.random.default_rng(5).integers(0, 60, (90, 120, 3))
    return (noise + 150 * disc[..., None]).astype(np.uint8)


@pytest.fixture
def predictor(model, image):
    made = SAM2ImagePredictor(model)
    made.set_image(image)
    return made
