"""meta.json says which objects a video has, and when they are looked for."""

import json

import pytest

from masklet.data.vos_meta import ObjectNote, read_meta
from masklet.errors import DatasetError
from tests.data.made_clips import write_meta


def test_objects_come_by_id_with_their_frames(tmp_path):
    described = {
        "10": {"category": "fox", "frames": ["00020", "00005"]},
        "2": {"category": "hen", "frames": ["00005"]},
    }
    write_meta(tmp_path / "meta.json", {"a": described, "b": {}})
    assert read_meta(tmp_path / "meta.json") == {
        "a": (
            ObjectNote(2, 5, (5,), "hen"),
            ObjectNote(10, 5, (5, 20), "fox"),
        ),
        "b": (),
    }


@pytest.mark.parametrize("start", ["00000006", 6])
def test_a_range_says_the_first_frame_only(tmp_path, start):
    write_meta(tmp_path / "meta.json", {"a": {"1": {"frame_range": {"start": start}}}})
    assert read_meta(tmp_path / "meta.json") == {"a": (ObjectNote(1, 6),)}


@pytest.mark.parametrize(
    ("videos", "says"),
    [
        ([], r"meta\.json says \[\] for 'videos'; expected an object"),
        ({"a": []}, r"meta\.json says \[\] for 'a'; expected an object"),
        ({"a": {}}, r"meta\.json, video a, says None for 'objects'; expected an object"),
        ({"a": {"objects": {"x": {}}}}, r"video a, names an object 'x'; expected a number from 1"),
        ({"a": {"objects": {"0": {}}}}, r"video a, names an object '0'; expected a number from 1"),
        ({"a": {"objects": {"256": {}}}}, r"names an object '256'; expected a number from 1 to 25"),
        ({"a": {"objects": {"1": 7}}}, r"video a, says 7 for '1'; expected an object"),
        ({"a": {"objects": {"1": {}}}}, r"object 1, says None for 'frame_range'; expected an obj"),
        ({"a": {"objects": {"1": {"frames": []}}}}, r"object 1, is on frames \[\]; expected at le"),
        ({"a": {"objects": {"1": {"frames": ["x"]}}}}, r"is on frames \['x'\]; expected at least"),
        (
            {"a": {"objects": {"1": {"frame_range": {"end": 7}}}}},
            r"object 1, is on frames \[None\]; expected at least one, each a number such as",
        ),
    ],
)
def test_what_says_something_else_is_told(tmp_path, videos, says):
    (tmp_path / "meta.json").write_text(json.dumps({"videos": videos}))
    with pytest.raises(DatasetError, match=says):
        read_meta(tmp_path / "meta.json")


@pytest.mark.parametrize(
    ("text", "says"), [("{", r"meta\.json is no JSON: "), ("[]", r"meta\.json holds \[\]; expect")]
)
def test_what_is_no_json_object_is_told(tmp_path, text, says):
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(DatasetError, match=says):
        read_meta(tmp_path / "meta.json")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"meta\.json cannot be read: No such file .*; expected"):
        read_meta(tmp_path / "meta.json")
