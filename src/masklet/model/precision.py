"""Which weights are narrow: one function that sets the precision of a whole model."""

import torch
from torch import nn

from masklet.model.layers import Linear
from masklet.model.sam2 import SAM2


def set_precision(model: SAM2, dtype: torch.dtype) -> SAM2:
    """Store the weights of the large matrix products in `dtype`, all others in float32, in place.

    Narrow are the linear maps of the trunk and of memory attention, over nine tenths of the work.
    The neck and the mask decoder stay in float32: they cost little, and rounding them moves masks
    as much as rounding the whole trunk does. With `torch.float32` everything is float32.
    """
    for module in model.modules():
        _store(module, torch.float32)
    for part in (model.image_encoder.trunk, model.memory_attention):
        for module in part.modules():
            if isinstance(module, Linear):
                _store(module, dtype)
    return model


def _store(module: nn.Module, dtype: torch.dtype) -> None:
    for parameter in module.parameters(recurse=False):
        parameter.data = parameter.data.to(dtype)
    for name, buffer in module.named_buffers(recurse=False):
        setattr(module, name, buffer.to(dtype))
