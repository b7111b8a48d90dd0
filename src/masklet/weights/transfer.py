"""One URL into one partial file, taken up where an earlier try stopped.

Beside `NAME.part` lies `NAME.part.tag`, the server's mark for this version of the file, so that a
file that changed in between is fetched anew and never glued to the start of the old one.
"""

import errno
import http.client
import io
import logging
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeAlias
from urllib.parse import urlsplit

from masklet.errors import DownloadError

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes there will be, `None` when unknown."""

RETRY_SECONDS = (0.0, 1.0, 4.0)
"""The pauses before a broken transfer is taken up again; one that gained bytes counts anew."""

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 30.0
_RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
# A quota and a limit on file sizes look to the user like a full disk and are mended the same way.
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_logger = logging.getLogger(__name__)


def transfer(url: str, part: Path, progress: Progress | None, *, has_checksum: bool) -> None:
    """Make `part` the whole file behind `url`.

    Args:
        url: https, or http on this machine.
        part: where the bytes go; what is there already is kept when the server can go on from it.
        progress: told after every chunk.
        has_checksum: the caller verifies the result, so a part whose version the server does not
            tell may be continued all the same.

    Raises:
        DownloadError: the address is not allowed or the disk is full; nothing is left of `part`.
        OSError, HTTPException: the network or the server failed; `part` is kept.
    """
    tries, best = 0, _size(part)
    while True:
        try:
            return _receive(url, part, progress, has_checksum=has_checksum)
        except DownloadError:
            raise
        except (OSError, http.client.HTTPException) as error:
            if _size(part) > best:
                tries, best = 0, _size(part)
            if tries == len(RETRY_SECONDS) or not _may_pass(error):
                raise
            _logger.info("%s: %s, trying again", url, reason(error))
        time.sleep(RETRY_SECONDS[tries])
        tries += 1


def check_url(url: str) -> None:
    """Raise `DownloadError` unless `url` is https, or http to this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return
    raise DownloadError(
        f"{url} is not fetched: expected an https:// address, or http:// on this machine. "
        "Download the file yourself and give its path."
    )


def reason(error: Exception) -> str:
    """Why a transfer failed, in a few words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__


def tag_path(part: Path) -> Path:
    """Where the server's mark for the version of `part` is kept."""
    return part.with_name(part.name + ".tag")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _may_pass(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in _RETRIED_STATUS
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ConnectionRefusedError):
        return False
    return isinstance(cause, ConnectionError | TimeoutError | http.client.HTTPException)


def _receive(url: str, part: Path, progress: Progress | None, *, has_checksum: bool) -> None:
    """One request: go on with `part` where the server agrees, else write it anew."""
    tag = tag_path(part).read_text() if tag_path(part).exists() else ""
    start = _size(part) if has_checksum or tag else 0
    try:
        response = _open(url, start, tag)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or start == 0:
            raise
        if error.headers.get("Content-Range") == f"bytes */{start}":
            return  # All of it is here: only the last step, the rename, was missing.
        part.unlink()
        response = _open(url, 0, "")
    with response:
        if response.status != http.client.PARTIAL_CONTENT:
            start = 0
        total = _total(response, start)
        _check_space(part, start, total)
        tag_path(part).write_text(_version_tag(response))
        with part.open("ab" if start else "wb", buffering=0) as file:
            done = _copy(response, file, progress, start, total)
            os.fsync(file.fileno())
    if total is not None and done != total:
        raise ConnectionError(f"the connection closed after {done} of {total} bytes")


def _open(url: str, start: int, tag: str) -> http.client.HTTPResponse:
    check_url(url)
    headers = {"User-Agent": "masklet", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if tag:
            headers["If-Range"] = tag
    handlers: list[urllib.request.BaseHandler] = [_CheckedRedirects()]
    if urlsplit(url).hostname in _LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
    response = urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT_SECONDS)
    assert isinstance(response, http.client.HTTPResponse)
    return response


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect must lead to an address that is allowed itself."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _total(response: http.client.HTTPResponse, start: int) -> int | None:
    if start == 0:
        return response.length
    sent = response.headers.get("Content-Range", "no range")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", sent)
    if match is None or int(match[1]) != start:
        raise OSError(f"asked for the bytes from {start} on, the server sent {sent}")
    return int(match[2])


def _version_tag(response: http.client.HTTPResponse) -> str:
    # HTTP forbids resuming on a weak tag: it stays the same when single bytes change.
    tag = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified", "")


def _check_space(part: Path, start: int, total: int | None) -> None:
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        raise DownloadError(
            f"{part.stem} needs {total - start:,} more bytes and {part.parent} has {free:,} free; "
            "expected room for the whole file. Make room or set MASKLET_CACHE to another disk."
        )


def _copy(
    response: http.client.HTTPResponse,
    file: io.FileIO,
    progress: Progress | None,
    start: int,
    total: int | None,
) -> int:
    done = start
    while chunk := response.read(_CHUNK_BYTES):
        _write(file, chunk, done)
        done += len(chunk)
        if progress is not None:
            progress(done, total)
    return done


def _write(file: io.FileIO, chunk: bytes, done: int) -> None:
    part = Path(file.name)
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        if error.errno not in _FULL_DISK:
            raise
        part.unlink()
        tag_path(part).unlink(missing_ok=True)
        raise DownloadError(
            f"the disk is full after {done:,} bytes of {part.stem}; expected room for the whole "
            f"file in {part.parent}, and what was there is deleted. Make room or set MASKLET_CACHE "
            "to another disk."
        ) from error
