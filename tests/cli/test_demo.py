"""`masklet demo`: pictures to look at, and honest numbers."""

import json
import re

import numpy as np
import pytest

from masklet.cli.demonstrating import SAMPLE_PROMPTS
from masklet.io.images import read_image, read_mask
from masklet.viz.sample import NAMES, sample_picture


@pytest.fixture
def demo(run, model_path):
    def run_demo(*words):
        return run("demo", *words, "--model", model_path, "--out", "shown")

    return run_demo


@pytest.fixture(scope="module")
def sample():
    return sample_picture()


def test_every_click_on_the_sample_hits_what_it_says(sample):
    assert tuple(SAMPLE_PROMPTS) == NAMES
    for mask, prompt in zip(sample.masks, SAMPLE_PROMPTS.values(), strict=True):
        prompt.check_inside(mask.shape)
        hits = [bool(mask[round(float(y)), round(float(x))]) for x, y in prompt.points]
        assert hits == prompt.labels.astype(bool).tolist()


def test_every_box_on_the_sample_is_close_around_its_object(sample):
    for mask, prompt in zip(sample.masks, SAMPLE_PROMPTS.values(), strict=True):
        if prompt.box is not None:
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            tight = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
            np.testing.assert_allclose(prompt.box, tight, atol=4)


def test_the_sample_shows_a_click_a_box_and_several_clicks():
    prompts = SAMPLE_PROMPTS.values()
    assert any(len(p.points) == 1 and p.box is None for p in prompts)
    assert any(len(p.points) == 0 and p.box is not None for p in prompts)
    assert any(len(p.points) > 1 for p in prompts)


def test_without_a_picture_the_sample_is_drawn_masked_and_judged(demo, folder):
    done = demo()
    assert done.code == 0
    names = {path.name for path in (folder / "shown").iterdir()}
    assert names == {
        *(f"sample_{kind}_{n}.png" for n in range(1, 7) for kind in ("mask", "cutout")),
        *("sample_picture.png", "sample_overlay.png", "sample_sheet.png", "sample.json"),
    }
    assert read_image(folder / "shown" / "sample_picture.png").shape == (640, 960, 3)
    assert "Look at shown/sample_sheet.png" in done.out
    for name in NAMES:
        assert re.search(
            rf"^{name}, .*: \d+ pixels, predicted IoU .* true mask \d\.\d\d$",
            done.out,
            re.MULTILINE,
        )


def test_the_numbers_that_are_told_are_those_of_the_masks(demo, folder, sample):
    told = re.search(
        r"^mug, .*: (\d+) pixels, .* IoU with the true mask (\S+)$", demo().out, re.MULTILINE
    )
    assert told
    mask = read_mask(folder / "shown" / "sample_mask_1.png")
    iou = (mask & sample.masks[0]).sum() / (mask | sample.masks[0]).sum()
    assert int(told[1]) == mask.sum()
    assert float(told[2]) == pytest.approx(iou, abs=0.006)


def test_in_a_picture_of_yours_the_middle_is_meant(demo, folder, picture):
    done = demo("photo.png")
    assert done.code == 0
    document = json.loads((folder / "shown" / "photo.json").read_text())
    (described,) = document["objects"]
    assert described["prompt"]["points"] == [[29.5, 19.5]]
    assert document["image"]["file"] == "photo.png"
    assert "true mask" not in done.out
    shown = read_image(folder / "shown" / "photo_picture.png")
    np.testing.assert_array_equal(shown, read_image(picture))


def test_in_a_picture_of_yours_prompts_say_what_is_meant(demo, folder, picture):
    done = demo("photo.png", "--box", "5,5,30,30@1", "--point", "40,20@2", "--point", "1,1,0@2")
    assert done.out.startswith("object 1, a box: ")
    assert "\nobject 2, 2 clicks: " in done.out
    document = json.loads((folder / "shown" / "photo.json").read_text())
    assert [one["object_id"] for one in document["objects"]] == [1, 2]


def test_running_it_again_replaces_the_results(demo, folder, picture):
    assert demo("photo.png").code == 0
    assert demo("photo.png").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--point", "5,5"], "--point and --box were given without a picture"),
        (["gone.png"], "there is no file gone.png"),
        (["photo.png", "--point", "99,5"], "point (99, 5) lies outside the image"),
        (["photo.png", "--max-pixels", "9"], "more than 9 pixels"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(demo, folder, picture, words, message):
    done = demo(*words)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["photo.png"]
