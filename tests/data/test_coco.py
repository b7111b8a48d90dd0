"""Pictures of COCO and LVIS have the masks that pycocotools sees, but for rounded edges."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as reference
from pycocotools.coco import COCO

from masklet.data.coco import open_coco
from masklet.errors import DatasetError
from masklet.ops import rle
from tests.data.made_packs import NOTHING, SIZE, box, encoded, jpeg, runs

# pycocotools was not written for numpy 2.
quiet = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SQUARE = [[3, 2, 9, 2, 9, 8, 3, 8]]


@pytest.fixture
def coco(tmp_path):
    """Write annotations of pictures 1 and 2, by their segmentations, and open them."""

    def make(segmentations, **fields):
        (tmp_path / "images").mkdir(exist_ok=True)
        for number in (1, 2):
            (tmp_path / "images" / f"{number}.jpg").write_bytes(jpeg(50 * number))
        images = [
            {"id": n, "file_name": f"{n}.jpg", "width": SIZE[1], "height": SIZE[0]} for n in (1, 2)
        ]
        annotations = [
            {"id": 10 + place, "image_id": 1, "category_id": 5, "area": 1, "bbox": [0, 0, 1, 1]}
            | {"segmentation": each, "iscrowd": 0}
            for place, each in enumerate(segmentations)
        ]
        document = {"images": images, "categories": [{"id": 5, "name": "cat"}]}
        path = tmp_path / "mine.json"
        path.write_bytes(encoded(document | {"annotations": annotations} | fields))
        return open_coco(path)

    return make


def test_masks_are_read_from_every_way_to_write_them(coco):
    mask = box(2, 3, 8, 9)
    plain = dict(rle.to_uncompressed(rle.encode(mask)))
    dataset = coco([SQUARE, runs(mask), plain, [*SQUARE, [20, 2, 29, 2, 29, 8, 20, 8]]])
    assert (dataset.name, dataset.layout, dataset.problems) == ("mine", "coco", ())
    first, second = pickle.loads(pickle.dumps(dataset.items))
    assert (first.name, second.name, second.objects()) == ("1.jpg", "2.jpg", ())
    found = first.objects()
    assert [(each.object_id, each.category, each.kind) for each in found] == [
        (number, "cat", "instance") for number in (10, 11, 12, 13)
    ]
    for each in found[:3]:
        assert each.segmentation == rle.encode(mask)
    np.testing.assert_array_equal(rle.decode(found[3].segmentation), mask | box(2, 20, 8, 29))


def test_the_image_is_read(coco):
    _, second = coco([SQUARE]).items
    assert abs(second.image().astype(int) - 100).max() <= 1


@quiet
def test_masks_are_those_of_pycocotools_but_for_the_edge(coco, tmp_path, capsys):
    random = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    polygons = [
        np.stack([15 + radii * 1.5 * np.cos(angles), 10 + radii * np.sin(angles)], axis=1)
        for radii in random.uniform(4, 9.5, (6, 9))
    ]
    (first, _) = coco([[polygon.round(2).ravel().tolist()] for polygon in polygons]).items
    theirs = COCO(tmp_path / "mine.json")
    capsys.readouterr()
    for each in first.objects():
        ours = rle.decode(each.segmentation)
        other = theirs.annToMask(theirs.anns[each.object_id]) > 0
        shifts = [np.roll(other, step, axis) for axis in (0, 1) for step in (-1, 1)]
        assert not (other & np.logical_and.reduce(shifts) & ~ours).any()
        assert not (ours & ~(other | np.logical_or.reduce(shifts))).any()
        both = np.array([rle.encode(ours), rle.encode(other)])
        assert reference.iou([both[0]], [both[1]], [0])[0, 0] > 0.85


def test_a_polygon_that_covers_no_pixel_is_left_out(coco):
    sliver = [[3, 2, 9, 2, 9, 2.1]]
    (first, _) = coco([sliver, SQUARE]).items
    assert [each.object_id for each in first.objects()] == [11]


def test_a_picture_is_sent_with_its_own_annotations_only(coco):
    first, second = coco([SQUARE] * 500).items
    assert len(pickle.loads(pickle.dumps(first)).objects()) == 500
    assert len(pickle.dumps(second)) < 1500


@pytest.mark.parametrize(
    ("segmentation", "what"),
    [
        ([[1, 2, 3, 4]], r"annotation 10 in .*mine\.json has a polygon that is none; expected at"),
        (
            [[3, 2, 33, 2, 9, 8]],
            "annotation 10 in .* a polygon that reaches 3 pixels out of its 30x2",
        ),
        (
            [[3, -4, 9, 2, 9, 8]],
            "a polygon that reaches 4 pixels out of its 30x20 picture; expected",
        ),
        ([*SQUARE, [3, 2, 9, 25, 9, 8]], "a polygon that reaches 5 pixels out"),
        ([], "has a mask without pixels; expected at least one"),
        (NOTHING, "has a mask without pixels; expected at least one"),
        (None, "annotation 10 in .* has a damaged mask"),
        ({"size": [20, 30], "counts": [1, 2]}, "annotation 10 in .* has damaged runs"),
        (
            runs(box(0, 0, 2, 2, (20, 31))),
            r"has a mask of size \[20, 31\], its picture has \[20, 30",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_mask_that_is_wrong_is_refused_when_it_is_read(coco, segmentation, what):
    (first, second) = coco([segmentation]).items
    with pytest.raises(DatasetError, match=what):
        first.objects()
    assert second.objects() == ()


def test_a_corner_that_was_rounded_out_of_the_picture_is_cut_off(coco):
    (first, _) = coco([[[-1, -1, 30.9, -1, 30.9, 21, -1, 21]]]).items
    assert rle.decode(first.objects()[0].segmentation).all()


def test_a_picture_that_is_missing_is_told(coco, tmp_path):
    coco([SQUARE])
    (tmp_path / "images" / "2.jpg").unlink()
    dataset = open_coco(tmp_path / "mine.json")
    assert [each.name for each in dataset.items] == ["1.jpg"]
    assert [str(problem) for problem in dataset.problems] == [
        f"2.jpg: {tmp_path / 'mine.json'}: its picture is not in the folder of the others"
    ]


def test_what_is_wrong_in_the_file_is_told(coco):
    dataset = coco([SQUARE], categories=[{"id": 6, "name": "dog"}])
    assert [problem.what for problem in dataset.problems] == [
        "annotations without a name: 1 of category 5, which is not in the file"
    ]


def test_the_folder_of_pictures_may_be_given(coco, tmp_path):
    coco([SQUARE])
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=r"none of the 2 pictures of .*mine\.json"):
        open_coco(tmp_path / "mine.json")
    dataset = open_coco(tmp_path / "mine.json", tmp_path / "elsewhere")
    assert dataset.items[0].image().shape == (*SIZE, 3)


def test_a_picture_that_is_wrong_is_refused_when_it_is_read(coco, tmp_path):
    first, second = coco([SQUARE]).items
    Image.new("RGB", (31, 20)).save(tmp_path / "images" / "1.jpg")
    (tmp_path / "images" / "2.jpg").write_bytes(b"x")
    with pytest.raises(
        DatasetError, match=r"1\.jpg is 31x20 pixels, its annotations are for 30x20"
    ):
        first.image()
    with pytest.raises(DatasetError, match=r"2\.jpg is no picture of a kind that can be read"):
        second.image()


def test_a_file_that_was_written_anew_is_told(coco, tmp_path):
    (first, _) = coco([SQUARE]).items
    path = tmp_path / "mine.json"
    path.write_text(path.read_text().replace('"id": 10', '"id": 77'))
    with pytest.raises(
        DatasetError,
        match=r"annotation 10 in .* is annotation 77 of image 1 now; expected .*open it",
    ):
        first.objects()
    path.write_text(json.dumps({}))
    with pytest.raises(DatasetError, match=r"annotation 10 in .* ends after 0 of its"):
        first.objects()
