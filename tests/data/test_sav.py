"""Training videos of SA-V: an MP4, and masks of every fourth frame in JSON."""

import json
import pickle

import numpy as np
import pytest

from masklet.data.records import ObjectRecord
from masklet.data.sav import SavClip, open_sav, open_sav_videos
from masklet.errors import DatasetError, VideoError
from masklet.ops import rle
from tests.data.made_clips import SIZE, square, write_sav_frames, write_sav_video, write_text

NONE = np.zeros(SIZE, bool)

# Object 5 is hidden on frame 0, object 3 on frame 8.
MASKS = [[NONE, square(1, 2)], [square(3, 4), square(2, 2)], [square(5, 6), NONE]]


def sav_clip(folder, masks=MASKS, ids=(5, 3), **kind) -> SavClip:
    write_sav_video(folder, "sav_000001", masks, ids=ids, **kind)
    (clip,) = open_sav_videos(folder, kind.get("drawn", "manual")).items
    assert isinstance(clip, SavClip)
    return clip


def rewritten(clip, change):
    """The clip, after a change of its JSON."""
    document = json.loads(clip.annotations.read_text())
    change(document)
    clip.annotations.write_text(json.dumps(document))
    return clip


def test_annotation_k_is_frame_4k(tmp_path):
    clip = sav_clip(tmp_path)
    assert clip.annotated == (0, 4, 8)
    assert clip.frame_names == tuple(f"{index:05d}" for index in range(9))
    with clip.open() as video:
        assert len(video) == 9
        assert abs(int(video[4].mean()) - 80) <= 3


def test_objects_begin_where_they_are_first_visible(tmp_path):
    assert sav_clip(tmp_path).objects() == (ObjectRecord(3, 0), ObjectRecord(5, 4))


def test_an_empty_mask_is_a_hidden_object(tmp_path):
    clip = sav_clip(tmp_path)
    assert {each: int(mask.sum()) for each, mask in clip.truth(8).masks.items()} == {3: 0, 5: 36}
    np.testing.assert_array_equal(clip.truth(4).masks[5], square(3, 4))
    assert clip.truth(4).void is None


def test_null_is_not_known(tmp_path):
    clip = sav_clip(tmp_path, [[None, square(1, 2)], [square(3, 4), None]])
    assert [set(clip.truth(index).masks) for index in (0, 4)] == [{3}, {5}]
    assert clip.objects() == (ObjectRecord(3, 0), ObjectRecord(5, 4))


def test_an_object_that_is_never_visible_is_none_of_the_clip(tmp_path):
    assert sav_clip(tmp_path, [[NONE, square(1, 2)]]).objects() == (ObjectRecord(3, 0),)
    clip = sav_clip(tmp_path, [[NONE, NONE], [NONE, NONE]])
    says = r"manual\.json shows no object on any of its 2 frames; expected masks with pixels"
    with pytest.raises(DatasetError, match=says):
        clip.objects()


def test_a_clip_is_a_value_that_can_be_sent(tmp_path):
    clip = sav_clip(tmp_path)
    sent = pickle.loads(pickle.dumps(clip))
    assert sent == clip
    assert sent.objects() == clip.objects()


@pytest.mark.parametrize("frame_index", [-4, -1, 1, 6, 12])
def test_frames_between_have_no_truth(tmp_path, frame_index):
    clip = sav_clip(tmp_path)
    says = rf"frame {frame_index} of sav_000001 has no annotation; expected every fourth, from 0 "
    with pytest.raises(IndexError, match=says):
        clip.truth(frame_index)


def test_what_people_drew_and_what_the_model_drew_are_two_datasets(tmp_path):
    root = tmp_path / "sa-v"
    folder = root / "sav_train" / "sav_000"
    write_sav_video(folder, "sav_000001", MASKS, ids=(5, 3))
    write_sav_video(folder, "sav_000002", [[square(0, 0)]], ids=(0,), drawn="auto")
    write_sav_video(folder, "sav_000002", [[square(1, 1)]], ids=(7,))
    by_hand, by_model = open_sav(root, "train"), open_sav(root, "train-auto")
    assert [clip.name for clip in by_hand.items] == ["sav_000001", "sav_000002"]
    assert [clip.name for clip in by_model.items] == ["sav_000002"]
    assert (by_hand.name, by_model.name, by_hand.layout) == (
        "sa-v train",
        "sa-v train-auto",
        "sav",
    )
    assert by_hand.problems == by_model.problems == ()
    assert by_model.items[0].objects() == (ObjectRecord(0, 0),)
    assert by_hand.items[1].objects() == (ObjectRecord(7, 0),)


def test_videos_may_lie_without_a_folder_around(tmp_path):
    write_sav_video(tmp_path / "sav_train", "sav_000001", MASKS)
    assert open_sav(tmp_path / "sav_train").name == "sav_train"
    assert len(open_sav(tmp_path / "sav_train", "train").items) == 1
    write_sav_video(tmp_path / "sav_train", "sav_000001", MASKS, drawn="auto")
    assert open_sav(tmp_path / "sav_train", "train-auto").name == "sav_train auto"


def test_splits_are_the_folders_that_are_there(tmp_path):
    write_sav_video(tmp_path / "sav_train", "sav_000001", MASKS)
    assert open_sav(tmp_path).name == f"{tmp_path.name} train"
    write_sav_frames(tmp_path / "sav_val", "sav_000002", {0: {0: square(1, 1)}})
    assert open_sav(tmp_path).name == f"{tmp_path.name} val"
    assert open_sav(tmp_path / "sav_val", "val").items[0].name == "sav_000002"
    says = r"has no split test; expected one of val, train, train-auto\. Choose one"
    with pytest.raises(DatasetError, match=says):
        open_sav(tmp_path, "test")
    with pytest.raises(DatasetError, match=r"sav_val has no split test; expected one of val\. Ch"):
        open_sav(tmp_path / "sav_val", "test")


def test_files_that_lack_each_other_are_told(tmp_path):
    write_sav_video(tmp_path, "sav_000001", MASKS)
    write_sav_video(tmp_path, "sav_000002", MASKS)
    (tmp_path / "sav_000001.mp4").unlink()
    (tmp_path / "sav_000002_manual.json").unlink()
    dataset = open_sav_videos(tmp_path)
    assert [str(problem) for problem in dataset.problems] == [
        f"sav_000001: {tmp_path / 'sav_000001.mp4'}: there is no such file",
        f"sav_000002: {tmp_path / 'sav_000002_manual.json'}: there is no such file",
    ]
    no_video, no_masks = dataset.items
    with pytest.raises(
        DatasetError, match=r"000001\.mp4 cannot be read: No such file .*; expected"
    ):
        no_video.truth(0)
    with pytest.raises(VideoError, match=r"000001\.mp4"):
        no_video.open()
    with pytest.raises(DatasetError, match=r"000002_manual\.json cannot be read: No such file"):
        no_masks.objects()


def test_a_folder_without_videos_is_told(tmp_path):
    write_text(tmp_path / "bear.mp4", "")
    with pytest.raises(DatasetError, match=r"holds no videos with masks; expected pairs such as s"):
        open_sav_videos(tmp_path)


def test_a_damaged_video_is_told(tmp_path):
    clip = sav_clip(tmp_path)
    clip.video.write_bytes(b"no video at all")
    with pytest.raises(DatasetError, match=r"sav_000001\.mp4"):
        clip.truth(0)
    with pytest.raises(DatasetError, match=r"sav_000001\.mp4"):
        assert clip.frame_names
    with pytest.raises(VideoError, match=r"sav_000001\.mp4"):
        clip.open()


def test_masks_after_the_end_of_the_video_are_told(tmp_path):
    clip = sav_clip(tmp_path, num_frames=8)
    says = r"has a mask for frame 8, sav_000001\.mp4 has 8 frames; expected every fourth frame"
    for ask in (clip.objects, lambda: clip.truth(0)):
        with pytest.raises(DatasetError, match=says):
            ask()


def test_a_mask_of_another_size_is_told(tmp_path):
    clip = sav_clip(tmp_path, [[square(1, 1, (24, 31)), square(1, 2)]])
    says = r"object 5 on frame 0, has a mask of size \[24, 31\], its picture has \[24, 32\]"
    with pytest.raises(DatasetError, match=says):
        clip.truth(0)


def test_a_damaged_mask_is_told(tmp_path):
    def damage(document):
        document["masklet"][1][0] = {"size": list(SIZE), "counts": "!"}

    clip = rewritten(sav_clip(tmp_path), damage)
    assert set(clip.truth(0).masks) == {3, 5}
    with pytest.raises(
        DatasetError, match=r"object 5 on frame 4, has a damaged mask: .*Expected C"
    ):
        clip.truth(4)
    with pytest.raises(DatasetError, match=r"object 5 on frame 4, has a damaged mask"):
        clip.objects()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda of: of.pop("masklet"), r"manual\.json says None for 'masklet'; expected a list"),
        (lambda of: of.pop("masklet_id"), r"says None for 'masklet_id'; expected a list"),
        (
            lambda of: of.update(masklet_id=[1, 1]),
            r"says \[1, 1\] for 'masklet_id'; expected different whole numbers",
        ),
        (lambda of: of.update(masklet_id=[1, True]), r"says \[1, True\] for 'masklet_id'; expe"),
        (
            lambda of: of["masklet"][2].pop(),
            r"has 1 masks at place 2 of 'masklet'; expected 2, one for each object",
        ),
        (lambda of: of.update(masklet=[7]), r"has no masks at place 0 of 'masklet'; expected 2"),
    ],
    ids=["no masks", "no ids", "ids twice", "ids that are none", "too few", "no list"],
)
def test_a_json_that_says_something_else_is_told(tmp_path, change, says):
    clip = rewritten(sav_clip(tmp_path), change)
    with pytest.raises(DatasetError, match=says):
        clip.truth(0)


def test_an_unreadable_json_is_told(tmp_path):
    clip = sav_clip(tmp_path)
    clip.annotations.write_text("{")
    with pytest.raises(DatasetError, match=r"manual\.json is no JSON: .*; expected the masks of a"):
        assert clip.annotated


def test_a_json_that_was_replaced_is_read_again(tmp_path):
    clip = sav_clip(tmp_path)
    assert clip.truth(0).masks[3].any()
    shorter = [[rle.encode(NONE), rle.encode(NONE)]]
    rewritten(clip, lambda document: document.update(masklet=shorter))
    assert clip.annotated == (0,)
    assert not clip.truth(0).masks[3].any()
