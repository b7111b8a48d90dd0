"""The model of a training is new or from weights, and drops, forgets and adapts as the recipe says."""

from dataclasses import replace

import pytest
import torch

from masklet.errors import TrainingError
from masklet.model.layers import DropPath
from masklet.train.building import build_model
from masklet.train.config import ModelOptions, Stage
from masklet.train.lora import LoraOptions
from masklet.weights.save import save_safetensors
from tests.tiny import noise, tiny_config, tiny_hybrid_config, tiny_model
from tests.train.made_run import same_weights, tiny_training

CPU = torch.device("cpu")


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_safetensors(tiny_model(), path)
    return str(path)


def from_weights(weights, **options):
    return tiny_training(model=ModelOptions(weights=weights, **options))


def test_a_new_model_depends_on_the_seed_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, other = build_model(tiny_training(), CPU), build_model(tiny_training(), CPU)
    assert torch.equal(before, torch.get_rng_state())
    assert same_weights(one, other)
    assert not same_weights(one, build_model(tiny_training(seed=1), CPU))


def test_a_model_takes_the_size_of_the_last_stage():
    stages = (Stage(0.0, side=64), Stage(0.5, side=96))
    assert build_model(tiny_training(stages=stages), CPU).config.image_size == 96


def test_a_model_begins_as_its_weights_and_learns_all_of_them(weights):
    model = build_model(from_weights(weights), CPU)
    assert same_weights(model, tiny_model())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_weights_of_the_architecture_of_the_recipe_are_taken(weights):
    model = build_model(
        from_weights(weights, architecture=replace(tiny_config(), image_size=96)), CPU
    )
    assert same_weights(model, tiny_model())


def test_weights_of_another_architecture_are_refused(weights):
    config = from_weights(weights, architecture=replace(tiny_config(), width=48))
    with pytest.raises(
        TrainingError, match=r"another architecture than the recipe: width was 32 and"
    ):
        build_model(config, CPU)


def test_an_impossible_architecture_is_told():
    trunk = replace(tiny_hybrid_config().trunk, num_heads=5)
    config = tiny_training(model=ModelOptions(replace(tiny_config(), trunk=trunk)))
    with pytest.raises(TrainingError, match=r"no model of this architecture: .*heads"):
        build_model(config, CPU)


@pytest.mark.parametrize("architecture", [tiny_config(), tiny_hybrid_config()])
def test_paths_are_dropped_the_more_often_the_deeper(architecture):
    options = ModelOptions(architecture, drop_path=0.3, dropout=0.0)
    model = build_model(tiny_training(model=options), CPU)
    rates = [part.rate for part in model.modules() if isinstance(part, DropPath)]
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (0.0, 0.3)
    dropping = [m.p for m in model.memory_attention.modules() if isinstance(m, torch.nn.Dropout)]
    assert set(dropping) == {0.0}


def test_adapters_alone_learn_where_the_recipe_has_them(weights):
    config = replace(from_weights(weights), lora=LoraOptions(rank=2))
    learning = {
        name for name, each in build_model(config, CPU).named_parameters() if each.requires_grad
    }
    assert learning
    assert all(name.endswith((".up", ".down")) for name in learning)


@pytest.mark.parametrize("architecture", [tiny_config(), tiny_hybrid_config()])
def test_blocks_that_forget_give_the_same_gradients(architecture):
    plain = build_model(tiny_training(model=ModelOptions(architecture)), CPU)
    config = tiny_training(model=ModelOptions(architecture), checkpoints_blocks=True)
    saving = build_model(config, CPU)
    assert list(saving.state_dict()) == list(plain.state_dict())
    for model in (plain, saving):
        model.encode_image(noise(2, 3, 64, 64)).embedding_FLC.square().mean().backward()
    for one, other in zip(plain.parameters(), saving.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        assert one.grad is None or torch.equal(one.grad, other.grad)
