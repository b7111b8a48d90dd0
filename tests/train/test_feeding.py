"""A recipe gets the feed that it wants, and its memory a beginning made of what it is fed."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from masklet.data.records import Dataset
from masklet.data.scenes.tiny import tiny_clips
from masklet.errors import TrainingError
from masklet.train.building import build_model
from masklet.train.config import Stage
from masklet.train.feed_loaded import LoadedFeed
from masklet.train.feed_resident import ResidentFeed
from masklet.train.feeding import make_feed, prepare_memory
from tests.train.made_run import ALONE, same_weights, tiny_training

TINY = Dataset("tiny", Path(), "generated", tiny_clips())


def with_data(**changes):
    config = tiny_training()
    return replace(config, data=replace(config.data, **changes))


def test_data_lie_on_the_device_or_are_read_as_the_recipe_says(tmp_path):
    read = []
    resident = make_feed(
        [TINY],
        with_data(),
        ALONE,
        cache=tmp_path / "data.safetensors",
        progress=lambda done, total: read.append((done, total)),
    )
    assert isinstance(resident, ResidentFeed)
    assert read == [(1, 3), (2, 3), (3, 3)]
    assert (tmp_path / "data.safetensors").exists()
    assert isinstance(make_feed([TINY], with_data(is_resident=False), ALONE), LoadedFeed)


def test_clips_that_no_video_is_long_enough_for_are_refused():
    long = tiny_training(stages=(Stage(side=64, frames=50, picture_share=0.5),))
    with pytest.raises(TrainingError, match=r"clips of 50 frames.*annotated has 12;.*animated=1"):
        make_feed([TINY], long, ALONE)
    animated = replace(long, data=replace(long.data, animated=1.0))
    assert make_feed([TINY], animated, ALONE).skipped == 0


def test_a_memory_is_prepared_where_the_recipe_wants_it():
    config = tiny_training()
    feed = make_feed([TINY], config, ALONE)
    plain = build_model(config, torch.device("cpu"))
    model = build_model(config, torch.device("cpu"))
    prepare_memory(model, config, feed)
    assert same_weights(model, plain)
    wanted = replace(config, model=replace(config.model, prepared=("prompts", "memory")))
    prepare_memory(model, wanted, feed)
    assert not same_weights(model.memory_attention, plain.memory_attention)
    assert same_weights(model.image_encoder, plain.image_encoder)
    again = build_model(config, torch.device("cpu"))
    prepare_memory(again, wanted, feed)
    assert same_weights(again, model)
