"""`masklet eval` measures, is stopped and goes on, scores files and compares runs."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from masklet.data.davis_writer import tiny_dataset
from masklet.eval.run_json import read_run
from tests.cli.made_photos import write_photos

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(scope="module")
def davis(tmp_path_factory):
    """A tiny dataset in the DAVIS layout."""
    folder = tmp_path_factory.mktemp("datasets") / "tiny"
    tiny_dataset(folder)
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory, davis):
    """Two of its frames as a COCO file with pictures."""
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder, davis)
    return folder


def test_a_dataset_is_measured_and_reported(run, folder, davis, model_path):
    done = run("eval", davis, "--model", model_path, "--out", "run")
    assert (done.code, done.err) == (0, "")
    assert "J&F" in done.out
    scores = read_run(folder / "run" / "scores.json")
    assert scores.task == "vos"
    assert scores.summary["J&F"].count == len([o for o in scores.objects if "J&F" in o.values])
    assert scores.settings["protocol"]["prompt"] == "mask"
    page = (folder / "run" / "report.html").read_text()
    assert all(scores.item in page for scores in scores.objects)
    with Image.open(folder / "run" / "report.png") as sheet:
        assert sheet.width > 500


def test_the_same_command_goes_on_and_ends_with_the_same_scores(run, folder, davis, model_path):
    words = ("eval", davis, "--model", model_path, "--json")
    whole = json.loads(run(*words, "--out", "whole").out)
    assert run(*words, "--out", "parts", "--limit", 1).code == 0
    items = folder / "parts" / "items"
    (first,) = items.iterdir()
    before = first.stat().st_mtime_ns
    done = run(*words, "--out", "parts")
    assert "1 of 3 are done" in done.err
    assert first.stat().st_mtime_ns == before
    assert json.loads(done.out)["objects"] == whole["objects"]
    assert json.loads(done.out)["summary"] == whole["summary"]


def test_a_killed_run_goes_on_and_ends_with_the_same_scores(run, folder, davis, model_path):
    words = ["eval", str(davis), "--model", str(model_path), "--prompt", "clicks", "--json"]
    command = [sys.executable, "-m", "masklet", *words, "--out", "killed"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, **quiet)
    items = folder / "killed" / "items"
    deadline = time.monotonic() + 60
    while not (items.is_dir() and any(items.glob("*.json"))) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert any(items.glob("*.json"))
    killed = json.loads(run(*words, "--out", "killed").out)
    whole = json.loads(run(*words, "--out", "whole").out)
    assert killed["objects"] == whole["objects"]


def test_two_workers_give_the_same_scores(run, folder, davis, model_path):
    words = ("eval", davis, "--model", model_path, "--json")
    one = json.loads(run(*words, "--out", "one").out)
    two = json.loads(run(*words, "--out", "two", "--workers", 2).out)
    assert two["objects"] == one["objects"]


def test_another_model_in_the_same_folder_is_refused(run, folder, davis, model_path, lively_path):
    assert run("eval", davis, "--model", model_path, "--out", "run").code == 0
    done = run("eval", davis, "--model", lively_path, "--out", "run")
    assert done.code == 2
    assert "method model was" in done.err


def test_the_memories_of_the_standard_policy_can_be_chosen(run, folder, davis, model_path):
    words = ("eval", davis, "--model", model_path, "--limit", 1, "--memories", "pooled")
    assert run(*words, "--out", "small").code == 0
    policy = read_run(folder / "small" / "scores.json").settings["method"]["policy"]
    assert policy.endswith("memories='pooled')")
    refused = run(*words, "--policy", "some.where:Mine", "--out", "refused")
    assert refused.code == 2
    assert "or --memories was given with --policy some.where:Mine" in refused.err


def test_pictures_are_clicked_on(run, folder, photos, model_path):
    done = run("eval", photos / "labels.json", "--model", model_path, "--clicks", 3, "--out", "run")
    assert done.code == 0
    scores = read_run(folder / "run" / "scores.json")
    assert scores.task == "clicks"
    assert {"IoU@1", "IoU@3", "IoU box", "NoC@85", "calibration error"} <= set(scores.summary)
    assert "IoU@4" not in scores.summary


def test_small_objects_are_left_out_and_counted(run, folder, photos, model_path):
    words = ("eval", photos / "labels.json", "--model", model_path, "--clicks", 1, "--json")
    all_of_them = json.loads(run(*words, "--out", "all").out)
    areas = sorted(
        each["area"] for each in json.loads((photos / "labels.json").read_text())["annotations"]
    )
    large = json.loads(run(*words, "--out", "large", "--min-area", areas[0] + 1).out)
    assert large["left_out"] == 1
    assert len(large["objects"]) == len(all_of_them["objects"]) - 1


@pytest.mark.parametrize("baseline", ["grabcut", "flood-fill"])
def test_classical_methods_are_measured_on_pictures(run, folder, photos, baseline):
    done = run("eval", photos / "labels.json", "--baseline", baseline, "--clicks", 2, "--json")
    assert json.loads(done.out)["method"] == baseline
    assert len(list((folder / "masklet-eval").iterdir())) == 1


@pytest.mark.parametrize("baseline", ["optical-flow", "copy"])
def test_classical_methods_are_measured_on_clips(run, folder, davis, baseline):
    done = run("eval", davis, "--baseline", baseline, "--json")
    found = json.loads(done.out)
    assert found["method"] == baseline
    assert "calibration error" not in found["summary"]


def test_corrections_are_measured(run, folder, davis, model_path):
    words = ("eval", davis, "--task", "interactive", "--model", model_path, "--limit", 1)
    done = run(*words, "--rounds", 2, "--clicks", 1, "--online", "--json")
    found = json.loads(done.out)
    assert found["settings"]["protocol"]["mode"] == "online"
    assert {"J&F@1", "J&F@2", "seconds@2"} <= set(found["summary"])


def test_made_scenes_are_measured_by_kind(run, folder):
    words = ("eval", "--task", "robustness", "--baseline", "copy", "--clips-per-kind", 1)
    found = json.loads(run(*words, "--limit", 2, "--json").out)
    assert len({each["category"] for each in found["objects"]}) == 2


def test_masks_are_written_as_pngs_that_score_the_same(run, folder, davis, model_path):
    done = run("eval", davis, "--model", model_path, "--out", "run", "--png", "palette", "--json")
    names = {path.name for path in (folder / "run" / "png").glob("*/*.png")}
    assert "00000.png" in names
    measured = json.loads(done.out)
    scored = json.loads(run("eval", "score", folder / "run" / "png", davis, "--json").out)
    for name in ("J&F", "J", "F", "presence"):
        assert scored["summary"][name] == measured["summary"][name]
    assert "calibration error" not in scored["summary"]


def test_masks_are_written_as_a_png_per_object(run, folder, davis):
    words = ("eval", davis, "--baseline", "copy", "--limit", 1, "--out", "run", "--quiet")
    assert run(*words, "--png", "objects").code == 0
    assert list((folder / "run" / "png").glob("*/001/00000.png"))


def test_scored_files_are_reported_where_that_is_wanted(run, folder, davis):
    run("eval", davis, "--baseline", "copy", "--out", "run", "--quiet")
    done = run("eval", "score", "run", davis, "--name", "still", "--out", "scored")
    assert done.code == 0
    assert read_run(folder / "scored" / "scores.json").method == "still"
    assert "made elsewhere" in (folder / "scored" / "report.html").read_text()


def test_two_runs_are_compared(run, folder, davis, model_path):
    run("eval", davis, "--baseline", "copy", "--out", "a", "--quiet")
    run("eval", davis, "--model", model_path, "--out", "b", "--quiet")
    done = run("eval", "compare", "a", "b", "--out", "both")
    assert done.code == 0
    assert "difference" in done.out
    assert {path.suffix for path in (folder / "both").iterdir()} == {".html", ".json", ".png"}
    found = json.loads(run("eval", "compare", "a", "b", "--json").out)
    first, second = (read_run(folder / name / "scores.json") for name in "ab")
    expected = second.summary["J"].mean - first.summary["J"].mean
    assert found["differences"]["J"]["difference"] == pytest.approx(expected)


def test_runs_become_the_rows_of_a_table(run, folder, davis):
    run("eval", davis, "--baseline", "copy", "--out", "a", "--quiet")
    done = run("eval", "table", "a", "a", "--scores", "J,F")
    assert done.out.splitlines()[0] == "| method | J | F |"
    assert [line.split(" | ")[0] for line in done.out.splitlines()[2:4]] == ["| copy"] * 2


def test_runs_of_different_protocols_are_not_compared(run, folder, davis):
    run("eval", davis, "--baseline", "copy", "--out", "a", "--quiet")
    run("eval", davis, "--baseline", "copy", "--prompt", "box", "--out", "b", "--quiet")
    done = run("eval", "compare", "a", "b")
    assert done.code == 2
    assert "prompt" in done.err
    assert run("eval", "compare", "a", "b", "--any-protocol").code == 0
