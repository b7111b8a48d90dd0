"""A COCO or LVIS file is listed without keeping its masks, and what is wrong in it is told."""

import pytest

from masklet.data.coco_listing import list_coco
from masklet.errors import DatasetError
from tests.data.made_packs import encoded


def image(number, **fields):
    return {"id": number, "file_name": f"{number}.jpg", "width": 30, "height": 20} | fields


def annotation(number, image_id=1, **fields):
    return {"id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0} | fields


CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dög"}]


@pytest.fixture
def listed(tmp_path):
    def read(images, annotations, **sections):
        document = {"images": images, "annotations": annotations, "categories": CATEGORIES}
        (tmp_path / "a.json").write_bytes(encoded(document | sections))
        return list_coco(tmp_path / "a.json")

    return read


def told(listing):
    return [str(problem).partition("a.json")[2] for problem in listing.problems]


def test_every_image_gets_its_own_annotations(listed, tmp_path):
    annotations = [annotation(5, 2), annotation(3, 1, category_id=2), annotation(4, 2)]
    listing = listed([image(2), image(1), image(9)], annotations)
    data = (tmp_path / "a.json").read_bytes()
    found = {
        each.file_name: [
            (number, data[offset : offset + size]) for number, offset, size in each.places.tolist()
        ]
        for each in listing.images
    }
    assert found == {
        "2.jpg": [(5, encoded(annotations[0])), (4, encoded(annotations[2]))],
        "1.jpg": [(3, encoded(annotations[1]))],
        "9.jpg": [],
    }
    assert [each.categories for each in listing.images] == [("cat", "cat"), ("dög",), ()]
    assert listing.images[0].size == (20, 30)
    assert listing.problems == ()


def test_the_lists_may_stand_in_any_order(tmp_path):
    document = {"categories": CATEGORIES, "annotations": [annotation(5)], "info": {"a": [1]}}
    (tmp_path / "a.json").write_bytes(encoded(document | {"images": [image(1)], "licenses": []}))
    listing = list_coco(tmp_path / "a.json")
    assert listing.images[0].places[:, 0].tolist() == [5]
    assert listing.images[0].categories == ("cat",)


def test_crowds_are_passed_over(listed):
    listing = listed([image(1)], [annotation(1, iscrowd=1), annotation(2)])
    assert listing.images[0].places[:, 0].tolist() == [2]
    assert listing.problems == ()


def test_lvis_names_its_pictures_by_their_addresses(listed):
    url = "http://images.cocodataset.org/val2017/000000397133.jpg"
    lvis = {"id": 397133, "coco_url": url, "width": 30, "height": 20}
    listing = listed([lvis], [annotation(1, 397133, iscrowd=None)])
    assert listing.images[0].file_name == "val2017/000000397133.jpg"


def test_categories_may_be_left_out(listed):
    without = {"id": 1, "image_id": 1}
    assert listed([image(1)], [without], categories=[]).images[0].categories == (None,)
    assert listed([image(1)], [annotation(1)], categories=[]).images[0].categories == (None,)


def test_windows_slashes_are_read(listed):
    listing = listed([image(1, file_name="train\\a.jpg")], [annotation(1)])
    assert listing.images[0].file_name == "train/a.jpg"


@pytest.mark.parametrize(
    ("second", "what"),
    [
        ({"id": "x"}, ", images[1]: it says 'x' for 'id'; expected a whole number."),
        (image(2, width=None), ", images[1]: it says None for 'width'; expected a whole number."),
        (image(2, width=0), ", images[1]: it says 0x20 pixels; expected 1 to 200,000,000."),
        (image(2, width=10**8), ", images[1]: it says 100000000x20 pixels; expected 1 to"),
        (image(1), ", images[1]: its id 1 or its file 1.jpg stood before; expected every image"),
        (image(2, file_name="./1.jpg"), ", images[1]: its id 2 or its file 1.jpg stood before"),
        (image(2, file_name="/etc/a.jpg"), ", images[1]: its file is '/etc/a.jpg'; expected a"),
        (
            image(2, file_name="C:\\a.jpg"),
            ", images[1]: its file is 'C:\\\\a.jpg'; expected a path",
        ),
        (image(2, file_name="../a.jpg"), ", images[1]: its file is '../a.jpg'; expected a path"),
        (image(2, file_name=""), ", images[1]: its file is ''; expected a path"),
        (image(2, file_name="a\0b"), ", images[1]: its file is 'a\\x00b'; expected a path"),
        (image(2, file_name=None), ", images[1]: it says None for 'file_name'; expected a string"),
        ({"id": 2}, ", images[1]: it says None for 'coco_url'; expected a string"),
        (7, ", images[1]: it is no JSON object; expected one."),
    ],
    ids=lambda value: value[12:40] if isinstance(value, str) else "",
)
def test_an_image_that_is_wrong_is_left_out_and_told(listed, second, what):
    listing = listed([image(1), second], [annotation(1)])
    assert [each.image_id for each in listing.images] == [1]
    (problem,) = told(listing)
    assert problem.startswith(what)


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (annotation(None), ", annotations[1]: it says None for 'id'; expected a whole number."),
        (annotation(2, True), ", annotations[1]: it says True for 'image_id'; expected a whole"),
        (annotation(2, category_id="a"), ", annotations[1]: it says 'a' for 'category_id'; expect"),
        (annotation(2**70), ", annotations[1]: its ids are too large; expected at most"),
        ([], ", annotations[1]: it is no JSON object; expected one."),
        (annotation(2, 9), ": annotations left out: 1 of image 9, which is not in the file"),
        (annotation(1), ": annotations left out: 1 with the id 1, which stood before"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_an_annotation_that_is_wrong_is_left_out_and_told(listed, second, what):
    listing = listed([image(1)], [annotation(1), second])
    assert listing.images[0].places[:, 0].tolist() == [1]
    (problem,) = told(listing)
    assert problem.startswith(what)


def test_an_unknown_category_is_told_and_the_annotation_kept(listed):
    listing = listed([image(1)], [annotation(1, category_id=7), annotation(2, category_id=7)])
    assert listing.images[0].categories == (None, None)
    assert told(listing) == [
        ": annotations without a name: 2 of category 7, which is not in the file"
    ]


def test_a_category_that_is_wrong_is_told(listed):
    listing = listed([image(1)], [annotation(1)], categories=[*CATEGORIES, {"id": 3}])
    assert told(listing)[0].startswith(
        ", categories[2]: it says None for 'name'; expected a string"
    )


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"images": [image(1)], "annotations": []},
        {"images": [], "annotations": [annotation(1)]},
        {"image": image(1), "annotations": [annotation(1)]},
        {"images": image(1), "annotations": [annotation(1)]},
    ],
    ids=["nothing", "no annotations", "no images", "of SA-1B", "no list"],
)
def test_other_json_is_refused(tmp_path, document):
    (tmp_path / "a.json").write_bytes(encoded(document))
    with pytest.raises(
        DatasetError,
        match=r"a\.json has \d images that can be used and \d annotations .*; expected",
    ):
        list_coco(tmp_path / "a.json")


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    data = encoded({"images": [image(1)], "annotations": [annotation(1)]})
    (tmp_path / "a.json").write_bytes(data[:-20])
    with pytest.raises(DatasetError, match=r"a\.json is no JSON at byte .*cut off or damaged"):
        list_coco(tmp_path / "a.json")
