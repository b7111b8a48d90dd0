"""Clips of a pack have the frames and masks that they should, or it is told what is wrong."""

import json
import pickle
import re

import numpy as np
import pytest

from masklet.data.packed_clips import PackedClip, clips_in
from masklet.data.records import ObjectRecord
from masklet.data.tars import index_tar
from masklet.errors import DatasetError, VideoError
from masklet.io.video import FrameSource
from tests.data.made_packs import (
    NOTHING,
    box,
    clip,
    encoded,
    jpeg,
    masklet_json,
    runs,
    write_tar,
)

MASK = runs(box(2, 3, 8, 9))
OTHER = runs(box(10, 10, 15, 20))


def found(tmp_path, files):
    return list(clips_in(index_tar(write_tar(tmp_path / "a.tar", files)).files))


def opened(tmp_path, files):
    (one,) = found(tmp_path, files)
    assert isinstance(one, PackedClip), one
    return one


def test_frames_come_in_the_order_of_their_numbers(tmp_path):
    files = {f"dog/{index}.jpg": jpeg(20 * index) for index in (10, 9, *range(9))}
    masks = masklet_json([[MASK]] * 11, [(1, 0, 10)])
    dog = pickle.loads(pickle.dumps(opened(tmp_path, {**files, "dog/masks.json": masks})))
    assert dog.frame_names == tuple(str(index) for index in range(11))
    with dog.open() as video:
        assert isinstance(video, FrameSource)
        assert (video.info.name, video.info.size, len(video)) == ("dog", (20, 30), 11)
        assert [round(frame.mean() / 20) for frame in video] == list(range(11))


def test_null_is_not_annotated_and_an_empty_mask_is_hidden(tmp_path):
    rows = [[None, None, OTHER], [NOTHING, None, None], [MASK, None, OTHER], [MASK, NOTHING, None]]
    objects = [(2, 1, 3), (7, 3, 3), (1, 0, 2)]
    dog = opened(tmp_path, clip(masks=masklet_json(rows, objects), frames=4))
    assert dog.annotated == (0, 1, 2, 3)
    shown = [
        {number: int(mask.sum()) for number, mask in dog.truth(index).masks.items()}
        for index in dog.annotated
    ]
    assert shown == [{1: 50}, {2: 0}, {2: 36, 1: 50}, {2: 36, 7: 0}]
    np.testing.assert_array_equal(dog.truth(2).masks[2], box(2, 3, 8, 9))
    assert dog.objects() == (ObjectRecord(1, 0), ObjectRecord(2, 2))


def test_a_frame_on_which_nobody_looked_is_not_annotated(tmp_path):
    dog = opened(tmp_path, clip(masks=masklet_json([[None], [MASK], [None]], [(1, 1, 1)])))
    assert dog.annotated == (1,)
    with pytest.raises(
        IndexError, match="frame 2 of dog is not annotated; expected one of 1, from"
    ):
        dog.truth(2)


def test_other_files_are_passed_over(tmp_path):
    files = {"README.md": b"x", "dog/notes.txt": b"x", "more/readme": b"x"}
    assert [each.name for each in found(tmp_path, clip("deep/dog") | files)] == ["dog"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"dog/masks.json": None}, r"dog: dog/00000\.jpg in .*: there is no masks\.json beside it"),
        ({"dog/00002.jpg": None}, "masks of 3 frames, the clip has 2 frames; expected as many"),
        ({"dog/00003.jpg": jpeg()}, "masks of 3 frames, the clip has 4 frames; expected as many"),
        (
            {"dog/00001.jpg": None, "dog/00003.jpg": jpeg()},
            "is one of 3 frames, of which number 1 is missing; expected 0 to 2",
        ),
        (
            {"dog/1.jpg": jpeg()},
            r"1\.jpg in .* and dog/1\.jpg in .* are both frame 1; expected one",
        ),
        ({"dog/cover.jpg": jpeg()}, r"cover\.jpg in .* has no number for a name; expected frames"),
        (
            {"dog/00000.jpg": jpeg(size=(20, 31))},
            "00000.jpg in .* is 31x20 pixels, its annotations",
        ),
        ({"dog/00000.jpg": b"x"}, r"dog/00000\.jpg in .* cannot be read as a picture"),
        ({"dog/masks.json": b'{"video": {'}, r"dog/masks\.json in .* is no JSON at byte 11"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_clip_whose_files_are_wrong_is_told(tmp_path, change, what):
    files = {name: data for name, data in (clip() | change).items() if data is not None}
    (problem,) = found(tmp_path, files)
    assert problem.item == "dog"
    assert re.search(what, str(problem))


def changed(video=(), **fields):
    document = json.loads(clip()["dog/masks.json"])
    document["video"] |= dict(video)
    return encoded(document | fields)


@pytest.mark.parametrize(
    ("masks", "what"),
    [
        (changed({"height": "20"}), "says '20' for 'height'"),
        (encoded({"masklet": [[MASK]] * 3}), "says None for 'video'; expected an object"),
        (changed({"objects": None}), "video, says None for 'objects'; expected a list"),
        (
            changed({"objects": [{"id": 1}]}),
            r"objects\[0\] says None for 'first'; expected a whole",
        ),
        (masklet_json([[MASK]] * 3, [(0, 0, 2)]), r"objects of the ids \[0\]; expected different"),
        (masklet_json([[MASK] * 2] * 3, [(1, 0, 2)] * 2), r"of the ids \[1, 1\]; expected differ"),
        (changed(masklet=[1, 2, 3]), "says 1 for 'masklet'; expected a list"),
        (changed(masklet=[[MASK], [], [MASK]]), "frame 1 has 0 places for masks, .* 1 objects"),
        (masklet_json([[MASK]] * 3, [(1, 0, 1)]), "frame 2 has a mask of object 1, .* from 0 to 1"),
        (masklet_json([[None]] * 3), "has no masks; expected one at least"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_clip_whose_masks_are_wrong_is_told(tmp_path, masks, what):
    (problem,) = found(tmp_path, clip(masks=masks))
    assert problem.item == "dog"
    assert re.search(what, str(problem))


def test_pictures_in_no_folder_are_told(tmp_path):
    files = {"00000.jpg": jpeg(), "00001.jpg": jpeg(), "cat/masks.json": b"{}"}
    problems = found(tmp_path, files)
    assert [(problem.item, problem.what) for problem in problems] == [
        ("", "it is in no folder of a clip"),
        ("cat", "there is no 00000.jpg beside it"),
    ]


@pytest.mark.parametrize(
    ("mask", "what"),
    [
        ({**MASK, "counts": "Z"}, r"masks\.json in .*, frame 1, object 1 has a damaged mask"),
        (
            runs(box(2, 3, 8, 9, (20, 31))),
            r"has a mask of size \[20, 31\], its picture has \[20, 30",
        ),
        ("x", "has a damaged mask"),
    ],
    ids=["damaged", "size", "kind"],
)
def test_a_mask_that_is_wrong_is_refused_when_it_is_read(tmp_path, mask, what):
    dog = opened(tmp_path, clip(masks=masklet_json([[None], [mask], [MASK]])))
    with pytest.raises(DatasetError, match=what):
        dog.truth(1)
    with pytest.raises(DatasetError, match=what):
        dog.objects()


def test_a_frame_that_is_wrong_is_refused_when_it_is_read(tmp_path):
    files = {"dog/00001.jpg": jpeg()[:150], "dog/00002.jpg": jpeg(size=(20, 31))}
    video = opened(tmp_path, clip() | files).open()
    assert video[0].shape == (20, 30, 3)
    with pytest.raises(VideoError, match=r"dog/00001\.jpg in .*a\.tar cannot be read as a picture"):
        video[1]
    with pytest.raises(
        VideoError, match=r"dog/00002\.jpg in .*a\.tar is 31x20 pixels, the first 3"
    ):
        video[2]
    with pytest.raises(IndexError, match="there is no frame 3"):
        video[3]


@pytest.mark.parametrize("written", [b"x", b"{}", b"[]"])
def test_a_pack_that_was_written_anew_is_told(tmp_path, written):
    dog = opened(tmp_path, clip())
    path = tmp_path / "a.tar"
    data = path.read_bytes()
    row = dog.rows[1]
    path.write_bytes(data[: row.offset] + written.ljust(row.size) + data[row.offset + row.size :])
    with pytest.raises(DatasetError, match="frame 1 is no list of 1 masks any more; expected what"):
        dog.truth(1)
