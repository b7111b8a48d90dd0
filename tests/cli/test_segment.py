"""`masklet segment`: files, JSON, exit codes, and nothing half-written."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import masklet
from masklet.image.predictor import ImagePredictor
from masklet.io.images import read_image, read_mask, write_png
from masklet.ops.rle import decode
from masklet.types import Prompt
from masklet.weights.load import load

RESULTS = ["photo.json", "photo_cutout_1.png", "photo_mask_1.png", "photo_overlay.png"]


@pytest.fixture
def segment(run, model_path):
    def run_segment(*words):
        return run("segment", *words, "--model", model_path)

    return run_segment


def written(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_picture_becomes_a_mask_a_cutout_an_overlay_and_a_document(segment, picture, folder):
    done = segment("photo.png", "--point", "30,20", "--out", "results")
    assert done.code == 0
    assert written(folder / "results") == RESULTS
    mask = read_mask(folder / "results" / "photo_mask_1.png")
    assert mask.shape == (40, 60)
    with Image.open(folder / "results" / "photo_cutout_1.png") as cutout:
        assert cutout.mode == "RGBA"
        assert (np.asarray(cutout)[..., 3] == 255).sum() == mask.sum()
    overlay = read_image(folder / "results" / "photo_overlay.png")
    assert overlay.shape == (40, 60, 3)
    assert (overlay != read_image(picture)).any()


def test_it_is_the_mask_that_python_gives(segment, picture, folder, model_path):
    segment("photo.png", "--point", "30,20", "--box", "5,5,50,35", "--out", "results")
    predictor = ImagePredictor(load(model_path))
    prompt = Prompt.point(30, 20) + Prompt.box_xyxy(5, 5, 50, 35)
    answer = predictor.predict(predictor.encode(read_image(picture)), prompt)
    mask = read_mask(folder / "results" / "photo_mask_1.png")
    np.testing.assert_array_equal(mask, answer.masks()[0])


def test_the_document_says_what_was_asked_answered_and_by_what(
    segment, picture, folder, model_path
):
    segment("photo.png", "--point", "30,20", "--point", "5,5,0", "--box", "9,9,50,35")
    document = json.loads((folder / "masklet-out" / "photo.json").read_text())
    assert document["format"] == "masklet-image"
    assert document["format_version"] == 1
    assert document["masklet_version"] == masklet.__version__
    assert document["model"] == str(model_path)
    assert document["image"] == {"file": "photo.png", "width": 60, "height": 40}
    (described,) = document["objects"]
    assert described["prompt"] == {
        "points": [[30, 20], [5, 5]],
        "labels": [1, 0],
        "box": [9, 9, 50, 35],
        "mask": None,
    }
    (answer,) = described["masks"]
    mask = read_mask(folder / "masklet-out" / answer["files"]["mask"])
    np.testing.assert_array_equal(decode(answer["segmentation"]), mask)
    assert answer["area"] == mask.sum()
    assert 0 <= answer["predicted_iou"] <= 1
    assert isinstance(answer["object_score"], float)
    assert document["files"] == {"overlay": "photo_overlay.png"}


def test_several_boxes_are_several_objects(segment, picture, folder):
    done = segment("photo.png", "--box", "2,2,20,20", "--box", "30,5,55,35", "--point", "9,9,1@2")
    assert done.code == 0
    assert [name for name in written(folder / "masklet-out") if "mask" in name] == [
        "photo_mask_1.png",
        "photo_mask_2.png",
    ]
    assert "object 1 has " in done.out
    assert "object 2 has " in done.out


def test_with_multimask_three_candidates_are_written_best_first(segment, picture, folder):
    segment("photo.png", "--box", "2,2,30,30@4", "--multimask")
    document = json.loads((folder / "masklet-out" / "photo.json").read_text())
    scores = [mask["predicted_iou"] for mask in document["objects"][0]["masks"]]
    assert scores == sorted(scores, reverse=True)
    assert [mask["files"]["mask"] for mask in document["objects"][0]["masks"]] == [
        f"photo_mask_4_{rank}.png" for rank in (1, 2, 3)
    ]
    assert set(written(folder / "masklet-out")) >= {
        f"photo_cutout_4_{rank}.png" for rank in (1, 2, 3)
    }


def test_a_lone_click_gives_the_best_of_three_unless_single_is_asked_for(
    segment, picture, model_path
):
    predictor = ImagePredictor(load(model_path))
    features = predictor.encode(read_image(picture))
    for words, multimask in ((), True), (("--single",), False):
        done = segment("photo.png", "--point", "30,20", "--json", *words)
        best = predictor.predict(features, Prompt.point(30, 20), multimask=multimask).best()
        (mask,) = json.loads(done.out)["objects"][0]["masks"]
        assert mask["predicted_iou"] == pytest.approx(float(best.scores()[0]), abs=1e-5)


def test_a_mask_can_be_the_prompt(segment, picture, folder):
    guess = np.zeros((40, 60), bool)
    guess[10:30, 10:40] = True
    write_png(folder / "guess.png", guess)
    done = segment("photo.png", "--mask", "guess.png", "--json")
    (described,) = json.loads(done.out)["objects"]
    np.testing.assert_array_equal(decode(described["prompt"]["mask"]), guess)


def test_holes_specks_and_threshold_change_the_mask_and_are_recorded(segment, picture):
    words = ("photo.png", "--point", "30,20", "--json")
    plain = json.loads(segment(*words).out)
    cleaned = json.loads(segment(*words, "--fill-holes", 9, "--drop-specks", 9).out)
    tight = json.loads(segment(*words, "--threshold", 0.1).out)
    assert plain["settings"] == {"threshold": 0.0, "max_hole_area": 0, "max_speck_area": 0}
    assert cleaned["settings"] == {"threshold": 0.0, "max_hole_area": 9, "max_speck_area": 9}
    assert tight["settings"]["threshold"] == 0.1
    areas = [d["objects"][0]["masks"][0]["area"] for d in (plain, tight)]
    assert areas[1] < areas[0]


def test_json_is_one_line_per_picture_and_writes_no_files(segment, picture, folder, make_picture):
    make_picture(folder / "other.png", 20, 20)
    done = segment("photo.png", "other.png", "--point", "9,9", "--json")
    documents = [json.loads(line) for line in done.out.splitlines()]
    assert [document["image"]["file"] for document in documents] == ["photo.png", "other.png"]
    assert "files" not in documents[0]
    assert written(folder) == ["other.png", "photo.png"]


def test_json_and_files_go_together_when_a_folder_is_named(segment, picture, folder):
    done = segment("photo.png", "--point", "9,9", "--json", "--out", "results")
    assert json.loads(done.out) == json.loads((folder / "results" / "photo.json").read_text())
    assert written(folder / "results") == RESULTS


def test_folders_and_patterns_are_masked_picture_by_picture(segment, folder, make_picture):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        make_picture(folder / name)
    done = segment("a", "b/*.png", "--point", "30,20")
    assert done.code == 0
    assert done.out == "3 of 3 done, written to masklet-out\n"
    documents = [name for name in written(folder / "masklet-out") if name.endswith(".json")]
    assert documents == ["2.json", "a_1_png.json", "b_1_png.json"]


def test_one_bad_picture_of_many_is_named_and_the_others_are_done(
    segment, picture, folder, make_picture
):
    (folder / "text.jpg").write_text("no picture")
    make_picture(folder / "small.png", 8, 8)
    done = segment("text.jpg", "photo.png", "small.png", "gone.png", "--point", "30,20")
    assert done.code == 1
    assert done.out == "1 of 4 done, written to masklet-out\n"
    lines = done.err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("masklet: text.jpg is no picture of a kind that can be read")
    assert lines[1].startswith("masklet: small.png: point (30, 20) lies outside the image, which")
    assert lines[2].startswith("masklet: there is no file gone.png")
    assert written(folder / "masklet-out") == RESULTS


def test_if_every_picture_is_bad_the_code_is_2(segment, folder):
    done = segment("gone.png", "lost.png", "--point", "30,20")
    assert done.code == 2
    assert done.err.count("\n") == 2


BAD = {
    "no prompt": (["photo.png"], "no prompt was given; expected --point, --box or --mask"),
    "swapped": (["photo.png", "--point", "30,55"], "Did you pass (row, column)?"),
    "0 to 1": (["photo.png", "--point", "0.5,0.5"], "Multiply x by its width"),
    "nan": (["photo.png", "--point", "nan,5"], "a point is not finite"),
    "outside": (["photo.png", "--box", "70,0,90,30"], "box (70, 0, 90, 30) lies outside"),
    "inverted": (["photo.png", "--box", "9,9,2,2"], "is empty or inverted"),
    "no file": (["gone.png", "--point", "5,5"], "there is no file gone.png"),
    "a device": (["/dev/null", "--point", "5,5"], "is a device or a pipe"),
    "no match": (["*.jpg", "--point", "5,5"], "the pattern *.jpg matches no file"),
    "too large": (["photo.png", "--point", "5,5", "--max-pixels", "99"], "more than 99 pixels"),
    "model": (["photo.png", "--point", "5,5", "--model", "sam2.1-hiera-tinny"], "Did you mean"),
    "mask size": (["photo.png", "--mask", "guess.png"], "the mask is 3 wide and 2 high"),
    "many values": (["photo.png", "--mask", "photo.png"], "expected a mask, black outside"),
    "out": (["photo.png", "--point", "5,5", "--out", "photo.png"], "could not be made"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(run, picture, folder, model_path, case):
    words, message = BAD[case]
    write_png(folder / "guess.png", np.eye(2, 3, dtype=bool))
    before = written(folder)
    if "--model" not in words:
        words = [*words, "--model", model_path]
    done = run("segment", *words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert message in done.err
    assert written(folder) == before


def test_bad_input_is_told_before_the_weights_are_needed(run, picture):
    done = run("segment", "photo.png", "--point", "999,5", "--model", "gone.safetensors")
    assert "point (999, 5) lies outside" in done.err


def test_results_that_exist_are_kept_unless_overwriting_is_allowed(segment, picture, folder):
    words = ("photo.png", "--point", "30,20", "--out", "results")
    (folder / "results").mkdir()
    (folder / "results" / "photo_overlay.png").write_text("mine")
    done = segment(*words)
    assert done.code == 2
    assert "photo_overlay.png exists; expected to write new files" in done.err
    assert written(folder / "results") == ["photo_overlay.png"]
    assert segment(*words, "--overwrite").code == 0
    done = segment(*words)
    assert "photo_mask_1.png and 3 more exist; " in done.err


def test_of_an_animation_the_first_frame_is_masked_and_that_is_said(segment, folder):
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])
    done = segment("a.gif", "--point", "9,9", "--json")
    assert done.code == 0
    assert done.err == "masklet: a.gif holds 2 frames or pages; the first is used\n"


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2000, 3), (3, 2000)])
def test_extreme_pictures_are_masked(segment, folder, height, width, make_picture):
    make_picture(folder / "a.png", height, width)
    done = segment("a.png", "--point", "0,0", "--out", "results")
    assert done.code == 0
    assert read_mask(folder / "results" / "a_mask_1.png").shape == (height, width)


def start(model_path, folder, before, *words):
    """The command in a process of its own, after some Python."""
    code = f"import sys\n{before}\nfrom masklet.cli.main import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "segment", *words, "--model", str(model_path)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_one_line_and_leaves_whole_files_only(folder, model_path, make_picture):
    make_picture(folder / "photo.png", 200, 300)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    process = start(model_path, folder, limit, "photo.png", "--point", "30,20")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert out == ""
    assert err.startswith("masklet: masklet-out/photo_")
    assert "could not be written: File too large" in err
    assert err.count("\n") == 1
    for path in (folder / "masklet-out").iterdir():
        assert path.suffix == ".png"
        assert read_image(path).size


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_an_interrupt_is_code_130_and_keeps_what_is_finished(folder, model_path, make_picture):
    for number in range(400):
        make_picture(folder / "album" / f"{number}.png")
    # A shell starts what runs in its background deaf to interrupts, and children inherit that.
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    process = start(model_path, folder, hear, "album", "--point", "30,20")
    results = folder / "masklet-out"
    deadline = time.monotonic() + 120
    while not (results / "1.json").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    finished = [path for path in results.iterdir() if path.suffix == ".json"]
    assert 2 <= len(finished) < 400
    counted = re.search(r"masklet: interrupted after (\d+) of 400 pictures\n", err)
    assert counted
    # The signal may come between a picture's last file and its count.
    assert int(counted[1]) <= len(finished) <= int(counted[1]) + 1
    assert not list(results.glob(".*"))
    for path in finished:
        document = json.loads(path.read_text())
        (mask,) = document["objects"][0]["masks"]
        assert read_mask(results / mask["files"]["mask"]).shape == (40, 60)


def test_standard_output_that_is_closed_early_ends_the_command_quietly(
    folder, model_path, make_picture
):
    for number in range(3):
        make_picture(folder / "album" / f"{number}.png")
    process = start(model_path, folder, "", "album", "--point", "30,20", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=120) == 1
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
