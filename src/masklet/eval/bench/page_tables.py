"""Tables in a page of Markdown that programs write again, and the text around them, which stays.

A table stands between two comments:

    <!-- begin bench -->

    | objects | frames a second |
    |--:|--:|

    <!-- end bench -->
"""

from collections.abc import Mapping
from pathlib import Path

from masklet.errors import OutputError
from masklet.io.atomic import write_bytes


def replace_tables(path: str | Path, tables: Mapping[str, str]) -> None:
    """Write tables into a page, all of them or none.

    Args:
        path: the page.
        tables: Markdown by name; a page may have more tables than these.

    Raises:
        OutputError: there is no such page, it lacks the comments of a table, or it cannot be
            written; it is as it was then.
    """
    text = read_page(path)
    for name, table in tables.items():
        text = with_table(text, name, table, where=str(path))
    write_bytes(path, text.encode())


def read_page(path: str | Path) -> str:
    """The text of a page. Raises `OutputError`: it was to be written to."""
    try:
        return Path(path).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise OutputError(
            f"the page {path} cannot be read: {reason}; expected Markdown with the comments "
            "between which tables stand. Check the name."
        ) from error


def with_table(text: str, name: str, table: str, *, where: str) -> str:
    """The text with that table between its comments.

    Args:
        text: of the whole page.
        name: of the table.
        table: what stands there from now on.
        where: what the page is called, for messages.

    Raises:
        OutputError: the comments are missing, stand there twice or the wrong way round.

    >>> with_table("<!-- begin a --> old <!-- end a -->", "a", "new", where="a page")
    '<!-- begin a -->\\n\\nnew\\n\\n<!-- end a -->'
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    if text.count(begin) != 1 or text.count(end) != 1 or end not in rest:
        raise OutputError(
            f"{where} has no place for the table '{name}'; expected once the line {begin} and, "
            f"below it, once the line {end}. Add them where the table is to stand."
        )
    # With empty lines, or some readers of Markdown take the comments for rows.
    return f"{before}{begin}\n\n{table.strip()}\n\n{end}{after}"
