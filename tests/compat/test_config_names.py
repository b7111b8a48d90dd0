"""Config files are known by their names, however their paths are written."""

import pytest

from masklet.compat.config_names import CONFIG_FILES, config_named
from masklet.errors import CheckpointError
from masklet.model.config import SAM2_0_LARGE, SAM2_1_BASE_PLUS, SAM2_1_TINY, VARIANTS


def test_every_released_model_has_one_config_file():
    assert sorted(map(repr, CONFIG_FILES.values())) == sorted(map(repr, VARIANTS.values()))


@pytest.mark.parametrize(
    ("spelling", "config"),
    [
        ("configs/sam2.1/sam2.1_hiera_b+.yaml", SAM2_1_BASE_PLUS),
        ("configs/sam2/sam2_hiera_l.yaml", SAM2_0_LARGE),
        ("sam2_hiera_l.yaml", SAM2_0_LARGE),
        ("sam2_hiera_l", SAM2_0_LARGE),
        ("sam2.1_hiera_t", SAM2_1_TINY),
        ("./configs/sam2.1/sam2.1_hiera_t.yaml", SAM2_1_TINY),
        ("/opt/sam2/sam2/configs/sam2.1/sam2.1_hiera_t.yaml", SAM2_1_TINY),
        ("//opt/sam2_hiera_l.yaml", SAM2_0_LARGE),
        (r"configs\sam2.1\sam2.1_hiera_t.yaml", SAM2_1_TINY),
    ],
)
def test_a_path_is_known_by_its_last_part(spelling, config):
    assert config_named(spelling) == config


def test_an_unknown_config_is_refused_with_the_nearest_names():
    with pytest.raises(CheckpointError) as caught:
        config_named("configs/sam2.1/sam2.1_hiera_x.yaml")
    message = str(caught.value)
    assert "no model has the config 'configs/sam2.1/sam2.1_hiera_x.yaml'" in message
    assert "expected one of configs/sam2/sam2_hiera_t.yaml, " in message
    assert "Did you mean configs/sam2.1/sam2.1_hiera_" in message


def test_a_name_like_no_other_gets_no_guess():
    with pytest.raises(CheckpointError, match="no model has the config '42'") as caught:
        config_named("42")
    assert "Did you mean" not in str(caught.value)
