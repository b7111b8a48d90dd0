"""A full check names everything that is missing or broken in clips, once, and raises nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from masklet.data.catalog import open_dataset
from masklet.data.check import check_clip, listed_problems
from masklet.data.indexed_folders import open_davis_2017, open_folder, open_mose, open_youtube_vos
from masklet.data.numbered import Numbered
from masklet.data.records import Problem
from masklet.data.sav import open_sav
from masklet.data.sav_frames import open_sav_frames
from masklet.data.scenes.tiny import tiny_clips
from tests.data.made_clips import (
    SIZE,
    TWO,
    labels,
    square,
    write_clip,
    write_davis,
    write_frame,
    write_labels,
    write_meta,
    write_sav_frames,
    write_sav_video,
    write_split,
)

FRAMES, DRAWN = "JPEGImages/480p/dog", "Annotations/480p/dog"
NONE = np.zeros(SIZE, bool)
LONG = {number: labels({1: (2, 3 + number)}) for number in range(9)}


@pytest.fixture
def davis(tmp_path):
    return write_davis(tmp_path / "davis", ["dog"])


def told(dataset):
    """All problems of a dataset, without its folder."""
    problems = [*listed_problems(dataset)]
    for item in dataset.items:
        problems += check_clip(item)
    assert len(set(problems)) == len(problems)
    return [str(problem).replace(f"{dataset.root}/", "") for problem in problems]


def test_what_is_whole_has_no_problems(davis):
    assert told(open_davis_2017(davis)) == []
    assert [check_clip(clip) for clip in tiny_clips()] == [()] * 3


def test_a_frame_that_cannot_be_decoded_is_named_once(davis):
    (davis / FRAMES / "00001.jpg").write_bytes(b"no picture")
    (problem,) = told(open_davis_2017(davis))
    assert problem.startswith(f"dog: frame 00001: {FRAMES}/00001.jpg ")


def test_a_frame_that_was_cut_off_is_noticed_though_its_header_is_whole(davis):
    path = davis / FRAMES / "00002.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    (problem,) = told(open_davis_2017(davis))
    assert problem.startswith(f"dog: frame 00002: {FRAMES}/00002.jpg ")


def test_the_first_frame_does_not_hide_the_others(davis):
    for name in ("00000", "00002"):
        (davis / FRAMES / f"{name}.jpg").write_bytes(b"")
    assert [each.split(":")[1] for each in told(open_davis_2017(davis))] == [
        " frame 00000",
        " frame 00002",
    ]


def test_a_frame_of_another_size_is_named_not_those_of_the_usual_one(davis):
    write_frame(davis / FRAMES / "00000.jpg", size=(10, 12))
    assert told(open_davis_2017(davis)) == ["dog: frame 00000: it is 12x10, most frames 32x24"]


def test_every_annotation_of_another_size_is_named(davis):
    for name in ("00000", "00001"):
        write_labels(davis / DRAWN / f"{name}.png", labels({1: (2, 3)}, (48, 64)))
    assert told(open_davis_2017(davis)) == [
        f"dog: frame {name}: the annotation {DRAWN}/{name}.png is 64x48, its frame 32x24"
        for name in ("00000", "00001")
    ]


def test_every_damaged_annotation_is_named(davis):
    for name in ("00000", "00002"):
        (davis / DRAWN / f"{name}.png").write_bytes(b"no picture")
    problems = told(open_davis_2017(davis))
    assert [each.split(" cannot")[0] for each in problems] == [
        f"dog: frame {name}: the annotation {DRAWN}/{name}.png" for name in ("00000", "00002")
    ]


def test_an_annotation_in_colour_is_named(davis):
    write_frame(davis / DRAWN / "00001.png")
    write_labels(davis / DRAWN / "00001.png", np.stack([TWO[1], TWO[0], TWO[2]], 2), palette=False)
    (problem,) = told(open_davis_2017(davis))
    assert "dog: frame 00001: the annotation " in problem
    assert problem.endswith("has colours of kind RGB")


def test_a_missing_annotation_and_a_missing_frame_are_told_by_the_listing_alone(davis):
    (davis / FRAMES / "00001.jpg").unlink()
    (davis / DRAWN / "00002.png").unlink()
    assert told(open_davis_2017(davis)) == [
        f"dog: {DRAWN}/00001.png: there is no frame of this number",
        f"dog: {FRAMES}/00002.jpg: there is no annotation of this number",
    ]


def test_what_the_listing_found_does_not_hide_what_is_damaged(davis):
    (davis / DRAWN / "00002.png").unlink()
    (davis / DRAWN / "00001.png").write_bytes(b"")
    (davis / FRAMES / "00000.jpg").write_bytes(b"")
    assert [each.split(":")[1] for each in told(open_davis_2017(davis))] == [
        f" {FRAMES}/00002.jpg",
        " frame 00000",
        " frame 00001",
    ]


@pytest.mark.parametrize(
    ("gone", "which"), [((4,), "4"), ((2, 3, 4), "2 to 4")], ids=["one", "several"]
)
def test_frames_that_are_gone_with_their_annotations_show_as_a_gap(tmp_path, gone, which):
    root = write_davis(tmp_path, ["dog"], drawn=LONG)
    for number in gone:
        (root / FRAMES / f"{number:05d}.jpg").unlink()
        (root / DRAWN / f"{number:05d}.png").unlink()
    assert told(open_davis_2017(root)) == [
        f"dog: {FRAMES}: there is no frame {which}, though the others are 1 apart"
    ]


@pytest.mark.parametrize(
    "numbers", [(5, 10, 15), (7,), (20240101120000, 20240101120001, 20240101120005)]
)
def test_even_steps_single_frames_and_times_of_day_have_no_gaps(tmp_path, numbers):
    drawn = dict.fromkeys(numbers, TWO[0])
    write_clip(tmp_path / "JPEGImages" / "dog", tmp_path / "Annotations" / "dog", drawn)
    assert told(open_folder(tmp_path)) == []


def test_datasets_that_leave_frames_out_have_no_gaps(tmp_path):
    write_split(tmp_path / "valid", {"dog": {0: TWO[0], 1: TWO[0], 7: TWO[0]}})
    assert told(open_mose(tmp_path)) == []


def test_an_object_that_meta_does_not_know_is_named(tmp_path):
    drawn = {0: labels({1: (2, 3)}), 5: labels({1: (2, 3), 9: (12, 20)})}
    root = write_split(tmp_path / "valid", {"dog": drawn})
    write_meta(
        root / "meta.json", {"dog": {"1": {"category": "dog", "frames": ["00000", "00005"]}}}
    )
    (problem,) = told(open_youtube_vos(tmp_path))
    assert problem.startswith("dog: frame 00005: the annotation ")
    assert problem.endswith("00005.png shows objects [9], meta.json knows [1] in the clip dog")


def test_an_object_of_meta_that_is_never_drawn_is_named(tmp_path):
    root = write_split(tmp_path / "train", {"dog": {0: TWO[0]}})
    note = {"category": "dog", "frames": ["00000"]}
    write_meta(root / "meta.json", {"dog": {"1": note, "4": note}})
    assert told(open_youtube_vos(tmp_path, "train")) == [
        "dog: object 4: it is named, but never visible"
    ]


def test_a_clip_that_meta_does_not_name_is_told_once(tmp_path):
    root = write_split(tmp_path / "valid", {"dog": {0: TWO[0]}, "bear": {0: TWO[0]}})
    write_meta(root / "meta.json", {"bear": {"1": {"category": "bear", "frames": ["00000"]}}})
    assert told(open_youtube_vos(tmp_path)) == [
        "dog: valid/meta.json: it names no object of the clip"
    ]


def test_a_clip_without_any_object_is_named(tmp_path):
    root = write_davis(tmp_path, ["dog"], drawn={0: labels({}), 1: labels({255: (2, 3)})})
    assert told(open_davis_2017(root)) == ["dog: no object is visible on any annotated frame"]


def test_an_empty_clip_is_named_once(davis):
    (davis / "ImageSets/2017/val.txt").write_text("dog\ncat\n")
    assert told(open_davis_2017(davis)) == ["cat: JPEGImages/480p/cat: there are no frames"]


def test_a_clip_that_was_not_listed_is_checked_as_well(davis):
    (clip,) = open_davis_2017(davis).items
    empty = Numbered(clip.frames.folder)
    assert check_clip(replace(clip, frames=empty)) == (Problem("dog", "", "there are no frames"),)
    bare = replace(clip, annotations=empty)
    assert check_clip(bare) == (Problem("dog", "", "no frame is annotated"),)


def sav(root):
    write_sav_frames(
        root / "sav_val", "sav_1", {0: {0: square(1, 2)}, 2: {0: NONE, 4: square(3, 3)}}
    )
    return root / "sav_val/Annotations_6fps/sav_1"


def test_sav_frames_that_are_whole_have_no_problems(tmp_path):
    sav(tmp_path)
    assert told(open_sav(tmp_path)) == []


def test_the_masks_of_every_object_are_read_though_one_is_damaged(tmp_path):
    drawn = sav(tmp_path)
    for name in ("000/00000.png", "002/00000.png"):
        (drawn / name).write_bytes(b"no picture")
    problems = told(open_sav_frames(tmp_path / "sav_val"))
    assert [each.split(": ")[1] for each in problems] == [
        "frame 00000, object 0",
        "frame 00000, object 2",
    ]


def test_an_object_whose_masks_are_all_black_is_named(tmp_path):
    write_labels(sav(tmp_path) / "007/00004.png", NONE.astype(np.uint8))
    assert told(open_sav(tmp_path)) == ["sav_1: object 7: it is named, but never visible"]


def test_a_gap_in_the_frames_of_sav_is_told(tmp_path):
    sav(tmp_path)
    (tmp_path / "sav_val/JPEGImages_24fps/sav_1/00006.jpg").unlink()
    (problem,) = told(open_sav(tmp_path))
    assert problem.endswith("there is no frame 6, though the others are 1 apart")


MASKS = [[square(1, 2), NONE], [square(3, 4), square(2, 2)], [NONE, square(5, 6)]]


@pytest.fixture
def video(tmp_path):
    write_sav_video(tmp_path, "sav_000001", MASKS)
    return tmp_path


def rewrite(folder, change):
    path = folder / "sav_000001_manual.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_training_video_of_sav_that_is_whole_has_no_problems(video):
    assert told(open_sav(video)) == []


@pytest.mark.parametrize("name", ["sav_000001.mp4", "sav_000001_manual.json"])
def test_a_file_of_a_training_video_that_is_missing_is_told_once(video, name):
    write_sav_video(video, "sav_000002", MASKS)
    (video / name).unlink()
    assert told(open_sav(video)) == [f"sav_000001: {name}: there is no such file"]


@pytest.mark.parametrize("name", ["sav_000001.mp4", "sav_000001_manual.json"])
def test_a_file_of_a_training_video_that_is_damaged_is_told_once(video, name):
    (video / name).write_bytes(b"{")
    (problem,) = told(open_sav(video))
    assert problem.startswith(f"sav_000001: {name} ")


def test_masks_after_the_end_of_the_video_are_told_once(video):
    rewrite(video, lambda document: document["masklet"].append(document["masklet"][0]))
    (problem,) = told(open_sav(video))
    assert problem.endswith("has a mask for frame 12, sav_000001.mp4 has 9 frames")


def test_a_video_without_masks_is_named(video):
    rewrite(video, lambda document: document.update(masklet=[]))
    assert told(open_sav(video)) == ["sav_000001: no frame is annotated"]


def test_two_videos_of_one_name_are_told(tmp_path):
    for folder in ("sav_000", "sav_001"):
        write_sav_video(tmp_path / folder, "sav_000001", MASKS)
    assert told(open_sav(tmp_path)) == [f"sav_000001: {tmp_path}: 2 items have this name"]


PACK = Path(__file__).parents[3] / "shared" / "data" / "val-videos.tar"


@pytest.mark.skipif(not PACK.exists(), reason="the validation clips are not beside the project")
def test_the_validation_clips_are_whole():
    dataset = open_dataset(PACK)
    assert len(dataset.items) == 7
    assert told(dataset) == []
