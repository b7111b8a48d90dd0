"""A config is whole and in range, says which stage it is in, and what its recipe is."""

import json
from dataclasses import replace

import pytest

from masklet.errors import TrainingError
from masklet.train.config import (
    DataOptions,
    Every,
    ModelOptions,
    RunOptions,
    Stage,
    TrainConfig,
    settled,
)
from masklet.train.settings import as_document, from_document, with_settings
from tests.train.made_run import tiny_training

STAGES = (Stage(0.0, side=64), Stage(0.4, side=96), Stage(0.9, side=128))


def test_a_config_comes_back_from_json():
    config = tiny_training(stages=STAGES)
    document = json.loads(json.dumps(as_document(config)))
    assert from_document(TrainConfig, document) == config


@pytest.mark.parametrize(
    ("progress", "side"), [(0.0, 64), (0.39, 64), (0.4, 96), (0.95, 128), (1.0, 128)]
)
def test_the_stage_is_the_last_one_that_has_begun(progress, side):
    assert tiny_training(stages=STAGES).at(progress).side == side


def test_the_recipe_has_everything_but_the_run():
    config = tiny_training()
    other = with_settings(config, ["run.steps=99", "run.minutes=1"])
    assert other.recipe == config.recipe
    assert with_settings(config, ["seed=1"]).recipe != config.recipe


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (ModelOptions, "model.architecture is None"),
        (lambda: ModelOptions(weights="x", drop_path=1.0), r"model.drop_path is 1.0; .*below 1"),
        (lambda: ModelOptions(weights="x", dropout=-1), "model.dropout is -1"),
        (lambda: Stage(begins=1.0), "a stage's begins is 1.0; expected a share below 1"),
        (lambda: Stage(side=100), "a stage's side is 100; expected a multiple of 32"),
        (lambda: Stage(pictures=0), "a stage's pictures is 0; expected at least 1"),
        (lambda: Stage(clips=0), "a stage's clips is 0"),
        (lambda: Stage(frames=1), "a stage's frames is 1; expected at least 2"),
        (lambda: Stage(picture_share=2.0), "a stage's picture_share is 2.0"),
        (lambda: DataOptions(prompts=0), "data.prompts is 0"),
        (lambda: DataOptions(objects=0), "data.objects is 0"),
        (lambda: DataOptions(animated=1.5), "data.animated is 1.5; expected a share"),
        (lambda: DataOptions(stored_side=100), "data.stored_side is 100; expected a multiple of 8"),
        (lambda: Every(steps=0), "steps between two times is 0"),
        (lambda: Every(minutes=0.0), "minutes between two times is 0.0"),
        (lambda: RunOptions(steps=None), r"run.steps and run.minutes is \(None, None\)"),
        (lambda: RunOptions(steps=0), "run.steps is 0"),
        (lambda: RunOptions(minutes=0.0), "run.minutes is 0.0"),
        (lambda: RunOptions(workers=-1), "run.workers is -1; expected at least 0"),
        (lambda: RunOptions(kept=0), "run.kept is 0"),
        (lambda: tiny_training(stages=()), r"begins of the stages is \[\]"),
        (lambda: tiny_training(stages=(Stage(0.5),)), r"begins of the stages is \[0.5\]"),
        (lambda: tiny_training(stages=(*STAGES, STAGES[1])), "expected 0 and then rising shares"),
        (lambda: tiny_training(clip_norm=0.0), "clip_norm is 0.0; expected a length above 0"),
        (lambda: tiny_training(accumulate=0), "accumulate is 0"),
        (lambda: tiny_training(average=1.0), "average is 1.0; expected a decay"),
    ],
)
def test_values_out_of_range_are_told(make, told):
    with pytest.raises(TrainingError, match=told):
        make()


@pytest.mark.parametrize(
    ("every", "steps", "seconds", "due"),
    [
        (Every(), 10**9, 1e9, False),
        (Every(steps=5), 4, 1e9, False),
        (Every(steps=5), 5, 0.0, True),
        (Every(minutes=2.0), 10**9, 119.0, False),
        (Every(minutes=2.0), 0, 120.0, True),
        (Every(steps=5, minutes=2.0), 1, 120.0, True),
    ],
)
def test_something_is_due_by_steps_or_by_minutes(every, steps, seconds, due):
    assert every.is_due(steps, seconds) is due


def test_a_settled_config_has_all_sides():
    stages = (Stage(0.0, side=64), Stage(0.5, side=None))
    config = settled(tiny_training(stages=stages, data=DataOptions()), 512)
    assert [stage.pixels for stage in config.stages] == [64, 512]
    assert config.data.stored_pixels == 512
    assert settled(config, 96) == config


def test_a_config_can_be_replaced_piece_by_piece():
    config = replace(tiny_training(), average=None)
    assert config.average is None
