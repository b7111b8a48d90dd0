"""The report: everything of a run is on the page, nothing of it is markup, nothing is loaded."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from masklet.errors import OutputError
from masklet.eval.records import Interval, ObjectScores, RunScores, Skipped
from masklet.eval.reports.figures import Figure, draw_figures
from masklet.eval.reports.pages import sections, setting_text
from masklet.eval.reports.report import headline, report_page, write_report
from masklet.eval.reports.score_words import shown
from tests.eval.run_examples import click_run, clip_items, clip_run

EMPTY = RunScores("vos", "shop", "ours", {}, {}, {}, (), seconds=1.0, frames=1)
VOID = {"meta", "link", "img", "source", "br", "hr", "input"}


class Page(HTMLParser):
    """What is in a page, with the order of its tags checked on the way."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.tables, self.words = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)
        if "tr" in self.open and self.tables[-1][-1]:
            self.tables[-1][-1][-1] += data.strip()

    def text(self):
        return " ".join(" ".join(self.words).split())

    def table(self, heading):
        """The rows below the head of the table whose head begins so."""
        (found,) = (table for table in self.tables if table[0][0] == heading)
        return found[1:]


@pytest.fixture(scope="module")
def figures():
    return draw_figures(clip_run(), clip_items()[:2])


@pytest.fixture(scope="module")
def page(figures):
    return Page(report_page(clip_run(), figures))


def test_the_headline_tells_score_interval_and_clips():
    summary = {"J&F": Interval(0.569, 0.512, 0.62, 13)}
    run = replace(clip_run(), summary=summary)
    assert headline(run) == "J&F 56.9 (51.2 to 62.0), 95 % over 7 clips"
    assert headline(run) in Page(report_page(run)).text()


def test_clicks_have_their_unit_in_the_headline():
    run = replace(click_run(), summary={"NoC@90": Interval(4, 3, 5, 12)})
    assert headline(run) == "NoC@90 4.00 (3.00 to 5.00) clicks, 95 % over 4 pictures"


def test_all_numbers_of_the_summary_are_in_the_page(page):
    rows = {row[0]: row for row in page.table("Score")}
    for name, interval in clip_run().summary.items():
        _, mean, between, count, _ = rows[name]
        assert mean == shown(name, interval.mean)
        assert between == f"{shown(name, interval.low)} to {shown(name, interval.high)}"
        assert count == str(interval.count)


def test_every_object_has_a_row_with_all_its_scores(page):
    (table,) = (t for t in page.tables if t[0][:2] == ["Item", "Object"])
    head, *rows = table
    by_key = {(row[0], row[1]): row for row in rows}
    assert len(rows) == len(clip_run().objects)
    for scores in clip_run().objects:
        row = dict(zip(head, by_key[scores.item, str(scores.object_id)], strict=True))
        assert row["Category"] == scores.category
        assert row["Seen"] == ("yes" if scores.is_seen else "no")
        for name, value in scores.values.items():
            assert row[name] == shown(name, value)


def test_the_worst_objects_come_first_and_rows_can_be_sorted_by_all_digits(page):
    values = [float(row[4]) for row in page.table("Item")]
    assert values == sorted(values)
    exact = {attributes.get("data-value") for tag, attributes in page.tags if tag == "td"}
    assert {repr(each.values["J&F"]) for each in clip_run().objects} <= exact
    assert [a for tag, a in page.tags if tag == "table" and "data-sortable" in a]


def test_a_score_that_an_object_lacks_leaves_its_cell_empty():
    objects = (ObjectScores("a", 1, {"J&F": 0.5, "flicker": 0.1}), ObjectScores("b", 1, {}))
    rows = Page(report_page(replace(clip_run(), objects=objects))).table("Item")
    assert rows == [["a", "1", "50.0", "10.0"], ["b", "1", "", ""]]


def test_more_objects_than_a_browser_likes_are_left_to_the_json():
    objects = tuple(ObjectScores("a", number, {"J&F": number / 6000}) for number in range(6000))
    page = Page(report_page(replace(clip_run(), objects=objects)))
    assert [row[1] for row in page.table("Item")] == [str(number) for number in range(5000)]
    assert "The first 5000 of 6000 objects; the JSON has them all" in page.text()


def test_names_are_text_and_never_markup(page):
    assert "car <b>turn</b>" in page.text()
    assert "mbike <i>" in page.text()
    tags = [tag for tag, _ in page.tags]
    bars = sum(attributes.get("class") == "range" for _, attributes in page.tags)
    assert tags.count("b") == tags.count("i") == bars > 0  # those of the bars, none of the names
    wild = '"><script>alert(1)</script>'
    run = replace(clip_run(), method=wild, dataset=wild, settings={wild: wild, "command": wild})
    text = report_page(run, [Figure(wild, wild, picture_bytes("PNG"))])
    assert "<script>alert" not in text
    assert Page(text).text().count(wild) >= 5


def test_embedded_pictures_decode_and_stand_for_both_grounds(page, figures):
    lights = [a["src"] for tag, a in page.tags if tag == "img"]
    darks = [a["srcset"] for tag, a in page.tags if tag == "source"]
    assert len(lights) == len(darks) == len(figures)
    for figure, light, dark in zip(figures, lights, darks, strict=True):
        for uri, data in ((light, figure.light), (dark, figure.dark)):
            head, _, body = uri.partition(",")
            assert head == "data:image/png;base64"
            assert base64.b64decode(body) == data
            with Image.open(io.BytesIO(data)) as picture:
                picture.load()


def test_a_photograph_is_embedded_as_what_it_is():
    text = report_page(EMPTY, [Figure("a", "b", picture_bytes("JPEG"))])
    (image,) = (a for tag, a in Page(text).tags if tag == "img")
    assert image["src"].startswith("data:image/jpeg;base64,")
    assert (image["width"], image["height"]) == ("20", "10")
    assert "<source" not in text


def test_every_picture_has_words_for_those_who_do_not_see_it(page):
    for tag, attributes in page.tags:
        assert tag != "img" or len(attributes["alt"]) > 20


def test_nothing_is_loaded_from_elsewhere(page):
    for _, attributes in page.tags:
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    text = report_page(clip_run())
    assert not re.search(r"@import|url\(|https?:", text)


def test_links_lead_to_places_that_exist(page):
    targets = {a["id"] for _, a in page.tags if "id" in a}
    links = {a["href"][1:] for tag, a in page.tags if tag == "a"}
    assert {"scores", "skipped", "repeat", "objects"} <= links <= targets


def test_every_head_of_a_table_says_of_what_it_is_the_head(page):
    assert all(a.get("scope") for tag, a in page.tags if tag == "th")


def test_how_it_was_measured_is_told_in_words_and_as_a_table(page):
    assert "shown to the method once" in page.text()
    (settings, _) = (t for t in page.tables if t[0] == ["Name", "Value"])
    assert ["protocol"] in settings
    assert ["non overlap", "yes"] in settings
    assert not any("command" in row for row in settings)


def test_environment_and_speed_are_told(page):
    assert "420 frames in 31.5 s: 13.33 a second, 75 ms each" in page.text()
    assert ["processor", "AMD EPYC"] in [row for table in page.tables for row in table]
    slow = replace(click_run(), seconds=8.4)
    assert "4 pictures in 8.4 s: 0.48 a second, 2.1 s each" in Page(report_page(slow)).text()
    elsewhere = Page(report_page(replace(clip_run(), seconds=0))).text()
    assert "nothing is known of the time" in elsewhere


def test_groups_have_tables(page):
    rows = page.table("Category")
    assert [row[0] for row in rows] == ["vehicle", "person", "animal"]
    assert [row[1] for row in rows] == ["7", "4", "2"]
    assert [row[0] for row in page.table("Training")] == ["seen in training", "unseen in training"]


def test_one_group_has_no_table():
    objects = tuple(replace(each, category="cat", is_seen=None) for each in clip_run().objects)
    text = Page(report_page(replace(clip_run(), objects=objects))).text()
    assert "By category" not in text
    assert "training set" not in text


def test_what_was_skipped_is_told_at_the_top_and_in_full(page):
    assert "1 of the dataset's clips could not be evaluated and is not" in page.text()
    assert ["mbike <i>", "frame 00012 is 480x853, its annotation 480x854"] in [
        row for table in page.tables for row in table
    ]
    assert "Skipped" not in Page(report_page(replace(clip_run(), skipped=()))).text()


def test_the_command_is_shown_whole(page):
    assert "masklet eval davis --task vos --model masklet-small" in page.text()
    assert "How to repeat it" not in Page(report_page(click_run())).text()


def test_a_run_in_which_nothing_was_scored_is_told_as_that():
    run = replace(EMPTY, skipped=(Skipped("a", "it is empty"),))
    text = Page(report_page(run)).text()
    assert "None of the clips could be scored" in text
    assert "Nothing was scored." in text


def test_both_files_are_written(tmp_path, figures):
    folder = tmp_path / "new" / "run"
    write_report(folder, clip_run(), figures)
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.png"]
    assert (folder / "report.html").read_text() == report_page(clip_run(), figures)


def test_the_sheet_holds_the_figures_below_the_table(tmp_path, figures):
    write_report(tmp_path / "without", clip_run())
    write_report(tmp_path / "with", clip_run(), figures)
    without, whole = (read(tmp_path / name / "report.png") for name in ("without", "with"))
    assert whole.shape[1] == without.shape[1] == 2128
    with Image.open(io.BytesIO(figures[-1].light)) as wide:
        last = np.asarray(wide.convert("RGB"))
    np.testing.assert_array_equal(whole[-64 - len(last) : -64, 64:-64], last)
    top = len(without) - 64
    np.testing.assert_array_equal(whole[:top], without[:top])


def test_long_names_and_many_scores_fit_on_the_sheet(tmp_path):
    summary = {f"own {number}": Interval(0.5, 0.4, 0.6, 3) for number in range(40)}
    write_report(tmp_path, replace(EMPTY, method="x" * 500, summary=summary))
    sheet = read(tmp_path / "report.png")
    assert len(sheet) < 1400
    assert (sheet[:, -60:] == 255).all()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be made"):
        write_report(tmp_path / "file" / "run", EMPTY)


def test_settings_are_shown_as_people_write_them():
    shown_values = [setting_text(each) for each in (None, False, [480, 854], {"a_b": 1}, 0.5)]
    assert shown_values == ["none", "no", "480, 854", "a b 1", "0.5"]
    (part,) = sections({"method": {"input_size": 512, "memory": {"stride": 2}}})
    assert part.rows == (("input size", "512"), ("memory: stride", "2"))


def read(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def picture_bytes(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20)).save(buffer, kind)
    return buffer.getvalue()
