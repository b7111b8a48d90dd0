"""Pictures of SA-1B have the masks of the file beside them, or it is told what is wrong."""

import pickle

import numpy as np
import pytest

from masklet.data.sa1b import open_sa1b
from masklet.errors import DatasetError
from masklet.ops import rle
from tests.data.made_packs import NOTHING, SIZE, box, encoded, jpeg, runs

MASK = runs(box(2, 3, 8, 9))


def described(name, masks=(MASK,), ids=None, **fields):
    image = {"image_id": 1, "file_name": f"{name}.jpg", "width": SIZE[1], "height": SIZE[0]}
    annotations = [
        {"id": number, "segmentation": mask, "area": 36, "predicted_iou": 0.9}
        for number, mask in zip(ids or range(500, 600), masks, strict=False)
    ]
    return encoded({"image": image | fields, "annotations": annotations})


def put(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.jpg").write_bytes(jpeg(77))
        (folder / f"{name}.json").write_bytes(described(name))
    return folder


def test_pictures_come_in_the_order_of_their_numbers(tmp_path):
    put(tmp_path, "sa_10", "sa_9", "sa_100")
    (tmp_path / "README.txt").touch()
    (tmp_path / "other.json").touch()
    dataset = open_sa1b(tmp_path)
    assert [picture.name for picture in dataset.items] == ["sa_9", "sa_10", "sa_100"]
    assert (dataset.name, dataset.root) == (tmp_path.name, tmp_path)
    assert (dataset.layout, dataset.problems) == ("sa-1b", ())


def test_picture_and_masks_are_read(tmp_path):
    (picture,) = pickle.loads(pickle.dumps(open_sa1b(put(tmp_path, "sa_1")).items))
    assert picture.image().shape == (*SIZE, 3)
    (found,) = picture.objects()
    assert (found.object_id, found.category) == (500, None)
    np.testing.assert_array_equal(rle.decode(found.segmentation), box(2, 3, 8, 9))


def test_parts_may_lie_in_folders_of_their_own(tmp_path):
    put(tmp_path / "sa_000001", "sa_3")
    put(tmp_path / "sa_000000", "sa_4", "sa_3")
    dataset = open_sa1b(tmp_path)
    assert [str(picture.file.relative_to(tmp_path)) for picture in dataset.items] == [
        "sa_000000/sa_3.jpg",
        "sa_000000/sa_4.jpg",
    ]
    (problem,) = dataset.problems
    assert problem.item == "sa_3"
    assert problem.what.endswith("sa_000000 already; this one is left out")


@pytest.mark.parametrize(("there", "missing"), [("jpg", "json"), ("json", "jpg")])
def test_what_lacks_its_other_half_is_told(tmp_path, there, missing):
    put(tmp_path, "sa_1", "sa_2")
    (tmp_path / f"sa_2.{missing}").unlink()
    dataset = open_sa1b(tmp_path)
    assert [picture.name for picture in dataset.items] == ["sa_1"]
    assert [str(problem) for problem in dataset.problems] == [
        f"sa_2: {tmp_path}/sa_2.{there}: there is no sa_2.{missing} beside it"
    ]


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(
        DatasetError, match="holds no picture of SA-1B with its annotations; expect"
    ):
        open_sa1b(tmp_path)
    with pytest.raises(DatasetError, match="gone cannot be read: No such file"):
        open_sa1b(tmp_path / "gone")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"{", r"sa_1\.json is no JSON"),
        (encoded({"annotations": []}), r"sa_1\.json says None for 'image'; expected an object"),
        (described("sa_2"), r"sa_1\.json is of sa_2\.jpg; expected sa_1\.jpg"),
        (described("sa_1", height=None), "its image, says None for 'height'; expected a whole num"),
        (described("sa_1", [None]), r"annotations\[0\] has a damaged mask"),
        (
            described("sa_1", [MASK, NOTHING]),
            r"annotations\[1\] has a mask without pixels; expected",
        ),
        (described("sa_1", width=31), r"has a mask of size \[20, 30\], its picture has \[20, 31\]"),
        (
            described("sa_1", ids=["a"]),
            r"annotations\[0\] says 'a' for 'id'; expected a whole number",
        ),
        (
            described("sa_1", [MASK] * 2, [7, 7]),
            r"sa_1\.json has two annotations of one id; expected",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_annotations_that_are_wrong_are_refused(tmp_path, content, what):
    put(tmp_path, "sa_1")
    (tmp_path / "sa_1.json").write_bytes(content)
    (picture,) = open_sa1b(tmp_path).items
    with pytest.raises(DatasetError, match=what):
        picture.objects()


def test_a_picture_that_is_wrong_is_refused(tmp_path):
    first, second = open_sa1b(put(tmp_path, "sa_1", "sa_2")).items
    (tmp_path / "sa_1.jpg").write_bytes(jpeg(size=(20, 31)))
    (tmp_path / "sa_2.jpg").unlink()
    with pytest.raises(
        DatasetError, match=r"sa_1\.jpg is 31x20 pixels, its annotations are for 30x"
    ):
        first.image()
    with pytest.raises(DatasetError, match=r"there is no file .*sa_2\.jpg"):
        second.image()
