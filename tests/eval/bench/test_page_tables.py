"""Tables in pages: what stands between the comments is replaced, the rest stays."""

import pytest

from masklet.errors import OutputError
from masklet.eval.bench.page_tables import read_page, replace_tables, with_table

PAGE = """# Löwe

before
<!-- begin speed -->
| old |
<!-- end speed -->
between
<!-- begin sizes --><!-- end sizes -->
after
"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_bytes(PAGE.encode())
    return path


def test_tables_are_replaced_and_the_text_around_them_stays(page):
    replace_tables(page, {"speed": "| new |\n", "sizes": "| 1 |"})
    assert read_page(page) == (
        "# Löwe\n\nbefore\n<!-- begin speed -->\n\n| new |\n\n<!-- end speed -->\nbetween\n"
        "<!-- begin sizes -->\n\n| 1 |\n\n<!-- end sizes -->\nafter\n"
    )


def test_doing_it_again_changes_nothing(page):
    replace_tables(page, {"speed": "| new |\n"})
    once = page.read_bytes()
    replace_tables(page, {"speed": "| new |\n"})
    assert page.read_bytes() == once


def test_a_table_without_a_place_leaves_the_page_as_it_was(page):
    with pytest.raises(OutputError) as told:
        replace_tables(page, {"speed": "| new |", "memory": "| 2 |"})
    assert str(told.value) == (
        f"{page} has no place for the table 'memory'; expected once the line <!-- begin memory --> "
        "and, below it, once the line <!-- end memory -->. Add them where the table is to stand."
    )
    assert page.read_text(encoding="utf-8") == PAGE


@pytest.mark.parametrize(
    "text",
    [
        "<!-- begin a -->",
        "<!-- end a -->",
        "<!-- end a --> <!-- begin a -->",
        "<!-- begin a --> <!-- end a --> <!-- begin a --> <!-- end a -->",
        "<!-- begin a --> <!-- end b -->",
    ],
    ids=["no end", "no beginning", "wrong way round", "twice", "another end"],
)
def test_comments_that_are_no_pair_are_told(text):
    with pytest.raises(OutputError, match="page has no place for the table 'a'"):
        with_table(text, "a", "", where="page")


def test_a_page_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(OutputError, match=r"gone\.md cannot be read: No such file"):
        read_page(tmp_path / "gone.md")
    (tmp_path / "latin.md").write_bytes(b"L\xf6we")
    with pytest.raises(OutputError, match=r"latin\.md cannot be read: 'utf-8' codec"):
        replace_tables(tmp_path / "latin.md", {})
