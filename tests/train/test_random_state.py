"""All dice fall the same again after their state was put back."""

import json
import random

import numpy as np
import pytest
import torch

from masklet.train.random_state import random_state, restore_random_state


def draw(generator):
    return [
        random.random(),
        random.gauss(0, 1),
        float(np.random.standard_normal()),  # noqa: NPY002
        torch.randn(()).item(),
        torch.rand((), generator=generator).item(),
    ]


def test_dice_fall_the_same_again_after_a_round_trip_through_json():
    generator = torch.Generator().manual_seed(3)
    # Normal numbers come in pairs: the state lies between the two.
    draw(generator)
    saved = json.loads(json.dumps(random_state({"data": generator})))
    expected = [draw(generator) for _ in range(3)]
    other = torch.Generator()
    restore_random_state(saved, {"data": other})
    assert [draw(other) for _ in range(3)] == expected


def test_asking_changes_nothing():
    generator = torch.Generator().manual_seed(3)
    first = random_state({"data": generator})
    assert random_state({"data": generator}) == first


@pytest.mark.gpu
def test_a_gpu_falls_the_same_again():
    torch.rand(3, device="cuda")
    saved = random_state({})
    expected = torch.rand(3, device="cuda")
    restore_random_state(saved, {})
    assert torch.equal(torch.rand(3, device="cuda"), expected)
