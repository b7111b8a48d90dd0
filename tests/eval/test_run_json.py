"""Scores as files: nothing is lost, and damage is told."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masklet.errors import OutputError, StateError
from masklet.eval.records import Interval, ItemScores, ObjectScores
from masklet.eval.run_json import read_item, read_run, write_item, write_run
from tests.eval.run_examples import clip_items, clip_run


def written(path, change):
    """A run's file, changed as JSON before it is read again."""
    write_run(path, clip_run())
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def test_a_run_is_read_as_it_was_written(tmp_path):
    run = clip_run()
    write_run(tmp_path / "scores.json", run)
    assert read_run(tmp_path / "scores.json") == run


def test_an_item_is_read_with_its_series_by_frame(tmp_path):
    item = clip_items()[2]
    write_item(tmp_path / "item.json", item)
    read = read_item(tmp_path / "item.json")
    assert read == item
    assert all(type(frame) is int for frame in read.objects[0].series["J"])


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15))
def test_a_number_keeps_all_its_digits_and_its_kind(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("scores") / "item.json"
    scores = ObjectScores("goat", 1, {"own": value}, {"J": {0: value}})
    write_item(path, ItemScores("goat", (scores,), frames=1, seconds=value))
    read = read_item(path)
    for again in (read.objects[0].values["own"], read.objects[0].series["J"][0], read.seconds):
        assert again == value
        assert type(again) is type(value)


def test_frames_of_a_series_stand_in_order_in_the_file(tmp_path):
    scores = ObjectScores("goat", 1, {}, {"J": {10: 0.5, 9: 0.25}})
    write_item(tmp_path / "item.json", ItemScores("goat", (scores,), frames=11, seconds=1.0))
    document = json.loads((tmp_path / "item.json").read_text())
    assert list(document["objects"][0]["series"]["J"].items()) == [("9", 0.25), ("10", 0.5)]


def test_the_file_says_what_it_is(tmp_path):
    write_run(tmp_path / "scores.json", clip_run())
    document = json.loads((tmp_path / "scores.json").read_text())
    assert (document["format"], document["format_version"]) == ("masklet-scores", 1)


def test_a_score_that_is_no_number_is_not_written(tmp_path):
    run = replace(clip_run(), objects=(ObjectScores("goat", 1, {"J": float("nan")}),))
    with pytest.raises(AssertionError, match="goat"):
        write_run(tmp_path / "scores.json", run)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        write_run(tmp_path / "missing" / "scores.json", clip_run())


def test_an_item_is_not_a_run(tmp_path):
    write_item(tmp_path / "item.json", clip_items()[0])
    with pytest.raises(StateError, match="has the format 'masklet-item-scores'; expected 'mask"):
        read_run(tmp_path / "item.json")
    write_run(tmp_path / "scores.json", clip_run())
    with pytest.raises(StateError, match="one of its items 'masklet-item-scores'"):
        read_item(tmp_path / "scores.json")


DAMAGE = {
    "newer": (lambda d: d.update(format_version=2), "version 2 of its format; expected at most 1"),
    "no version": (lambda d: d.pop("format_version"), "says None for 'format_version'"),
    "task": (lambda d: d.update(task="sorting"), "task 'sorting'; expected one of vos, clicks"),
    "frames": (lambda d: d.update(frames=-1), "says -1 for 'frames'; expected at least 0"),
    "part of a frame": (lambda d: d.update(frames=1.5), "says 1.5 for 'frames'; expected a whole"),
    "seconds": (lambda d: d.update(seconds="long"), "'long' for 'seconds'; expected a number"),
    "summary": (lambda d: d["summary"].update({"J&F": 0.5}), "summary, J&F says 0.5"),
    "interval": (lambda d: d["summary"]["J&F"].pop("low"), "summary, J&F says None for 'low'"),
    "count": (lambda d: d["summary"]["J"].update(count=-2), "says -2 for 'count'"),
    "twice": (lambda d: d["objects"].append(d["objects"][0]), "object 1 of 'bear-river' twice"),
    "value": (
        lambda d: d["objects"][0]["values"].update(J=None),
        r"objects\[0\], values says None",
    ),
    "infinite": (lambda d: d["objects"][0]["values"].update(J=float("inf")), "says inf for 'J'"),
    "id": (
        lambda d: d["objects"][1].update(object_id="1"),
        r"objects\[1\] says '1' for 'object_id'",
    ),
    "category": (lambda d: d["objects"][0].update(category=3), "says 3 for 'category'"),
    "is_seen": (lambda d: d["objects"][0].update(is_seen=1), "says 1 for 'is_seen'; expected true"),
    "series": (lambda d: d["objects"][0].update(series={"J": [1]}), r"says \[1\] for 'J'"),
    "frame": (lambda d: d["objects"][0].update(series={"J": {"05": 1}}), "a score for '05'"),
    "skipped": (lambda d: d["skipped"][0].pop("why"), r"skipped\[0\] says None for 'why'"),
    "list": (lambda d: d.update(objects=[7]), "says 7 at place 0 of 'objects'"),
}


@pytest.mark.parametrize(("change", "told"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_told_with_its_place(tmp_path, change, told):
    path = written(tmp_path / "scores.json", change)
    with pytest.raises(StateError, match=told) as caught:
        read_run(path)
    assert str(caught.value).startswith(str(path))


def test_what_is_no_file_or_no_json_is_told(tmp_path):
    with pytest.raises(StateError, match=r"cannot be read: .*expected the scores of a run"):
        read_run(tmp_path / "missing.json")
    (tmp_path / "cut.json").write_text('{"format": ')
    with pytest.raises(StateError, match=r"is no JSON: .*expected the scores of one clip"):
        read_item(tmp_path / "cut.json")


def test_a_run_without_objects_is_a_run(tmp_path):
    run = replace(clip_run(), objects=(), summary={"J": Interval(0.5, 0.5, 0.5, 0)}, skipped=())
    write_run(tmp_path / "scores.json", run)
    assert read_run(tmp_path / "scores.json") == run
