"""config.json of transformers, from a ModelConfig and back."""

import dataclasses
import json

import pytest

from masklet.errors import CheckpointError, OutputError
from masklet.model.config import VARIANTS, MemoryConfig, Version
from masklet.weights.huggingface import from_document, to_document


@pytest.mark.parametrize("name", VARIANTS)
def test_every_released_model_survives_the_round_trip(name):
    document = json.loads(json.dumps(to_document(VARIANTS[name])))
    assert from_document(document) == VARIANTS[name]


def test_an_unreleased_model_survives_the_round_trip(wide):
    assert from_document(to_document(wide.config)) == wide.config


def test_what_is_left_out_is_the_tiny_model_of_2_1():
    assert from_document({"model_type": "sam2_video"}) == VARIANTS["sam2.1-hiera-tiny"]


def test_every_number_that_differs_between_models_is_read():
    config = dataclasses.replace(
        VARIANTS["sam2-hiera-large"],
        memory=MemoryConfig(version=Version.V2_0, layers=3, width=32),
        image_size=512,
    )
    assert from_document(to_document(config)) == config


def test_a_model_of_another_width_cannot_be_written(small):
    with pytest.raises(
        OutputError, match=r"16 channels wide; .* models of 256 channels only, .*Write safetensors"
    ):
        to_document(small.config)


@pytest.mark.parametrize("kind", ["bert", None, 3])
def test_another_kind_of_model_is_named(kind):
    with pytest.raises(CheckpointError, match=f"has model_type {kind!r}; expected sam2_video or"):
        from_document({"model_type": kind})


@pytest.mark.parametrize(
    "backbone",
    [
        {"blocks_per_stage": [1, 2, 3]},
        {"blocks_per_stage": "none"},
        {"embed_dim_per_stage": [96, 96, 96, 96]},
        {"num_attention_heads_per_stage": [1, 1, 1, 1]},
        {"hidden_size": None},
        {"global_attention_blocks": 5},
        {"window_positional_embedding_background_size": 7},
        {"window_positional_embedding_background_size": []},
        {"window_positional_embedding_background_size": [7, 14]},
        [],
    ],
)
def test_a_config_of_another_make_is_refused(backbone):
    document = {"model_type": "sam2_video", "vision_config": {"backbone_config": backbone}}
    with pytest.raises(CheckpointError, match="does not describe a SAM 2 model of the known kind"):
        from_document(document)
