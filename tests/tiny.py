"""A real model small enough for milliseconds: every kind of block, 64 pixels, few channels."""

import dataclasses

import torch

from masklet.model.config import HieraConfig, HybridConfig, MemoryConfig, ModelConfig, Version
from masklet.model.sam2 import SAM2
from tests.parity import weights


def tiny_config(version=Version.V2_1):
    """Blocks of all kinds: windows that fit and that do not, pooling in both, one global."""
    return ModelConfig(
        trunk=HieraConfig(
            embed_dim=16,
            num_heads=2,
            stages=(1, 2, 3, 1),
            global_blocks=(5,),
            window_sizes=(8, 4, 14, 7),
            position_grid=7,
        ),
        memory=MemoryConfig(version=version, layers=2, width=8),
        width=32,
        image_size=64,
    )


def tiny_hybrid_config():
    """The same with the other trunk: blocks with and without attention and gates."""
    trunk = HybridConfig(
        widths=(8, 16, 24, 40), stages=(1, 2, 3, 2), global_blocks=(4, 7), num_heads=2
    )
    return dataclasses.replace(tiny_config(), trunk=trunk)


def tiny_light_config():
    """The hybrid one with a memory that costs little."""
    config = tiny_hybrid_config()
    light = dataclasses.replace(
        config.memory, attention_width=16, expansion=2, encoder_width=16, mask_stride=4
    )
    return dataclasses.replace(config, memory=light)


def tiny_model(seed=0, version=Version.V2_1):
    """In eval mode, with made-up weights under which every parameter has an effect."""
    return with_weights(SAM2(tiny_config(version)).eval(), seed)


def with_weights(module, seed=0, prefix=""):
    """Any module with made-up weights; `prefix` is what stands before its names in a checkpoint."""
    shapes = {prefix + name: tuple(value.shape) for name, value in module.state_dict().items()}
    state = weights.state_dict(shapes, seed)
    module.load_state_dict({name.removeprefix(prefix): value for name, value in state.items()})
    return module


def noise(*shape, seed=0, scale=1.0):
    """Normal numbers that do not depend on what ran before."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale
