"""Adapters change nothing at first, learn alone, and merge into a plain model."""

import copy

import pytest
import torch
from torch.nn.utils import parametrize

from masklet.errors import CheckpointError, TrainingError
from masklet.model.tensors import MemoryReadout, PromptTensors
from masklet.train.lora import (
    Adapter,
    Factors,
    LoraOptions,
    adapter_of,
    add_lora,
    attach_lora,
    load_adapter,
    merge_lora,
    plain_tensors,
    save_adapter,
    unmerge_lora,
)
from masklet.train.optim import OptimOptions, make_optimizers, parameter_groups
from masklet.train.tensor_files import write_tensors
from tests.tiny import noise, tiny_model

ONE = "memory_attention.layers.0.self_attn.q_proj"


def answer(model):
    """Through all four verbs, with a memory, so that every attention takes part."""
    features = model.encode_image(noise(1, 3, 64, 64))
    logits = noise(1, 64, 64, seed=1)
    memory = model.encode_memory(features, logits, torch.ones(1), binarize=False)
    readout = MemoryReadout(
        spatial_BNLD=memory[:, None],
        slots_BN=torch.ones((1, 1), dtype=torch.int64),
        pointers_BKC=noise(1, 1, 32, seed=2),
        times_BK=torch.ones((1, 1)),
    )
    click = PromptTensors(torch.tensor([[[20.0, 30.0]]]), torch.tensor([[1]]))
    return model.decode(model.condition(features, readout), features, click).logits_BMhw


def said(model):
    """The answer in use: with gradients other kernels may round in another way."""
    with torch.no_grad():
        return answer(model)


@pytest.fixture
def plain():
    return tiny_model()


@pytest.fixture
def adapted(plain):
    """With an adapter that has learned something."""
    model = copy.deepcopy(plain)
    add_lora(model, LoraOptions(rank=2), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for number, parameter in enumerate(learning(model).values()):
            parameter.add_(noise(*parameter.shape, seed=number, scale=0.05))
    return model


def learning(model):
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def test_a_fresh_adapter_changes_nothing(plain):
    before = said(plain)
    add_lora(plain, LoraOptions(rank=2), generator=torch.Generator().manual_seed(0))
    assert torch.equal(said(plain), before)


def test_only_adapters_learn_and_all_of_them_do(plain):
    count = add_lora(plain, LoraOptions(rank=2), generator=torch.Generator().manual_seed(0))
    weights = learning(plain)
    assert all(name.endswith((".weight.0.down", ".weight.0.up")) for name in weights)
    assert count == sum(weight.numel() for weight in weights.values())
    optimizers = make_optimizers(plain, OptimOptions(learning_rate=0.1))
    for _ in range(2):
        answer(plain).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
    # A factor learns once the other one is no longer zero. The keys of a single memory do not
    # change what is read from it much, but some.
    still = [name for name, weight in weights.items() if not weight.grad.any()]
    assert still == []


def test_every_attention_of_trunk_memory_and_decoder_has_an_adapter(adapted):
    names = adapter_of(adapted).factors
    assert sum(name.startswith("image_encoder.trunk") for name in names) == 2 * 7
    assert sum(name.startswith("memory_attention") for name in names) == 2 * 2 * 4
    assert sum(name.startswith("sam_mask_decoder") for name in names) == (2 * 3 + 1) * 4
    assert {name.rpartition(".")[2] for name in names} == {
        *("qkv", "proj", "q_proj", "k_proj", "v_proj", "out_proj")
    }


def test_a_merged_model_answers_as_the_adapted_one_under_the_official_names(plain, adapted):
    before = said(adapted)
    assert (said(plain) - before).abs().max() > 1e-3
    merge_lora(adapted)
    torch.testing.assert_close(said(adapted), before, atol=1e-6, rtol=1e-6)
    assert set(adapted.state_dict()) == set(plain.state_dict())
    assert learning(adapted) == {}


def test_plain_tensors_are_those_of_the_merged_model_and_leave_the_adapter(adapted):
    tensors = plain_tensors(adapted)
    assert len(adapter_of(adapted).factors) > 0
    merge_lora(adapted)
    expected = adapted.state_dict()
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors.items())


def test_unmerging_brings_the_model_and_its_adapter_back(plain, adapted):
    before = said(adapted)
    adapter = merge_lora(adapted)
    unmerge_lora(adapted, adapter)
    torch.testing.assert_close(said(adapted), before, atol=1e-4, rtol=1e-4)
    original = adapted.get_parameter(f"{ONE}.parametrizations.weight.original")
    torch.testing.assert_close(original, plain.get_parameter(f"{ONE}.weight"), atol=1e-6, rtol=0)
    assert len(learning(adapted)) == 2 * len(adapter.factors)


def test_weights_are_made_once_where_they_are_cached(adapted):
    with parametrize.cached():
        weight = adapted.get_submodule(ONE).weight
        assert adapted.get_submodule(ONE).weight is weight
        inside = said(adapted)
    assert torch.equal(inside, said(adapted))


def test_a_saved_adapter_is_small_and_makes_the_same_model_of_a_plain_one(plain, adapted, tmp_path):
    path = tmp_path / "adapter.safetensors"
    save_adapter(adapter_of(adapted), path)
    numbers = sum(weight.numel() for weight in learning(adapted).values())
    # What its names take is most of it here.
    assert path.stat().st_size < 4 * numbers + 30_000
    attach_lora(plain, load_adapter(path))
    assert torch.equal(said(plain), said(adapted))


def test_adapters_learn_at_the_rate_of_their_layer(adapted):
    groups = parameter_groups(adapted, OptimOptions(learning_rate=1.0, layer_decay=0.5))
    factors = {name: group.learning_rate for group in groups for name in group.names}
    assert factors["image_encoder.trunk.blocks.6.attn.qkv.parametrizations.weight.0.up"] == 0.5
    assert factors[f"{ONE}.parametrizations.weight.0.down"] == 1.0


def test_other_maps_may_be_chosen_and_unknown_ones_are_told_with_the_nearest(plain):
    dice = torch.Generator()
    add_lora(plain, LoraOptions(targets=("obj_ptr_proj",), rank=1), generator=dice)
    assert list(adapter_of(plain).factors) == [f"obj_ptr_proj.layers.{n}" for n in range(3)]
    wrong = LoraOptions(targets=("memory_atention",))
    with pytest.raises(TrainingError, match=r"no linear map is called .* mean memory_attention"):
        add_lora(tiny_model(), wrong, generator=dice)


def test_a_second_adapter_is_refused(adapted):
    with pytest.raises(TrainingError, match=r"has an adapter already; .* Merge it first"):
        add_lora(adapted, LoraOptions(), generator=torch.Generator())


def test_a_model_without_an_adapter_has_none_to_merge(plain):
    with pytest.raises(TrainingError, match=r"carries no adapter; .* Was it merged already"):
        merge_lora(plain)


def test_a_rank_of_zero_is_refused():
    with pytest.raises(TrainingError, match=r"rank of adapters is 0; expected at least 1"):
        LoraOptions(rank=0)


@pytest.mark.parametrize(
    ("name", "found"),
    [(ONE, r"\(32, 32\)"), ("memory_attention.norm", "no linear map"), ("gone", "no linear map")],
)
def test_an_adapter_of_another_model_is_refused(plain, name, found):
    adapter = Adapter({name: Factors(torch.zeros(2, 9), torch.zeros(5, 2))}, scale=1.0)
    told = rf"changes '{name}' of shape \(5, 9\), where the model has {found}; .* Load that model"
    with pytest.raises(CheckpointError, match=told):
        attach_lora(plain, adapter)
    assert all(parameter.requires_grad for parameter in plain.parameters())


def test_files_that_are_no_adapters_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(CheckpointError, match=r"cannot be read: .*No such file.* Check the path"):
        load_adapter(path)
    path.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"cannot be read: .*; expected an adapter"):
        load_adapter(path)
    write_tensors(path, {}, {"format": "masklet training"})
    with pytest.raises(CheckpointError, match=r"is 'masklet training'; expected 'masklet adapter'"):
        load_adapter(path)
