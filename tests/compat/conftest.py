"""The official tiny model with random weights at 128 pixels, pictures, and a network for videos."""

import numpy as np
import pytest
import torch

from masklet.compat.sam2.build_sam import build_sam2
from masklet.compat.sam2.sam2_image_predictor import SAM2ImagePredictor
from masklet.compat.sam2.sam2_video_predictor import predictor_of
from tests.tiny import tiny_model

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


@pytest.fixture(scope="session")
def small_network():
    """A network of milliseconds, under whose made-up weights objects are visible."""
    made = tiny_model()
    with torch.no_grad():
        made.sam_mask_decoder.pred_obj_score_head.layers[2].bias += 3.0
    return made.requires_grad_(requires_grad=False)


@pytest.fixture
def video_predictor(small_network):
    """As the builders make it, with float32 memories: rounding would magnify every difference."""
    return predictor_of(small_network, device="cpu", memory_dtype=torch.float32)


@pytest.fixture(scope="session")
def clip():
    """8 frames of 48 x 72: a disc and a square that move over a slope."""
    rows, columns = np.mgrid[:48, :72]
    frames = []
    for time in range(8):
        frame = np.stack([columns * 2, rows * 3, columns + rows], axis=2).astype(np.uint8)
        frame[(rows - 20) ** 2 + (columns - 12 - 2 * time) ** 2 < 60] = (220, 40, 30)
        frame[(abs(rows - 34) < 6) & (abs(columns - 60 + time) < 6)] = (30, 60, 230)
        frames.append(frame)
    return np.stack(frames)
