"""Tars are indexed without unpacking, and what is wrong with them is told."""

import re
import tarfile

import numpy as np
import pytest

from masklet.data.tars import index_tar
from masklet.errors import DatasetError
from tests.data.made_packs import write_tar


def names(index):
    return [file.name for file in index.files]


def told(index):
    return " | ".join(str(problem) for problem in index.problems)


@pytest.fixture
def path(tmp_path):
    files = {f"{number}.json": bytes([number]) * 700 for number in range(1, 4)}
    return write_tar(tmp_path / "a.tar", files)


def test_files_are_read_from_where_they_lie(path):
    index = index_tar(path)
    assert names(index) == ["1.json", "2.json", "3.json"]
    assert [file.read() for file in index.files] == [bytes([n]) * 700 for n in (1, 2, 3)]
    assert index.problems == ()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_are_read_in_all_forms(tmp_path, form):
    long = "/".join(["folder" * 5] * 7) + "/ä.jpg"
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as tar:
        for name in (long, "./dog/00000.jpg", "empty"):
            tar.addfile(tarfile.TarInfo(name))
    index = index_tar(tmp_path / "a.tar")
    assert names(index) == [long, "dog/00000.jpg", "empty"]
    assert index.problems == ()


def test_folders_are_passed_over(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"dog": {"type": tarfile.DIRTYPE}, "dog/a": b"x"})
    assert names(index_tar(path)) == ["dog/a"]
    assert index_tar(path).problems == ()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_what_is_no_plain_file_is_left_out_and_told(tmp_path, kind):
    files = {"a.jpg": {"type": kind, "linkname": "/etc/passwd"}, "b.jpg": b"x"}
    index = index_tar(write_tar(tmp_path / "a.tar", files))
    assert names(index) == ["b.jpg"]
    assert "'a.jpg' in" in told(index)
    assert "it is a link, a sparse file or a device, not a plain file" in told(index)


@pytest.mark.parametrize("name", ["/etc/a.jpg", "../a.jpg", "b/../../a.jpg", "b\\a.jpg", "a\n.jpg"])
def test_names_that_lead_away_are_left_out_and_told(tmp_path, name):
    index = index_tar(write_tar(tmp_path / "a.tar", {name: b"x", "b.jpg": b"x"}))
    assert names(index) == ["b.jpg"]
    assert "its name is no plain relative path" in told(index)


def test_a_name_that_stands_twice_is_told_and_the_first_kept(tmp_path):
    index = index_tar(write_tar(tmp_path / "a.tar", {"a.jpg": b"1", "./a.jpg": b"2"}))
    assert [file.read() for file in index.files] == [b"1"]
    assert "a.jpg in" in told(index)
    assert "its name stands twice in the tar" in told(index)


@pytest.mark.parametrize(
    ("size", "kept", "what"),
    [
        (1536 * 2 + 512 + 100, 2, r"3\.json in .*: it is cut off after 100 of its 700 bytes"),
        (1536 * 2 + 512, 2, r"3\.json in .*: it is cut off after 0 of its 700 bytes"),
        (1536 * 2 + 100, 2, "it ends without the mark that ends a tar"),
        (1536 * 2, 2, "it ends without the mark that ends a tar: files may have been cut off"),
        (1536 * 2 - 20, 2, r"it is damaged after byte 2,048: unexpected end of data"),
    ],
    ids=["in a file", "after a header", "in a header", "between files", "in the padding"],
)
def test_a_tar_that_was_cut_keeps_what_is_whole(path, size, kept, what):
    path.write_bytes(path.read_bytes()[:size])
    index = index_tar(path)
    assert len(index.files) == kept
    assert index.files[-1].read() == b"\2" * 700
    assert len(index.problems) == 1
    assert re.search(what, told(index))


def test_a_damaged_header_is_told(path):
    data = bytearray(path.read_bytes())
    data[1536 + 20] ^= 255
    path.write_bytes(data)
    index = index_tar(path)
    assert names(index) == ["1.json"]
    assert "it is damaged at byte 1,536: no header is there" in told(index)


def test_a_header_that_leads_backwards_ends_the_reading(path):
    data = bytearray(path.read_bytes())
    header = tarfile.TarInfo("2.json")
    header.size = -1536
    data[1536 : 1536 + 512] = header.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(data)
    assert names(index_tar(path)) == ["1.json"]
    assert "it is damaged at byte 1,536" in told(index_tar(path))


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100, b"\x1f\x8b" * 600])
def test_what_is_no_tar_is_refused(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(
        DatasetError, match=r"a\.tar is no uncompressed tar: .*; expected .*Unpack a \.tar\.gz"
    ):
        index_tar(tmp_path / "a.tar")


def test_a_packed_tar_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.jpg"))
    with pytest.raises(DatasetError, match=r"a\.tar\.gz is no uncompressed tar"):
        index_tar(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("seed", range(60))
def test_damage_anywhere_is_told_or_harmless(path, seed):
    random = np.random.default_rng(seed)
    data = np.frombuffer(path.read_bytes(), np.uint8).copy()
    # Headers only: what is in the files is no matter of the index.
    places = random.choice(np.arange(3)[:, None] * 1536 + random.integers(0, 512, 4))
    data[places] = random.integers(0, 256, len(places))
    path.write_bytes(data.tobytes())
    try:
        index = index_tar(path)
    except DatasetError:
        return
    assert len(index.files) + len(index.problems) >= 1
    for file in index.files:
        assert len(file.read()) == file.size
