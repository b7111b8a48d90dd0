"""`masklet train` trains, is stopped and goes on, tries things out, and tells what is wrong."""

import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

import masklet
from masklet.data.davis_writer import tiny_dataset
from masklet.errors import TrainingError
from masklet.train.diary import read_diary
from tests.cli.made_photos import write_painted

SMALL = (
    *("--set", "stages.0.side=64", "--set", "stages.0.pictures=2", "--set", "data.prompts=2"),
    *("--set", "precision=float32", "--set", "picture_prompts.mixed.most_clicks=2"),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twelve pictures of a moving square, with masks."""
    return write_painted(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def davis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets") / "tiny"
    tiny_dataset(folder)
    return folder


@pytest.fixture
def finetune(run, folder, photos, lively_path):
    """`finetune("--steps", 2)` trains a tiny model on the photos."""

    def command(*words, data=photos):
        asked = ("train", "finetune", "--data", data, "--init", lively_path, *SMALL)
        return run(*asked, *words)

    return command


def test_fine_tuning_writes_weights_curves_and_what_became_better(finetune, folder, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = finetune("--steps", 3, "--out", "run")
    assert done.code == 0
    assert "every fifth picture is kept back to measure on, 3 are used" in done.err
    assert "learns on the CPU, as torch finds no GPU here" in done.err
    place = folder / "run"
    assert masklet.load(place / "weights.safetensors").config.image_size == 64
    records = read_diary(place / "metrics.jsonl")
    assert [record["step"] for record in records if "loss" in record] == [1, 2, 3]
    (scored,) = [record["scores"] for record in records if "scores" in record]
    assert {"score", "IoU@1", "IoU@3", "IoU box"} == set(scored)
    assert "3 steps in" in done.out
    assert "difference" in done.out
    page = (place / "comparison" / "comparison.html").read_text()
    assert "before" in page
    for picture in (place / "curves.png", place / "sheets" / "sheet-000000003.png"):
        with Image.open(picture) as drawn:
            assert drawn.width > 500


def test_a_stopped_training_goes_on_with_the_command_that_is_told(folder, photos, lively_path, run):
    words = ["train", "finetune", "--data", str(photos), "--init", str(lively_path), *SMALL]
    words += ["--steps", "40", "--out", "run"]
    command = [sys.executable, "-m", "masklet", *words]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    metrics = folder / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "finishing this step" in told
    assert "--out run --resume" in told
    steps = len(read_diary(metrics))
    assert 0 < steps < 40
    done = run(*words[:-4], "--steps", steps + 2, "--out", "run", "--resume")
    assert done.code == 0
    assert f"{steps + 2} steps in" in done.out


def test_going_on_with_another_recipe_is_refused(finetune):
    finetune("--steps", 1, "--out", "run", "--quiet")
    done = finetune("--steps", 2, "--out", "run", "--resume", "--set", "optim.learning_rate=1")
    assert done.code == 2
    assert "optim.learning_rate was 4e-05 and is 1.0" in done.err
    assert "step-000000001.safetensors is kept; go on with" in done.err


def test_a_training_is_not_begun_over_another_one(finetune):
    finetune("--steps", 1, "--out", "run", "--quiet")
    done = finetune("--steps", 1, "--out", "run")
    assert done.code == 2
    assert "Say --resume" in done.err


def test_a_dry_run_tells_the_time_and_leaves_nothing(finetune, folder):
    done = finetune("--dry-run", "--steps", 100)
    assert done.code == 0
    assert "for 100 steps" in done.out
    assert "pictures" in done.out
    assert "million numbers learn" in done.out
    assert list(folder.iterdir()) == []


def test_clips_are_learned_from_and_measured_on(run, folder, davis, lively_path):
    clips = ("--set", "stages.0.clips=1", "--set", "stages.0.frames=3")
    words = ("train", "small_video", "--data", davis, "--eval", davis, "--init", lively_path)
    small = ("--set", 'stages=[{"side": 64, "pictures": 2, "frames": 3, "picture_share": 0.0}]')
    done = run(*words, *small, *clips, "--set", "data.prompts=2", "--steps", 2, "--out", "run")
    assert done.code == 0, done.err
    (scored,) = [
        each["scores"] for each in read_diary(folder / "run" / "metrics.jsonl") if "scores" in each
    ]
    assert {"score", "J&F", "J"} == set(scored)
    kinds = {r["kind"] for r in read_diary(folder / "run" / "metrics.jsonl") if "kind" in r}
    assert kinds <= {"clips", "animated"}


def test_data_can_be_read_while_training_goes_on(finetune, folder):
    done = finetune("--steps", 2, "--out", "run", "--set", "data.is_resident=false")
    assert done.code == 0
    assert len(read_diary(folder / "run" / "metrics.jsonl")) == 3


def test_all_settings_are_listed_as_they_are_given(run):
    done = run("train", "finetune", "--show", "--set", "lora.rank=4")
    assert done.code == 0
    lines = done.out.splitlines()
    assert {"lora.rank=4", "optim.betas=0.9,0.999", "average=0.99", "run.minutes=none"} <= set(
        lines
    )


def test_a_cache_is_written_once_and_read_again(finetune, folder):
    for _ in range(2):
        assert finetune("--dry-run", "--cache", "data.safetensors").code == 0
    assert [path.name for path in folder.iterdir()] == ["data.safetensors"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("small_imag",), "no recipe 'small_imag'"),
        (("finetune", "--set", "optim.lr=1"), "Did you mean optim.learning_rate"),
        (("finetune", "--steps", "0"), "run.steps is 0"),
        (("finetune", "--device", "gpu"), "the device 'gpu' is unknown"),
        (("finetune",), "there is nothing to learn from"),
        (("finetune", "--data", "gone"), "gone does not exist"),
        (("finetune", "--data", "*.tar"), "no path matches *.tar"),
    ],
)
def test_bad_input_is_told_in_one_line(run, folder, words, told):
    done = run("train", *words)
    assert done.code == 2
    assert told in done.err
    assert list(folder.iterdir()) == []


def test_a_gpu_that_is_not_there_is_told(run, photos, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = run("train", "finetune", "--data", photos, "--device", "cuda")
    assert done.code == 2
    assert "torch finds no GPU here" in done.err
    assert "Leave the option out" in done.err


def test_clips_that_are_too_long_are_refused(run, photos, lively_path):
    words = ("train", "finetune", "--data", photos, "--init", lively_path, *SMALL)
    done = run(*words, "--set", "stages.0.picture_share=0.5")
    assert done.code == 2
    assert "clips of 6 frames, and the longest stretch" in done.err
    assert "data.animated=1" in done.err


def test_memory_that_is_not_enough_is_told_with_what_helps():
    import torch

    from masklet.cli.training import _memory_told
    from masklet.train.parallel import Crew

    with (
        pytest.raises(
            TrainingError, match=r"memory of cpu is not enough: Tried.*checkpoints_blocks"
        ),
        _memory_told(Crew(torch.device("cpu"))),
    ):
        raise torch.OutOfMemoryError("Tried to allocate 20 GiB.\nSee the manual.")
