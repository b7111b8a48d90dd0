"""The made-up weights and inputs are the same bits for everyone who follows the formulas."""

import hashlib

import numpy as np
import pytest
import torch

from masklet.model.config import VARIANTS
from masklet.model.sam2 import SAM2
from tests.parity import inputs, weights


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def shapes_of(name):
    with torch.device("meta"):
        model = SAM2(VARIANTS[name])
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        (
            "sam2.1-hiera-tiny",
            "d9062f72a5baa050867791d70e8a80cb464e7555918d2d0c57f3c044145ac06f",
        ),
        ("sam2-hiera-tiny", "dc24e87a53ebd0cff9be437f835856ac48d646546b32ba5b10651f7c84a1b4bc"),
    ],
)
def test_weights_are_those_of_everyone_else(name, digest):
    assert weights.digest(weights.state_dict(shapes_of(name), seed=0)) == digest


def test_an_override_is_added_to_every_element_of_one_parameter():
    shapes = {"a.weight": (3, 2), "b.bias": (4,)}
    plain = weights.state_dict(shapes, seed=3)
    shifted = weights.state_dict(shapes, seed=3, overrides={"b.bias": 0.25})
    assert torch.equal(shifted["a.weight"], plain["a.weight"])
    assert torch.equal(shifted["b.bias"], plain["b.bias"] + 0.25)


def test_seed_name_and_shape_each_give_other_weights():
    one = weights.parameter("a.weight", (4, 4), 0)
    assert not torch.equal(one, weights.parameter("a.weight", (4, 4), 1))
    assert not torch.equal(one, weights.parameter("b.weight", (4, 4), 0))
    assert not torch.equal(one[0], weights.parameter("a.weight", (4, 2), 0)[0, :2].repeat(2))


def test_near_normal_numbers_are_centred_and_bounded():
    values = weights.near_normal("anything", 100_000)
    assert abs(values.mean()) < 0.02
    assert abs(values.std() - 1) < 0.02
    assert abs(values).max() < 3.47


PICTURE = "6257953137111c9a9d827fa6bca077c6e23f425a756a958ebfb71bc4cdbe53ca"
LATER = "5cd8356ff735daf5e5b42bcd7cb0673ca590e87faabe5883cd429f32818db56f"
BLOB = "abaade815fac3d9ba072bf653b2a1189d85b4cc1a525e55926372cce06353007"
HIDDEN = "0f58072cc905db102b5f995f3c11f5aa172fde2e76781f430d66a085c4cdc73d"
TENSOR = "273459c48b35ee9ff6e5b091ceaab482d3f88cc0a10878f35a38a34d9ac515ff"


def test_pictures_are_those_of_everyone_else():
    assert sha256(inputs.picture(48, 85, seed=51, figures=5)) == PICTURE


def test_clips_are_those_of_everyone_else():
    frames = inputs.clip(48, 85, 12, seed=34, figures=4)
    assert len(frames) == 12
    assert np.array_equal(frames[0], inputs.picture(48, 85, 34, 4))
    assert sha256(frames[11]) == LATER


def test_masks_are_those_of_everyone_else():
    assert sha256(inputs.blob_mask(64, 80, seed=11)) == BLOB
    assert sha256(inputs.figure_mask((48, 85), 34, 4, index=2, time=11)) == HIDDEN


def test_tensors_are_those_of_everyone_else():
    assert sha256(inputs.tensor("me", (2, 3, 5), 4.0, 1.0).numpy()) == TENSOR
