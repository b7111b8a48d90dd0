"""Released networks without training: the right network, the same numbers every time."""

import numpy as np
import pytest
import torch

from masklet.errors import CheckpointError
from masklet.model.config import SAM2_1_TINY
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from masklet.weights.untrained import untrained


@pytest.fixture(scope="module")
def model():
    return untrained("sam2.1-hiera-tiny", device="cpu")


def test_it_is_the_released_network_in_float32_for_inference(model):
    assert model.config == SAM2_1_TINY
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_numbers_are_the_same_every_time_and_nobody_elses_change(model):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    again = untrained("sam2.1-hiera-tiny", device="cpu")
    assert torch.equal(torch.rand(3), expected)
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_weights_are_narrow_where_those_of_a_loaded_model_are():
    narrow = untrained("sam2.1-hiera-tiny", device="cpu", dtype="bfloat16")
    assert narrow.memory_attention.layers[0].linear1.weight.dtype is torch.bfloat16
    assert narrow.no_mem_embed.dtype is torch.float32


def test_it_tracks_with_finite_numbers(model):
    tracker = Tracker(model, input_size=64)
    frame = np.full((48, 64, 3), 90, np.uint8)
    tracker.step(frame, {1: Prompt.point(20, 20)})
    for _ in range(3):
        result = tracker.step(frame)
    assert result.masks.logits.isfinite().all()


def test_another_name_is_told_which_there_are():
    with pytest.raises(CheckpointError) as told:
        untrained("tiny")
    assert str(told.value).startswith("no network without training is called 'tiny'; expected sam2")
