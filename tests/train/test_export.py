"""What training exports is what `masklet.load` reads."""

import pytest
import torch

import masklet
from masklet.errors import OutputError, TrainingError
from masklet.train.ema import Average
from masklet.train.export import export_weights
from masklet.train.lora import LoraOptions, add_lora, plain_tensors
from tests.tiny import tiny_model


@pytest.fixture
def model():
    return tiny_model().train()


def loaded(path):
    return masklet.load(path, device="cpu", dtype="float32").state_dict()


def same(tensors, expected):
    """Equal up to the half precision of the file."""
    return tensors.keys() == expected.keys() and all(
        torch.equal(tensor, expected[name].half().float()) for name, tensor in tensors.items()
    )


def test_the_weights_come_back_in_half_precision_and_the_model_trains_on(model, tmp_path):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    export_weights(model, tmp_path / "m.safetensors")
    assert same(loaded(tmp_path / "m.safetensors"), before)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert (tmp_path / "m.safetensors").stat().st_size < 2.2 * sum(
        tensor.numel() for tensor in before.values()
    ) + 200_000


def test_an_average_is_written_in_the_place_of_the_weights(model, tmp_path):
    average = Average(model)
    with torch.no_grad():
        model.no_obj_ptr += 1.0
    export_weights(model, tmp_path / "m.safetensors", average=average)
    found = loaded(tmp_path / "m.safetensors")["no_obj_ptr"]
    torch.testing.assert_close(found, model.no_obj_ptr.detach() - 1.0, atol=2e-3, rtol=0)


def test_adapters_are_merged_and_names_are_the_official_ones(model, tmp_path):
    add_lora(model, LoraOptions(rank=2), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.01)
    export_weights(model, tmp_path / "m.safetensors")
    assert same(loaded(tmp_path / "m.safetensors"), plain_tensors(model))


def test_full_precision_is_kept_where_it_is_asked_for(model, tmp_path):
    export_weights(model, tmp_path / "m.safetensors", dtype=torch.float32)
    found = loaded(tmp_path / "m.safetensors")
    assert all(torch.equal(tensor, found[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("value", [1e6, float("nan")], ids=str)
def test_weights_that_do_not_fit_are_named(model, value, tmp_path):
    with torch.no_grad():
        model.no_obj_ptr[0, 0] = value
    told = r"no_obj_ptr holds numbers that are not finite in float16; .* Export bfloat16 or float32"
    with pytest.raises(TrainingError, match=told):
        export_weights(model, tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_none_is_told(model, tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        export_weights(model, tmp_path / "gone" / "m.safetensors")
