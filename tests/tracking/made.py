"""A real model, tiny, and a clip of moving shapes, for other processes too."""

import numpy as np
import torch

from masklet.model.config import HieraConfig, MemoryConfig, ModelConfig, Version
from masklet.model.sam2 import SAM2
from tests.parity.weights import state_dict

CONFIG = ModelConfig(
    trunk=HieraConfig(
        embed_dim=16,
        num_heads=1,
        stages=(1, 1, 1, 1),
        global_blocks=(2,),
        window_sizes=(8, 4, 4, 4),
        position_grid=7,
    ),
    memory=MemoryConfig(version=Version.V2_1, layers=2, width=16),
    width=32,
    image_size=64,
)


def made_model():
    """With made-up weights under which objects are seldom absent."""
    made = SAM2(CONFIG)
    shapes = {key: tuple(value.shape) for key, value in made.state_dict().items()}
    made.load_state_dict(state_dict(shapes, 0))
    with torch.no_grad():
        made.sam_mask_decoder.pred_obj_score_head.layers[2].bias += 3.0
    return made.eval().requires_grad_(requires_grad=False)


def moving_shapes():
    """24 frames of 48 x 72: a disc and a square that move over a slope."""
    y, x = np.mgrid[:48, :72]
    frames = []
    for time in range(24):
        frame = np.stack([x * 2, y * 3, x + y], axis=2).astype(np.uint8)
        frame[(y - 20) ** 2 + (x - 12 - time) ** 2 < 60] = (220, 40, 30)
        frame[(abs(y - 34) < 6) & (abs(x - 60 + time) < 6)] = (30, 60, 230)
        frames.append(frame)
    return frames
