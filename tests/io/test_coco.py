"""COCO's JSON of a video is valid for pycocotools and comes back as it went."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from masklet.errors import OutputError, StateError
from masklet.io.coco import read_coco, write_coco
from masklet.ops import rle
from masklet.types import FrameMasks, VideoInfo
from tests.io.made import SIZE, VIDEO, frames, square

# pycocotools was not written for numpy 2.
quiet = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHOWN = tuple(
    FrameMasks(frame.frame_index, tuple(mask for mask in frame.objects if mask.object_score > 0))
    for frame in frames()
)


@pytest.fixture
def path(tmp_path):
    write_coco(tmp_path / "a.json", VIDEO, iter(frames()))
    return tmp_path / "a.json"


def edited(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def test_what_was_written_is_read_but_for_hidden_objects(path):
    assert read_coco(path) == (VIDEO, SHOWN)


@quiet
def test_pycocotools_reads_it(path, capsys):
    coco = COCO(path)
    assert len(coco.imgs) == 5
    assert min(coco.imgs) == min(coco.anns) == 1
    for frame in SHOWN:
        of_frame = coco.loadAnns(coco.getAnnIds(imgIds=[frame.frame_index + 1]))
        assert [one["object_id"] for one in of_frame] == [m.object_id for m in frame.objects]
        for one, mask in zip(of_frame, frame.objects, strict=True):
            pixels = rle.decode(mask.segmentation)
            np.testing.assert_array_equal(coco.annToMask(one), pixels)
            assert one["area"] == pixels.sum()
            assert one["score"] == mask.predicted_iou
    assert coco.loadImgs([3])[0]["file_name"] == "00002.jpg"
    assert coco.loadCats([1])[0]["name"] == "object"


def test_frames_keep_the_names_of_their_files(tmp_path):
    write_coco(tmp_path / "a.json", VIDEO, frames(), name_of="IMG_{}.png".format)
    names = [
        image["file_name"] for image in json.loads((tmp_path / "a.json").read_text())["images"]
    ]
    assert names == [f"IMG_{index}.png" for index in range(5)]


def test_part_of_a_video_keeps_its_frame_indices(tmp_path):
    write_coco(tmp_path / "a.json", VIDEO, frames()[3:])
    assert read_coco(tmp_path / "a.json")[1] == SHOWN[3:]


def test_a_video_without_frames_has_no_images(tmp_path):
    write_coco(tmp_path / "a.json", VIDEO, [])
    assert json.loads((tmp_path / "a.json").read_text())["images"] == []
    with pytest.raises(StateError, match=r"has images of 0 sizes \(none\); expected the frames"):
        read_coco(tmp_path / "a.json")


def test_a_file_of_another_program_is_read(tmp_path):
    document = {
        "images": [{"id": number, "width": 30, "height": 20} for number in (40, 20, 30)],
        "annotations": [
            {"image_id": 30, "track_id": 5, "segmentation": [[3, 2, 9, 2, 9, 8, 3, 8]]},
            {"image_id": 20, "track_id": 5, "score": 0.5, "segmentation": rle.encode(square(2, 3))},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    video, read = read_coco(tmp_path / "a.json")
    assert video == VideoInfo("", SIZE, None, None)
    assert [frame.frame_index for frame in read] == [0, 1, 2]
    masks = [frame.at(5) for frame in read]
    assert [mask and mask.predicted_iou for mask in masks] == [0.5, 1, None]
    assert masks[0].segmentation == masks[1].segmentation == rle.encode(square(2, 3))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda d: d["annotations"][1].pop("object_id"),
            r"annotations\[1\] does not say of which object it is; expected 'object_id' or",
        ),
        (
            lambda d: d["annotations"][1].update(image_id=99),
            r"annotations\[1\] is of image 99, which is not in the file; expected one of its 5",
        ),
        (
            lambda d: d["annotations"][2].update(object_id=1),
            r"annotations\[2\] is the second one of object 1 on image 2; expected one",
        ),
        (
            lambda d: d["images"][1].update(width=31),
            r"has images of 2 sizes \(30x20, 31x20\); expected the frames of one video",
        ),
        (
            lambda d: d["images"][1].update(frame_index=0),
            r"has two images with the same id or the same 'frame_index', or one without; expected",
        ),
        (lambda d: d["images"][1].update(id=1), r"has two images with the same id"),
        (lambda d: d["images"][1].pop("frame_index"), r"has two images .*, or one without"),
        (lambda d: d.pop("annotations"), r"a\.json says None for 'annotations'; expected a list"),
        (lambda d: d["info"].update(fps="fast"), r"says 'fast' for 'fps'; expected a number"),
    ],
)
def test_what_does_not_fit_together_is_refused(path, change, says):
    with pytest.raises(StateError, match=says):
        read_coco(edited(path, change))


def test_a_file_that_cannot_be_written_is_an_output_error(tmp_path):
    with pytest.raises(OutputError, match=r"a\.json could not be written: No such file"):
        write_coco(tmp_path / "gone" / "a.json", VIDEO, frames())
