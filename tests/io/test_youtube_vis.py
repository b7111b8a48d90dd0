"""YouTube-VIS's JSON has a list per object over all frames and comes back as it went."""

import json
from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco

from masklet.errors import StateError
from masklet.io.youtube_vis import read_youtube_vis, write_youtube_vis
from masklet.ops import rle
from masklet.types import VideoInfo
from tests.io.made import SIZE, VIDEO, frames, square

# pycocotools was not written for numpy 2.
quiet = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def path(tmp_path):
    write_youtube_vis(tmp_path / "a.json", VIDEO, iter(frames()))
    return tmp_path / "a.json"


def test_what_was_written_is_read_with_hidden_objects(path):
    assert read_youtube_vis(path) == (VIDEO, frames())


@quiet
def test_lists_have_a_place_per_frame_and_null_where_nothing_is_seen(path):
    document = json.loads(path.read_text())
    (video,) = document["videos"]
    assert (video["length"], video["width"], video["height"]) == (5, 30, 20)
    assert video["file_names"] == [f"{index:05d}.jpg" for index in range(5)]
    first, second = document["annotations"]
    assert [(one["id"], one["object_id"], one["video_id"]) for one in (first, second)] == [
        (1, 1, 1),
        (2, 3, 1),
    ]
    assert [place is None for place in second["segmentations"]] == [True, False, True, False, False]
    assert second["areas"] == [None, 36, None, 36, 36]
    assert second["bboxes"][1] == [19, 12, 6, 6]
    assert second["object_scores"] == [None, 3.5, -4.5, 3.5, 3.5]
    assert (first["score"], second["score"]) == (0.75, 0.75)
    for index, segmentation in enumerate(first["segmentations"]):
        np.testing.assert_array_equal(coco.decode(segmentation), square(2, index))


def test_frames_that_were_not_tracked_are_null(tmp_path):
    write_youtube_vis(tmp_path / "a.json", VIDEO, frames()[3:])
    assert read_youtube_vis(tmp_path / "a.json")[1] == frames()[3:]


def test_a_video_of_unknown_length_ends_with_its_last_frame(tmp_path):
    live = replace(VIDEO, num_frames=None)
    write_youtube_vis(tmp_path / "a.json", live, frames()[:3], name_of="{}.png".format)
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["videos"][0]["file_names"] == ["0.png", "1.png", "2.png"]


FOREIGN = {
    "videos": [{"id": number, "width": 30, "height": 20, "length": 2} for number in (4, 8)],
    "annotations": [
        {"id": 1, "video_id": 4, "segmentations": [None, None]},
        {"id": 7, "video_id": 8, "segmentations": [None, dict(rle.encode(square(2, 3)))]},
    ],
}


def test_a_video_of_another_program_is_read_by_its_id(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(FOREIGN))
    video, (frame,) = read_youtube_vis(tmp_path / "a.json", video_id=8)
    assert video == VideoInfo("", SIZE, 2, None)
    assert frame.frame_index == 1
    assert frame.at(7).segmentation == rle.encode(square(2, 3))
    assert frame.at(7).predicted_iou == 1
    assert read_youtube_vis(tmp_path / "a.json", video_id=4)[1] == ()


@pytest.mark.parametrize(
    ("video_id", "says"),
    [
        (None, r"has 2 videos \(4, 8\) and none was chosen; expected exactly one that fits"),
        (5, r"has 2 videos \(4, 8\) and 5 was asked for; expected exactly one that fits"),
    ],
)
def test_a_video_that_is_not_chosen_or_not_there_is_refused(tmp_path, video_id, says):
    (tmp_path / "a.json").write_text(json.dumps(FOREIGN))
    with pytest.raises(StateError, match=says):
        read_youtube_vis(tmp_path / "a.json", video_id=video_id)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda d: d["annotations"][1]["stabilities"].pop(),
            r"annotations\[1\] has 4 places in 'stabilities', its video has 5 frames; expected as",
        ),
        (
            lambda d: d["annotations"][0]["object_scores"].__setitem__(2, "high"),
            r"annotations\[0\], frame 2 says 'high' for 'object_scores'; expected a number",
        ),
        (
            lambda d: d["annotations"][0]["segmentations"].__setitem__(2, {}),
            r"annotations\[0\], frame 2 has a mask of size None",
        ),
        (lambda d: d["videos"][0].pop("length"), r"video 1 says None for 'length'; expected a wh"),
    ],
)
def test_what_does_not_fit_together_is_refused(path, change, says):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(StateError, match=says):
        read_youtube_vis(path)
