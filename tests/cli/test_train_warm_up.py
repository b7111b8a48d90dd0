"""`masklet train warm_up` restores pictures, and another recipe begins with what it made."""

import pytest
from PIL import Image

import masklet
from masklet.cli.train_data import HeldOut
from masklet.cli.train_scoring import restoring_scores
from masklet.data.davis_writer import tiny_dataset
from masklet.data.scenes.tiny import tiny_clips
from masklet.model.config import MASKLET_SMALL_HYBRID
from masklet.train.building import build_model
from masklet.train.config import ModelOptions
from masklet.train.diary import read_diary
from masklet.train.restoring import RestoreOptions
from tests.cli.made_photos import write_painted
from tests.train.made_run import ALONE, tiny_training

SMALL = ("--set", 'stages=[{"side": 64, "pictures": 2}]', "--set", "data.prompts=1")
SMALL += ("--set", "data.stored_side=64", "--set", "precision=float32")


@pytest.fixture(scope="module")
def davis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets") / "tiny"
    tiny_dataset(folder)
    return folder


@pytest.fixture
def photos(tmp_path):
    """Two labelled pictures."""
    return write_painted(tmp_path / "photos", 2)


def test_a_warm_up_is_measured_drawn_and_begun_with(run, folder, davis):
    data = ("--data", davis, "--eval", davis)
    done = run("train", "warm_up", *data, *SMALL, "--steps", 2, "--out", "warm")
    assert done.code == 0, done.err
    weights = folder / "warm" / "weights.safetensors"
    assert f"masklet train small_image --init {weights.relative_to(folder)}" in done.out
    records = read_diary(folder / "warm" / "metrics.jsonl")
    assert [record["step"] for record in records if "restored" in record] == [1, 2]
    (scored,) = [record["scores"] for record in records if "scores" in record]
    assert set(scored) == {"score", "L1"}
    for picture in ("curves.png", "sheets/sheet-000000002.png"):
        with Image.open(folder / "warm" / picture) as drawn:
            assert drawn.width > 500
    assert masklet.load(weights).config.trunk == MASKLET_SMALL_HYBRID.trunk
    done = run("train", "small_image", *data, *SMALL, "--init", weights, "--dry-run")
    assert done.code == 0, done.err


def test_a_warm_up_that_goes_on_from_weights_compares_no_answers(
    run, folder, davis, photos, lively_path
):
    words = ("train", "warm_up", "--data", davis, "--eval", photos, *SMALL, "--steps", 1)
    weights = ("--set", f"model.weights={lively_path}", "--set", "model.architecture=none")
    done = run(*words, *weights, "--out", "warm")
    assert done.code == 0, done.err
    assert (folder / "warm" / "sheets" / "sheet-000000001.png").exists()
    assert not (folder / "warm" / "before").exists()


def test_a_dry_run_counts_what_learns_in_a_warm_up(run, davis):
    done = run("train", "warm_up", "--data", davis, *SMALL, "--steps", 100, "--dry-run")
    assert done.code == 0, done.err
    assert "for 100 steps" in done.out
    learning, _, whole, *_ = done.out.split("million numbers learn")[0].split()[-3:]
    assert float(learning) < float(whole)


def test_the_score_of_a_warm_up_is_what_is_gone_of_the_error_of_blank_squares():
    config = tiny_training(restore=RestoreOptions(), model=ModelOptions(MASKLET_SMALL_HYBRID))
    model = build_model(config, ALONE.device).eval().requires_grad_(False)
    held = HeldOut("clips", clips=tiny_clips())
    head = model.get_submodule("restoring_head")
    head.weight.zero_()
    blank = restoring_scores(model, held, config.restore, side=64)
    assert blank["score"] == pytest.approx(0.0, abs=1e-6)
    head.bias.fill_(50.0)
    wrong = restoring_scores(model, held, config.restore, side=64)
    assert wrong["score"] == pytest.approx(1 - wrong["L1"] / blank["L1"])
    assert wrong["L1"] > 40
