"""`masklet demo`: pictures and a video to look at, and honest numbers."""

import json
import re

import numpy as np
import pytest

from masklet.cli.demo_clip import CLIP_BOXES, _judged, show_clip
from masklet.cli.demonstrating import SAMPLE_PROMPTS, show_sample
from masklet.cli.segmenting import Task
from masklet.io.images import read_image, read_mask
from masklet.io.masklets import Masklets, read_masklets
from masklet.io.open import open_video
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectMask, VideoInfo
from masklet.viz.sample import NAMES, sample_picture
from masklet.viz.sample_clip import CLIP_FRAMES, CLIP_NAMES, sample_clip


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


@pytest.fixture
def task(model_path):
    return Task({}, str(model_path), device="cpu", dtype=None, max_pixels=10**6)


@pytest.mark.slow
def test_without_a_file_the_picture_and_the_clip_are_shown(demo, folder):
    done = demo()
    assert done.code == 0
    assert "Look at shown/sample_sheet.png" in done.out
    assert "object 1 is the orange: mean IoU with the true masks " in done.out
    with open_video(folder / "shown" / "clip" / "overlay.mp4") as overlay:
        assert len(overlay) == CLIP_FRAMES


def test_the_sample_is_drawn_masked_and_judged(task, folder, sample, capsys):
    show_sample(task, folder / "shown")
    out = capsys.readouterr().out
    names = {path.name for path in (folder / "shown").iterdir()}
    assert names == {
        *(f"sample_{kind}_{n}.png" for n in range(1, 7) for kind in ("mask", "cutout")),
        *("sample_picture.png", "sample_overlay.png", "sample_sheet.png", "sample.json"),
    }
    assert read_image(folder / "shown" / "sample_picture.png").shape == (640, 960, 3)
    assert f"Look at {folder / 'shown' / 'sample_sheet.png'}" in out
    for name in NAMES:
        assert re.search(
            rf"^{name}, .*: \d+ pixels, predicted IoU .* true mask \d\.\d\d$", out, re.MULTILINE
        )
    told = re.search(r"^mug, .*: (\d+) pixels, .* IoU with the true mask (\S+)$", out, re.MULTILINE)
    assert told
    mask = read_mask(folder / "shown" / "sample_mask_1.png")
    iou = (mask & sample.masks[0]).sum() / (mask | sample.masks[0]).sum()
    assert int(told[1]) == mask.sum()
    assert float(told[2]) == pytest.approx(iou, abs=0.006)


def test_every_box_on_the_clip_is_close_around_its_object():
    first = next(sample_clip())
    for name, prompt in CLIP_BOXES.items():
        mask = first.masks[CLIP_NAMES.index(name)]
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        tight = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(prompt.box, tight, atol=2)


def test_the_clip_is_drawn_tracked_and_judged(task, folder, capsys):
    assert show_clip(task, folder / "shown", size=(40, 60)) == 0
    place = folder / "shown" / "clip"
    names = {"masklets.json", "overlay.mp4", "scores.png", "sheet.png"}
    assert {path.name for path in place.iterdir()} == names
    assert len(read_masklets(place / "masklets.json").frames) == CLIP_FRAMES
    out = capsys.readouterr().out
    for number, name in enumerate(CLIP_NAMES, start=1):
        assert f"object {number} is the {name}: mean IoU with the true masks " in out
    assert f"Look at {place / 'overlay.mp4'} and {place / 'sheet.png'}" in out


def test_an_object_is_judged_where_it_is_seen_and_where_it_is_gone():
    full, half, none = (np.zeros((4, 4), bool) for _ in range(3))
    full[:], half[:2] = True, True
    answers = [full, half, none, half]
    truth = [[rle.encode(mask)] for mask in (full, full, none, none)]
    frames = tuple(
        FrameMasks(number, (ObjectMask(1, rle.encode(mask), 0.9, 1.0, 0.9),))
        for number, mask in enumerate(answers)
    )
    video = VideoInfo("clip.mp4", (4, 4), 4, 16.0)
    told = _judged("mug", 1, Masklets(video, "tiny", "0", frames=frames), truth)
    assert told == (
        "object 1 is the mug: mean IoU with the true masks 0.75 over 2 frames; "
        "masked on 1 of 2 frames from which it is gone"
    )


def test_in_a_video_of_yours_what_is_in_the_middle_of_the_first_frame_is_followed(
    demo, folder, clip
):
    done = demo("clip.mp4")
    assert done.code == 0
    masklets = read_masklets(folder / "shown" / "clip" / "masklets.json")
    assert list(masklets.prompts) == [0]
    assert masklets.prompts[0][1].points.tolist() == [[31.5, 23.5]]
    assert len(masklets.frames) == 12
    assert "Look at shown/clip/overlay.mp4 and shown/clip/sheet.png" in done.out
    assert demo("clip.mp4", "--point", "12,18").code == 0
    masklets = read_masklets(folder / "shown" / "clip" / "masklets.json")
    assert masklets.prompts[0][1].points.tolist() == [[12, 18]]


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
        (["--point", "5,5"], "--point and --box were given without a file"),
        (["text.mp4"], "text.mp4"),
        (["gone.png"], "there is no file gone.png"),
        (["photo.png", "--point", "99,5"], "point (99, 5) lies outside the image"),
        (["photo.png", "--max-pixels", "9"], "more than 9 pixels"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(demo, folder, picture, words, message):
    (folder / "text.mp4").write_text("no video")
    done = demo(*words)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["photo.png", "text.mp4"]
