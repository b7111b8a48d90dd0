"""Every parameter learns at the rate that its layer, part and kind ask for."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from masklet.errors import TrainingError
from masklet.model.config import SAM2_1_BASE_PLUS, SAM2_1_TINY
from masklet.model.sam2 import SAM2
from masklet.train.muon import Muon
from masklet.train.optim import (
    OptimOptions,
    layer_factors,
    make_optimizers,
    parameter_groups,
    set_learning_rates,
)
from tests.tiny import tiny_hybrid_config, tiny_model

# The released fine-tuning of base_plus.
FINE_TUNE = OptimOptions(learning_rate=5e-6, encoder_learning_rate=3e-6, layer_decay=0.9)
WITH_MUON = OptimOptions(muon_learning_rate=0.02)


def shapes_of(config):
    with torch.device("meta"):
        return SAM2(config)


@pytest.fixture(scope="module")
def base_plus():
    return shapes_of(SAM2_1_BASE_PLUS)


def by_name(model, options):
    return {name: group for group in parameter_groups(model, options) for name in group.names}


@pytest.mark.parametrize(
    ("config", "blocks"), [(SAM2_1_TINY, 12), (SAM2_1_BASE_PLUS, 24)], ids=["tiny", "base_plus"]
)
def test_there_are_as_many_groups_as_layers_and_parts_ask_for(config, blocks):
    model = shapes_of(config)
    groups = parameter_groups(model, FINE_TUNE)
    # Of every layer, of the rest of the encoder and of all else: what decays and what does not.
    assert len(groups) == 2 * (blocks + 1) + 2 + 2
    names = [name for group in groups for name in group.names]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters())


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("image_encoder.trunk.patch_embed.proj.weight", 3e-6 * 0.9**25),
        ("image_encoder.trunk.blocks.0.attn.qkv.weight", 3e-6 * 0.9**24),
        ("image_encoder.trunk.blocks.12.mlp.layers.0.bias", 3e-6 * 0.9**12),
        ("image_encoder.trunk.blocks.23.norm1.weight", 3e-6 * 0.9),
        ("image_encoder.trunk.pos_embed", 3e-6),
        ("image_encoder.trunk.pos_embed_window", 3e-6),
        ("image_encoder.neck.convs.0.conv.weight", 3e-6),
        ("sam_mask_decoder.iou_token.weight", 5e-6),
        ("no_mem_embed", 5e-6),
    ],
)
def test_the_rates_are_those_of_the_released_fine_tuning(base_plus, name, rate):
    assert by_name(base_plus, FINE_TUNE)[name].learning_rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("name", "as_released", "without_gains"),
    [
        ("image_encoder.trunk.blocks.3.mlp.layers.0.weight", True, True),
        ("image_encoder.trunk.blocks.3.mlp.layers.0.bias", False, False),
        ("image_encoder.trunk.blocks.3.norm1.weight", False, False),
        ("image_encoder.trunk.pos_embed", True, True),
        ("memory_attention.norm.weight", False, False),
        ("sam_mask_decoder.transformer.layers.0.norm1.weight", False, False),
        # Norms over maps and the scale of a branch.
        ("sam_mask_decoder.output_upscaling.1.weight", True, False),
        ("sam_mask_decoder.output_upscaling.1.bias", False, False),
        ("sam_prompt_encoder.mask_downscaling.4.weight", True, False),
        ("memory_encoder.mask_downsampler.encoder.10.weight", True, False),
        ("memory_encoder.fuser.layers.1.norm.weight", True, False),
        ("memory_encoder.fuser.layers.1.gamma", True, False),
        ("sam_prompt_encoder.no_mask_embed.weight", True, True),
    ],
)
def test_what_decays_is_what_the_reference_decays(base_plus, name, as_released, without_gains):
    weight_decay = 0.1
    own = replace(FINE_TUNE, decays_gains=False)
    assert by_name(base_plus, FINE_TUNE)[name].weight_decay == weight_decay * as_released
    assert by_name(base_plus, own)[name].weight_decay == weight_decay * without_gains


def test_layers_are_told_by_the_numbers_of_blocks_in_any_trunk():
    trunk = "image_encoder.trunk"
    names = [
        f"{trunk}.{part}.weight" for part in ("stem.0", "blocks.0.mix", "blocks.1.mix", "last")
    ]
    expected = [0.5**3, 0.5**2, 0.5, 1.0]
    assert list(layer_factors(names, 0.5).values()) == expected
    assert layer_factors(["image_encoder.trunk.a", "no_obj_ptr"], 0.5)["image_encoder.trunk.a"] == 1


@pytest.mark.parametrize(
    ("name", "method", "factor"),
    [
        ("image_encoder.trunk.patch_embed.stem.weight", "adamw", 0.5**9),
        ("image_encoder.trunk.blocks.0.dwconv.weight", "adamw", 0.5**8),
        ("image_encoder.trunk.blocks.0.mlp.layers.0.weight", "muon", 0.5**8),
        ("image_encoder.trunk.blocks.1.merge.weight", "muon", 0.5**7),
        ("image_encoder.trunk.blocks.7.norm2.weight", "adamw", 0.5),
        ("image_encoder.trunk.norms.3.weight", "adamw", 1.0),
        ("image_encoder.neck.convs.0.conv.weight", "muon", 1.0),
    ],
)
def test_the_small_trunk_is_grouped_by_the_same_rules(name, method, factor):
    groups = by_name(shapes_of(tiny_hybrid_config()), replace(WITH_MUON, layer_decay=0.5))
    assert (groups[name].method, groups[name].layer_factor) == (method, factor)


@pytest.mark.parametrize(
    ("name", "method", "pieces"),
    [
        ("image_encoder.trunk.blocks.3.attn.qkv.weight", "muon", 3),
        ("image_encoder.trunk.blocks.3.attn.proj.weight", "muon", 1),
        ("image_encoder.neck.convs.0.conv.weight", "muon", 1),
        ("sam_mask_decoder.transformer.layers.0.self_attn.q_proj.weight", "muon", 1),
        ("memory_attention.layers.0.linear1.weight", "muon", 1),
        ("obj_ptr_proj.layers.2.weight", "muon", 1),
        ("image_encoder.trunk.blocks.3.attn.qkv.bias", "adamw", 1),
        ("image_encoder.trunk.blocks.3.norm1.weight", "adamw", 1),
        ("image_encoder.trunk.patch_embed.proj.weight", "adamw", 1),
        ("image_encoder.trunk.pos_embed", "adamw", 1),
        ("sam_prompt_encoder.point_embeddings.0.weight", "adamw", 1),
        ("sam_mask_decoder.mask_tokens.weight", "adamw", 1),
        ("sam_mask_decoder.iou_prediction_head.layers.0.weight", "adamw", 1),
        ("sam_mask_decoder.output_hypernetworks_mlps.2.layers.1.weight", "adamw", 1),
        ("sam_mask_decoder.output_upscaling.0.weight", "adamw", 1),
        ("memory_encoder.fuser.layers.0.dwconv.weight", "adamw", 1),
        ("memory_encoder.mask_downsampler.encoder.3.weight", "adamw", 1),
    ],
)
def test_muon_gets_hidden_matrices_and_nothing_else(base_plus, name, method, pieces):
    group = by_name(base_plus, WITH_MUON)[name]
    assert (group.method, group.pieces) == (method, pieces)


def test_muon_gets_kernels_of_hidden_layers_if_it_is_told_so(base_plus):
    groups = by_name(base_plus, replace(WITH_MUON, muon_takes_kernels=True))
    muon = {name for name, group in groups.items() if group.method == "muon"}
    assert "memory_encoder.mask_downsampler.encoder.3.weight" in muon
    # A first layer, a depthwise one.
    assert "memory_encoder.mask_downsampler.encoder.0.weight" not in muon
    assert "memory_encoder.fuser.layers.0.dwconv.weight" not in muon
    assert "image_encoder.trunk.patch_embed.proj.weight" not in muon


def test_muon_is_slower_in_the_encoder_by_the_same_ratio(base_plus):
    options = replace(FINE_TUNE, muon_learning_rate=0.02)
    group = by_name(base_plus, options)["image_encoder.trunk.blocks.22.attn.proj.weight"]
    assert group.learning_rate == pytest.approx(0.02 * 0.6 * 0.9**2)
    assert group.weight_decay == 0.01


def test_frozen_parameters_are_in_no_group_and_lose_their_gradients():
    model = tiny_model()
    options = OptimOptions(frozen=("image_encoder", "*obj_ptr*"))
    names = {name for group in parameter_groups(model, options) for name in group.names}
    assert all(parameter.requires_grad for parameter in model.parameters())
    (optimizer,) = make_optimizers(model, options)
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learning == names
    assert not any(name.startswith("image_encoder") or "obj_ptr" in name for name in names)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names)


def test_a_frozen_part_that_is_not_there_is_told_with_the_nearest(base_plus):
    with pytest.raises(
        TrainingError, match=r"no parameter is called 'memory_encodr'.*memory_encoder"
    ):
        parameter_groups(base_plus, OptimOptions(frozen=("memory_encodr",)))


def test_something_has_to_learn():
    with pytest.raises(
        TrainingError, match=r"all 2 parameters are frozen; expected .* Freeze fewer"
    ):
        parameter_groups(nn.Linear(2, 2), OptimOptions(frozen=("*",)))


def test_optimizers_have_the_groups_and_follow_the_schedule():
    model = tiny_model()
    options = replace(WITH_MUON, layer_decay=0.5, learning_rate=1e-3, betas=(0.9, 0.98))
    adamw, muon = optimizers = make_optimizers(model, options)
    assert isinstance(adamw, torch.optim.AdamW)
    assert isinstance(muon, Muon)
    assert adamw.param_groups[0]["betas"] == (0.9, 0.98)
    for factor in (0.5, 0.1):
        set_learning_rates(optimizers, factor)
        peaks = [group.learning_rate for group in parameter_groups(model, options)]
        rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
        assert sorted(rates) == pytest.approx(sorted(peak * factor for peak in peaks))


def test_a_step_moves_every_parameter_that_has_a_gradient():
    model = tiny_model()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    for optimizer in make_optimizers(model, WITH_MUON):
        optimizer.step()
    still = [name for name, weight in model.named_parameters() if torch.equal(weight, before[name])]
    assert still == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0; expected a rate above 0"),
        ({"muon_learning_rate": -1.0}, r"muon_learning_rate is -1\.0; expected a rate"),
        ({"weight_decay": -0.1}, r"weight_decay is -0\.1; expected a factor"),
        ({"layer_decay": 1.5}, r"layer_decay is 1\.5; expected above 0, at most 1"),
        ({"betas": (0.9, 1.0)}, r"betas and muon_momentum is .*; .* Change it in the recipe"),
    ],
    ids=str,
)
def test_senseless_options_are_named(wrong, told):
    with pytest.raises(TrainingError, match=told):
        OptimOptions(**wrong)
