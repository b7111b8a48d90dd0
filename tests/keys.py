"""Spatial keys whose positions are given number by number."""

import torch

from masklet.model.memory_attention import SpatialKeys


def placed_keys(tokens_BSD, positions_BSD):
    """Tokens, and what is added to each of them."""
    when = torch.zeros(tokens_BSD.shape[:2], dtype=torch.int64)
    return SpatialKeys(tokens_BSD, positions_BSD, when, torch.zeros(1, tokens_BSD.shape[2]))
