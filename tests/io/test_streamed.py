"""Files that are written piece by piece appear whole or not at all."""

import os

import pytest

from masklet.errors import OutputError
from masklet.io.streamed import failure_told, growing_text, replacing
from tests.io.made import files_of_at_most

not_on_windows = pytest.mark.skipif(os.name == "nt", reason="no limit on the size of files")


def test_the_file_appears_at_the_end_of_the_block(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, OSError])
def test_whatever_ends_the_block_early_leaves_the_old_file_and_no_other(tmp_path, failure):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(failure):
        write_half(target, failure)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_taken_is_an_output_error(tmp_path):
    (tmp_path / "folder" / "kept").mkdir(parents=True)
    with (
        pytest.raises(OutputError, match=r"folder could not be written: .*; expected a folder"),
        replacing(tmp_path / "folder") as temporary,
    ):
        temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_text_grows_piece_by_piece(tmp_path):
    with growing_text(tmp_path / "a.txt") as write:
        write("Ångström, ")
        write("two")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "Ångström, two"


def test_text_for_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    with (
        pytest.raises(OutputError, match=r"a\.txt could not be written: No such file"),
        growing_text(tmp_path / "gone" / "a.txt") as write,
    ):
        write("text")


@not_on_windows
@pytest.mark.parametrize("pieces", [1, 100], ids=["found when closed", "found when written"])
def test_a_full_disk_leaves_no_text(tmp_path, pieces):
    with (
        files_of_at_most(1000),
        pytest.raises(OutputError, match="could not be written: File too large"),
    ):
        write_pieces(tmp_path / "a.txt", pieces)
    assert list(tmp_path.iterdir()) == []


def test_an_output_error_is_told_once():
    first = OutputError("told")
    with pytest.raises(OutputError) as caught, failure_told("a.txt"):
        raise first
    assert caught.value is first


def write_half(target, failure):
    with replacing(target) as temporary:
        temporary.write_text("half")
        raise failure


def write_pieces(target, count):
    with growing_text(target) as write:
        for _ in range(count):
            write("x" * 2000)
