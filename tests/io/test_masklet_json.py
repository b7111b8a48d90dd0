"""The JSON of a video's masks is checked when it is read."""

import json

import pytest

from masklet.errors import StateError
from masklet.io.masklets import read_masklets, write_masklets
from tests.io.made import masklets


@pytest.fixture
def document(tmp_path):
    write_masklets(tmp_path / "a.json", masklets())
    return json.loads((tmp_path / "a.json").read_text())


DAMAGE = {
    "another format": (["format"], "masklet-image", r"a\.json has the format 'masklet-image'; exp"),
    "a newer version": (["format_version"], 2, r"has version 2 of its format; expected at most 1"),
    "no version": (["format_version"], None, r"says None for 'format_version'; expected a whole"),
    "no model": (["model"], None, r"says None for 'model'; expected a string"),
    "no settings": (["settings"], [], r"says \[\] for 'settings'; expected an object"),
    "no pixels": (["video", "width"], 0, r"a\.json, video is 0 wide and 20 high; expected at lea"),
    "another width": (["video", "width"], 31, r"prompts\[1\] has a mask of size \[20, 30\], its"),
    "no length": (["video", "num_frames"], "5", r"video says '5' for 'num_frames'; expected a wh"),
    "no rate": (["video", "fps"], "25", r"video says '25' for 'fps'; expected a number"),
    "fewer frames": (["video", "num_frames"], 4, r"frames\[4\] is of frame 4, the video has 4 fr"),
    "a frame before the first": (["frames", 0, "frame_index"], -1, r"frames\[0\] is of frame -1"),
    "a prompt beyond the end": (
        ["prompts", 1, "frame_index"],
        5,
        r"prompts\[1\] is of frame 5, th",
    ),
    "an object twice": (["frames", 1, "objects", 0, "object_id"], 3, r"has object 3 twice; expec"),
    "no score": (["frames", 1, "objects", 0, "stability"], None, r"object 1 says None for 'stabil"),
    "runs cut off": (
        ["frames", 1, "objects", 0, "segmentation", "counts"],
        "1",
        r"frames\[1\], object 1 has a damaged mask: the runs cover 1 pixels",
    ),
    "no runs": (["frames", 1, "objects", 0, "segmentation"], None, r"object 1 has a damaged mask"),
}


@pytest.mark.parametrize(("place", "value", "says"), DAMAGE.values(), ids=DAMAGE)
def test_what_does_not_fit_together_is_refused(tmp_path, document, place, value, says):
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(StateError, match=says):
        read_masklets(tmp_path / "a.json")


def test_what_a_later_release_adds_within_the_version_is_ignored(tmp_path, document):
    document["added"] = document["frames"][0]["added"] = 1
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert len(read_masklets(tmp_path / "a.json").frames) == 5
