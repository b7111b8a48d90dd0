"""Indexed PNGs hold the ids of objects, in the palette of DAVIS."""

import os

import numpy as np
import pytest
from PIL import Image

from masklet.errors import ImageError, OutputError
from masklet.io.images import write_png
from masklet.io.palette_png import (
    davis_palette,
    label_map,
    read_palette_pngs,
    write_palette_pngs,
)
from masklet.ops import rle
from masklet.types import FrameMasks
from tests.io.made import SIZE, files_of_at_most, frames, seen, square


def test_what_was_written_is_read(tmp_path):
    assert write_palette_pngs(tmp_path / "masks", frames(), SIZE) == 5
    names = sorted(path.name for path in (tmp_path / "masks").iterdir())
    assert names == [f"{index:05d}.png" for index in range(5)]
    for wrote, read in zip(frames(), read_palette_pngs(tmp_path / "masks"), strict=True):
        shown = [mask for mask in wrote.objects if mask.object_score > 0]
        assert wrote.frame_index == read.frame_index
        assert [mask.object_id for mask in read.objects] == [mask.object_id for mask in shown]
        assert [m.segmentation for m in read.objects] == [m.segmentation for m in shown]


def test_a_file_is_indexed_with_the_palette_of_davis(tmp_path):
    write_palette_pngs(tmp_path, [FrameMasks(123456, (seen(255, square(2, 3)),))], SIZE)
    with Image.open(tmp_path / "123456.png") as picture:
        assert picture.mode == "P"
        assert bytes(picture.getpalette()) == davis_palette()
        assert np.asarray(picture)[2, 3] == 255
        assert picture.convert("RGB").getpixel((3, 2)) == (224, 224, 192)


def test_files_are_named_as_the_dataset_names_its_frames(tmp_path):
    frames = [FrameMasks(0, ()), FrameMasks(1, ())]
    write_palette_pngs(tmp_path, frames, (4, 6), name_of=lambda index: f"{5 * index:08d}.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000000.png", "00000005.png"]


@pytest.mark.parametrize(
    ("index", "colour"),
    [
        (0, (0, 0, 0)),
        (1, (128, 0, 0)),
        (2, (0, 128, 0)),
        (3, (128, 128, 0)),
        (4, (0, 0, 128)),
        (8, (64, 0, 0)),
        (255, (224, 224, 192)),
    ],
)
def test_the_palette_has_the_published_colours(index, colour):
    assert tuple(davis_palette()[3 * index : 3 * index + 3]) == colour
    assert len({davis_palette()[3 * i : 3 * i + 3] for i in range(256)}) == 256


@pytest.mark.parametrize(
    ("first", "second", "winner"), [(0.5, 0.6, 9), (0.6, 0.5, 4), (0.5, 0.5, 4)]
)
def test_where_objects_overlap_the_surer_one_wins_and_of_equals_the_earlier(first, second, winner):
    both = (seen(4, square(2, 3), iou=first), seen(9, square(4, 5), iou=second))
    labels = label_map(FrameMasks(0, both), SIZE)
    assert labels[5, 6] == winner
    assert (labels[2, 3], labels[9, 10], labels[0, 0]) == (4, 9, 0)


@pytest.mark.parametrize("object_id", [0, -1, 256])
def test_an_id_that_no_pixel_can_hold_is_refused(tmp_path, object_id):
    frame = FrameMasks(0, (seen(object_id, square(2, 3)),))
    says = rf"object {object_id} does not fit into an indexed PNG; expected ids from 1 to 255"
    with pytest.raises(OutputError, match=says):
        write_palette_pngs(tmp_path, [frame], SIZE)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_whole_files_only(tmp_path):
    noise = FrameMasks(1, (seen(1, np.random.default_rng(0).random((200, 300)) > 0.5),))
    with (
        files_of_at_most(4000),
        pytest.raises(OutputError, match=r"00001\.png could not be written: File too large"),
    ):
        write_palette_pngs(tmp_path, [FrameMasks(0, ()), noise], (200, 300))
    assert [path.name for path in tmp_path.iterdir()] == ["00000.png"]


def test_gray_pictures_are_read_by_level_and_black_and_white_ones_as_one_object(tmp_path):
    write_png(tmp_path / "2.png", square(2, 3).astype(np.uint8) * 7)
    Image.fromarray(square(2, 3)).save(tmp_path / "10.png")
    first, second = read_palette_pngs(tmp_path)
    assert (first.frame_index, first.objects[0].object_id) == (2, 7)
    assert (second.frame_index, second.objects[0].object_id) == (10, 1)
    for frame in (first, second):
        np.testing.assert_array_equal(rle.decode(frame.objects[0].segmentation), square(2, 3))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], r"holds no PNG or is none; expected PNGs named by frame index, such as 00012\.png"),
        (["00000.png", "cover.png"], r"holds cover\.png; expected PNGs named by frame index"),
        (["00001.png", "1.png"], r"00001\.png and 1\.png in .* are both frame 1; expected one"),
    ],
)
def test_a_folder_of_other_names_is_refused(tmp_path, names, says):
    for name in names:
        write_png(tmp_path / name, square(2, 3))
    with pytest.raises(ImageError, match=says):
        list(read_palette_pngs(tmp_path))


def test_a_picture_in_colour_is_refused(tmp_path):
    write_png(tmp_path / "0.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ImageError, match=r"0\.png has colours of kind RGB; expected an indexed or"):
        list(read_palette_pngs(tmp_path))


@pytest.mark.parametrize("size", [0, 20, 70])
def test_a_damaged_picture_is_refused(tmp_path, size):
    write_png(tmp_path / "0.png", np.random.default_rng(0).random((64, 64)) > 0.5)
    (tmp_path / "0.png").write_bytes((tmp_path / "0.png").read_bytes()[:size])
    with pytest.raises(ImageError, match=r"0\.png cannot be read: .*; expected an indexed PNG"):
        list(read_palette_pngs(tmp_path))
