"""Packs of several tar files are one dataset, whose names are different."""

import json
import pickle
from pathlib import Path

import pytest

from masklet.data.packs import open_cutout_pack, open_picture_pack, open_video_pack
from masklet.errors import DatasetError
from tests.data.made_packs import annotated, box, clip, cutouts, jpeg, runs, write_tar

PACKS = Path(__file__).parents[3] / "shared" / "data"


def pictures(*keys):
    described = annotated([runs(box(2, 3, 8, 9))])
    return {f"{key}.{kind}": data for key in keys for kind, data in pair(described)}


def pair(described):
    return ("jpg", jpeg()), ("json", described)


def test_shards_are_one_dataset(tmp_path):
    shards = [
        write_tar(tmp_path / "train-000.tar", pictures("000001", "000002")),
        write_tar(tmp_path / "train-001.tar", pictures("000003")),
    ]
    dataset = open_picture_pack(shards)
    assert [picture.name for picture in dataset.items] == ["000001", "000002", "000003"]
    assert (dataset.name, dataset.root, dataset.layout) == ("train", tmp_path, "picture-pack")
    assert dataset.problems == ()
    assert open_picture_pack(shards[:1]).name == "train-000"
    other = write_tar(tmp_path / "val.tar", pictures("9"))
    assert open_picture_pack([*shards, other]).name == tmp_path.name


def test_a_name_in_two_shards_is_told_and_the_first_kept(tmp_path):
    first, second = (tmp_path / name for name in ("a.tar", "b.tar"))
    write_tar(first, clip("dog") | clip("cat"))
    write_tar(second, clip("more/dog"))
    dataset = open_video_pack([first, second])
    assert [each.name for each in dataset.items] == ["dog", "cat"]
    assert (dataset.layout, dataset.items[0].frames[0].path) == ("video-pack", first)
    assert [str(problem) for problem in dataset.problems] == [
        f"dog: {second}: its name was in the pack already; this one is left out"
    ]


def test_what_is_wrong_with_the_tar_is_told(tmp_path):
    path = write_tar(tmp_path / "a.tar", pictures("1", "2"))
    path.write_bytes(path.read_bytes()[: -10240 + 512 * 8])
    dataset = open_picture_pack([path])
    assert [picture.name for picture in dataset.items] == ["1"]
    assert len(dataset.problems) >= 1


def test_tars_with_nothing_of_the_kind_are_refused(tmp_path):
    first = write_tar(tmp_path / "a.tar", clip("dog"))
    second = write_tar(tmp_path / "b.tar", pictures("1"))
    with pytest.raises(
        DatasetError,
        match=r"nothing that can be used is in .*a\.tar \(the first of 4 problems: dog",
    ):
        open_picture_pack([first])
    with pytest.raises(DatasetError, match=r"in no folder of a clip\); expected folders such as d"):
        open_video_pack([second])
    empty = write_tar(tmp_path / "c.tar", {"README.md": b"x"})
    with pytest.raises(DatasetError, match=r"is in .*c\.tar; expected pairs such as 000123\.jpg"):
        open_picture_pack([empty])


def test_shards_of_cut_outs_are_scenes_before_photos(tmp_path):
    shards = [
        write_tar(tmp_path / "things-000.tar", cutouts("1", "2")),
        write_tar(tmp_path / "things-001.tar", cutouts("3", "1")),
    ]
    sea = write_tar(tmp_path / "sea.tar", {f"photo/{n}.jpg": jpeg() for n in range(3)})
    dataset = open_cutout_pack(shards, [sea])
    assert [scene.name for scene in dataset.items] == ["1", "2", "3"]
    assert (dataset.name, dataset.root, dataset.layout) == ("things", tmp_path, "cutout-pack")
    assert [str(problem) for problem in dataset.problems] == [
        f"1: {shards[1]}: its name was in the pack already; this one is left out"
    ]
    assert {scene.photo.path for scene in dataset.items if scene.photo is not None} == {sea}
    assert {scene.photo for scene in open_cutout_pack(shards).items} == {None}


def test_packs_of_cut_outs_or_of_backgrounds_without_any_are_refused(tmp_path):
    things = write_tar(tmp_path / "a.tar", cutouts("1"))
    other = write_tar(tmp_path / "b.tar", {"sea.jpg": jpeg()})
    with pytest.raises(DatasetError, match=r"nothing that can be .*; expected pairs such as 00042"):
        open_cutout_pack([other])
    with pytest.raises(
        DatasetError, match=r"b\.tar holds no photos for backgrounds; expected some"
    ):
        open_cutout_pack([things], [other])


def test_no_tars_at_all_are_refused():
    with pytest.raises(DatasetError, match="no tar files were given; expected the shards"):
        open_picture_pack([])


def whole_pack(name):
    """A pack of the real ones, and what its index says of it."""
    if not (PACKS / f"{name}.tar").exists():
        pytest.skip("the packs of real pictures are not beside the repository")
    index = PACKS / f"{name.removesuffix('-000')}.index.json"
    return PACKS / f"{name}.tar", json.loads(index.read_text())


def test_the_pictures_for_validation_are_read():
    path, index = whole_pack("val-images")
    dataset = open_picture_pack([path])
    assert dataset.problems == ()
    assert len(dataset.items) == index["images"] == 200
    told = {item[0]: dict(zip(index["item_fields"], item, strict=True)) for item in index["items"]}
    assert {picture.name for picture in dataset.items} == set(told)
    masks = {picture.name: len(picture.objects()) for picture in dataset.items}
    assert masks == {name: item["masks"] for name, item in told.items()}
    assert sum(masks.values()) == index["masks"] == 2213
    for picture in dataset.items[::50]:
        copy = pickle.loads(pickle.dumps(picture))
        size = told[picture.name]["height"], told[picture.name]["width"]
        assert copy.image().shape == (*size, 3)
        assert {tuple(each.segmentation["size"]) for each in copy.objects()} == {size}
        assert {each.kind for each in copy.objects()} <= {"instance", "part", "region"}


def test_the_clips_for_validation_are_read():
    path, index = whole_pack("val-videos")
    dataset = open_video_pack([path])
    assert dataset.problems == ()
    assert [each.name for each in dataset.items] == [item["video_id"] for item in index["items"]]
    assert sum(len(each.frame_names) for each in dataset.items) == index["frames"] == 451
    assert sum(len(each.objects()) for each in dataset.items) == index["masklets"] == 9
    for packed, item in zip(dataset.items, index["items"], strict=True):
        spans = {each["id"]: (each["first"], each["last"]) for each in item["objects"]}
        assert {each.object_id for each in packed.objects()} == set(spans)
        last = packed.annotated[-1]
        truth = pickle.loads(pickle.dumps(packed)).truth(last)
        assert set(truth.masks) == {number for number, span in spans.items() if span[1] == last}
        with packed.open() as video:
            assert video.info.num_frames == item["frame_count"]
            assert video[last].shape[:2] == (item["height"], item["width"])
            assert {mask.shape for mask in truth.masks.values()} == {video.info.size}


def test_scenes_are_made_of_the_real_cut_outs():
    path, index = whole_pack("cutouts-000")
    dataset = open_cutout_pack([path], [path.with_name("backgrounds-000.tar")])
    assert dataset.problems == ()
    assert len(dataset.items) == index["cutouts"] == 2244
    parts = {item[0]: item[2] for item in index["items"]}
    for scene in dataset.items[::150]:
        assert len(scene.cutouts[0].read().parts) == parts[scene.name]
        copy = pickle.loads(pickle.dumps(scene))
        assert copy.image().shape == (256, 256, 3)
        assert {each.kind for each in copy.objects()} <= {"instance", "part"}
        assert copy.objects()
