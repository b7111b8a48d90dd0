"""The pictures of a COCO file are found in the usual places, and never mixed from two folders."""

import pytest

from masklet.data.coco_folders import find_pictures
from masklet.errors import DatasetError


@pytest.fixture
def coco(tmp_path):
    """A folder with some pictures, and the path of annotations within it."""

    def make(*pictures, annotations="annotations/instances_val2017.json"):
        for picture in pictures:
            path = tmp_path / picture
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / annotations

    return make


@pytest.mark.parametrize(
    ("picture", "name"),
    [
        ("val2017/1.jpg", "1.jpg"),
        ("train2017/1.jpg", "1.jpg"),
        ("images/1.jpg", "1.jpg"),
        ("annotations/1.jpg", "1.jpg"),
        ("annotations/images/1.jpg", "1.jpg"),
        ("1.jpg", "1.jpg"),
        ("val2017/1.jpg", "val2017/1.jpg"),
        ("images/1.jpg", "val2017/1.jpg"),
        ("images/val2017/1.jpg", "val2017/1.jpg"),
    ],
)
def test_the_usual_places_are_searched(coco, tmp_path, picture, name):
    assert find_pictures(coco(picture), [name]) == {name: tmp_path / picture}


def test_pictures_of_lvis_may_be_in_two_folders(coco, tmp_path):
    names = ["train2017/1.jpg", "val2017/2.jpg", "val2017/3.jpg"]
    annotations = coco(*names, "images/3.jpg", annotations="annotations/lvis_v1_val.json")
    assert find_pictures(annotations, names) == {name: tmp_path / name for name in names}


def test_the_folder_that_holds_most_is_taken(coco, tmp_path):
    found = find_pictures(
        coco("val2017/1.jpg", "train2017/1.jpg", "train2017/2.jpg"), ["1.jpg", "2.jpg", "3.jpg"]
    )
    assert found == {f"{n}.jpg": tmp_path / "train2017" / f"{n}.jpg" for n in (1, 2)}


def test_of_two_that_hold_as_many_the_one_that_the_file_is_named_after_is_taken(coco, tmp_path):
    annotations = coco("val2017/1.jpg", "train2017/1.jpg")
    assert find_pictures(annotations, ["1.jpg"]) == {"1.jpg": tmp_path / "val2017" / "1.jpg"}


def test_two_folders_that_hold_as_many_are_told(coco):
    annotations = coco("val2017/1.jpg", "train2017/1.jpg", annotations="annotations/mine.json")
    with pytest.raises(
        DatasetError,
        match=r"such as 1\.jpg, are in several folders: .*/train2017, .*/val2017; expe",
    ):
        find_pictures(annotations, ["1.jpg"])


def test_only_the_folder_that_is_given_is_searched(coco, tmp_path):
    annotations = coco("val2017/1.jpg", "elsewhere/1.jpg", "other/2.jpg")
    elsewhere = tmp_path / "elsewhere"
    assert find_pictures(annotations, ["val2017/1.jpg"], elsewhere) == {
        "val2017/1.jpg": elsewhere / "1.jpg"
    }
    with pytest.raises(DatasetError, match=r"is in .*/other; expected them in one of these"):
        find_pictures(annotations, ["val2017/1.jpg"], tmp_path / "other")
    with pytest.raises(DatasetError, match="gone is no folder; expected the one that holds"):
        find_pictures(annotations, ["1.jpg"], tmp_path / "gone")


def test_names_that_differ_by_their_folders_only_keep_them(coco):
    with pytest.raises(
        DatasetError, match=r"none of the 2 pictures of .*, such as a/1\.jpg, is in"
    ):
        find_pictures(coco("images/1.jpg"), ["a/1.jpg", "b/1.jpg"])


def test_the_places_that_were_searched_are_told(coco, tmp_path):
    with pytest.raises(DatasetError) as caught:
        find_pictures(coco(), ["1.jpg"])
    places = ["annotations", "annotations/images", "train2017", "val2017", "images"]
    assert all(f"{tmp_path / place}, " in str(caught.value) for place in places)
    assert f"{tmp_path}; expected" in str(caught.value)
