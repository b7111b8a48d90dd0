"""A full check of packs, and of pictures in all layouts."""

import json
from pathlib import Path

import pytest

from masklet.data.catalog import open_dataset
from masklet.data.check import check_clip, check_picture, listed_problems
from masklet.data.coco import open_coco
from masklet.data.packs import open_cutout_pack, open_picture_pack, open_video_pack
from masklet.data.sa1b import open_sa1b
from tests.data.made_packs import (
    NOTHING,
    SIZE,
    annotated,
    box,
    clip,
    cutouts,
    encoded,
    jpeg,
    masklet_json,
    runs,
    write_tar,
)

MASK = runs(box(2, 3, 8, 9))


def told(check, dataset):
    problems = [*listed_problems(dataset)]
    for item in dataset.items:
        problems += check(item)
    assert len(set(problems)) == len(problems)
    return [str(problem).replace(f"{dataset.root}/", "") for problem in problems]


def packed_clip(folder, masks=None, **others):
    return open_video_pack([write_tar(folder / "val.tar", clip("dog", masks) | others)])


def test_a_packed_clip_that_is_whole_has_no_problems(tmp_path):
    assert told(check_clip, packed_clip(tmp_path)) == []


def test_every_damaged_frame_of_a_packed_clip_is_named(tmp_path):
    damaged = {f"dog/{index:05d}.jpg": jpeg()[:-30] for index in (1, 2)}
    problems = told(check_clip, packed_clip(tmp_path, **damaged))
    assert [each.split(" cannot")[0] for each in problems] == [
        f"dog: frame {index:05d}: dog/{index:05d}.jpg in val.tar" for index in (1, 2)
    ]


def test_masks_out_of_the_frame_are_named(tmp_path):
    wrong = runs(box(2, 3, 8, 9, (40, 60)))
    (problem,) = told(check_clip, packed_clip(tmp_path, masklet_json([[MASK], [wrong], [MASK]])))
    assert problem.startswith("dog: frame 00001: dog/masks.json in val.tar, frame 1, object 1 ")


def test_objects_that_are_never_visible_are_named(tmp_path):
    rows = [[MASK, NOTHING, None]] * 3
    objects = ((1, 0, 2), (2, 0, 2), (3, 0, 2))
    assert told(check_clip, packed_clip(tmp_path, masklet_json(rows, objects))) == [
        f"dog: object {object_id}: it is named, but never visible" for object_id in (2, 3)
    ]


def test_a_clip_that_the_listing_left_out_is_told(tmp_path):
    others = clip("cat")
    del others["cat/00001.jpg"]
    (problem,) = told(check_clip, packed_clip(tmp_path, **others))
    assert problem.startswith("cat: masks.json: ")


def packed_picture(folder, picture=None, annotations=None):
    files = {"7.jpg": picture or jpeg(), "7.json": annotations or annotated([MASK])}
    return open_picture_pack([write_tar(folder / "val.tar", files)])


def test_a_packed_picture_that_is_whole_has_no_problems(tmp_path):
    assert told(check_picture, packed_picture(tmp_path)) == []
    assert told(check_picture, packed_picture(tmp_path, annotations=annotated([]))) == []


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"picture": jpeg()[:-30]}, "7: 7.jpg in val.tar cannot be read as a picture"),
        ({"picture": jpeg(size=(9, 9))}, "7: 7.jpg in val.tar is 9x9 pixels, its annotations are"),
        ({"annotations": b"{"}, "7: 7.json in val.tar "),
        (
            {"annotations": annotated([NOTHING])},
            "7: 7.json in val.tar, annotations[0] has a mask w",
        ),
        (
            {"annotations": annotated([runs(box(1, 1, 5, 5, (9, 9)))])},
            "7: 7.json in val.tar, annotations[0] ",
        ),
    ],
    ids=["cut off", "another size", "no JSON", "no pixels", "out of range"],
)
def test_what_is_wrong_with_a_packed_picture_is_told_once(tmp_path, wrong, what):
    (problem,) = told(check_picture, packed_picture(tmp_path, **wrong))
    assert problem.startswith(what)


def test_picture_and_annotations_are_checked_each_for_itself(tmp_path):
    wrong = annotated([NOTHING])
    problems = told(check_picture, packed_picture(tmp_path, jpeg()[:-30], wrong))
    assert [each.split()[1] for each in problems] == ["7.jpg", "7.json"]


def test_each_damaged_cut_out_is_told_once_and_a_photo_by_its_scenes(tmp_path):
    files = cutouts(*(f"{number}" for number in range(12)))
    things = write_tar(tmp_path / "things.tar", files)
    assert told(check_picture, open_cutout_pack([things])) == []
    wrong = {"3.png": files["3.png"][:60], "5.png": b"", "5.json": b"{"}
    problems = told(check_picture, open_cutout_pack([write_tar(things, files | wrong)]))
    assert [each.split(" in things")[0] for each in problems] == [
        "3: 3.png",
        "5: 5.png",
        "5: 5.json",
    ]
    sea = write_tar(tmp_path / "sea.tar", {"photo/sea.jpg": jpeg()[:-30]})
    dataset = open_cutout_pack([write_tar(things, files)], [sea])
    assert [each.split(" cannot")[0] for each in told(check_picture, dataset)] == [
        f"{scene.name}: photo/sea.jpg in sea.tar" for scene in dataset.items if scene.photo
    ]


def coco(folder, segmentations, picture=None):
    (folder / "images").mkdir()
    (folder / "images" / "1.jpg").write_bytes(picture or jpeg())
    image = {"id": 1, "file_name": "1.jpg", "width": SIZE[1], "height": SIZE[0]}
    annotations = [
        {"id": 10 + place, "image_id": 1, "segmentation": each}
        for place, each in enumerate(segmentations)
    ]
    path = folder / "mine.json"
    path.write_bytes(encoded({"images": [image], "annotations": annotations}))
    return open_coco(path)


def test_every_bad_annotation_of_coco_is_named(tmp_path):
    beyond = [[3, 2, 90, 2, 90, 8, 3, 8]]
    problems = told(check_picture, coco(tmp_path, [MASK, beyond, NOTHING, []]))
    assert [each.split(" of ")[0].split(" in ")[0] for each in problems] == [
        f"1.jpg: annotation {number}" for number in (11, 12, 13)
    ]


def test_a_picture_of_coco_that_cannot_be_decoded_is_named(tmp_path):
    (problem,) = told(check_picture, coco(tmp_path, [MASK], jpeg()[:-30]))
    assert problem.startswith("1.jpg: images/1.jpg ")


def test_a_picture_of_sa1b_without_its_file_and_one_with_bad_masks_are_named(tmp_path):
    for number, mask in ((1, MASK), (2, NOTHING), (3, MASK)):
        (tmp_path / f"sa_{number}.jpg").write_bytes(jpeg())
        image = {"file_name": f"sa_{number}.jpg", "width": SIZE[1], "height": SIZE[0]}
        document = {"image": image, "annotations": [{"id": 5, "segmentation": mask}]}
        (tmp_path / f"sa_{number}.json").write_text(json.dumps(document))
    (tmp_path / "sa_3.jpg").unlink()
    listed, read = told(check_picture, open_sa1b(tmp_path))
    assert listed == "sa_3: sa_3.json: there is no sa_3.jpg beside it"
    assert read.startswith("sa_2: sa_2.json, annotations[0] has a mask without pixels")


PACK = Path(__file__).parents[3] / "shared" / "data" / "val-images.tar"


@pytest.mark.skipif(not PACK.exists(), reason="the validation pictures are not beside the project")
def test_the_validation_pictures_are_whole():
    dataset = open_dataset(PACK)
    assert len(dataset.items) == 200
    assert told(check_picture, dataset) == []
