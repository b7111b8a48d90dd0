"""A training learns, goes on as if it had never stopped, and keeps what it has when something fails."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace

import pytest
import torch

import masklet
from masklet.errors import OutputError, StateError, TrainingError
from masklet.train.checkpoint_folder import best_checkpoint, newest_checkpoint
from masklet.train.config import Every, RunOptions, Stage
from masklet.train.diary import read_diary
from masklet.train.feed import StepBatches
from masklet.train.loop import train
from masklet.train.optim import OptimOptions
from masklet.train.prompting import MixedPrompts, PromptOptions
from masklet.train.settings import with_settings
from tests.train.made_run import same_weights, tiny_training, tiny_work, trained
from tests.weights.test_save import small_disk

KILLED = """
import os, signal, sys, torch
from tests.train.made_run import tiny_training, trained
from tests.train.test_loop import EVERY_STEP

def told(record):
    if record["step"] == 4:
        os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(int(sys.argv[2]))
trained(tiny_training(6, run=EVERY_STEP), sys.argv[1], told=told)
"""
NEVER = Every()
EVERY_STEP = RunOptions(6, checkpoint=Every(steps=1), evaluate=NEVER, sheet=NEVER)


class Same:
    """Always the first batch."""

    skipped, position = 0, None

    def __init__(self, feed):
        self.feed = feed

    def go_on(self, position):
        pass

    def step(self, step, stage):
        return self.feed.step(0, stage)


def test_twenty_steps_on_one_batch_lower_the_loss_to_a_third(tmp_path):
    config = tiny_training(
        20,
        stages=(Stage(side=64, pictures=4),),
        picture_prompts=PromptOptions(mixed=MixedPrompts(most_clicks=2)),
        optim=OptimOptions(learning_rate=1e-2, betas=(0.9, 0.95)),
    )
    losses = []
    work = tiny_work(config, tmp_path / "run", told=lambda record: losses.append(record["loss"]))
    train(replace(work, feed=Same(work.feed)))
    assert len(losses) == 20
    assert losses[-1] < losses[0] / 3


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Six steps without a stop."""
    return trained(tiny_training(6), tmp_path_factory.mktemp("whole") / "run")


def losses_of(work):
    return [record["loss"] for record in read_diary(work.folder.metrics)]


def same_training(one, other):
    average = one.learner.average.tensors(), other.learner.average.tensors()
    same_average = all(torch.equal(average[0][name], average[1][name]) for name in average[0])
    same = same_weights(one.learner.model, other.learner.model) and same_average
    return same and losses_of(one) == losses_of(other)


def test_a_training_that_was_stopped_goes_on_to_the_same_bits(tmp_path, whole):
    steps = []
    config = tiny_training(6)
    _, ended = trained(config, tmp_path / "run", told=steps.append, stop=lambda: len(steps) == 3)
    assert (ended.is_done, ended.standing.step) == (False, 3)
    torch.rand(11)
    work, ended = trained(config, tmp_path / "run", resumes=True)
    assert (ended.is_done, ended.standing.step) == (True, 6)
    assert same_training(work, whole[0])
    assert ended.standing.frames == whole[1].standing.frames


def test_a_training_that_was_killed_goes_on_to_the_same_bits(tmp_path, whole):
    folder = tmp_path / "run"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    # Sums over other numbers of threads round differently.
    words = [sys.executable, "-c", KILLED, str(folder), str(torch.get_num_threads())]
    died = subprocess.run(words, env=environment, check=False)
    assert died.returncode == -signal.SIGKILL
    assert newest_checkpoint(folder / "checkpoints").name == "step-000000003.safetensors"
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 4
    work, _ = trained(tiny_training(6, run=EVERY_STEP), folder, resumes=True)
    assert same_training(work, whole[0])


def test_every_step_is_recorded(whole):
    records = read_diary(whole[0].folder.metrics)
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]
    expected = {"loss", "focal", "dice", "iou", "object_score", "reached", "learning_rate"}
    expected |= {"gradient", "frames_per_second", "memory", "seconds_left", "kind", "side"}
    assert all(expected <= set(record) for record in records)
    assert {record["kind"] for record in records} == {"pictures", "clips"}


def test_weights_are_exported_as_anybody_loads_them(whole):
    work = whole[0]
    model = masklet.load(work.folder.weights)
    assert model.config.image_size == 64
    average = work.learner.average.tensors()["no_mem_embed"]
    torch.testing.assert_close(model.no_mem_embed.detach(), average, rtol=1e-3, atol=1e-4)


def test_going_on_with_another_recipe_shows_the_differences(tmp_path):
    trained(tiny_training(2), tmp_path / "run")
    other = with_settings(tiny_training(4), ["optim.learning_rate=1", "clip_norm=5"])
    with pytest.raises(StateError, match=r"clip_norm was 1\.0 and is 5\.0") as told:
        trained(other, tmp_path / "run", resumes=True)
    assert "optim.learning_rate was 0.002 and is 1.0" in str(told.value)


def test_a_training_that_is_done_goes_on_with_a_larger_budget(tmp_path):
    trained(tiny_training(2), tmp_path / "run")
    _, ended = trained(tiny_training(2), tmp_path / "run", resumes=True)
    assert ended.standing.step == 2
    work, ended = trained(tiny_training(4), tmp_path / "run", resumes=True)
    assert ended.standing.step == 4
    assert len(losses_of(work)) == 4


def test_a_training_ends_when_its_time_is_up(tmp_path):
    run = RunOptions(None, minutes=1.0, checkpoint=NEVER, evaluate=NEVER, sheet=NEVER)
    config = tiny_training(run=run, stages=(Stage(0.0, 64, 2), Stage(0.5, 96, 2)))
    seconds = iter(range(0, 1000, 20))
    work = tiny_work(config, tmp_path / "run")
    ended = train(work, now=lambda: float(next(seconds)))
    records = read_diary(work.folder.metrics)
    assert ended.is_done
    assert [record["side"] for record in records] == [64, 96]
    assert [record["seconds_left"] for record in records] == [None, 20.0]


def test_validation_decides_which_weights_are_the_best(tmp_path):
    scores, modes = iter([0.3, 0.5, 0.4]), []

    def score(model):
        modes.append((model.training, torch.is_grad_enabled()))
        return {"score": next(scores), "other": 1.0}

    run = RunOptions(6, checkpoint=NEVER, kept=1, evaluate=Every(steps=2), sheet=NEVER)
    work, ended = trained(tiny_training(run=run), tmp_path / "run", score=score)
    assert modes == [(False, False)] * 3
    assert work.learner.model.training
    assert ended.standing.best == 0.5
    assert best_checkpoint(work.folder.checkpoints).name == "step-000000004.safetensors"
    told = [
        record["scores"]["score"]
        for record in read_diary(work.folder.metrics)
        if "scores" in record
    ]
    assert told == [0.3, 0.5, 0.4]
    best, latest = (masklet.load(path) for path in (work.folder.best, work.folder.weights))
    assert not same_weights(best, latest)


def test_pictures_are_drawn_now_and_then_and_at_the_end(tmp_path):
    drawn = []
    run = RunOptions(5, checkpoint=NEVER, evaluate=NEVER, sheet=Every(steps=2))
    trained(tiny_training(run=run), tmp_path / "run", draw=lambda _model, step: drawn.append(step))
    assert drawn == [2, 4, 5]


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    folder = tmp_path / "run"

    def told(record):
        if record["step"] == 3:
            limits.enter_context(small_disk(20_000))

    with ExitStack() as limits, pytest.raises(OutputError, match="could not be written"):
        trained(tiny_training(6, run=EVERY_STEP), folder, told=told)
    assert newest_checkpoint(folder / "checkpoints").name == "step-000000002.safetensors"
    _, ended = trained(tiny_training(6, run=EVERY_STEP), folder, resumes=True)
    assert ended.standing.step == 6


def test_a_bad_batch_ends_it_with_the_batch_in_the_folder(tmp_path):
    work = tiny_work(tiny_training(6, run=EVERY_STEP), tmp_path / "run")

    class Poisoned(Same):
        def step(self, step, stage):
            given = self.feed.step(step, stage)
            if step == 2:
                given.batches[0].frames_F3SS[0] = torch.inf
            return StepBatches(given.kind, given.batches)

    with pytest.raises(TrainingError, match="cannot go on at step 2"):
        train(replace(work, feed=Poisoned(work.feed)))
    assert (tmp_path / "run" / "bad-batch-000000002.safetensors").exists()
    assert newest_checkpoint(work.folder.checkpoints).name == "step-000000002.safetensors"


def test_the_folder_tells_what_was_trained(whole):
    document = json.loads((whole[0].folder.root / "recipe.json").read_text())
    assert document["name"] == "tiny"
    assert document["run"]["steps"] == 6
