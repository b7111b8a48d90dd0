"""Files from the network in a cache: fetched once, verified, renamed into place when whole.

The cache is the folder `MASKLET_CACHE`, else `$XDG_CACHE_HOME/masklet`, else `~/.cache/masklet`.
With `MASKLET_OFFLINE=1` nothing is fetched and only the cache is used.
"""

import hashlib
import http.client
import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from masklet.errors import DownloadError
from masklet.weights.lock import exclusive
from masklet.weights.transfer import Progress, check_url, reason, tag_path, transfer

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that can be fetched.

    Args:
        urls: where it lies, tried in this order.
        file_name: what it is called in the cache.
        sha256: what its bytes must sum to, in lower-case hex; `None` leaves them unverified.
    """

    urls: tuple[str, ...]
    file_name: str
    sha256: str | None = None


def cache_dir() -> Path:
    """The folder of fetched files; it need not exist yet."""
    if named := os.environ.get("MASKLET_CACHE"):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "masklet"


def is_offline() -> bool:
    """Whether `MASKLET_OFFLINE` forbids the network."""
    return os.environ.get("MASKLET_OFFLINE", "").lower() not in ("", "0", "false", "no")


def path_in_cache(remote: Remote) -> Path:
    """Where `remote` lies once it is fetched, whether or not it is there."""
    return cache_dir() / remote.file_name


def remote_of_url(url: str) -> Remote:
    """The file behind a URL, whose optional fragment `#sha256=<64 hex digits>` is its checksum.

    >>> remote_of_url("https://example.org/models/tiny.pt").file_name
    'tiny-dd41c7bf.pt'

    Raises:
        DownloadError: the URL is neither https nor http to this machine, names no file, or its
            fragment is no SHA-256.
    """
    address, _, fragment = url.partition("#")
    check_url(address)
    match = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if fragment and match is None:
        raise DownloadError(
            f"{url} ends in '#{fragment}'; expected nothing or '#sha256=' and 64 hex digits. "
            "Correct the checksum or leave it out."
        )
    name = PurePosixPath(unquote(urlsplit(address).path))
    if not name.name:
        raise DownloadError(
            f"{url} names no file; expected a URL that ends in a file name such as model.pt. "
            "Give the address of the checkpoint itself."
        )
    # Two addresses may end in the same name, so the name here carries a sum of the address.
    tag = hashlib.sha256(address.encode()).hexdigest()[:8]
    file_name = re.sub(r"[^\w.+-]", "_", f"{name.stem}-{tag}{name.suffix}")
    return Remote((address,), file_name, match[1].lower() if match else None)


def fetch(remote: Remote, *, progress: Progress | None = None) -> Path:
    """The path of `remote` in the cache, fetched first when it is not there.

    A broken transfer is taken up where it stopped, also by a later call. Two processes that want
    the same file fetch it once. A file put into the cache by hand is welcome; it is verified at
    its first use.

    Raises:
        DownloadError: the file cannot be had, is not what its checksum says, or does not fit.
    """
    target = path_in_cache(remote)
    try:
        if not target.exists():
            _check_online(remote, target)
            _download_alone(remote, target, progress)
        return _verified(target, remote)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"cannot use the cache {target.parent}: {error}; expected a folder that can be "
            "written. Set MASKLET_CACHE to another folder."
        ) from error


def check_sum(path: Path, remote: Remote) -> None:
    """Raise `DownloadError` unless the file at `path` is `remote`, byte for byte."""
    if remote.sha256 is not None and (actual := _sha256_of(path)) != remote.sha256:
        raise DownloadError(
            f"{path} has SHA-256 {actual}, expected {remote.sha256}; it is damaged or another "
            "file. Delete it and try again."
        )


def _check_online(remote: Remote, target: Path) -> None:
    if is_offline():
        raise DownloadError(
            f"{remote.file_name} is not in {target.parent} and MASKLET_OFFLINE is set; expected "
            f"the file in the cache. {_by_hand(remote, target)}"
        )


def _by_hand(remote: Remote, target: Path) -> str:
    checksum = f" (SHA-256 {remote.sha256})" if remote.sha256 else ""
    return (
        f"Fetch {remote.urls[0]} elsewhere and put it at {target}{checksum}; the variable "
        "MASKLET_CACHE names another folder."
    )


def _download_alone(remote: Remote, target: Path, progress: Progress | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(target.with_name(target.name + ".lock")):
        if not target.exists():  # Another process may have been faster.
            _download(remote, target, progress)


def _download(remote: Remote, target: Path, progress: Progress | None) -> None:
    part = target.with_name(target.name + ".part")
    failures = []
    for url in remote.urls:
        _logger.info("downloading %s", url)
        try:
            transfer(url, part, progress, has_checksum=remote.sha256 is not None)
        except DownloadError:
            raise
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{url} ({reason(error)})")
            continue
        _check_part(part, remote)
        part.replace(target)
        tag_path(part).unlink(missing_ok=True)
        return
    kept = f" {part.stat().st_size:,} bytes are kept for the next try." if part.exists() else ""
    raise DownloadError(
        f"could not download {remote.file_name}: tried {', '.join(failures)}; expected one of them "
        f"to answer.{kept} Check the network. {_by_hand(remote, target)}"
    )


def _check_part(part: Path, remote: Remote) -> None:
    if remote.sha256 is None or (actual := _sha256_of(part)) == remote.sha256:
        return
    part.unlink()
    tag_path(part).unlink(missing_ok=True)
    raise DownloadError(
        f"what arrived as {remote.file_name} has SHA-256 {actual}, expected {remote.sha256}; the "
        "transfer was damaged or the server holds another file, and it was deleted. Try again; if "
        "it happens twice, do not trust the server."
    )


def _verified(path: Path, remote: Remote) -> Path:
    if remote.sha256 is None:
        return path
    # Hashing 900 MB takes longer than loading them: a stamp beside the file remembers what was
    # hashed, and a change of the file's size or time makes it void.
    status = path.stat()
    seen = {"sha256": remote.sha256, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
    stamp = path.with_name(path.name + ".verified")
    if _read_json(stamp) == seen:
        return path
    check_sum(path, remote)
    try:
        stamp.write_text(json.dumps(seen))
    except OSError as error:  # A cache that cannot be written still serves, hashed every time.
        _logger.info("cannot remember that %s was verified: %s", path, error)
    return path


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
