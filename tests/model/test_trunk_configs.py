"""Both kinds of trunk in a config, and the bounds of our own small models."""

import dataclasses
import json

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from masklet.model.config import (
    MASKLET_SMALL_HIERA,
    MASKLET_SMALL_HYBRID,
    SAM2_1_TINY,
    VARIANTS,
    HieraConfig,
    HybridConfig,
    ModelConfig,
)
from masklet.model.sam2 import SAM2
from tests.tiny import tiny_config, tiny_hybrid_config, tiny_light_config

SMALL = {"hiera": MASKLET_SMALL_HIERA, "hybrid": MASKLET_SMALL_HYBRID}
# As the releases before there was another trunk wrote it.
OLD = (
    '{"trunk": {"embed_dim": 96, "num_heads": 1, "stages": [1, 2, 7, 2], "global_blocks": '
    '[5, 7, 9], "window_sizes": [8, 4, 14, 7], "position_grid": 7}, "memory": {"version": '
    '"2.1", "layers": 4, "width": 64}, "width": 256, "image_size": 1024}'
)


def empty(config):
    with torch.device("meta"):
        return SAM2(config)


def gigaflops(model, side):
    """Of encoding one picture, without gradients or kernels that no counter knows."""
    images = torch.zeros(1, 3, side, side, device="meta")
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model.encode_image(images)
    return counter.get_total_flops() / 1e9


@pytest.mark.parametrize(
    "config",
    [*SMALL.values(), tiny_hybrid_config(), tiny_light_config()],
    ids=[*SMALL, "tiny hybrid", "light memory"],
)
def test_a_config_survives_json(config):
    again = ModelConfig.from_json(config.to_json())
    assert again == config
    assert hash(again) == hash(config)
    assert "\n" not in config.to_json()


def test_a_config_without_a_kind_of_trunk_has_hiera():
    assert ModelConfig.from_json(OLD) == SAM2_1_TINY


@pytest.mark.parametrize("config", [*VARIANTS.values(), tiny_config()], ids=[*VARIANTS, "tiny"])
def test_a_config_with_hiera_is_written_as_older_releases_read_it(config):
    assert "kind" not in json.loads(config.to_json())["trunk"]
    assert SAM2_1_TINY.to_json() == OLD


def test_a_memory_that_is_not_sam_2s_says_so():
    memory = json.loads(tiny_light_config().to_json())["memory"]
    assert (memory["attention_width"], memory["expansion"]) == (16, 2)
    assert (memory["encoder_width"], memory["mask_stride"]) == (16, 4)


def test_a_hybrid_trunk_says_so():
    assert json.loads(tiny_hybrid_config().to_json())["trunk"]["kind"] == "hybrid"


def test_a_trunk_of_unknown_kind_is_refused():
    fields = json.loads(tiny_hybrid_config().to_json())
    fields["trunk"]["kind"] = "vit"
    with pytest.raises(ValueError, match="the trunk is of kind 'vit'; expected 'hybrid', or none"):
        ModelConfig.from_json(json.dumps(fields))


def test_fields_of_the_other_trunk_are_refused():
    fields = json.loads(tiny_hybrid_config().to_json())
    fields["trunk"]["window_sizes"] = [8, 4, 8, 4]
    with pytest.raises(TypeError, match="window_sizes"):
        ModelConfig.from_json(json.dumps(fields))
    del fields["trunk"]["kind"]
    with pytest.raises(TypeError, match="widths"):
        ModelConfig.from_json(json.dumps(fields))


def test_two_trunks_of_the_same_numbers_are_two_models():
    assert len({dataclasses.replace(SAM2_1_TINY, trunk=c.trunk) for c in SMALL.values()}) == 2


def test_the_widths_of_hiera_double():
    assert SAM2_1_TINY.trunk.widths == (96, 192, 384, 768)


@pytest.mark.parametrize("config", SMALL.values(), ids=SMALL)
def test_a_small_model_stays_within_its_bounds(config):
    parameters = sum(value.numel() for value in empty(config).state_dict().values())
    # 16 MB at two bytes a number, and room for what a file says of itself.
    assert 7_000_000 < parameters < 8_000_000
    assert config.width <= 192
    assert config.width % config.memory.width == 0
    assert config.memory.layers == 1


def test_the_trunks_of_the_small_models_are_compared_at_equal_arithmetic():
    assert isinstance(MASKLET_SMALL_HIERA.trunk, HieraConfig)
    assert isinstance(MASKLET_SMALL_HYBRID.trunk, HybridConfig)
    same = dataclasses.replace(MASKLET_SMALL_HIERA, trunk=MASKLET_SMALL_HYBRID.trunk)
    assert same == MASKLET_SMALL_HYBRID
    hiera, hybrid = (empty(config) for config in SMALL.values())
    for side in (256, 512):
        assert gigaflops(hybrid, side) == pytest.approx(gigaflops(hiera, side), rel=0.05)
    sizes = [sum(p.numel() for p in m.image_encoder.parameters()) for m in (hiera, hybrid)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)
