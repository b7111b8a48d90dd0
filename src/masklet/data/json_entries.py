"""The entries of the lists in a JSON file, one by one, each with its place in the file.

Annotations of large datasets are one JSON object of a gigabyte, `{"images": [...], "annotations":
[...]}`. Read entry by entry it takes no more memory than its largest entry, and an entry can be read
again by its place alone.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from masklet.data.spans import Span, failures_told
from masklet.errors import DatasetError

_CHUNK_BYTES = 1 << 20
# A damaged entry seems to have no end; without a limit its search would fill the memory.
_LARGEST_ENTRY_BYTES = 64 << 20

_SIGN = re.compile(r"[^ \t\n\r]")
_AFTER_VALUES = tuple(" \t\n\r,:]}")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of one of the lists, or what stands in place of a list."""

    section: str
    """The name under which the list stands."""
    place: int | None
    """In its list, counted from 0; None for what is no list."""
    value: Any  # Any: JSON
    span: Span


def read_entries(source: Span, what: str) -> Iterator[Entry]:
    """The entries of all lists of a JSON object, in the order in which they stand.

    Args:
        source: the file, or the part of one, that holds the object and nothing else.
        what: what was expected to be there, for messages.

    Raises:
        DatasetError: the file cannot be read, is no JSON or another kind of JSON.

    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from masklet.data.spans import whole_file
    >>> path = Path(mkdtemp()) / "a.json"
    >>> path.write_text('{"images": [{"id": 7}, {"id": 9}]}')
    34
    >>> for entry in read_entries(whole_file(path), "images"):
    ...     print(entry.section, entry.place, entry.value, entry.span.read())
    images 0 {'id': 7} b'{"id": 7}'
    images 1 {'id': 9} b'{"id": 9}'
    """
    with failures_told(source.path), source.path.open("rb") as file:
        file.seek(source.offset)
        text = _Text(file, source, what)
        for _ in text.items("{", "}"):
            section = text.name()
            if text.peek() != "[":
                yield Entry(section, None, *text.value())
                continue
            for place, _ in enumerate(text.items("[", "]")):
                yield Entry(section, place, *text.value())
        text.expect("")


class _Text:
    """A JSON text of which a part is in memory: what was read is forgotten.

    Bytes become characters one by one, as in Latin-1, so that a place in the text is one in the
    file. No byte of a longer UTF-8 character can be taken for JSON's own signs.
    """

    def __init__(self, file: BinaryIO, source: Span, what: str) -> None:
        self._file, self._source, self._what = file, source, what
        self._left = source.size
        self._base = source.offset
        self._text = ""
        self._at = 0

    def items(self, opening: str, closing: str) -> Iterator[None]:
        """Once for every item between two brackets; the caller reads it."""
        self.expect(opening)
        if self.peek() == closing:
            self.expect(closing)
            return
        while True:
            yield
            if self.peek() == closing:
                self.expect(closing)
                return
            self.expect(",")

    def peek(self) -> str:
        """The next sign after white space, empty at the end."""
        while True:
            sign = _SIGN.search(self._text, self._at)
            self._at = sign.start() if sign else len(self._text)
            if sign or not self._read_on():
                return sign[0] if sign else ""

    def expect(self, sign: str) -> None:
        """Pass over that sign, or be at the end if it is empty."""
        found = self.peek()
        if found != sign:
            wanted, there = (repr(each) if each else "the end" for each in (sign, found))
            raise self._damage(f"{there} stands where {wanted} should", self._base + self._at)
        self._at += len(sign)

    def name(self) -> str:
        """The next name of an object, with the colon after it."""
        if self.peek() != '"':
            self.expect('"')
        name, _ = self.value()
        self.expect(":")
        return str(name)

    def value(self) -> tuple[Any, Span]:
        """The next value, and where it stands."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                place = self._base + getattr(error, "pos", self._at)
                # It may go on in what was not read yet.
                if self._read_on():
                    continue
                reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                raise self._damage(reason, place) from error
            # So may a number: of 0.5 only 0 is taken if the text ends after the point.
            if self._text[end : end + 1] in _AFTER_VALUES or not self._read_on():
                return self._taken(value, end)

    def _taken(self, value: Any, end: int) -> tuple[Any, Span]:  # Any: JSON
        start, self._at = self._at, end
        part = self._text[start:end]
        span = Span(self._source.path, self._source.name, self._base + start, end - start)
        if part.isascii():
            return value, span
        try:
            return json.loads(part.encode("latin-1")), span
        except ValueError as error:
            raise self._damage(f"the text is not in UTF-8 ({error})", span.offset) from error

    def _read_on(self) -> bool:
        kept = self._text[self._at :]
        if len(kept) > _LARGEST_ENTRY_BYTES:
            return False
        # As much again, so that a large entry is not begun too often.
        data = self._file.read(min(self._left, max(_CHUNK_BYTES, len(kept))))
        self._left -= len(data)
        self._base += self._at
        self._text, self._at = kept + data.decode("latin-1"), 0
        return len(data) > 0

    def _damage(self, reason: str, place: int) -> DatasetError:
        return DatasetError(
            f"{self._source} is no JSON at byte {place - self._source.offset:,}: "
            f"{reason}; expected {self._what}. It is another file, or was cut off or damaged: copy "
            "it again."
        )
