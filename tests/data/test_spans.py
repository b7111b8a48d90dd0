"""A part of a file is read from its place, or it is told why not."""

import pickle

import pytest

from masklet.data.spans import Span, whole_file
from masklet.errors import DatasetError


def test_a_part_is_read_from_its_place(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(b"0123456789")
    part = pickle.loads(pickle.dumps(Span(path, "b.txt", 3, 4)))
    assert part.read() == b"3456"
    assert whole_file(path).read() == b"0123456789"
    assert str(part) == f"b.txt in {path}"
    assert str(whole_file(path)) == str(path)


def test_a_part_that_is_not_all_there_is_refused(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(b"01234")
    with pytest.raises(
        DatasetError, match=r"b\.txt in .*a\.tar ends after 2 of its 4 bytes; expected .*copy"
    ):
        Span(path, "b.txt", 3, 4).read()


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(DatasetError, match=r"a\.tar cannot be read: No such file.*; expected"):
        Span(tmp_path / "a.tar", "b.txt", 3, 4).read()
    with pytest.raises(DatasetError, match=r"a\.tar cannot be read: No such file"):
        whole_file(tmp_path / "a.tar")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DatasetError, match="is a folder or a device; expected a file"):
        whole_file(tmp_path)
