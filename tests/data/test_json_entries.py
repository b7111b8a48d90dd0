"""A large JSON file is read entry by entry, and every entry can be read again by its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masklet.data import json_entries
from masklet.data.json_entries import read_entries
from masklet.data.spans import Span, whole_file
from masklet.errors import DatasetError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("entries") / "a.json"


def written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return whole_file(path)


@given(
    document=st.dictionaries(st.text(max_size=3), VALUES, max_size=4),
    chunk=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    is_ascii=st.booleans(),
)
def test_entries_and_their_places_are_those_of_the_json(path, document, chunk, indent, is_ascii):
    text = json.dumps(document, indent=indent, ensure_ascii=is_ascii)
    before = json_entries._CHUNK_BYTES
    json_entries._CHUNK_BYTES = chunk
    try:
        found = list(read_entries(written(path, text), "a document"))
    finally:
        json_entries._CHUNK_BYTES = before
    read = {}
    for entry in found:
        assert json.loads(entry.span.read()) == entry.value
        if entry.place is None:
            read[entry.section] = entry.value
        else:
            read.setdefault(entry.section, []).append(entry.value)
            assert len(read[entry.section]) == entry.place + 1
    assert read == {name: value for name, value in document.items() if value != []}


def test_a_part_of_a_file_is_read(path):
    path.write_bytes(b'junk{"a": [1, 22]} junk')
    found = list(read_entries(Span(path, "a.json", 4, 15), "a document"))
    assert [(entry.value, entry.span.offset, entry.span.size) for entry in found] == [
        (1, 11, 1),
        (22, 14, 2),
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", r"at byte 0: the end stands where '\{' should; expected a document"),
        ("[1]", r"at byte 0: '\[' stands where '\{' should"),
        ('{"a": [1, 2', r"at byte 11: the end stands where ',' should"),
        ('{"a": [1, {"b": "c', r"at byte 16: Unterminated string"),
        ('{"a": [1 2]}', "at byte 9: '2' stands where ',' should"),
        ('{"a": [1, ]}', r"at byte 10: Expecting value"),
        ('{"a" 1}', "at byte 5: '1' stands where ':' should"),
        ("{1: 2}", "at byte 1: '1' stands where '\"' should"),
        ('{"a": 1} 2', "at byte 9: '2' stands where the end should"),
        ('{"a": ' + "[" * 100_000, "at byte 7: maximum recursion"),
        (b'{"a": ["\xff\xfe"]}', r"at byte 7: the text is not in UTF-8"),
        ('{"a": [' + "1" * 5000 + "]}", "at byte 7: Exceeds the limit"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_is_no_json_is_told_with_its_place(path, text, what):
    with pytest.raises(DatasetError, match=rf"a\.json is no JSON {what}"):
        list(read_entries(written(path, text), "a document"))


def test_an_entry_without_end_does_not_fill_the_memory(path, monkeypatch):
    monkeypatch.setattr(json_entries, "_CHUNK_BYTES", 100)
    monkeypatch.setattr(json_entries, "_LARGEST_ENTRY_BYTES", 1000)
    text = json_entries._Text
    largest = 0

    class Watched(text):
        def _read_on(self):
            nonlocal largest
            largest = max(largest, len(self._text))
            return super()._read_on()

    monkeypatch.setattr(json_entries, "_Text", Watched)
    with pytest.raises(DatasetError, match="at byte 7: Unterminated string"):
        list(read_entries(written(path, '{"a": ["' + "b" * 100_000), "a document"))
    assert 1000 < largest < 3000


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"b\.json cannot be read: No such file"):
        list(read_entries(Span(tmp_path / "b.json", "", 0, 3), "a document"))
