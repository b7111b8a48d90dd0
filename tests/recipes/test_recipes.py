"""Recipes are whole, build their models, and are found by name or in one's own file."""

from dataclasses import replace

import pytest
import torch

from masklet.errors import TrainingError
from masklet.model.config import SAM2_1_BASE_PLUS
from masklet.model.sam2 import SAM2
from masklet.recipes.catalog import RECIPES, recipe
from masklet.train.config import RunOptions, TrainConfig, settled
from masklet.train.optim import parameter_groups
from masklet.train.settings import as_document, from_document
from tests.train.made_run import tiny_training, trained

OWN = """
from masklet.recipes.finetune import finetune

def mine():
    return finetune()

def nothing():
    return 3
"""


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_called_as_it_is_and_comes_back_from_json(name):
    config = recipe(name)
    assert config.name == name
    assert from_document(TrainConfig, as_document(config)) == config


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_optimisers_for_its_model(name):
    config = recipe(name)
    with torch.device("meta"):
        model = SAM2(config.model.architecture or SAM2_1_BASE_PLUS)
    groups = parameter_groups(model, config.optim)
    assert sum(len(group.names) for group in groups) == len(list(model.parameters()))


def test_the_small_model_is_small_and_of_pictures_then_of_clips():
    image, video = recipe("small_image"), recipe("small_video")
    assert all(stage.picture_share == 1 for stage in image.stages)
    assert all(0 < stage.picture_share < 1 for stage in video.stages)
    assert image.model.prepared == ("prompts",)
    assert video.model.prepared == ("memory",)
    with torch.device("meta"):
        model = SAM2(image.model.architecture)
    assert sum(parameter.numel() for parameter in model.parameters()) <= 10e6


def test_the_full_recipe_is_the_papers():
    config = recipe("sam2_full")
    stage = config.stages[0]
    assert (stage.side, stage.frames, config.data.objects, config.data.prompts) == (1024, 8, 3, 64)
    assert (config.optim.learning_rate, config.optim.encoder_learning_rate) == (3e-4, 6e-5)
    assert (config.optim.layer_decay, config.optim.weight_decay) == (0.9, 0.1)
    assert (config.schedule.kind, config.schedule.warm_up) == ("cosine", 0.05)
    assert (config.clip_norm, config.model.drop_path) == (0.1, 0.2)
    weights = config.losses
    assert (weights.focal, weights.dice, weights.iou, weights.object_score) == (20, 1, 1, 1)
    assert config.clip_prompts.corrections == 7


def test_fine_tuning_takes_the_size_of_its_model():
    config = settled(recipe("finetune"), 1024)
    assert config.stages[0].side == 1024
    assert config.data.stored_side == 1024


def test_the_warm_up_is_of_the_model_that_is_trained_with_it():
    warm, image = recipe("warm_up"), recipe("small_image")
    assert warm.model.architecture == image.model.architecture
    # The plain rule of prompts comes after it, with the training that asks prompts.
    assert (warm.model.prepared, image.model.prepared) == ((), ("prompts",))
    assert (warm.restore.masked, warm.restore.patch) == (0.6, 32)
    assert image.restore is None


@pytest.mark.parametrize("name", ["small_image", "small_video", "warm_up", "finetune"])
def test_a_recipe_trains_the_tiny_model(name, tmp_path):
    config, tiny = recipe(name), tiny_training()
    stages = tuple(
        replace(stage, side=64, pictures=2, clips=1, frames=3) for stage in config.stages
    )
    config = replace(
        config,
        model=replace(tiny.model, drop_path=config.model.drop_path),
        data=replace(config.data, prompts=2, stored_side=64, smallest=1.0),
        stages=stages,
        run=RunOptions(steps=3),
    )
    _, ended = trained(config, tmp_path / "run")
    assert ended.standing.step == 3


def test_a_recipe_of_ones_own_is_found_by_file_and_function(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    assert recipe(f"{path}:mine") == recipe("finetune")


def test_an_unknown_recipe_is_told_with_the_nearest():
    with pytest.raises(TrainingError, match=r"no recipe 'small_imag'.*Did you mean small_image"):
        recipe("small_imag")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(TrainingError, match="there is no such file"):
        recipe(f"{tmp_path / 'gone.py'}:mine")


@pytest.mark.parametrize("function", ["nothing", "absent"])
def test_a_function_that_returns_something_else_is_told(tmp_path, function):
    path = tmp_path / "mine.py"
    path.write_text(OWN)
    with pytest.raises(TrainingError, match=f"{function} in .* is no recipe"):
        recipe(f"{path}:{function}")
