"""What was sent to the host arrives as it was."""

import numpy as np
import pytest
import torch

from masklet.types.host_copy import Fetched, HostCopy


def test_a_copy_has_the_values_of_its_tensor():
    assert HostCopy(torch.tensor([[1.5], [2.5]])).numpy().tolist() == [[1.5], [2.5]]


def test_masks_and_ratings_arrive_as_they_were_sent():
    masks = torch.from_numpy(np.random.default_rng(0).random((3, 5, 7)) < 0.5)
    fetched = Fetched.of(masks, torch.arange(9.0).reshape(3, 3))
    assert torch.equal(fetched.masks(), masks)
    ratings = fetched.ratings()
    assert ratings.iou.tolist() == [0, 1, 2]
    assert ratings.object_score.tolist() == [3, 4, 5]
    assert ratings.stability.tolist() == [6, 7, 8]


def test_of_no_masks_nothing_arrives():
    fetched = Fetched.of(torch.zeros((0, 5, 7), dtype=torch.bool), torch.zeros((3, 0)))
    assert fetched.masks().shape == (0, 5, 7)
    assert fetched.ratings().stability.shape == (0,)


@pytest.mark.gpu
def test_a_copy_from_a_gpu_has_the_values_of_its_tensor():
    there = torch.arange(1 << 20, device="cuda") * 3
    copy = HostCopy(there)
    # The memory of the tensor may be used again at once.
    there.zero_()
    np.testing.assert_array_equal(copy.numpy(), np.arange(1 << 20) * 3)
