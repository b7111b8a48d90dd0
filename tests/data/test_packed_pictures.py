"""Pictures of a pack have the masks that their JSON says, or it is told what is wrong."""

import json
import pickle

import numpy as np
import pytest

from masklet.data.packed_pictures import PackedPicture, pictures_in
from masklet.data.tars import index_tar
from masklet.errors import DatasetError
from masklet.ops import rle
from tests.data.made_packs import NOTHING, annotated, box, encoded, jpeg, runs, write_tar

MASK = runs(box(2, 3, 8, 9))


def found(tmp_path, files):
    return list(pictures_in(index_tar(write_tar(tmp_path / "a.tar", files)).files))


def opened(tmp_path, described, picture=None):
    (one,) = found(tmp_path, {"7.jpg": picture or jpeg(), "7.json": described})
    assert isinstance(one, PackedPicture)
    return one


def test_objects_count_from_1_and_keep_kind_and_label(tmp_path):
    described = json.loads(annotated([MASK, runs(box(0, 0, 20, 30))]))
    described["annotations"][1] |= {"kind": "region", "label": "sky", "parent": 0}
    first, second = pickle.loads(pickle.dumps(opened(tmp_path, encoded(described)))).objects()
    assert (first.object_id, first.kind, first.category) == (1, "instance", None)
    assert (second.object_id, second.kind, second.category) == (2, "region", "sky")
    np.testing.assert_array_equal(rle.decode(first.segmentation), box(2, 3, 8, 9))


def test_the_image_is_read(tmp_path):
    image = opened(tmp_path, annotated([MASK]), jpeg(77)).image()
    assert image.shape == (20, 30, 3)
    assert abs(image.astype(int) - 77).max() <= 1


def test_a_key_goes_up_to_the_first_dot(tmp_path):
    files = {"b/1.v2.txt": b"x", "b/1.JPG": jpeg(), "b/1.json": annotated([]), "README": b"x"}
    (one,) = found(tmp_path, files)
    assert one.name == "b/1"
    assert one.objects() == ()


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"1.jpg": b""}, "1: 1.jpg in {}: there is no 1.json with its annotations"),
        ({"1.json": b""}, "1: 1.json in {}: the picture that it annotates is not there"),
        ({"1.jpg": b"", "1.png": b"", "1.json": b""}, "1: {}: it has 2 pictures: 1.jpg, 1.png"),
    ],
    ids=["no annotations", "no picture", "two pictures"],
)
def test_what_lacks_its_other_half_is_told(tmp_path, files, what):
    assert [str(each) for each in found(tmp_path, files)] == [what.format(tmp_path / "a.tar")]


@pytest.mark.parametrize(
    ("described", "what"),
    [
        (b"{", r"7\.json in .*a\.tar is no JSON"),
        (b"[]", r"holds \[\]; expected the annotations of a picture"),
        (encoded({"annotations": []}), "says None for 'image'; expected an object"),
        (encoded({"image": {"width": 3}, "annotations": []}), "its image, says None for 'height'"),
        (encoded({"image": {"width": 30, "height": 20}}), "says None for 'annotations'"),
        (annotated([None]), r"7\.json in .*, annotations\[0\] has a damaged mask"),
        (annotated([MASK, {**MASK, "counts": "Z"}]), r"annotations\[1\] has a damaged mask"),
        (
            annotated([MASK], size=(20, 31)),
            r"has a mask of size \[20, 30\], its picture has \[20, 31",
        ),
        (
            annotated([NOTHING]),
            r"annotations\[0\] has a mask without pixels; expected at least one",
        ),
        (annotated([MASK], kind="blob"), r"is of kind 'blob'; expected instance, part, region\."),
        (annotated([MASK], kind=["part"]), r"says \['part'\] for 'kind'; expected a string"),
        (annotated([MASK], label=3), "says 3 for 'label'; expected a string"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_annotations_that_are_wrong_are_refused(tmp_path, described, what):
    with pytest.raises(DatasetError, match=what):
        opened(tmp_path, described).objects()


def test_a_picture_of_another_size_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"7\.jpg in .*a\.tar is 31x20 pixels, .* for 30x20"):
        opened(tmp_path, annotated([MASK]), jpeg(size=(20, 31))).image()


def test_a_damaged_picture_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"7\.jpg in .*a\.tar cannot be read as a picture"):
        opened(tmp_path, annotated([MASK]), jpeg()[:200]).image()
