"""A layout is told by the names in a folder or file."""

import io
import json
import tarfile

import pytest

from masklet.data.layouts import detect_layout
from masklet.errors import DatasetError
from tests.data.made_clips import (
    TWO,
    square,
    write_davis,
    write_meta,
    write_sav_frames,
    write_sav_video,
    write_split,
    write_text,
)


def write_tar(path, *names, content=b"{}"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


PICTURES = ("000123.jpg", "000123.json")
CLIPS = ("dog/00000.jpg", "dog/masks.json")


@pytest.mark.parametrize(
    ("year", "layout"),
    [
        ("2017", "davis-2017"),
        ("2016", "davis-2016"),
        ("480p", "davis-2016"),
        ("", "folder"),
    ],
)
def test_lists_tell_the_years_of_davis(tmp_path, year, layout):
    assert detect_layout(write_davis(tmp_path, ["dog"], year=year)) == layout


@pytest.mark.parametrize(
    ("meta", "layout", "alone"),
    [
        ("meta.json", "youtube-vos", "youtube-vos"),
        ("val_meta.json", "lvos", "lvos"),
        (None, "mose", "folder"),
    ],
)
def test_meta_json_tells_the_datasets_in_splits(tmp_path, meta, layout, alone):
    write_split(tmp_path / "val", {"dog": TWO})
    if meta is not None:
        write_meta(tmp_path / "val" / meta, {})
    assert detect_layout(tmp_path) == layout
    assert detect_layout(tmp_path / "val") == alone


def test_sa_v_is_told_by_its_folders_and_files(tmp_path):
    write_sav_frames(tmp_path / "a" / "sav_val", "sav_1", {0: {0: square(1, 1)}})
    write_sav_video(tmp_path / "b" / "sav_train" / "sav_000", "sav_1", [[square(1, 1)]], ids=(0,))
    for place in ("a", "a/sav_val", "b", "b/sav_train", "b/sav_train/sav_000"):
        assert detect_layout(tmp_path / place) == "sav", place


def test_pictures_are_told_by_their_annotations(tmp_path):
    write_text(tmp_path / "sam" / "sa_1.json", "{}")
    write_text(tmp_path / "coco" / "annotations" / "instances_val2017.json", "{}")
    write_text(tmp_path / "lvis" / "lvis_v1_val.json", "{}")
    assert detect_layout(tmp_path / "sam") == "sa-1b"
    assert detect_layout(tmp_path / "coco") == "coco"
    assert detect_layout(tmp_path / "coco" / "annotations") == "coco"
    assert detect_layout(tmp_path / "lvis") == "coco"
    assert detect_layout(tmp_path / "lvis" / "lvis_v1_val.json") == "coco"


def test_packs_are_told_by_what_is_in_them(tmp_path):
    pictures = write_tar(tmp_path / "pictures" / "000.tar", *PICTURES)
    clips = write_tar(tmp_path / "clips" / "000.tar", *CLIPS)
    write_tar(tmp_path / "clips" / "001.tar", *CLIPS)
    for path in (pictures, pictures.parent):
        assert detect_layout(path) == "picture-pack"
    for path in (clips, clips.parent):
        assert detect_layout(path) == "video-pack"


def test_pngs_are_pictures_or_cut_outs_as_their_json_says(tmp_path):
    names = ("7.png", "7.json")
    for content, layout in (
        (b'{"parts": 1}', "cutout-pack"),
        (b'{"annotations": 1}', "picture-pack"),
    ):
        assert detect_layout(write_tar(tmp_path / "a.tar", *names, content=content)) == layout
    for content in (b"{}", b"[]", b'{"parts'):
        with pytest.raises(DatasetError, match=r"a\.tar has no layout that is known"):
            detect_layout(write_tar(tmp_path / "a.tar", *names, content=content))


def test_backgrounds_may_lie_beside_cut_outs(tmp_path):
    cutouts = ("7.png", "7.json")
    write_tar(tmp_path / "c.tar", *cutouts, content=b'{"parts": []}')
    photos = write_tar(
        tmp_path / "b.tar", "photo/sea.jpg", "video/a/00000.jpg", "video/a/info.json"
    )
    assert detect_layout(photos) == "background-pack"
    assert detect_layout(tmp_path) == "cutout-pack"
    write_tar(tmp_path / "a.tar", *PICTURES)
    with pytest.raises(DatasetError, match=r"a\.tar \(picture-pack\), c\.tar \(cutout-pack\); ex"):
        detect_layout(tmp_path)


def test_packs_of_several_kinds_in_a_folder_are_told(tmp_path):
    write_tar(tmp_path / "a.tar", *PICTURES)
    write_tar(tmp_path / "b.tar", *CLIPS)
    write_tar(tmp_path / "c.tar", *CLIPS)
    write_tar(tmp_path / "d.tar", "readme.txt")
    says = (
        r"of one kind, such as a\.tar \(picture-pack\), b\.tar \(video-pack\), d\.tar \(unknown\);"
    )
    with pytest.raises(DatasetError, match=says):
        detect_layout(tmp_path)


def test_a_folder_with_no_layout_is_told_with_what_it_holds(tmp_path):
    says = r"has no layout that is known: it holds nothing; expected a dataset that is laid out wi"
    with pytest.raises(DatasetError, match=says):
        detect_layout(tmp_path)
    for name in "hgfedcba":
        (tmp_path / f"{name}.txt").touch()
    says = r"it holds a\.txt, b\.txt, c\.txt, d\.txt, e\.txt, f\.txt and 2 more; expected .*MOSE"
    with pytest.raises(DatasetError, match=says):
        detect_layout(tmp_path)


def test_a_file_with_no_layout_is_told(tmp_path):
    write_text(tmp_path / "a.txt", "")
    with pytest.raises(DatasetError, match=r"a\.txt has no layout that is known; expected a datas"):
        detect_layout(tmp_path / "a.txt")
    tar = write_tar(tmp_path / "a.tar", "readme.txt", "cut.png", "cut.json")
    with pytest.raises(DatasetError, match=r"a\.tar has no layout that is known; expected a datas"):
        detect_layout(tar)


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"gone does not exist; expected a dataset that is laid"):
        detect_layout(tmp_path / "gone")


def test_a_damaged_tar_is_told(tmp_path):
    (tmp_path / "a.tar").write_text(json.dumps({"no": "tar"}))
    with pytest.raises(DatasetError, match=r"a\.tar is no uncompressed tar: "):
        detect_layout(tmp_path / "a.tar")
