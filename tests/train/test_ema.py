"""The average follows the weights, is put in their place and leaves them as they were."""

import pytest
import torch
from torch import nn

from masklet.train.ema import Average
from tests.tiny import noise, tiny_model


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x):
        return self.norm(self.linear(x))


def set_weights(model, value):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)


def test_the_average_follows_with_a_decay_that_grows_to_its_limit():
    model = nn.Linear(1, 1)
    set_weights(model, 0.0)
    average = Average(model, decay=0.3)
    expected = 0.0
    for update in range(1, 9):
        set_weights(model, float(update))
        average.update(model)
        decay = min(0.3, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * update
        assert average.tensors()["weight"].item() == pytest.approx(expected)
    assert average.updates == 8


def test_buffers_are_the_latest():
    model, data = Small().train(), noise(8, 3)
    average = Average(model)
    model(data)
    average.update(model)
    for name, buffer in model.named_buffers():
        assert torch.equal(average.tensors()[name], buffer)
    assert average.tensors()["norm.num_batches_tracked"] == 1


def test_in_the_block_the_model_is_the_average_and_after_it_itself_to_the_bit():
    model = tiny_model().train()
    average = Average(model, decay=0.5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(noise(*parameter.shape))
    average.update(model)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with average.swapped(model):
        inside = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert all(torch.equal(inside[name], tensor) for name, tensor in average.tensors().items())
    assert not torch.equal(inside["no_obj_ptr"], before["no_obj_ptr"])
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_an_error_in_the_block_brings_the_weights_back_too():
    model = nn.Linear(2, 2)
    average = Average(model)
    set_weights(model, 5.0)
    with pytest.raises(KeyboardInterrupt), average.swapped(model):
        raise KeyboardInterrupt
    assert (model.weight == 5.0).all()


def test_what_is_averaged_does_not_share_the_weights():
    model = nn.Linear(2, 2)
    average = Average(model)
    kept = average.tensors()["weight"].clone()
    set_weights(model, 5.0)
    assert torch.equal(average.tensors()["weight"], kept)


def test_frozen_parameters_are_not_kept_and_stay():
    model = Small()
    model.linear.requires_grad_(False)
    average = Average(model)
    average.update(model)
    weight = model.linear.weight.clone()
    assert not any(name.startswith("linear") for name in average.tensors())
    with average.swapped(model):
        assert torch.equal(model.linear.weight, weight)


def test_narrow_weights_are_averaged_in_full_precision():
    model = nn.Linear(1, 1).bfloat16()
    set_weights(model, 1.0)
    average = Average(model, decay=0.999)
    average.load(average.tensors(), updates=1_000_000)
    set_weights(model, 2.0)
    average.update(model)
    assert average.tensors()["weight"].item() == pytest.approx(1.001)
    with average.swapped(model):
        assert model.weight.dtype == torch.bfloat16


def test_a_loaded_average_goes_on_the_same():
    model = Small()
    first, second = Average(model), Average(Small())
    set_weights(model, 3.0)
    first.update(model)
    second.load({name: t.clone() for name, t in first.tensors().items()}, first.updates)
    set_weights(model, 4.0)
    for average in (first, second):
        average.update(model)
    assert all(torch.equal(t, second.tensors()[name]) for name, t in first.tensors().items())
