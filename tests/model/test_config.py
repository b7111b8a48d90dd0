"""A config is all that two models differ in, and survives being written down."""

import dataclasses
import json

import pytest
import torch

from masklet.model.config import VARIANTS, ModelConfig, Version
from masklet.model.sam2 import SAM2
from tests.tiny import tiny_config

# Counted in the released checkpoints, without their one buffer.
PARAMETERS = {
    "sam2-hiera-tiny": 38_945_986,
    "sam2-hiera-small": 46_043_842,
    "sam2-hiera-base-plus": 80_833_666,
    "sam2-hiera-large": 224_430_130,
    "sam2.1-hiera-tiny": 38_962_498,
    "sam2.1-hiera-small": 46_060_354,
    "sam2.1-hiera-base-plus": 80_850_178,
    "sam2.1-hiera-large": 224_446_642,
}


@pytest.mark.parametrize("config", [*VARIANTS.values(), tiny_config()], ids=[*VARIANTS, "tiny"])
def test_a_config_survives_json(config):
    again = ModelConfig.from_json(config.to_json())
    assert again == config
    assert hash(again) == hash(config)
    assert "\n" not in config.to_json()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"trunk": {}, "memory": {}}'],
    ids=["nothing", "half", "a list", "empty", "parts missing"],
)
def test_what_is_no_config_is_refused(text):
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        ModelConfig.from_json(text)


def test_a_field_that_no_model_has_is_refused():
    fields = json.loads(tiny_config().to_json())
    with pytest.raises(TypeError, match="depth"):
        ModelConfig.from_json(json.dumps({**fields, "depth": 3}))
    fields["memory"]["version"] = "3.0"
    with pytest.raises(ValueError, match=r"3\.0"):
        ModelConfig.from_json(json.dumps(fields))


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny_config().width = 8


@pytest.mark.parametrize("size", ["tiny", "small", "base-plus", "large"])
def test_both_versions_of_a_size_differ_in_their_version_alone(size):
    first, second = VARIANTS[f"sam2-hiera-{size}"], VARIANTS[f"sam2.1-hiera-{size}"]
    assert first != second
    changed = dataclasses.replace(first.memory, version=Version.V2_1)
    assert dataclasses.replace(first, memory=changed) == second


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items(), ids=PARAMETERS)
def test_a_released_model_has_as_many_parameters_as_its_checkpoint(name, count):
    with torch.device("meta"):
        model = SAM2(VARIANTS[name])
    assert sum(parameter.numel() for parameter in model.parameters()) == count
