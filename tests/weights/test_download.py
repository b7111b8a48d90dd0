"""The cache: fetched once, verified, renamed into place when whole."""

import hashlib
import os
import subprocess
import sys
import time

import pytest

from masklet.errors import DownloadError
from masklet.weights import transfer
from masklet.weights.download import (
    Remote,
    cache_dir,
    check_sum,
    fetch,
    is_offline,
    path_in_cache,
    remote_of_url,
)

DATA = b"weights" * 10_000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def remote(server, cache, monkeypatch):
    monkeypatch.setattr(transfer, "RETRY_SECONDS", (0.0,))
    server.files["model.pt"] = DATA
    return Remote((server.url("model.pt"),), "model.pt", SHA256)


def test_a_file_is_fetched_into_the_cache_once(remote, server, cache):
    path = fetch(remote)
    assert path == cache / "model.pt"
    assert path.read_bytes() == DATA
    assert fetch(remote) == path
    assert len(server.ranges) == 1


def test_nothing_but_the_file_its_lock_and_its_stamp_stays(remote, cache):
    fetch(remote)
    names = sorted(path.name for path in cache.iterdir())
    assert names == ["model.pt", "model.pt.lock", "model.pt.verified"]


def test_the_second_address_is_tried_when_the_first_fails(remote, server):
    urls = (server.url("gone.pt"), *remote.urls)
    assert fetch(Remote(urls, "model.pt", SHA256)).read_bytes() == DATA


def test_an_interrupted_download_goes_on_in_the_next_call(remote, server, cache):
    server.cut_after = [1000, 0]
    with pytest.raises(
        DownloadError, match=r"closed after 1000 of 70000 bytes.* 1,000 bytes are kept"
    ):
        fetch(remote)
    assert not (cache / "model.pt").exists()
    assert fetch(remote).read_bytes() == DATA
    assert server.ranges[-1] == "bytes=1000-"


def test_a_wrong_checksum_is_refused_with_both_sums(remote, server, cache):
    server.files["model.pt"] = b"other" * 10_000
    actual = hashlib.sha256(server.files["model.pt"]).hexdigest()
    with pytest.raises(
        DownloadError, match=f"has SHA-256 {actual}, expected {SHA256}; .*Try again"
    ):
        fetch(remote)
    assert [path.name for path in cache.iterdir()] == ["model.pt.lock"]


def test_no_answer_says_what_was_tried_and_how_to_do_without(server, cache):
    remote = Remote((server.url("a.pt"), server.url("b.pt")), "model.pt", SHA256)
    with pytest.raises(DownloadError) as caught:
        fetch(remote)
    message = str(caught.value)
    assert f"tried {server.url('a.pt')} (HTTP 404 Not Found), {server.url('b.pt')}" in message
    assert f"put it at {cache / 'model.pt'} (SHA-256 {SHA256})" in message
    assert "MASKLET_CACHE" in message


def test_offline_takes_the_cache_and_nothing_else(remote, server, cache, monkeypatch):
    monkeypatch.setenv("MASKLET_OFFLINE", "1")
    with pytest.raises(DownloadError, match=r"MASKLET_OFFLINE is set; .* put it at .*model\.pt"):
        fetch(remote)
    cache.mkdir()
    (cache / "model.pt").write_bytes(DATA)
    assert fetch(remote) == cache / "model.pt"
    assert server.ranges == []


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("", False), ("0", False), ("no", False)]
)
def test_offline_is_a_switch(value, offline, monkeypatch):
    monkeypatch.setenv("MASKLET_OFFLINE", value)
    assert is_offline() is offline


def test_a_damaged_file_in_the_cache_is_refused(remote, cache):
    cache.mkdir()
    (cache / "model.pt").write_bytes(DATA[:-1])
    with pytest.raises(DownloadError, match=rf"expected {SHA256}; it is damaged .* Delete it"):
        fetch(remote)


def test_a_file_that_changed_since_it_was_verified_is_verified_again(remote, cache):
    path = fetch(remote)
    path.write_bytes(DATA[::-1])
    os.utime(path, (time.time() + 5,) * 2)
    with pytest.raises(DownloadError, match="it is damaged or another file"):
        fetch(remote)


def test_a_verified_file_is_not_read_again(remote):
    path = fetch(remote)
    seen = path.stat()
    path.write_bytes(DATA[::-1])
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert fetch(remote) == path


def test_a_stamp_that_cannot_be_written_or_read_only_costs_time(remote, cache):
    cache.mkdir()
    (cache / "model.pt").write_bytes(DATA)
    (cache / "model.pt.verified").mkdir()
    assert fetch(remote) == cache / "model.pt"


def test_without_a_checksum_nothing_is_verified(remote, server, cache):
    cache.mkdir()
    (cache / "model.pt").write_bytes(b"anything")
    assert fetch(Remote(remote.urls, "model.pt")).read_bytes() == b"anything"
    assert server.ranges == []
    fresh = fetch(Remote(remote.urls, "fresh.pt"))
    assert fresh.read_bytes() == DATA


def test_a_full_disk_is_reported_once_and_not_tried_at_the_mirror(remote, server, cache):
    cache.mkdir()
    (cache / "model.pt.part").symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="the disk is full after 0 bytes"):
        fetch(Remote(remote.urls * 2, "model.pt", SHA256))
    assert len(server.ranges) == 1


def test_a_cache_that_is_no_folder_is_named(remote, cache):
    cache.write_text("a file")
    with pytest.raises(DownloadError, match=r"cannot use the cache .*cache: .*Set MASKLET_CACHE"):
        fetch(remote)


def test_two_processes_fetch_a_file_once(remote, server, cache):
    server.pause_seconds = 0.5
    script = (
        "import sys; from masklet.weights.download import Remote, fetch;"
        "print(fetch(Remote((sys.argv[1],), 'model.pt', sys.argv[2])))"
    )
    command = [sys.executable, "-c", script, *remote.urls, SHA256]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == [f"{cache / 'model.pt'}\n"] * 2
    assert (cache / "model.pt").read_bytes() == DATA
    assert len(server.ranges) == 1


def test_the_cache_follows_its_variables(monkeypatch, tmp_path):
    monkeypatch.setenv("MASKLET_CACHE", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"
    monkeypatch.delenv("MASKLET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "masklet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir() == tmp_path / ".cache" / "masklet"


def test_a_url_may_carry_its_checksum():
    remote = remote_of_url(f"https://example.org/a/model.pt#sha256={SHA256.upper()}")
    assert remote.urls == ("https://example.org/a/model.pt",)
    assert remote.sha256 == SHA256
    assert remote_of_url("https://example.org/a/model.pt").sha256 is None


@pytest.mark.parametrize("fragment", ["sha256=12", "md5=0123", f"sha256={SHA256}0", "x"])
def test_a_fragment_that_is_no_checksum_is_refused(fragment):
    with pytest.raises(DownloadError, match="expected nothing or '#sha256=' and 64 hex digits"):
        remote_of_url(f"https://example.org/model.pt#{fragment}")


def test_files_of_the_same_name_do_not_share_a_place():
    here, there = (remote_of_url(f"https://{host}.org/model.pt") for host in ("here", "there"))
    assert here.file_name.endswith(".pt")
    assert here.file_name != there.file_name


@pytest.mark.parametrize("path", ["%2e%2e%2fmodel.pt", "a%5c..%5cb.pt", "..", "m%00.pt"])
def test_a_url_cannot_name_a_place_outside_the_cache(path, cache):
    remote = remote_of_url(f"https://example.org/{path}")
    assert path_in_cache(remote).resolve().parent == cache.resolve()


def test_a_url_without_a_file_is_refused():
    with pytest.raises(DownloadError, match=r"names no file; expected a URL that ends in a file"):
        remote_of_url("https://example.org/")


def test_check_sum_passes_what_it_should(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(DATA)
    check_sum(path, Remote((), "model.pt", SHA256))
    with pytest.raises(DownloadError, match="has SHA-256"):
        check_sum(path, Remote((), "model.pt", "0" * 64))
