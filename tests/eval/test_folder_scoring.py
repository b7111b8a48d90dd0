"""Folders of masks are scored clip by clip, in this process or in several."""

import pytest

from masklet.errors import DatasetError
from masklet.eval.folder_scoring import score_folder
from masklet.eval.records import ItemScores, Skipped
from masklet.eval.scoring import Scoring, score_clip
from masklet.io.palette_png import write_palette_pngs
from tests.eval.labelled import SIZE, BrokenClip, LabelClip, dataset_of, masks_of, walk

CLIPS = tuple(LabelClip(name, walk(6)) for name in ("goat", "bear", "sheep"))


@pytest.fixture
def folder(tmp_path):
    """Masks of all clips, of every one slower by another factor."""
    for number, clip in enumerate(CLIPS, start=1):
        write_palette_pngs(tmp_path / clip.name, masks_of(walk(6, slower=number)), SIZE)
    return tmp_path


def test_all_clips_are_scored_in_the_order_of_the_dataset(folder):
    told = []
    items, skipped = score_folder(folder, dataset_of(*CLIPS), progress=told.append)
    assert [each.item for each in items] == ["goat", "bear", "sheep"]
    assert skipped == ()
    for number, (each, clip) in enumerate(zip(items, CLIPS, strict=True), start=1):
        expected = score_clip(clip, masks_of(walk(6, slower=number)))
        assert each == ItemScores(clip.name, expected, frames=6, seconds=0.0)
    assert told == list(items)
    assert items[0].objects[0].values["J"] == 1
    assert items[2].objects[0].values["J"] < items[1].objects[0].values["J"] < 1


def test_several_processes_find_the_same(folder):
    told = []
    dataset = dataset_of(*CLIPS, BrokenClip("broken", walk(4)))
    alone = score_folder(folder, dataset, skip_broken=True)
    shared = score_folder(folder, dataset, workers=2, skip_broken=True, progress=told.append)
    assert shared == alone
    assert sorted(each.item for each in told) == ["bear", "broken", "goat", "sheep"]


def test_the_rules_are_passed_on(folder):
    items, _ = score_folder(folder, dataset_of(CLIPS[0]), scoring=Scoring(frames="all"))
    assert list(items[0].objects[0].series["J"]) == [0, 1, 2, 3, 4, 5]


def test_clips_that_cannot_be_scored_end_it_or_are_left_out_by_name(folder):
    write_palette_pngs(folder / "broken", masks_of(walk(4)), SIZE)
    dataset = dataset_of(
        CLIPS[0], BrokenClip("broken", walk(4)), LabelClip("wolf", walk(4)), CLIPS[1]
    )
    with pytest.raises(DatasetError, match=r"frame 1 of broken is damaged"):
        score_folder(folder, dataset)
    items, skipped = score_folder(folder, dataset, skip_broken=True)
    assert [each.item for each in items] == ["goat", "bear"]
    assert [each.item for each in skipped] == ["broken", "wolf"]
    assert isinstance(skipped[0], Skipped)
    assert "frame 1 of broken is damaged" in skipped[0].why
    assert "holds no masks of the clip 'wolf'" in skipped[1].why


def test_what_belongs_to_no_clip_is_not_looked_at(folder):
    (folder / "wolf").mkdir()
    (folder / "wolf" / "00000.png").write_bytes(b"no picture")
    assert len(score_folder(folder, dataset_of(*CLIPS))[0]) == 3


def test_a_folder_that_does_not_exist_is_an_error_though_broken_clips_are_skipped(tmp_path):
    says = r"the folder .*absent does not exist; expected one with the masks of the clips of made"
    with pytest.raises(DatasetError, match=says):
        score_folder(tmp_path / "absent", dataset_of(*CLIPS), skip_broken=True)
