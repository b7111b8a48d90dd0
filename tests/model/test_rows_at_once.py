"""Rows go through the network a few at a time where that keeps them in the cache, with the same result."""

import pytest
import torch

from masklet.model import kernels
from tests.model.test_sam2 import SIDE, assert_same, clicks, encoded, readout
from tests.tiny import noise, tiny_model


@pytest.mark.parametrize("masked", [False, True], ids=["points", "points and a mask"])
@pytest.mark.parametrize("frames", [1, 5], ids=["one frame for all rows", "a frame per row"])
@pytest.mark.parametrize("conditioned", [False, True], ids=["no memory", "memories"])
def test_rows_go_through_the_network_a_few_at_a_time(monkeypatch, masked, frames, conditioned):
    model, prompts = tiny_model(), clicks(5, masked=masked)
    features = encoded(model, frames=frames)
    mask, score = noise(5, SIDE, SIDE, seed=8), torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0])
    remembered = readout(5) if conditioned else None
    found = []
    with torch.inference_mode():
        for cached in (kernels._CACHED, 0):
            monkeypatch.setattr(kernels, "_CACHED", cached)
            embedding = model.condition(features, remembered)
            memory = model.encode_memory(features, mask, score, binarize=False)
            found.append((model.decode(embedding, features, prompts), memory))
    (whole, memory), (in_parts, memory_in_parts) = found
    assert_same(in_parts, whole)
    assert_same(memory_in_parts, memory)
