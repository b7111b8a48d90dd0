"""Names of transformers and back. The names of the official models: tests/contracts."""

import pytest
import torch

from masklet.errors import CheckpointError
from masklet.weights.dialects import (
    huggingface_name,
    huggingface_tensors,
    is_huggingface,
    official_name,
    official_tensors,
)

POINTS = "sam_prompt_encoder.point_embeddings.{}.weight"
STACKED = "prompt_encoder.point_embed.weight"
POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"
AGAIN = "shared_image_embedding.positional_embedding"


def test_there_and_back_gives_every_tensor(small, same_tensors):
    official = small.state_dict()
    foreign = huggingface_tensors(official)
    assert is_huggingface(foreign)
    assert not is_huggingface(official)
    assert same_tensors(official_tensors(foreign), official)


def test_point_embeddings_are_one_tensor_there(small):
    official = small.state_dict()
    stacked = huggingface_tensors(official)[STACKED]
    assert stacked.shape == (4, 16)
    for row in range(4):
        assert torch.equal(stacked[row : row + 1], official[POINTS.format(row)])


def test_positions_are_there_twice_in_memory_of_their_own(small):
    foreign = huggingface_tensors(small.state_dict())
    assert torch.equal(foreign[POSITIONS], foreign[AGAIN])
    assert foreign[POSITIONS].data_ptr() != foreign[AGAIN].data_ptr()


@pytest.mark.parametrize("left_out", [POSITIONS, AGAIN])
def test_one_of_the_two_matrices_of_positions_is_enough(left_out, small, same_tensors):
    foreign = huggingface_tensors(small.state_dict())
    del foreign[left_out]
    assert same_tensors(official_tensors(foreign), small.state_dict())


def test_two_different_matrices_of_positions_are_refused(small):
    foreign = huggingface_tensors(small.state_dict())
    foreign[AGAIN] = foreign[AGAIN] + 1
    with pytest.raises(CheckpointError, match=f"{POSITIONS} and {AGAIN} differ; expected the same"):
        official_tensors(foreign)


def test_reading_copies_nothing(small):
    foreign = huggingface_tensors(small.state_dict())
    official = official_tensors(foreign)
    ours = official["image_encoder.trunk.blocks.0.mlp.layers.0.weight"]
    hers = foreign["vision_encoder.backbone.blocks.0.mlp.proj_in.weight"]
    assert ours.data_ptr() == hers.data_ptr()
    assert official[POINTS.format(0)].data_ptr() == foreign[STACKED].data_ptr()


@pytest.mark.parametrize(
    "name",
    [
        "head.weight",
        "image_encoder.trunk.blocks.x.norm1.weight",
        "image_encoder.trunk.blocks.0.norm1.weight.extra",
        "image_encoder.trunk.blocks.0.norm1.running_mean",
        "sam_prompt_encoder.point_embeddings.4.weight",
        "xmaskmem_tpos_enc",
    ],
)
def test_a_name_that_is_not_ours_has_no_counterpart(name):
    assert huggingface_name(name) is None
    assert official_name(name) is None


def test_an_unknown_name_stays_for_the_strict_check_to_find():
    odd = torch.zeros(())
    tensors = official_tensors({"vision_encoder.extra": odd, STACKED: odd})
    assert list(tensors) == ["vision_encoder.extra", STACKED]
