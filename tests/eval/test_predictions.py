"""Masks are found and read in every format that a tool may leave them in."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from masklet.errors import DatasetError, ImageError, StateError
from masklet.eval.predictions import read_predictions
from masklet.eval.records import ItemScores
from masklet.eval.runs import RunFolder
from masklet.io.coco import write_coco
from masklet.io.images import write_png
from masklet.io.masklets import Masklets, write_masklets
from masklet.io.object_png import write_object_pngs
from masklet.io.palette_png import write_palette_pngs
from masklet.io.youtube_vis import write_youtube_vis
from masklet.types import VideoInfo
from tests.eval.labelled import SIZE, LabelClip, masks_of, squares, walk

LABELS = (*walk(3), squares())
CLIP = LabelClip("goat", LABELS)
MASKS = masks_of(LABELS)
VIDEO = VideoInfo("goat", SIZE, num_frames=4, fps=None)
FILLED = Masklets(VIDEO, "tiny", "0.1.0", frames=MASKS)


def palette(folder):
    write_palette_pngs(folder / "goat", MASKS, SIZE)


def palette_with_short_names(folder):
    write_palette_pngs(folder / "goat", MASKS, SIZE, name_of="{}.png".format)


def in_folders(folder):
    write_object_pngs(folder / "goat", MASKS)
    # A frame on which an object has no mask has no picture; tools write a black one.
    for each in ("001", "003"):
        write_png(folder / "goat" / each / "00003.png", np.zeros(SIZE, bool))


def masklets(folder):
    write_masklets(folder / "goat.json", FILLED)


def coco(folder):
    write_coco(folder / "goat.json", VIDEO, MASKS)


def youtube_vis(folder):
    write_youtube_vis(folder / "goat.json", VIDEO, MASKS)


def tracked(folder):
    """What `masklet track --out goat` leaves, with its pictures."""
    (folder / "goat").mkdir()
    write_masklets(folder / "goat" / "masklets.json", FILLED)
    write_png(folder / "goat" / "sheet.png", np.zeros(SIZE, bool))


def tracked_coco(folder):
    (folder / "goat").mkdir()
    write_coco(folder / "goat" / "coco.json", VIDEO, MASKS)


def tracked_palette(folder):
    write_palette_pngs(folder / "goat" / "palette", MASKS, SIZE)
    write_png(folder / "goat" / "sheet.png", np.zeros(SIZE, bool))


def evaluated(folder):
    run = RunFolder(folder)
    run.begin({})
    run.add(ItemScores("goat", (), 4, 1.0), FILLED)


@pytest.mark.parametrize(
    "write",
    [
        palette,
        palette_with_short_names,
        in_folders,
        masklets,
        coco,
        youtube_vis,
        tracked,
        tracked_coco,
        tracked_palette,
        evaluated,
    ],
)
def test_masks_are_read_whatever_their_format(tmp_path, write):
    write(tmp_path)
    read = read_predictions(tmp_path, CLIP)
    assert [frame.frame_index for frame in read] == [0, 1, 2, 3]
    for wrote, frame in zip(MASKS, read, strict=True):
        shown = {mask.object_id: mask.segmentation for mask in wrote.objects}
        found = {
            mask.object_id: mask.segmentation for mask in frame.objects if mask.object_score > 0
        }
        assert found == shown


def test_what_a_method_thinks_of_its_masks_is_read_too(tmp_path):
    unsure = tuple(
        replace(frame, objects=tuple(replace(mask, predicted_iou=0.5) for mask in frame.objects))
        for frame in MASKS
    )
    write_masklets(tmp_path / "goat.json", replace(FILLED, frames=unsure))
    assert read_predictions(tmp_path, CLIP) == unsure


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (("00010", "00015", "00020", "00025"), ["00010", "00015", "00020", "00025"]),
        (("00000001", "00000002", "00000003", "00000004"), ["1", "2", "3", "4"]),
        (("first", "second", "third", "last"), ["00000", "00001", "00002", "00003"]),
    ],
    ids=["steps", "eight digits", "words"],
)
def test_pngs_belong_to_frames_by_the_number_in_their_name(tmp_path, names, files):
    named = LabelClip("goat", LABELS, names=names)
    write_palette_pngs(tmp_path / "goat", MASKS, SIZE, name_of=lambda index: f"{files[index]}.png")
    assert [frame.frame_index for frame in read_predictions(tmp_path, named)] == [0, 1, 2, 3]


def test_a_png_that_belongs_to_no_frame_is_named(tmp_path):
    named = LabelClip("goat", LABELS, names=("00010", "00015", "00020", "00025"))
    write_palette_pngs(tmp_path / "goat", MASKS, SIZE, name_of=lambda index: f"{index + 10}.png")
    says = (
        r"goat holds 3 pictures that belong to no frame of the clip, the first of number 11; "
        r"expected the numbers of its frames, from 00010 to 00025"
    )
    with pytest.raises(DatasetError, match=says):
        read_predictions(tmp_path, named)


def test_black_and_white_pngs_are_masks_of_the_only_object(tmp_path):
    only = LabelClip("goat", tuple(squares((1, index, 2)) for index in range(3)))
    (tmp_path / "goat").mkdir()
    for index in range(3):
        write_png(tmp_path / "goat" / f"{index:05d}.png", only.labels[index] == 1)
    read = read_predictions(tmp_path, only)
    assert [mask.object_id for frame in read for mask in frame.objects] == [1, 1, 1]
    two = LabelClip("goat", LABELS)
    read = read_predictions(tmp_path, two)
    assert [mask.object_id for frame in read for mask in frame.objects] == [255, 255, 255]


def test_names_that_are_no_file_names_are_found_encoded(tmp_path):
    write_masklets(tmp_path / "val%2Fgoat.json", FILLED)
    assert read_predictions(tmp_path, replace(CLIP, name="val/goat")) == MASKS


def test_a_clip_without_masks_is_named(tmp_path):
    (tmp_path / "sheep").mkdir()
    says = r"holds no masks of the clip 'goat'; expected a folder goat of PNGs or a file goat\.json"
    with pytest.raises(DatasetError, match=says):
        read_predictions(tmp_path, CLIP)


def test_an_empty_folder_is_no_prediction(tmp_path):
    (tmp_path / "goat").mkdir()
    with pytest.raises(ImageError, match=r"goat holds no folder named by an object id"):
        read_predictions(tmp_path, CLIP)


def test_a_damaged_picture_is_named(tmp_path):
    palette(tmp_path)
    path = tmp_path / "goat" / "00002.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ImageError, match=r"00002\.png cannot be read"):
        read_predictions(tmp_path, CLIP)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", r"goat\.json is no JSON: .*; expected masks of a video as masklet, COCO or"),
        (json.dumps({"scores": []}), r"goat\.json says None for 'images'; expected a list"),
    ],
    ids=["cut off", "something else"],
)
def test_json_that_holds_no_masks_is_refused(tmp_path, text, says):
    (tmp_path / "goat.json").write_text(text)
    with pytest.raises(StateError, match=says):
        read_predictions(tmp_path, CLIP)


def test_pictures_in_colour_are_refused(tmp_path):
    (tmp_path / "goat").mkdir()
    Image.new("RGB", (32, 24)).save(tmp_path / "goat" / "00000.png")
    with pytest.raises(ImageError, match=r"has colours of kind RGB"):
        read_predictions(tmp_path, CLIP)
