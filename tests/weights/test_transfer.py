"""One URL into one partial file, over real connections."""

import socket

import pytest

from masklet.errors import DownloadError
from masklet.weights import transfer as module
from masklet.weights.transfer import check_url, reason, tag_path, transfer

DATA = bytes(range(256)) * 4096


@pytest.fixture
def part(tmp_path):
    return tmp_path / "model.pt.part"


@pytest.fixture
def no_pauses(monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", (0.0, 0.0))


def get(server, part, *, has_checksum=True, progress=None):
    transfer(server.url("model.pt"), part, progress, has_checksum=has_checksum)


def test_a_file_arrives_whole(server, part):
    server.files["model.pt"] = DATA
    get(server, part)
    assert part.read_bytes() == DATA
    assert server.ranges == [None]


def test_progress_ends_at_the_size_of_the_file(server, part):
    server.files["model.pt"] = DATA
    seen = []
    get(server, part, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(DATA), len(DATA))


def test_a_server_that_tells_no_length_still_delivers(server, part):
    server.files["model.pt"] = DATA
    server.knows_lengths = False
    seen = []
    get(server, part, progress=lambda done, total: seen.append((done, total)))
    assert part.read_bytes() == DATA
    assert seen[-1] == (len(DATA), None)


def test_a_broken_connection_is_taken_up_where_it_broke(server, part):
    server.files["model.pt"] = DATA
    server.cut_after = [1000, 5000]
    get(server, part)
    assert part.read_bytes() == DATA
    assert server.ranges == [None, "bytes=1000-", "bytes=6000-"]


def test_progress_of_a_resumed_file_counts_what_was_there(server, part):
    server.files["model.pt"] = DATA
    part.write_bytes(DATA[:1000])
    seen = []
    get(server, part, progress=lambda done, total: seen.append((done, total)))
    assert seen[0][0] > 1000
    assert seen[-1] == (len(DATA), len(DATA))


def test_a_link_that_breaks_often_but_gains_bytes_gets_there(server, part, no_pauses):
    server.files["model.pt"] = DATA
    server.cut_after = [1000] * 10
    get(server, part)
    assert part.read_bytes() == DATA


def test_a_link_that_gains_nothing_is_given_up(server, part, no_pauses):
    server.files["model.pt"] = DATA
    server.cut_after = [1000] + [0] * 10
    with pytest.raises(ConnectionError, match="the connection closed after 1000 of 1048576 bytes"):
        get(server, part)
    assert part.read_bytes() == DATA[:1000]


def test_a_server_without_ranges_sends_everything_again(server, part):
    server.files["model.pt"] = DATA
    server.knows_ranges = False
    part.write_bytes(b"the start of it")
    get(server, part)
    assert part.read_bytes() == DATA


def test_a_file_that_changed_in_between_is_fetched_anew(server, part):
    server.files["model.pt"], server.etags["model.pt"] = b"old" * 1000, '"old"'
    server.cut_after = [1500]
    interrupt_after_the_first_bytes(server, part)
    server.files["model.pt"], server.etags["model.pt"] = DATA, '"new"'
    get(server, part, has_checksum=False)
    assert part.read_bytes() == DATA


def test_a_file_that_did_not_change_is_resumed_by_its_tag(server, part):
    server.files["model.pt"], server.etags["model.pt"] = DATA, '"same"'
    server.cut_after = [1500]
    interrupt_after_the_first_bytes(server, part)
    get(server, part, has_checksum=False)
    assert part.read_bytes() == DATA
    assert server.ranges == [None, "bytes=1500-"]


def interrupt_after_the_first_bytes(server, part):
    def interrupt(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(server, part, has_checksum=False, progress=interrupt)


def test_a_weak_tag_is_no_reason_to_resume(server, part):
    server.files["model.pt"], server.etags["model.pt"] = DATA, 'W/"weak"'
    server.cut_after = [1500]
    interrupt_after_the_first_bytes(server, part)
    get(server, part, has_checksum=False)
    assert part.read_bytes() == DATA
    assert server.ranges == [None, None]


def test_a_part_that_is_already_whole_is_kept(server, part):
    server.files["model.pt"] = DATA
    part.write_bytes(DATA)
    get(server, part)
    assert part.read_bytes() == DATA
    assert server.ranges == [f"bytes={len(DATA)}-"]


def test_a_part_that_is_too_long_is_fetched_anew(server, part):
    server.files["model.pt"] = DATA
    part.write_bytes(DATA + b"more")
    get(server, part)
    assert part.read_bytes() == DATA
    assert server.ranges == [f"bytes={len(DATA) + 4}-", None]


def test_another_range_than_asked_for_is_refused(server, part, no_pauses):
    server.files["model.pt"] = DATA
    server.shifts_ranges_by = 1
    part.write_bytes(DATA[:1000])
    with pytest.raises(
        OSError, match="asked for the bytes from 1000 on, the server sent bytes 1001"
    ):
        get(server, part)
    assert part.read_bytes() == DATA[:1000]


def test_a_busy_server_is_asked_again(server, part, no_pauses):
    server.files["model.pt"] = DATA
    server.status = [503, 429]
    get(server, part)
    assert part.read_bytes() == DATA


def test_a_missing_file_is_not_asked_for_again(server, part):
    with pytest.raises(OSError, match="404"):
        get(server, part)
    assert len(server.ranges) == 1


def test_no_server_fails_at_once(part):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(OSError, match="refused") as caught:
            transfer(f"http://127.0.0.1:{port}/model.pt", part, None, has_checksum=True)
    assert "refused" in reason(caught.value)


def test_a_full_disk_leaves_nothing_behind(server, part):
    server.files["model.pt"] = DATA
    # Whatever is written to this device fails as on a full disk.
    part.symlink_to("/dev/full")
    with pytest.raises(DownloadError, match=r"disk is full after 0 bytes of model\.pt; .*room"):
        get(server, part)
    assert list(part.parent.iterdir()) == []


def test_a_file_that_cannot_fit_is_not_begun(server, part):
    server.files["model.pt"] = DATA
    server.claimed_length = 1 << 60
    with pytest.raises(
        DownloadError, match=r"needs 1,152,921,504,606,846,976 more bytes and .* free"
    ):
        get(server, part)
    assert not part.exists()


def test_a_redirect_is_followed(server, part):
    server.files["elsewhere.pt"] = DATA
    server.redirects["model.pt"] = "/elsewhere.pt"
    get(server, part)
    assert part.read_bytes() == DATA


@pytest.mark.parametrize("target", ["http://example.org/model.pt", "ftp://127.0.0.1/model.pt"])
def test_a_redirect_must_not_lead_to_an_open_line(target, server, part):
    server.redirects["model.pt"] = target
    with pytest.raises(DownloadError, match="is not fetched: expected an https:// address"):
        get(server, part)


@pytest.mark.parametrize(
    "url", ["http://example.org/a.pt", "file:///etc/passwd", "ftp://example.org/a.pt", "https:///a"]
)
def test_only_secure_addresses_are_allowed(url):
    with pytest.raises(DownloadError, match="expected an https:// address, or http:// on this"):
        check_url(url)


def test_an_error_without_words_is_named_by_its_kind():
    assert reason(ConnectionResetError()) == "ConnectionResetError"


def test_the_tag_of_a_version_lies_beside_the_part(part):
    assert tag_path(part) == part.with_name("model.pt.part.tag")
