"""A loss that is no number ends the training, and what led to it is kept."""

import pytest
import torch
from safetensors.torch import load_file

from masklet.errors import TrainingError
from masklet.train.guard import require_finite
from masklet.train.tensor_files import read_document
from tests.train.clips import tiny_batch

FINE = torch.tensor(1.5)


def test_finite_numbers_leave_nothing_behind(tmp_path):
    numbers = {"loss": FINE.clone().requires_grad_(), "gradient norm": torch.tensor(3e38)}
    require_finite(numbers, tiny_batch(), step=3, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("which", ["loss", "gradient norm"])
def test_a_number_that_is_none_stops_and_says_where(bad, which, tmp_path):
    numbers = {"loss": FINE, "gradient norm": FINE} | {which: torch.tensor(float(bad))}
    told = rf"at step 12: .*{which} {bad}.*, with clip 0, clip 1; expected finite numbers\. "
    with pytest.raises(TrainingError, match=told + r"The batch is saved in .*; look at it, then"):
        require_finite(numbers, tiny_batch(), step=12, folder=tmp_path)


def test_the_batch_is_saved_as_it_was(tmp_path):
    batch = tiny_batch()
    with pytest.raises(TrainingError):
        require_finite({"loss": FINE / 0}, batch, step=12, folder=tmp_path)
    path = tmp_path / "bad-batch-000000012.safetensors"
    saved = load_file(path)
    assert set(saved) == {"frames_F3SS", "masks_TBSS", "known_TB", "row_to_frame_TB"}
    assert all(torch.equal(tensor, getattr(batch, name)) for name, tensor in saved.items())
    assert read_document(path) == {"step": 12, "names": list(batch.names), "numbers": "loss inf"}


def test_of_many_clips_the_first_are_named(tmp_path):
    batch = tiny_batch(clips=6, frames=1)
    with pytest.raises(TrainingError, match=r"with clip 0, clip 1, clip 2, clip 3 and 2 more;"):
        require_finite({"loss": FINE / 0}, batch, step=1, folder=tmp_path)


def test_a_batch_that_cannot_be_saved_does_not_hide_what_happened(tmp_path):
    told = r"loss inf, .* The batch could not be saved \(.*could not be written: No such file"
    with pytest.raises(TrainingError, match=told):
        require_finite({"loss": FINE / 0}, tiny_batch(), step=1, folder=tmp_path / "gone")
