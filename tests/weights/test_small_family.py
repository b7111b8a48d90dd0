"""Models with a hybrid trunk, and the small ones, as files."""

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from masklet.errors import CheckpointError, OutputError
from masklet.model.config import MASKLET_SMALL_HIERA, MASKLET_SMALL_HYBRID, ModelConfig
from masklet.model.sam2 import SAM2
from masklet.weights.assemble import assemble, shapes_of
from masklet.weights.load import load
from masklet.weights.read import Checkpoint
from masklet.weights.recognise import describe, facts_of, facts_of_config
from masklet.weights.save import save_huggingface, save_official, save_safetensors
from tests.tiny import tiny_hybrid_config, with_weights

PATH = Path("model.safetensors")
SMALL = {"hiera": MASKLET_SMALL_HIERA, "hybrid": MASKLET_SMALL_HYBRID}


@pytest.fixture(scope="module")
def hybrid():
    return with_weights(SAM2(tiny_hybrid_config()).eval(), seed=3)


@pytest.mark.parametrize("save", [save_safetensors, save_official])
def test_a_hybrid_model_comes_back_with_every_bit(save, hybrid, tmp_path, same_tensors):
    save(hybrid, tmp_path / "model")
    again = load(tmp_path / "model", device="cpu")
    assert again.config == hybrid.config
    assert same_tensors(again.state_dict(), hybrid.state_dict())
    images = torch.zeros(1, 3, 64, 64)
    with torch.no_grad():
        ours, theirs = again.encode_image(images), hybrid.encode_image(images)
    assert torch.equal(ours.embedding_FLC, theirs.embedding_FLC)


@pytest.mark.parametrize("config", SMALL.values(), ids=SMALL)
def test_a_small_model_in_half_precision_is_a_file_of_16_mb_at_most(config, tmp_path):
    with torch.device("meta"):
        model = SAM2(config).half()
    save_safetensors(model.to_empty(device="cpu"), tmp_path / "small", name="masklet-small")
    assert 14e6 < (tmp_path / "small").stat().st_size <= 16e6
    with safe_open(tmp_path / "small", framework="pt") as file:
        assert ModelConfig.from_json(file.metadata()["config"]) == config
    assert load(tmp_path / "small", device="cpu").config == config


@pytest.mark.parametrize(
    "config", [*SMALL.values(), tiny_hybrid_config()], ids=[*SMALL, "tiny hybrid"]
)
def test_a_model_shows_the_facts_of_its_config(config):
    with torch.device("meta"):
        model = SAM2(config)
    assert facts_of(shapes_of(model)) == facts_of_config(config)


def test_stages_of_equal_width_show_their_blocks_together():
    trunk = dataclasses.replace(tiny_hybrid_config().trunk, widths=(8, 24, 24, 24))
    config = dataclasses.replace(tiny_hybrid_config(), trunk=trunk)
    with torch.device("meta"):
        assert facts_of(shapes_of(SAM2(config))) == facts_of_config(config)
    assert facts_of_config(config).blocks == (1, 7)


def test_a_hybrid_model_is_described_by_its_numbers():
    said = describe(MASKLET_SMALL_HYBRID)
    assert said == "a model of 2-2-9-2 blocks, 48 channels, width 192"


def test_a_hybrid_model_without_its_config_is_refused(hybrid):
    with pytest.raises(CheckpointError, match=r"looks like sam2.* and does not fit it"):
        assemble(Checkpoint(PATH, hybrid.state_dict(), None))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"stages": (10**9, 1, 1, 1)}, r"says that it has 1000000003 blocks and 2 memory layers"),
        ({"widths": (2**20, 16, 24, 40)}, "does not fit it: .* of another shape"),
        ({"widths": (2**70, 16, 24, 40)}, "carries a config that no model can have"),
        ({"widths": (8, 16, 24)}, "carries a config that no model can have"),
        ({"widths": (8, "16", 24, 40)}, "carries a config that no model can have"),
        ({"stages": (1, 2, 5, 0)}, "no model can have: the stages have .* blocks"),
        ({"num_heads": 5}, "no model can have: block 4 has 5 heads for 24 channels"),
        ({"global_blocks": (99,)}, "no model can have: block 99 is to be global"),
        ({"global_blocks": ()}, "does not fit it: .* unexpected: image_encoder.trunk.blocks.4"),
    ],
    ids=["deep", "wide", "wider", "three", "a word", "empty", "heads", "beyond", "no attention"],
)
def test_an_absurd_config_is_refused_without_being_built(change, expected, hybrid):
    trunk = dataclasses.replace(hybrid.config.trunk, **change)
    config = dataclasses.replace(hybrid.config, trunk=trunk)
    with pytest.raises(CheckpointError, match=expected):
        assemble(Checkpoint(PATH, hybrid.state_dict(), config))


def test_a_file_of_a_newer_kind_of_trunk_says_so(hybrid, tmp_path):
    text = hybrid.config.to_json().replace('"hybrid"', '"vit"')
    torch.save({"model": hybrid.state_dict(), "masklet_config": text}, tmp_path / "model.pt")
    with pytest.raises(
        CheckpointError, match=r"kind 'vit'; .*Was it written by a newer version\? Update masklet"
    ):
        load(tmp_path / "model.pt", device="cpu")


def test_transformers_has_no_hybrid_trunk(tmp_path):
    with torch.device("meta"):
        wide = SAM2(dataclasses.replace(tiny_hybrid_config(), width=256))
    with pytest.raises(OutputError, match=r"the model has a hybrid trunk; .* Write safetensors"):
        save_huggingface(wide, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
