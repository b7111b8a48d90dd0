"""A clip with indexed PNGs tells its objects and their masks, whatever its frames are called."""

import pickle

import numpy as np
import pytest
from PIL import Image

from masklet.data.indexed_folders import open_folder, open_lvos, open_mose, open_youtube_vos
from masklet.data.indexed_png import IndexedClip
from masklet.data.label_png import ids_of
from masklet.data.records import ObjectRecord
from masklet.errors import DatasetError, VideoError
from tests.data.made_clips import (
    TWO,
    labels,
    square,
    write_clip,
    write_davis,
    write_frame,
    write_labels,
    write_meta,
    write_split,
)


def folder_clip(root, drawn, **kind) -> IndexedClip:
    write_clip(root / "JPEGImages" / "bear", root / "Annotations" / "bear", drawn, **kind)
    (clip,) = open_folder(root).items
    return clip


def shown(truth):
    """The number of pixels of every object."""
    return {object_id: int(mask.sum()) for object_id, mask in truth.masks.items()}


def test_an_object_begins_where_it_is_first_drawn(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    assert clip.objects() == (ObjectRecord(1, 0), ObjectRecord(2, 1))
    assert clip.annotated == (0, 1, 2)
    assert clip.frame_names == ("00000", "00001", "00002")


def test_truth_has_every_object_of_the_clip_also_where_it_is_hidden(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    assert [shown(clip.truth(index)) for index in range(3)] == [
        {1: 36, 2: 0},
        {1: 36, 2: 36},
        {1: 0, 2: 36},
    ]
    np.testing.assert_array_equal(clip.truth(1).masks[2], square(12, 20))
    assert clip.truth(1).masks[2].dtype == np.bool_
    assert clip.truth(0).void is None


def test_the_frames_are_a_video(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    with clip.open() as video:
        assert (video.info.name, len(video), video.info.size) == ("bear", 3, (24, 32))
        assert abs(int(video[2][0, 0, 0]) - 42) <= 1


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "webp", "JPG"])
def test_frames_may_be_of_several_kinds(tmp_path, suffix):
    clip = folder_clip(tmp_path, TWO, suffix=suffix)
    with clip.open() as video:
        assert len(video) == 3


def test_frames_and_annotations_meet_by_number_not_by_place(tmp_path):
    frames, drawn = tmp_path / "JPEGImages" / "bear", tmp_path / "Annotations" / "bear"
    for number in (7, 12, 13, 100):
        write_frame(frames / f"{number:08d}.jpg", number)
    write_labels(drawn / "13.png", labels({3: (1, 1)}))
    write_labels(drawn / "0100.png", labels({4: (1, 1)}))
    (clip,) = open_folder(tmp_path).items
    assert clip.problems == ()
    assert clip.annotated == (2, 3)
    assert clip.objects() == (ObjectRecord(3, 2), ObjectRecord(4, 3))
    with clip.open() as video:
        assert abs(int(video[3][0, 0, 0]) - 40) <= 1  # of number 100: 40 + 100 % 100


def test_a_clip_is_a_value_that_can_be_sent(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    sent = pickle.loads(pickle.dumps(clip))
    assert sent == clip
    assert hash(sent) == hash(clip)
    assert sent.objects() == clip.objects()


@pytest.mark.parametrize("frame_index", [-1, 1, 3, 50])
def test_a_frame_without_annotation_has_no_truth(tmp_path, frame_index):
    clip = folder_clip(tmp_path, {**TWO, 1: None})
    with pytest.raises(IndexError, match=rf"frame {frame_index} of .*bear has no annotation; exp"):
        clip.truth(frame_index)


def test_255_was_not_judged(tmp_path):
    picture = labels({1: (2, 3), 255: (12, 20)})
    clip = folder_clip(tmp_path, {0: picture, 1: labels({1: (2, 3)})})
    assert clip.objects() == (ObjectRecord(1, 0),)
    truth = clip.truth(0)
    assert shown(truth) == {1: 36}
    np.testing.assert_array_equal(truth.void, square(12, 20))
    assert clip.truth(1).void is None


def test_a_clip_of_nothing_but_255_is_told(tmp_path):
    clip = folder_clip(tmp_path, {0: labels({255: (2, 3)})})
    says = r"no object is drawn on the 1 annotations in .*bear; .* 1, where 255 means that a pixel"
    with pytest.raises(DatasetError, match=says):
        clip.objects()


def test_black_and_white_without_a_palette_is_an_object(tmp_path):
    drawn = {0: labels({}), 1: labels({255: (2, 3)}), 2: labels({255: (4, 5)})}
    clip = folder_clip(tmp_path, drawn, palette=False)
    assert clip.objects() == (ObjectRecord(255, 1),)
    assert shown(clip.truth(0)) == {255: 0}
    assert clip.truth(2).void is None


def test_an_annotation_that_was_corrected_meanwhile_is_read_again(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    assert shown(clip.truth(0)) == {1: 36, 2: 0}
    path = clip.annotations.path_of(2)
    write_labels(path, np.full((24, 32), 7, np.uint8))
    assert shown(clip.truth(0)) == {1: 36, 2: 0, 7: 0}
    assert [each.object_id for each in clip.objects()] == [1, 2, 7]


def test_an_annotation_of_another_size_is_told(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    path = clip.annotations.path_of(1)
    write_labels(path, labels({1: (0, 0)}, size=(24, 31)))
    with pytest.raises(DatasetError, match=r"00001\.png is 31x24, its frame 32x24; expected them"):
        clip.truth(1)


def test_a_frame_that_lies_on_its_side_has_its_size_as_it_is_shown(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (24, 32)).save(clip.frames.path_of(1), exif=exif)
    assert shown(clip.truth(1)) == {1: 36, 2: 36}


def test_damaged_files_are_told(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    clip.frames.path_of(0).write_bytes(b"no picture")
    clip.annotations.path_of(2).write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DatasetError, match=r"the frame .*00000\.jpg cannot be read: .*; expected"):
        clip.truth(0)
    with pytest.raises(DatasetError, match=r"annotation .*00002\.png cannot be read: .*; expect"):
        clip.truth(2)
    with pytest.raises(DatasetError, match=r"annotation .*00002\.png cannot be read"):
        clip.objects()
    with pytest.raises(VideoError, match=r"frame 0 cannot be read: .*00000\.jpg"):
        clip.open()


def test_a_file_that_went_away_is_told(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    clip.annotations.path_of(2).unlink()
    with pytest.raises(DatasetError, match=r"annotation .*00002\.png cannot be read: .*No such"):
        clip.truth(2)
    with pytest.raises(DatasetError, match=r"annotation .*00002\.png cannot be read: .*No such"):
        ids_of(clip.annotations.path_of(2))


def test_a_broken_clip_is_not_opened(tmp_path):
    clip = folder_clip(tmp_path, TWO)
    clip.frames.path_of(1).unlink()
    clip.frames.path_of(2).unlink()
    (clip,) = open_folder(tmp_path).items
    says = r"clip bear is broken: .*00001\.png: there is no frame of this number, and 1 more probl"
    for ask in (clip.open, clip.objects):
        with pytest.raises(DatasetError, match=says):
            ask()
    assert shown(clip.truth(0)) == {1: 36}, "what is there can be looked at"


def test_an_object_is_not_annotated_before_its_first_frame_in_meta_json(tmp_path):
    write_split(tmp_path / "train", {"fox": TWO})
    first = {"category": "fox", "frames": ["00000", "00001", "00002"]}
    second = {"category": "hen", "frames": ["00001", "00002"]}
    write_meta(tmp_path / "train" / "meta.json", {"fox": {"1": first, "2": second}})
    (clip,) = open_youtube_vos(tmp_path).items
    assert [shown(clip.truth(index)) for index in range(3)] == [
        {1: 36},
        {1: 36, 2: 36},
        {1: 0, 2: 36},
    ]
    assert clip.objects() == (
        ObjectRecord(1, 0, "fox", is_seen=True),
        ObjectRecord(2, 1, "hen", is_seen=True),
    )


def test_with_a_range_an_object_is_looked_for_from_its_start(tmp_path):
    drawn = {6 + 5 * place: picture for place, picture in enumerate(TWO.values())}
    write_split(tmp_path / "val", {"ship": drawn}, digits=8)
    ranges = {
        "1": {"frame_range": {"start": "00000006", "end": "00000011", "frame_nums": 2}},
        "2": {"frame_range": {"start": 11, "end": 16, "frame_nums": 2}},
    }
    write_meta(tmp_path / "val" / "val_meta.json", {"ship": ranges})
    (clip,) = open_lvos(tmp_path).items
    assert clip.frame_names == ("00000006", "00000011", "00000016")
    assert clip.objects() == (ObjectRecord(1, 0), ObjectRecord(2, 1))
    assert [shown(clip.truth(index)) for index in range(3)] == [
        {1: 36},
        {1: 36, 2: 36},
        {1: 0, 2: 36},
    ]


def test_an_index_that_meta_json_does_not_know_is_told(tmp_path):
    write_split(tmp_path / "train", {"fox": TWO})
    described = {"1": {"frames": ["00000", "00001", "00002"]}}
    write_meta(tmp_path / "train" / "meta.json", {"fox": described})
    (clip,) = open_youtube_vos(tmp_path).items
    says = r"00001\.png shows objects \[2\], meta\.json knows \[1\] in the clip fox; expected no"
    with pytest.raises(DatasetError, match=says):
        clip.truth(1)
    assert clip.objects() == (ObjectRecord(1, 0),), "the others were not read for it"


def test_an_object_of_meta_json_that_is_nowhere_drawn_is_no_object_of_the_clip(tmp_path):
    write_split(tmp_path / "train", {"fox": TWO})
    everywhere = {"frames": ["00000", "00001", "00002"]}
    write_meta(tmp_path / "train" / "meta.json", {"fox": dict.fromkeys("123", everywhere)})
    (clip,) = open_youtube_vos(tmp_path).items
    assert [each.object_id for each in clip.objects()] == [1, 2]


def test_where_only_first_masks_are_given_nothing_is_known_of_the_others(tmp_path):
    drawn = {0: labels({1: (2, 3)}), 5: labels({2: (8, 8)}), 10: None}
    write_split(tmp_path / "valid", {"fox": drawn})
    numbers = ["00000", "00005", "00010"]
    described = {"1": {"frames": numbers}, "2": {"frames": numbers[1:]}}
    write_meta(tmp_path / "valid" / "meta.json", {"fox": described})
    (clip,) = open_youtube_vos(tmp_path).items
    assert clip.problems == ()
    assert clip.annotated == (0, 1)
    assert [shown(clip.truth(index)) for index in (0, 1)] == [{1: 36}, {2: 36}]
    assert clip.objects() == (ObjectRecord(1, 0), ObjectRecord(2, 1))


def test_a_validation_clip_with_all_its_annotations_has_all_the_truth(tmp_path):
    write_split(tmp_path / "valid", {"fox": TWO})
    described = {"frames": ["00000", "00001", "00002"]}
    write_meta(tmp_path / "valid" / "meta.json", {"fox": dict.fromkeys("12", described)})
    (clip,) = open_youtube_vos(tmp_path).items
    assert not clip.is_prompts_only
    assert shown(clip.truth(2)) == {1: 0, 2: 36}


def test_one_annotated_frame_is_one_annotated_frame(tmp_path):
    write_split(tmp_path / "valid", {"fox": {0: TWO[1], 1: None, 2: None}})
    dataset = open_mose(tmp_path)
    (clip,) = dataset.items
    assert dataset.problems == ()
    assert clip.annotated == (0,)
    assert clip.objects() == (ObjectRecord(1, 0), ObjectRecord(2, 0))


def test_merged_objects_are_one(tmp_path):
    from masklet.data.indexed_folders import open_davis_2016

    drawn = {0: labels({}), 1: labels({1: (2, 3), 2: (12, 20), 255: (0, 20)})}
    root = write_davis(tmp_path, ["bear"], year="2016", drawn=drawn)
    (clip,) = open_davis_2016(root).items
    assert clip.objects() == (ObjectRecord(1, 1),)
    assert shown(clip.truth(1)) == {1: 108}
    assert shown(clip.truth(0)) == {1: 0}
    assert clip.truth(1).void is None
