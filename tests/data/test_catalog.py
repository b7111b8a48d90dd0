"""Every dataset opens by its name or its path, and one that is missing says where it is to be had."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from masklet.data.catalog import CATALOG, VARIABLE, open_dataset
from masklet.errors import DatasetError
from masklet.ops import rle
from tests.data.made_clips import (
    SIZE,
    TWO,
    square,
    write_davis,
    write_frame,
    write_meta,
    write_sav_frames,
    write_sav_video,
    write_split,
    write_text,
)
from tests.data.made_packs import cutouts

IMAGE = {"id": 139, "height": SIZE[0], "width": SIZE[1]}
IN_COCO = {"file_name": "000000000139.jpg"}
IN_LVIS = {"coco_url": "http://images.cocodataset.org/val2017/000000000139.jpg"}
MASK = {
    "id": 7,
    "image_id": 139,
    "category_id": 1,
    "iscrowd": 0,
    "segmentation": [[2, 3, 8, 3, 8, 9, 2, 9]],
    "bbox": [2, 3, 6, 6],
    "area": 36,
}


def write_youtube_vos(root):
    for split in ("train", "valid"):
        write_split(root / split, {"a": TWO})
        everywhere = {"category": "fox", "frames": ["00000", "00001", "00002"]}
        write_meta(root / split / "meta.json", {"a": dict.fromkeys("12", everywhere)})


def write_mose(root):
    write_split(root / "train", {"a": TWO})
    write_split(root / "valid", {"a": {0: TWO[1], 1: None}})


def write_lvos(root):
    for split in ("train", "val"):
        write_split(root / split, {"a": TWO}, digits=8)
        ranges = {"frame_range": {"start": "00000000", "end": "00000002", "frame_nums": 2}}
        write_meta(root / split / f"{split}_meta.json", {"a": dict.fromkeys("12", ranges)})


def write_sav(root):
    write_sav_frames(root / "sav_val", "sav_1", {0: {0: square(1, 1)}})
    write_sav_video(root / "sav_train" / "sav_000", "sav_2", [[square(1, 1)]], ids=(0,))


def write_sa1b(root):
    write_frame(root / "sa_1.jpg")
    encoded = rle.encode(square(2, 3))
    document = {
        "image": {"image_id": 1, "width": SIZE[1], "height": SIZE[0], "file_name": "sa_1.jpg"},
        "annotations": [{"id": 5, "segmentation": encoded, "bbox": [3, 2, 6, 6], "area": 36}],
    }
    write_text(root / "sa_1.json", json.dumps(document))


def write_coco(root, name="instances_val2017", image=IN_COCO):
    write_frame(root / "val2017" / "000000000139.jpg")
    document = {
        "images": [{**IMAGE, **image}],
        "annotations": [MASK],
        "categories": [{"id": 1, "name": "person"}],
    }
    write_text(root / "annotations" / f"{name}.json", json.dumps(document))


def write_lvis(root):
    write_coco(root, "lvis_v1_val", IN_LVIS)


def write_pack(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def jpeg():
    data = io.BytesIO()
    Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(data, "JPEG")
    return data.getvalue()


def write_video_pack(path):
    encoded = rle.encode(square(2, 3))
    facts = {"height": SIZE[0], "width": SIZE[1], "frame_count": 1, "objects": [{"id": 1}]}
    facts["objects"][0] |= {"first": 0, "last": 0}
    document = {"video": {"video_id": "dog", **facts}, "masklet": [[encoded]]}
    members = {"dog/00000.jpg": jpeg(), "dog/masks.json": json.dumps(document).encode()}
    return write_pack(path, members)


def write_picture_pack(path):
    mask = {"segmentation": rle.encode(square(2, 3)), "area": 36, "bbox": [3, 2, 6, 6]}
    document = {
        "image": {"width": SIZE[1], "height": SIZE[0]},
        "annotations": [{**mask, "kind": "instance"}],
    }
    return write_pack(path, {"000123.jpg": jpeg(), "000123.json": json.dumps(document).encode()})


def write_pictures(root):
    write_frame(root / "images" / "cat.jpg")
    (root / "masks").mkdir()
    Image.fromarray(255 * square(2, 3).astype(np.uint8)).save(root / "masks" / "cat.png")


WRITERS = {
    "davis-2016": lambda root: write_davis(root, ["dog"], year="2016"),
    "davis-2017": lambda root: write_davis(root, ["dog"]),
    "youtube-vos-2018": write_youtube_vos,
    "youtube-vos-2019": write_youtube_vos,
    "mose-v1": write_mose,
    "mose-v2": write_mose,
    "lvos-v1": write_lvos,
    "lvos-v2": write_lvos,
    "sa-v": write_sav,
    "sa-1b": write_sa1b,
    "coco-2017": write_coco,
    "lvis-v1": write_lvis,
    "folder": lambda root: write_split(root, {"dog": TWO}),
    "pictures": write_pictures,
    "pack": lambda root: write_video_pack(root / "a.tar"),
}


def check_items(dataset):
    """All that a dataset holds can be read."""
    assert dataset.problems == ()
    assert dataset.items
    for item in dataset.items:
        objects = item.objects()
        assert objects
        if hasattr(item, "truth"):
            truth = item.truth(objects[0].first_frame)
            assert truth.masks[objects[0].object_id].shape == SIZE
            with item.open() as video:
                assert len(video) == len(item.frame_names)
                assert video.info.size == SIZE
        else:
            assert item.image().shape == (*SIZE, 3)


@pytest.mark.parametrize("name", CATALOG)
def test_every_name_opens_what_lies_as_its_entry_says(tmp_path, name):
    WRITERS[name](tmp_path / name)
    dataset = open_dataset(name, root=tmp_path)
    check_items(dataset)
    entry = CATALOG[name]
    assert dataset.layout in entry.layouts
    if not entry.is_own:
        assert dataset.name == " ".join([name, *entry.splits[:1]])


@pytest.mark.parametrize("name", CATALOG)
def test_every_dataset_opens_by_its_path_too(tmp_path, name):
    WRITERS[name](tmp_path / "here")
    dataset = open_dataset(tmp_path / "here")
    check_items(dataset)
    assert dataset.layout in CATALOG[name].layouts
    again = open_dataset(str(tmp_path / "here"))
    assert (again.name, again.root) == (dataset.name, dataset.root)
    assert [item.name for item in again.items] == [item.name for item in dataset.items]


@pytest.mark.parametrize("name", [name for name in CATALOG if not CATALOG[name].is_own])
def test_a_missing_dataset_says_where_it_is_to_be_had_and_how_to_lay_it_out(tmp_path, name):
    entry = CATALOG[name]
    with pytest.raises(DatasetError) as told:
        open_dataset(name, root=tmp_path)
    says = str(told.value)
    assert says.startswith(f"{entry.title}, is not in {tmp_path / name}; expected there: ")
    assert f"Get it from {entry.home} (licence: {entry.licence}), lay it out so" in says
    assert all(line in says for line in entry.tree.splitlines())
    assert "\n" not in says


@pytest.mark.parametrize("name", ["folder", "pack"])
def test_a_name_for_data_of_ones_own_asks_for_their_path(tmp_path, name):
    says = rf"^{name} stands for .*; expected data of your own that hold .* Give their path in pl"
    with pytest.raises(DatasetError, match=says):
        open_dataset(name, root=tmp_path)


def test_names_are_looked_for_where_the_environment_says(tmp_path, monkeypatch):
    write_davis(tmp_path / "one" / "davis-2017", ["dog"])
    write_davis(tmp_path / "two" / "davis-2017", ["cat"])
    monkeypatch.setenv(VARIABLE, str(tmp_path / "one"))
    assert open_dataset("davis-2017").items[0].name == "dog"
    assert open_dataset("davis-2017", root=tmp_path / "two").items[0].name == "cat"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.chdir(tmp_path / "two")
    assert open_dataset("davis-2017").items[0].name == "cat"
    assert open_dataset(Path("davis-2017")).items[0].name == "cat"


def test_a_split_is_chosen_by_name(tmp_path):
    write_youtube_vos(tmp_path / "youtube-vos-2019")
    dataset = open_dataset("youtube-vos-2019", split="train", root=tmp_path)
    assert dataset.name == "youtube-vos-2019 train"
    with pytest.raises(DatasetError, match=r"has no split dev; expected one of train, valid"):
        open_dataset("youtube-vos-2019", split="dev", root=tmp_path)


def test_what_has_no_splits_says_so(tmp_path):
    write_sa1b(tmp_path / "sa-1b")
    write_coco(tmp_path)
    file = tmp_path / "annotations" / "instances_val2017.json"
    for source in ("sa-1b", file, write_video_pack(tmp_path / "a.tar")):
        with pytest.raises(DatasetError, match=r"has no split val; expected none to be said: it i"):
            open_dataset(source, split="val", root=tmp_path)
        check_items(open_dataset(source, root=tmp_path))


def test_a_pack_of_pictures_is_opened_by_its_file_or_folder(tmp_path):
    file = write_picture_pack(tmp_path / "pack" / "val-000.tar")
    for source in (file, file.parent):
        dataset = open_dataset(source)
        check_items(dataset)
        assert dataset.layout == "picture-pack"


def test_cut_outs_are_opened_with_the_backgrounds_beside_them(tmp_path):
    things = write_pack(tmp_path / "pack" / "things.tar", cutouts(*"0123456789"))
    sea = write_pack(tmp_path / "pack" / "sea.tar", {"photo/sea.jpg": jpeg()})
    alone, both = open_dataset(things), open_dataset(tmp_path / "pack")
    assert alone.layout == both.layout == "cutout-pack"
    assert {scene.photo for scene in alone.items} == {None}
    assert {scene.photo.path for scene in both.items if scene.photo} == {sea}
    assert all(scene.objects() for scene in both.items)
    with pytest.raises(
        DatasetError, match=r"sea\.tar holds backgrounds, which have no masks; expec"
    ):
        open_dataset(sea)


def test_coco_and_lvis_of_one_folder_are_told_apart(tmp_path):
    write_coco(tmp_path / "coco-2017")
    write_lvis(tmp_path / "coco-2017")
    (tmp_path / "lvis-v1").symlink_to(tmp_path / "coco-2017")
    for name in ("coco-2017", "lvis-v1"):
        dataset = open_dataset(name, root=tmp_path)
        assert dataset.name == f"{name} val"
    says = r"has instances_val2017\.json and lvis_v1_val\.json for the split val; expected one\. G"
    with pytest.raises(DatasetError, match=says):
        open_dataset(tmp_path / "coco-2017")


def test_entries_are_complete_and_their_pages_are_addresses():
    for name, entry in CATALOG.items():
        assert (entry.name, bool(entry.title), bool(entry.tree)) == (name, True, True)
        assert entry.is_own or (entry.home.startswith("https://") and entry.citation)
        assert entry.licence
    assert set(WRITERS) == set(CATALOG)
