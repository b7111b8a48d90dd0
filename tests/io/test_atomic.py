"""Files appear whole or not at all, whatever goes wrong."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from masklet.errors import OutputError
from masklet.io.atomic import make_folder, write_bytes, write_json


def test_the_file_holds_the_bytes_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a.bin", b"whole")
    assert (tmp_path / "a.bin").read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_an_existing_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    with (tmp_path / "a.bin").open("rb") as reader:
        write_bytes(tmp_path / "a.bin", b"new")
        assert reader.read() == b"old"
    assert (tmp_path / "a.bin").read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_the_file_gets_the_rights_that_any_new_file_gets(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_bytes(tmp_path / "ours", b"")
    usual, ours = ((tmp_path / name).stat().st_mode for name in ("usual", "ours"))
    assert stat.filemode(ours) == stat.filemode(usual)


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path: Path) -> None:
    name = "n" * 251 + ".bin"
    write_bytes(tmp_path / name, b"long")
    assert (tmp_path / name).read_bytes() == b"long"


@pytest.mark.parametrize("target", ["folder", "file/below", "gone/below"])
def test_a_place_that_is_none_is_an_output_error(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=r"could not be written: .*; expected a folder with room"):
        write_bytes(tmp_path / target, b"data")
    assert sorted(tmp_path.rglob("*")) == before


FULL_DISK = """
import resource, sys
from masklet.errors import OutputError
from masklet.io.atomic import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes(sys.argv[1], bytes(5000))
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_running_out_of_space_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(target)], capture_output=True, text=True, check=True
    )
    assert "a.bin could not be written: File too large" in done.stdout
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupt_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a.bin", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_document_is_written_as_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Ångström", "masks": [1, 2]})
    text = (tmp_path / "a.json").read_text(encoding="ascii")
    assert json.loads(text) == {"name": "Ångström", "masks": [1, 2]}
    assert text.endswith("}\n")


def test_a_folder_is_made_with_its_parents_and_once(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert make_folder(str(tmp_path / "a" / "b")) == tmp_path / "a" / "b"


def test_a_folder_in_the_place_of_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(OutputError, match=r"the folder .*taken could not be made: File exists"):
        make_folder(tmp_path / "taken")
