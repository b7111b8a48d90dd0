"""A run's folder knows what it is about and what is done."""

import json

import pytest

from masklet.errors import StateError
from masklet.eval.records import ItemScores, ObjectScores
from masklet.eval.runs import RunFolder, file_name
from masklet.io.masklets import Masklets
from masklet.types import FrameMasks, VideoInfo

MASKS = Masklets(VideoInfo("a/b", (4, 6), 1, None), "tiny", "0", frames=(FrameMasks(0, ()),))
SCORES = ItemScores("a/b", (ObjectScores("a/b", 1, {"J": 0.5}),), frames=1, seconds=0.25)


def test_what_is_added_is_done_and_read_again(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.begin({"task": "vos"})
    assert not folder.is_done("a/b")
    folder.add(SCORES, MASKS)
    assert folder.is_done("a/b")
    assert folder.scores_of(["missing", "a/b"]) == (SCORES,)
    assert folder.masks_of("a/b").frames == MASKS.frames
    assert sorted(p.name for p in (tmp_path / "run" / "items").iterdir()) == ["a%2Fb.json"]


def test_an_item_whose_scores_are_missing_is_not_done(tmp_path):
    folder = RunFolder(tmp_path)
    folder.begin({})
    folder.add(SCORES, MASKS)
    (tmp_path / "items" / "a%2Fb.json").unlink()
    assert not folder.is_done("a/b")
    assert folder.scores_of(["a/b"]) == ()


def test_the_same_settings_go_on_also_when_they_hold_tuples(tmp_path):
    RunFolder(tmp_path).begin({"size": (64, 64), "task": "vos"})
    RunFolder(tmp_path).begin({"task": "vos", "size": (64, 64)})


def test_other_settings_are_refused_and_named(tmp_path):
    RunFolder(tmp_path).begin({"task": "vos", "method": {"model": "a", "dtype": "float32"}})
    with pytest.raises(StateError, match="method model was 'a', now 'b'; seed was None, now 3"):
        RunFolder(tmp_path).begin(
            {"task": "vos", "method": {"model": "b", "dtype": "float32"}, "seed": 3}
        )


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StateError, match="holds files that are not of an evaluation"):
        RunFolder(tmp_path).begin({})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("text", ["{}", json.dumps({"format": "masklet-run", "settings": 3})])
def test_a_file_that_is_no_settings_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(StateError, match="is no masklet-run file"):
        RunFolder(tmp_path).begin({})


@pytest.mark.parametrize("name", ["..", ".", "../up", ".hidden", "a\\b", "c:d", "é?"])
def test_no_name_leaves_the_folder_or_hides(name):
    encoded = file_name(name)
    assert not set(encoded) & set("/\\:?")
    assert not encoded.startswith(".")


def test_different_names_are_different_files():
    names = ["a/b", "a%2Fb", "a b", "a+b", ".a", "%2Ea"]
    assert len({file_name(name) for name in names}) == len(names)
