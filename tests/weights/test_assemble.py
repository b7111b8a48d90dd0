"""A network around the tensors of a checkpoint."""

import dataclasses
from pathlib import Path

import pytest
import torch

from masklet.errors import CheckpointError
from masklet.model.config import VARIANTS, MemoryConfig, Version
from masklet.model.sam2 import SAM2
from masklet.weights.assemble import assemble, shapes_of
from masklet.weights.read import Checkpoint

PATH = Path("model.pt")


def shapes_only(config):
    """A complete state dict whose numbers take no memory."""
    with torch.device("meta"):
        shapes = shapes_of(SAM2(config))
    return {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_released_model_is_recognised_by_its_names_and_shapes(name):
    model = assemble(Checkpoint(PATH, shapes_only(VARIANTS[name]), None))
    assert model.config == VARIANTS[name]


def test_a_model_has_the_very_tensors_of_its_checkpoint(small):
    tensors = small.state_dict()
    model = assemble(Checkpoint(PATH, tensors, small.config))
    places = {name: tensor.data_ptr() for name, tensor in model.state_dict().items()}
    assert places == {name: tensor.data_ptr() for name, tensor in tensors.items()}


def test_a_model_can_be_used_and_trained(small):
    model = assemble(Checkpoint(PATH, small.state_dict(), small.config))
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}
    features = model.encode_image(torch.zeros(1, 3, 64, 64))
    assert features.embedding_FLC.isfinite().all()


def test_building_draws_no_random_number(small):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assemble(Checkpoint(PATH, small.state_dict(), small.config))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_default_device_has_no_say(small):
    with torch.device("meta"):
        model = assemble(Checkpoint(PATH, small.state_dict(), small.config))
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}


def test_a_missing_an_unknown_and_a_misshaped_tensor_are_all_named():
    tensors = shapes_only(VARIANTS["sam2.1-hiera-small"])
    del tensors["maskmem_tpos_enc"]
    tensors["head.bias"] = torch.zeros(2)
    tensors["no_mem_pos_enc"] = torch.zeros(1, 1, 128)
    with pytest.raises(CheckpointError) as caught:
        assemble(Checkpoint(PATH, tensors, None))
    assert (
        "looks like sam2.1-hiera-small and does not fit it: 1 missing: maskmem_tpos_enc; "
        "1 unexpected: head.bias; 1 of another shape: no_mem_pos_enc [1, 1, 128], expected "
        "[1, 1, 256]. Expected exactly the 519 tensors of that model."
    ) in str(caught.value)


def test_an_unreleased_model_without_its_config_is_refused(small):
    with pytest.raises(CheckpointError, match=r"looks like sam2\.1-hiera-.* does not fit it"):
        assemble(Checkpoint(PATH, small.state_dict(), None))


def test_a_config_of_another_model_is_refused(small):
    memory = MemoryConfig(version=Version.V2_0, layers=1, width=8)
    other = dataclasses.replace(small.config, memory=memory)
    with pytest.raises(CheckpointError, match="3 unexpected: no_obj_embed_spatial"):
        assemble(Checkpoint(PATH, small.state_dict(), other))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"stages": (10**9, 1, 1, 1)}, r"says that it has 1000000003 blocks and 1 memory layers"),
        ({"embed_dim": 2**20}, "does not fit it: .* of another shape"),
        ({"embed_dim": 2**70}, "carries a config that no model can have"),
        ({"num_heads": 0}, "no model can have: 0 heads do not divide 16 channels"),
        ({"num_heads": 3}, "no model can have: 3 heads do not divide 16 channels"),
        ({"window_sizes": (8, 4, 0, 2)}, r"no model can have: windows of \(8, 4, 0, 2\) tokens"),
        ({"embed_dim": "sixteen"}, "carries a config that no model can have"),
    ],
    ids=["blocks", "wide", "wider", "no heads", "odd heads", "no window", "a word"],
)
def test_an_absurd_config_is_refused_without_being_built(change, expected, small):
    trunk = dataclasses.replace(small.config.trunk, **change)
    config = dataclasses.replace(small.config, trunk=trunk)
    with pytest.raises(CheckpointError, match=expected):
        assemble(Checkpoint(PATH, small.state_dict(), config))


def test_an_odd_image_size_is_refused(small):
    config = dataclasses.replace(small.config, image_size=1000)
    with pytest.raises(CheckpointError, match="an image of 1000 pixels, not a multiple of 32"):
        assemble(Checkpoint(PATH, small.state_dict(), config))


def test_tensors_of_another_network_are_refused():
    with pytest.raises(CheckpointError, match=r"is no SAM 2 checkpoint: none of its 1 tensors"):
        assemble(Checkpoint(PATH, {"fc.weight": torch.zeros(2)}, None))
