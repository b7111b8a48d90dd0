"""The last checkpoints and the best one stay; a full disk removes none."""

import pytest
from torch import nn

from masklet.errors import OutputError
from masklet.train.checkpoint import Progress, TrainingState
from masklet.train.checkpoint_folder import best_checkpoint, keep_checkpoint, newest_checkpoint
from masklet.train.optim import OptimOptions, make_optimizers
from tests.weights.test_save import small_disk


@pytest.fixture(scope="module")
def state():
    model = nn.Linear(2, 2)
    return TrainingState(model, make_optimizers(model, OptimOptions()))


def keep(folder, state, scores, last=2):
    for step, score in scores.items():
        keep_checkpoint(folder, state, Progress(step, {}, score=score), last=last)
    return sorted(int(path.stem.removeprefix("step-")) for path in folder.iterdir())


def step_of(path):
    return int(path.stem.removeprefix("step-"))


def test_the_last_ones_stay(state, tmp_path):
    assert keep(tmp_path, state, dict.fromkeys((5, 10, 15, 20))) == [15, 20]
    assert step_of(newest_checkpoint(tmp_path)) == 20
    assert best_checkpoint(tmp_path) is None


def test_the_best_one_stays_beside_them(state, tmp_path):
    assert keep(tmp_path, state, {1: 0.2, 2: 0.9, 3: 0.5, 4: None, 5: 0.6}) == [2, 4, 5]
    assert step_of(best_checkpoint(tmp_path)) == 2
    assert keep(tmp_path, state, {6: 0.95, 7: None, 8: None}) == [6, 7, 8]


def test_of_two_best_ones_the_later_stays(state, tmp_path):
    assert keep(tmp_path, state, {1: 0.9, 2: 0.9, 3: 0.1}, last=1) == [2, 3]


def test_a_score_that_is_no_number_is_none(state, tmp_path):
    assert keep(tmp_path, state, {1: float("nan"), 2: 0.1, 3: float("nan")}, last=1) == [2, 3]


def test_steps_count_as_numbers_and_other_files_are_left_alone(state, tmp_path):
    (tmp_path / "step-notes.safetensors").touch()
    (tmp_path / "metrics.jsonl").touch()
    for step in (999_999_999, 1_000_000_000):
        keep_checkpoint(tmp_path, state, Progress(step, {}), last=1)
    assert step_of(newest_checkpoint(tmp_path)) == 1_000_000_000
    assert len(list(tmp_path.iterdir())) == 3


def test_what_a_killed_process_left_is_removed(state, tmp_path):
    (tmp_path / ".masklet-0123456789abcdef.tmp").write_bytes(b"half")
    assert keep(tmp_path, state, {1: None}) == [1]


def test_a_damaged_checkpoint_is_not_the_best_and_does_not_stop_the_training(state, tmp_path):
    keep(tmp_path, state, {1: 0.9, 2: 0.1})
    (tmp_path / "step-000000001.safetensors").write_bytes(b"damaged")
    assert step_of(best_checkpoint(tmp_path)) == 2
    assert keep(tmp_path, state, {3: 0.2, 4: 0.1}) == [3, 4]


def test_a_full_disk_removes_nothing(state, tmp_path):
    keep(tmp_path, state, {1: None, 2: None})
    with small_disk(1_000), pytest.raises(OutputError, match="could not be written"):
        keep(tmp_path, state, {3: None}, last=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step-000000001.safetensors",
        "step-000000002.safetensors",
    ]


def test_a_folder_that_is_not_there_has_none(tmp_path):
    assert newest_checkpoint(tmp_path / "gone") is None
    assert best_checkpoint(tmp_path / "gone") is None
