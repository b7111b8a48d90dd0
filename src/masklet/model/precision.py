"""Which weights are narrow: one function that sets the precision of a whole model."""

import torch
from torch import nn

from masklet.model.int8 import Int8Linear
from masklet.model.kernels import HAS_BFLOAT16
from masklet.model.layers import Linear
from masklet.model.sam2 import SAM2

# Between fewer channels, rounding what comes in takes as long as the product saves: 16,384 tokens of
# 48 channels to 144 and back took 8.8 ms in eight bits and 8.2 in bfloat16 (one thread of AMD Zen 5).
_INT8_FROM = 96


def set_precision(model: SAM2, dtype: torch.dtype) -> SAM2:
    """Store the weights of the large matrix products in `dtype`, all others in float32, in place.

    Narrow are the linear maps of the trunk and of memory attention, over nine tenths of the work.
    The neck and the mask decoder stay in float32: they cost little, and rounding them moves masks
    as much as rounding the whole trunk does. With `torch.float32` everything is float32.

    With `torch.int8` the trunk's linear maps between 96 channels and more have weights of eight bits,
    for a processor that `int8.int8_hindrance` has nothing against. The rest is bfloat16 as above where
    the processor multiplies in it, or else float32.
    """
    trunk = model.image_encoder.trunk
    for name, module in list(trunk.named_modules()):
        if isinstance(module, Int8Linear):
            trunk.set_submodule(name, module.widened())
    for module in model.modules():
        _store(module, torch.float32)
    if dtype == torch.int8:
        _quantise(trunk)
        dtype = torch.bfloat16 if HAS_BFLOAT16 else torch.float32
    for part in (trunk, model.memory_attention):
        for module in part.modules():
            if isinstance(module, Linear):
                _store(module, dtype)
    return model


def _quantise(trunk: nn.Module) -> None:
    for name, module in list(trunk.named_modules()):
        if isinstance(module, Linear) and min(module.weight.shape) >= _INT8_FROM:
            trunk.set_submodule(name, Int8Linear(module))


def _store(module: nn.Module, dtype: torch.dtype) -> None:
    for parameter in module.parameters(recurse=False):
        parameter.data = parameter.data.to(dtype)
    for name, buffer in module.named_buffers(recurse=False):
        setattr(module, name, buffer.to(dtype))
