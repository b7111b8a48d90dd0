"""Two runs side by side: differences, who is better, and what may not be compared."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from masklet.errors import StateError
from masklet.eval.compare import compare, table
from masklet.eval.records import Interval, ObjectScores, RunScores
from masklet.eval.reports.comparison_report import write_comparison
from tests.eval.reports.test_report import Page
from tests.eval.run_examples import clip_run


def run_of(method, values, *, name="J&F", task="vos", settings=None):
    """A run with a clip per value."""
    objects = tuple(
        ObjectScores(f"clip {number}", 1, {name: value}) for number, value in enumerate(values)
    )
    summary = {name: Interval(float(np.mean(values)), 0.1, 0.9, len(values))}
    return RunScores(task, "shop", method, settings or {}, {}, summary, objects, 1.0, 9)


def only(comparison):
    (difference,) = comparison.differences
    return difference


def test_a_difference_is_the_second_less_the_first():
    found = only(compare(run_of("a", [0.2, 0.4]), run_of("b", [0.5, 0.6])))
    assert (found.first, found.second) == pytest.approx((0.3, 0.55))
    assert found.paired.difference.mean == pytest.approx(0.25)
    assert (found.better, found.worse, found.verdict) == (2, 0, 1)


def test_less_clicks_are_better():
    pair = [run_of(name, values, name="NoC@90") for name, values in (("a", [8, 9]), ("b", [5, 4]))]
    found = only(compare(*pair))
    assert (found.better, found.worse, found.verdict) == (2, 0, 1)
    assert only(compare(*reversed(pair))).verdict == -1


def test_an_interval_around_zero_decides_nothing():
    found = only(compare(run_of("a", [0.2, 0.6, 0.5]), run_of("b", [0.5, 0.3, 0.5])))
    assert found.verdict == 0
    assert (found.better, found.worse, found.paired.equal) == (1, 1, 1)


def test_a_run_does_not_differ_from_itself():
    comparison = compare(clip_run(), clip_run())
    assert all(each.paired.difference.mean == 0 for each in comparison.differences)
    assert all(each.verdict == each.better == each.worse == 0 for each in comparison.differences)
    assert comparison.settings == ()
    assert comparison.names == ("masklet-small (A)", "masklet-small (B)")


def test_only_shared_objects_and_scores_are_compared():
    first, second = clip_run("one"), clip_run("two", gain=0.1)
    bare = replace(second.objects[0], values={"J": 0.5, "own": 1.0})
    second = replace(second, objects=(bare, *second.objects[1:-2]))
    comparison = compare(first, second)
    assert comparison.only_first == first.objects[-2:]
    assert comparison.only_second == ()
    assert len(comparison.pairs) == len(first.objects) - 2
    by_name = {each.name: each for each in comparison.differences}
    assert "own" not in by_name
    assert by_name["J&F"].paired.difference.count == len(comparison.pairs) - 1
    assert by_name["J&F"].paired.difference.mean == pytest.approx(0.1)
    shared = [one.values["J&F"] for one in first.objects[1:-2]]
    assert by_name["J&F"].first == pytest.approx(np.mean(shared))


def test_what_a_method_expects_of_itself_is_no_merit():
    runs = [
        replace(run, objects=tuple(expecting(each) for each in run.objects))
        for run in (run_of("a", [0.5]), run_of("b", [0.6]))
    ]
    assert only(compare(*runs)).name == "J&F"


def expecting(scores):
    return replace(scores, values={**scores.values, "predicted IoU box": 0.9})


def test_all_settings_that_differ_are_listed():
    settings = [
        {"protocol": {"prompt": "mask"}, "method": {"model": name, "dtype": "float32"}}
        for name in ("one", "two")
    ]
    settings[1]["method"]["stride"] = 2
    runs = [run_of("a", [0.5], settings=each) for each in settings]
    found = compare(*runs).settings
    assert [(each.name, each.first, each.second) for each in found] == [
        ("method: model", "one", "two"),
        ("method: stride", None, 2),
    ]


def test_another_dataset_or_protocol_is_refused_unless_allowed():
    first = run_of("a", [0.5], settings={"protocol": {"prompt": "mask", "frames": "inner"}})
    second = run_of("b", [0.5], settings={"protocol": {"prompt": "box", "frames": "inner"}})
    with pytest.raises(StateError, match=r"measured alike: protocol: prompt 'mask' and 'box'\. "):
        compare(first, second)
    elsewhere = replace(first, dataset="street")
    with pytest.raises(StateError, match=r"dataset 'shop' and 'street'\. Expected the same"):
        compare(first, elsewhere)
    assert compare(first, elsewhere, allow_different=True).first.dataset == "shop"
    assert compare(first, second, allow_different=True).settings[0].name == "protocol: prompt"


def test_another_task_is_refused_always():
    with pytest.raises(StateError, match=r"tasks 'vos' and 'clicks'; expected one task"):
        compare(run_of("a", [0.5]), run_of("b", [0.5], task="clicks"), allow_different=True)


def test_runs_without_a_shared_object_are_refused():
    second = run_of("b", [0.5])
    apart = replace(second, objects=(replace(second.objects[0], item="another"),))
    with pytest.raises(StateError, match=r"share no scored object: 'a' has 1, 'b' 1; expected"):
        compare(run_of("a", [0.5]), apart)


@pytest.fixture
def written(tmp_path):
    second = clip_run("<b>ours", gain=0.125)
    second = replace(second, objects=second.objects[1:])
    write_comparison(tmp_path / "both", compare(clip_run("theirs"), second))
    return tmp_path / "both"


def test_the_json_has_all_digits(written):
    document = json.loads((written / "comparison.json").read_text())
    assert (document["format"], document["format_version"]) == ("masklet-comparison", 1)
    assert document["methods"] == ["theirs", "<b>ours"]
    assert document["differences"]["J&F"]["difference"] == pytest.approx(0.125, abs=1e-12)
    assert document["only_first"] == [["bear-river", 1]]
    assert document["only_second"] == []
    objects = clip_run().objects[1:]
    assert [each["first"] for each in document["objects"]] == [each.values for each in objects]
    assert document["settings"] == {"method: model": ["theirs", "<b>ours"]}


def test_the_page_has_every_difference_and_names_what_is_missing(written):
    page = Page((written / "comparison.html").read_text())
    rows = {row[0]: row for row in page.table("Score")}
    assert rows["J&F"][3:] == ["+12.5", "+12.5 to +12.5", "12", "0", "0"]
    assert rows["J"][3:] == ["0.0", "0.0 to 0.0", "0", "0", "12"]
    assert "J&F +12.5 (+12.5 to +12.5), 95 % over 6 clips" in page.text()
    assert "The whole interval says that <b>ours is better than theirs." in page.text()
    assert "1 object is in one of the runs only" in page.text()
    assert page.table("Run") == [["theirs", "1", "bear-river 1"]]
    assert page.table("Name") == [["method: model", "theirs", "<b>ours"]]
    assert len(page.table("Item")) == 12
    assert not any(tag == "b" for tag, _ in page.tags)


def test_the_picture_is_drawn(written):
    with Image.open(written / "comparison.png") as picture:
        assert picture.width == 2128
        assert np.asarray(picture).std() > 0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.3, 0.2], "The whole interval says that b is worse than a."),
        ([0.8, 0.2], "Other clips might turn it round."),
    ],
)
def test_the_verdict_follows_the_interval(tmp_path, values, told):
    write_comparison(tmp_path, compare(run_of("a", [0.5, 0.5]), run_of("b", values)))
    assert told in Page((tmp_path / "comparison.html").read_text()).text()


def test_runs_that_were_not_measured_alike_carry_a_warning(tmp_path):
    runs = [run_of("a", [0.5] * 60), replace(run_of("b", [0.5]), dataset="street")]
    write_comparison(tmp_path, compare(*runs, allow_different=True))
    page = Page((tmp_path / "comparison.html").read_text())
    assert "were not measured alike" in page.text()
    assert "59 objects are in one of the runs only" in page.text()
    assert page.table("Run")[0][2].endswith("clip 40 1 and 19 more")
    assert "None changed." in page.text()


def test_several_runs_stand_in_one_table_with_the_best_in_bold():
    runs = [run_of("one | two", [0.5]), run_of("three", [0.75])]
    assert table(runs) == (
        "| method | J&F |\n|---|--:|\n"
        "| one \\| two | 50.0 (10.0 to 90.0) |\n| three | **75.0** (10.0 to 90.0) |\n"
    )


def test_columns_can_be_chosen_and_less_may_be_best():
    runs = [
        replace(run, summary={**run.summary, "NoC@90": Interval(clicks, 1, 9, 3)})
        for run, clicks in ((run_of("a", [0.5]), 3), (run_of("b", [0.5]), 4.5))
    ]
    lines = table(runs, ["NoC@90", "J&F", "none"]).splitlines()
    assert lines[0] == "| method | NoC@90 | J&F | none |"
    assert lines[2] == "| a | **3.00** (1.00 to 9.00) | **50.0** (10.0 to 90.0) | |"
    assert lines[3] == "| b | 4.50 (1.00 to 9.00) | **50.0** (10.0 to 90.0) | |"
    assert table([]) == "| method |\n|---|\n"
