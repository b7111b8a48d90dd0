"""Validation and test clips of SA-V: frames as pictures, a folder of masks for each object."""

import pickle

import numpy as np
import pytest
from PIL import Image

from masklet.data.records import ObjectRecord
from masklet.data.sav_frames import open_sav_frames
from masklet.errors import DatasetError
from tests.data.made_clips import SIZE, labels, square, write_labels, write_sav_frames, write_text

NONE = np.zeros(SIZE, bool)

# Object 3 is hidden on frame 0, object 0 has no mask of frame 8.
DRAWN = {
    0: {0: square(1, 2), 4: square(2, 2)},
    3: {0: NONE, 4: square(5, 5), 8: square(6, 6)},
}


def sav_clip(root, drawn=None):
    write_sav_frames(root, "sav_1", drawn or DRAWN)
    (clip,) = open_sav_frames(root).items
    return clip


def told(root):
    problems = open_sav_frames(root).problems
    return [str(problem).replace(f"{root}/", "") for problem in problems]


def test_every_object_has_masks_of_its_own(tmp_path):
    clip = sav_clip(tmp_path)
    assert clip.objects() == (ObjectRecord(0, 0), ObjectRecord(3, 4))
    assert clip.annotated == (0, 4, 8)
    assert len(clip.frame_names) == 9
    pixels = [
        {each: int(mask.sum()) for each, mask in clip.truth(index).masks.items()}
        for index in clip.annotated
    ]
    assert pixels == [{0: 36, 3: 0}, {0: 36, 3: 36}, {3: 36}]
    with clip.open() as video:
        assert (video.info.name, len(video)) == ("sav_1", 9)


def test_masks_may_overlap_and_be_of_0_and_255(tmp_path):
    clip = sav_clip(tmp_path, {0: {0: square(1, 2)}, 1: {0: square(2, 3)}})
    path = tmp_path / "Annotations_6fps" / "sav_1" / "001" / "00000.png"
    write_labels(path, labels({255: (2, 3)}), palette=False)
    np.testing.assert_array_equal(clip.truth(0).masks[1], square(2, 3))
    np.testing.assert_array_equal(clip.truth(0).masks[0], square(1, 2))


def test_a_clip_is_a_value_that_can_be_sent(tmp_path):
    clip = sav_clip(tmp_path)
    sent = pickle.loads(pickle.dumps(clip))
    assert sent == clip
    assert sent.objects() == clip.objects()


def test_the_list_says_which_clips_there_are(tmp_path):
    for name in ("sav_1", "sav_2", "sav_3"):
        write_sav_frames(tmp_path / "sav_val", name, DRAWN)
    everything = open_sav_frames(tmp_path / "sav_val")
    assert (everything.name, everything.layout) == ("sav_val", "sav")
    assert [clip.name for clip in everything.items] == ["sav_1", "sav_2", "sav_3"]
    write_text(tmp_path / "sav_val" / "sav_val.txt", "sav_3\nsav_1\n")
    listed = open_sav_frames(tmp_path / "sav_val")
    assert [clip.name for clip in listed.items] == ["sav_3", "sav_1"]
    assert listed.problems == ()


@pytest.mark.parametrize("frame_index", [-1, 1, 9])
def test_frames_between_have_no_truth(tmp_path, frame_index):
    clip = sav_clip(tmp_path)
    with pytest.raises(IndexError, match=rf"frame {frame_index} of .*sav_1 has no annotation"):
        clip.truth(frame_index)


def test_a_missing_frame_is_told(tmp_path):
    sav_clip(tmp_path)
    (tmp_path / "JPEGImages_24fps" / "sav_1" / "00004.jpg").unlink()
    what = "there is no frame of this number"
    assert told(tmp_path) == [
        f"sav_1: Annotations_6fps/sav_1/000/00004.png: {what}",
        f"sav_1: Annotations_6fps/sav_1/003/00004.png: {what}",
    ]
    (clip,) = open_sav_frames(tmp_path).items
    for ask in (clip.open, clip.objects):
        with pytest.raises(DatasetError, match=r"clip sav_1 is broken: .*00004\.png: there is no"):
            ask()


def test_clips_without_frames_or_masks_are_told(tmp_path):
    sav_clip(tmp_path)
    (tmp_path / "JPEGImages_24fps" / "sav_2").mkdir()
    write_sav_frames(tmp_path, "sav_3", {})
    (tmp_path / "Annotations_6fps" / "sav_3" / "000").mkdir(parents=True)
    assert told(tmp_path) == [
        "sav_2: JPEGImages_24fps/sav_2: there are no frames",
        "sav_3: Annotations_6fps/sav_3: there are no annotations",
    ]


def test_folders_that_are_no_objects_and_doubles_are_told(tmp_path):
    sav_clip(tmp_path)
    for name in ("all", "3"):
        (tmp_path / "Annotations_6fps" / "sav_1" / name).mkdir()
    what = "its name is no number of an object, or one that was there already"
    assert told(tmp_path) == [
        f"sav_1: Annotations_6fps/sav_1/3: {what}",
        f"sav_1: Annotations_6fps/sav_1/all: {what}",
    ]


def test_a_mask_of_another_size_is_told(tmp_path):
    clip = sav_clip(tmp_path)
    path = tmp_path / "Annotations_6fps" / "sav_1" / "003" / "00004.png"
    write_labels(path, labels({1: (0, 0)}, size=(20, 32)))
    with pytest.raises(DatasetError, match=r"003/00004\.png is 32x20, its frame 32x24; expected"):
        clip.truth(4)


def test_a_picture_of_several_values_is_no_mask(tmp_path):
    clip = sav_clip(tmp_path)
    path = tmp_path / "Annotations_6fps" / "sav_1" / "000" / "00000.png"
    write_labels(path, labels({1: (0, 0), 2: (10, 10)}))
    says = r"annotation of an object cannot be used: .*00000\.png holds 3 values .*; a mask has 0"
    for ask in (clip.objects, lambda: clip.truth(0)):
        with pytest.raises(DatasetError, match=says):
            ask()


def test_a_damaged_mask_is_told(tmp_path):
    clip = sav_clip(tmp_path)
    path = tmp_path / "Annotations_6fps" / "sav_1" / "000" / "00000.png"
    path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"cannot be used: .*00000\.png is an empty file"):
        clip.truth(0)


def test_a_clip_of_black_masks_is_told(tmp_path):
    clip = sav_clip(tmp_path, {0: {0: NONE}, 1: {0: NONE}})
    says = r"none of the 2 objects of the clip sav_1 has a mask with pixels; expected at least one"
    with pytest.raises(DatasetError, match=says):
        clip.objects()


def test_a_folder_without_clips_is_told(tmp_path):
    (tmp_path / "JPEGImages_24fps").mkdir()
    with pytest.raises(
        DatasetError, match=r"holds no clips; expected JPEGImages_24fps/video/00000"
    ):
        open_sav_frames(tmp_path)


def test_masks_in_colour_are_masks_if_their_channels_agree(tmp_path):
    clip = sav_clip(tmp_path)
    path = tmp_path / "Annotations_6fps" / "sav_1" / "000" / "00000.png"
    Image.fromarray(square(1, 2)).convert("RGB").save(path)
    np.testing.assert_array_equal(clip.truth(0).masks[0], square(1, 2))
