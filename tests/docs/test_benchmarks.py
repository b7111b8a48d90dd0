"""The tables of the page on benchmarks are those that their raw figures make."""

import re

import pytest
from benchmarks import tables

from masklet.eval.bench.page_tables import read_page, with_table

TABLES = ["bench", "image", "image_two", "precision", "profiles", "rewrites", "video", "video_two"]


@pytest.fixture(scope="module")
def made():
    return tables.all_tables()


def test_every_table_with_a_place_is_made_and_every_one_made_has_a_place(made):
    places = re.findall(r"<!-- begin (\w+) -->", read_page(tables.PAGE))
    assert sorted(places) == sorted(made)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_is_the_one_that_its_figures_make(made, name):
    page = read_page(tables.PAGE)
    assert with_table(page, name, made[name], where="the page") == page


@pytest.mark.parametrize("name", TABLES)
def test_a_table_beside_its_figures_is_the_same(made, name):
    assert (tables.RESULTS / f"{name}.md").read_text() == made[name]


def test_the_script_puts_back_what_was_changed_by_hand(tmp_path, monkeypatch, capsys):
    before = read_page(tables.PAGE)
    changed = before.replace("| tiny | one click, three masks |", "| tiny | one click, 3 masks |")
    assert changed != before
    copy = tmp_path / "benchmarks.md"
    copy.write_text(changed)
    monkeypatch.setattr(tables, "PAGE", copy)
    tables.main()
    assert read_page(copy) == before
    assert capsys.readouterr().out == f"{copy}: {', '.join(TABLES)}\n"


def test_every_file_it_points_to_is_there():
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", read_page(tables.PAGE))
    assert linked
    assert [name for name in linked if not (tables.PAGE.parent / name).exists()] == []
