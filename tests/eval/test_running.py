"""Items are evaluated one by one, kept at once, and left out only where that was wanted."""

from dataclasses import dataclass

import pytest

from masklet.errors import VideoError
from masklet.eval.records import ItemScores, Skipped
from masklet.eval.running import Answered, Job, run
from masklet.eval.runs import RunFolder
from masklet.io.masklets import Masklets
from masklet.types import VideoInfo


@dataclass(frozen=True)
class Named:
    """All that running looks at of an item."""

    name: str


def build():
    return "method"


def evaluate(method, item):
    if item.name.startswith("broken"):
        raise VideoError(f"{item.name} cannot be read")
    masks = Masklets(VideoInfo(item.name, (4, 6), 1, None), method, "0")
    return Answered(ItemScores(item.name, (), frames=1, seconds=0.0), masks)


def job(folder, **options):
    folder.begin({})
    return Job(build, evaluate, folder, **options)


def test_every_item_is_kept_as_soon_as_it_is_done(tmp_path):
    folder = RunFolder(tmp_path)
    seen = []
    for problem in run(job(folder), [Named("a"), Named("b")], stop=lambda: False):
        assert problem is None
        seen.append([folder.is_done(name) for name in "ab"])
    assert seen == [[True, False], [True, True]]


def test_what_cannot_be_read_ends_it_but_what_is_done_stays(tmp_path):
    folder = RunFolder(tmp_path)
    with pytest.raises(VideoError, match="broken cannot be read"):
        list(run(job(folder), [Named("a"), Named("broken"), Named("b")], stop=lambda: False))
    assert [folder.is_done(name) for name in ("a", "broken", "b")] == [True, False, False]


def test_what_cannot_be_read_is_left_out_with_its_reason_where_that_is_wanted(tmp_path):
    folder = RunFolder(tmp_path)
    items = [Named("broken"), Named("b")]
    problems = list(run(job(folder, skip_broken=True), items, stop=lambda: False))
    assert problems == [Skipped("broken", "broken cannot be read"), None]
    assert folder.is_done("b")


def test_several_processes_write_into_one_folder(tmp_path):
    folder = RunFolder(tmp_path)
    items = [Named(f"item {number}") for number in range(4)]
    assert list(run(job(folder), items, workers=2, stop=lambda: False)) == [None] * 4
    assert len(folder.scores_of(item.name for item in items)) == 4


def test_an_error_of_ours_is_never_skipped(tmp_path):
    folder = RunFolder(tmp_path)
    folder.begin({})

    def faulty(_method, _item):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run(Job(build, faulty, folder, skip_broken=True), [Named("a")], stop=lambda: False))
