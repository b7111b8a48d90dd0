"""A training goes on from its file as if it had never stopped, or says why it cannot."""

import json
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from masklet.errors import OutputError, StateError
from masklet.train.checkpoint import Progress, TrainingState, load_checkpoint, save_checkpoint
from masklet.train.ema import Average
from masklet.train.muon import Muon
from masklet.train.tensor_files import read_document, read_tensors, write_tensors
from tests.tiny import noise
from tests.train.made_training import RECIPE, digest, learn, made_training
from tests.weights.test_save import small_disk

GO_ON = """
import sys
from pathlib import Path
import torch
from masklet.train.checkpoint import load_checkpoint
from tests.train.made_training import RECIPE, digest, learn, made_training
torch.set_num_threads(int(sys.argv[2]))
state = made_training(seed=5)
progress = load_checkpoint(Path(sys.argv[1]), state, RECIPE)
learn(state, 3)
print(progress.step, progress.position, progress.score, digest(state))
"""


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A checkpoint after three of six steps, and what the six led to."""
    path = tmp_path_factory.mktemp("run") / "step.safetensors"
    state = made_training()
    learn(state, 3)
    progress = Progress(step=3, recipe=RECIPE, position={"epoch": 0, "at": [4, 2]}, score=0.25)
    save_checkpoint(path, state, progress)
    learn(state, 3)
    return path, digest(state)


def test_six_steps_equal_three_and_three_to_the_last_bit(interrupted):
    path, whole = interrupted
    random.seed(9)
    np.random.seed(9)  # noqa: NPY002
    torch.manual_seed(9)
    state = made_training(seed=5)
    learn(state, 1)
    progress = load_checkpoint(path, state, RECIPE)
    learn(state, 3)
    assert digest(state) == whole
    assert progress == Progress(3, RECIPE, {"epoch": 0, "at": [4, 2]}, 0.25)


def test_another_process_goes_on_to_the_same_bits(interrupted, pytestconfig):
    path, whole = interrupted
    command = [sys.executable, "-c", GO_ON, str(path), str(torch.get_num_threads())]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=pytestconfig.rootpath
    )
    assert done.stdout.strip() == f"3 {{'epoch': 0, 'at': [4, 2]}} 0.25 {whole}"


def test_a_training_before_its_first_step_can_be_saved(tmp_path):
    path = tmp_path / "step.safetensors"
    state = made_training()
    save_checkpoint(path, state, Progress(0, RECIPE))
    learn(state, 2)
    again = made_training(seed=5)
    assert load_checkpoint(path, again, RECIPE) == Progress(0, RECIPE)
    learn(again, 2)
    assert digest(again) == digest(state)


def channels_last_training():
    model = nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last)
    optimizers = (torch.optim.AdamW([model.bias]), Muon([model.weight], precision=torch.float32))
    # Fused kernels go through memory in its order: they need the kept tensors in the weight's.
    fused = torch.optim.AdamW([model.weight], fused=True)
    return TrainingState(model, (*optimizers, fused), generators={})


def step_once(state, seed):
    state.model.zero_grad()
    state.model(noise(2, 4, 5, 5, seed=seed)).square().sum().backward()
    for optimizer in state.optimizers:
        optimizer.step()


def test_weights_in_another_memory_format_go_on_the_same(tmp_path):
    state, again = channels_last_training(), channels_last_training()
    step_once(state, seed=1)
    save_checkpoint(tmp_path / "step.safetensors", state, Progress(1, {}))
    load_checkpoint(tmp_path / "step.safetensors", again, {})
    for one in (state, again):
        step_once(one, seed=2)
    kept = again.optimizers[2].state[again.model.weight]["exp_avg"]
    assert kept.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(again.model.weight, state.model.weight)


def test_nothing_in_the_file_can_run(interrupted):
    path, _ = interrupted
    start = path.read_bytes()[:9]
    assert start[8:] == b"{"
    document = read_document(path)
    assert document["recipe"] == json.loads(json.dumps(RECIPE))
    assert document["step"] == 3


def test_another_recipe_is_refused_with_its_differences(interrupted):
    path, _ = interrupted
    other = {"optim": {"rate": 2e-3, "betas": [0.9, 0.98]}, "frozen": ["no_obj_ptr"], "mosaic": 0.5}
    state = made_training()
    before = digest(state)
    with pytest.raises(StateError) as caught:
        load_checkpoint(path, state, other)
    told = str(caught.value)
    assert "optim.rate was 0.001 and is 0.002; size was 64 and is absent; mosaic was absent" in told
    assert "expected the same recipe" in told
    assert "betas" not in told
    assert digest(state) == before


def changed_model(state):
    return TrainingState(nn.Linear(2, 2), state.optimizers, state.average, state.generators)


def without_average(state):
    return TrainingState(state.model, state.optimizers, None, state.generators)


def with_frozen_part(state):
    state.model.image_encoder.requires_grad_(False)
    average = Average(state.model)
    return TrainingState(state.model, state.optimizers, average, state.generators)


def with_one_optimizer(state):
    return TrainingState(state.model, state.optimizers[:1], state.average, state.generators)


def with_other_dice(state):
    return TrainingState(
        state.model, state.optimizers, state.average, {"clicks": torch.Generator()}
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed_model, r"model/.* is \[.*\] there and absent here"),
        (without_average, r"average/.* is \[.*\] there and absent here"),
        (with_frozen_part, r"average/image_encoder.* there and absent here"),
        (with_one_optimizer, r"groups of optimizer 1 is \[.*\] there and absent here"),
        (with_other_dice, r"random generators is \['data'\] there and \['clicks'\] here"),
    ],
)
def test_a_training_of_other_parts_is_refused(interrupted, change, told):
    path, _ = interrupted
    wanted = rf"does not fit this training: {told}; expected the parts .*version of masklet"
    with pytest.raises(StateError, match=wanted):
        load_checkpoint(path, change(made_training()), RECIPE)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StateError, match=r"cannot be read: No such file .*; expected .* Check the"):
        load_checkpoint(tmp_path / "gone.safetensors", made_training(), RECIPE)


def test_a_file_that_was_cut_off_is_told(interrupted, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(interrupted[0].read_bytes()[:-100])
    with pytest.raises(
        StateError, match=r"is damaged or no checkpoint .*Go on from the one before"
    ):
        load_checkpoint(cut, made_training(), RECIPE)


def test_a_later_version_is_told(interrupted, tmp_path):
    document, tensors = read_tensors(interrupted[0])
    later = tmp_path / "later.safetensors"
    write_tensors(later, tensors, document | {"version": 2})
    with pytest.raises(StateError, match=r"'masklet training' version 2; .* Update masklet"):
        load_checkpoint(later, made_training(), RECIPE)


def test_a_full_disk_leaves_the_last_good_one(interrupted, tmp_path):
    path = tmp_path / "step.safetensors"
    good = interrupted[0].read_bytes()
    path.write_bytes(good)
    full = pytest.raises(OutputError, match=r"could not be written: .*; expected .* Free some")
    with small_disk(10_000), full:
        save_checkpoint(path, made_training(), Progress(9, RECIPE))
    assert path.read_bytes() == good
    assert [entry.name for entry in tmp_path.iterdir()] == ["step.safetensors"]
