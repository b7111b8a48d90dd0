"""Clips written in the layout of DAVIS are read as they were."""

import os
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from masklet.data.catalog import open_dataset
from masklet.data.davis_writer import tiny_dataset, write_davis
from masklet.data.records import FrameTruth, ObjectRecord
from masklet.data.scenes.tiny import tiny_clips
from masklet.errors import DatasetError, OutputError
from masklet.io.arrays import ArrayVideo
from masklet.io.palette_png import davis_palette
from tests.io.made import files_of_at_most, square

SIZE = (20, 30)


@dataclass(frozen=True)
class MadeClip:
    """Three gray frames of a sparsely annotated clip."""

    truths: dict[int, FrameTruth] = field(default_factory=dict)
    name: str = "made"
    frame_names: tuple[str, ...] = ("00005", "00010", "00015")

    @property
    def annotated(self):
        return tuple(sorted(self.truths))

    def objects(self):
        return (ObjectRecord(1, 0),)

    def truth(self, frame_index):
        return self.truths[frame_index]

    def open(self):
        return ArrayVideo(np.full((3, *SIZE, 3), 90, np.uint8))


def test_what_was_written_is_read_again(tmp_path):
    clips = tiny_dataset(tmp_path / "tiny")
    dataset = open_dataset(tmp_path / "tiny")
    assert [clip.name for clip in dataset.items] == [clip.name for clip in clips]
    assert not dataset.problems
    for wrote, read in zip(clips, dataset.items, strict=True):
        assert read.frame_names == wrote.frame_names
        assert read.annotated == wrote.annotated
        assert read.objects() == wrote.objects()
        with wrote.open() as frames, read.open() as decoded:
            assert np.abs(frames[3].astype(int) - decoded[3]).mean() < 4
        for index in wrote.annotated:
            masks, expected = read.truth(index).masks, wrote.truth(index).masks
            assert masks.keys() == expected.keys()
            for object_id, mask in expected.items():
                np.testing.assert_array_equal(masks[object_id], mask)


def test_the_files_lie_where_davis_has_them(tmp_path):
    write_davis(tmp_path / "made", tiny_clips()[:2], split="train")
    root = tmp_path / "made"
    assert (root / "ImageSets/2017/train.txt").read_text() == "alone\nbehind\n"
    assert len(list((root / "JPEGImages/480p/behind").iterdir())) == 10
    assert len(list((root / "Annotations/480p/behind").iterdir())) == 10
    with Image.open(root / "Annotations/480p/behind/00000.png") as picture:
        assert picture.mode == "P"
        assert picture.getpalette() == list(davis_palette())
        assert set(np.unique(picture)) == {0, 1, 2}
    with Image.open(root / "JPEGImages/480p/behind/00009.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (96, 64))


def test_frames_keep_their_names_and_only_annotated_ones_have_labels(tmp_path):
    void = square(0, 0)
    truth = FrameTruth({1: square(2, 3), 7: square(12, 20)}, void=void)
    write_davis(tmp_path / "made", [MadeClip({1: truth})])
    frames, labels = (
        tmp_path / "made" / each / "480p/made" for each in ("JPEGImages", "Annotations")
    )
    assert sorted(path.name for path in frames.iterdir()) == ["00005.jpg", "00010.jpg", "00015.jpg"]
    assert [path.name for path in labels.iterdir()] == ["00010.png"]
    with Image.open(labels / "00010.png") as picture:
        indices = np.asarray(picture)
    np.testing.assert_array_equal(indices == 255, void)
    np.testing.assert_array_equal(indices == 1, square(2, 3) & ~void)
    np.testing.assert_array_equal(indices == 7, square(12, 20))


def test_a_folder_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(OutputError, match=r"is there already; expected a name for a new folder"):
        write_davis(tmp_path, tiny_clips())
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_link_that_leads_nowhere_is_not_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(OutputError, match="is there already"):
        write_davis(tmp_path / "link", tiny_clips()[:1])


def test_parents_are_made(tmp_path):
    write_davis(tmp_path / "a" / "b", tiny_clips()[:1])
    assert (tmp_path / "a" / "b" / "ImageSets").is_dir()


@pytest.mark.parametrize("object_id", [0, 255, 256])
def test_an_id_that_no_pixel_can_hold_is_refused_and_nothing_is_left(tmp_path, object_id):
    clip = MadeClip({2: FrameTruth({object_id: square(2, 3)})})
    says = rf"object {object_id} on frame 00015 of made does not fit .* expected ids from 1 to 254"
    with pytest.raises(OutputError, match=says):
        write_davis(tmp_path / "made", [clip])
    assert not list(tmp_path.iterdir())


def test_objects_that_overlap_are_refused(tmp_path):
    clip = MadeClip({0: FrameTruth({1: square(2, 3), 2: square(7, 8)})})
    says = r"on frame 00005 of made, object 2 overlaps object 1; expected at most one object"
    with pytest.raises(OutputError, match=says):
        write_davis(tmp_path / "made", [clip])


def test_a_clip_that_cannot_be_read_leaves_nothing(tmp_path):
    @dataclass(frozen=True)
    class BrokenClip(MadeClip):
        def truth(self, frame_index):
            raise DatasetError("the annotation is gone")

    broken = BrokenClip({0: FrameTruth({})})
    with pytest.raises(DatasetError, match="the annotation is gone"):
        write_davis(tmp_path / "made", [tiny_clips()[0], broken])
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_nothing(tmp_path):
    with files_of_at_most(1000), pytest.raises(OutputError, match=r"\.jpg could not be written"):
        write_davis(tmp_path / "made", tiny_clips()[:1])
    assert not list(tmp_path.iterdir())


def test_two_clips_of_one_name_are_refused(tmp_path):
    alone = tiny_clips()[0]
    with pytest.raises(OutputError, match=r"two clips are called alone; expected different names"):
        write_davis(tmp_path / "made", [alone, alone])
