"""What is in a tar file and where, found in one pass over its headers; nothing is unpacked.

A tar is refused as a whole only if it is none. Links, sparse files, devices, names that lead out of
the archive and names that stand twice are left out and told, as is everything after the first
damage.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from masklet.data.records import Problem
from masklet.data.spans import Span, failures_told, whole_file
from masklet.errors import DatasetError

# What `tarfile` raises on damaged headers; tests/data feeds it some.
_DAMAGE = (tarfile.TarError, ValueError, ArithmeticError, LookupError)


@dataclass(frozen=True, slots=True)
class TarIndex:
    """The plain files of a tar."""

    files: tuple[Span, ...]
    """By their names without a leading "./", in the order in which they stand."""
    problems: tuple[Problem, ...]
    """What was left out, and why."""


def index_tar(path: Path) -> TarIndex:
    """Find the files of an uncompressed tar.

    Args:
        path: the tar. Only its headers are read.

    Raises:
        DatasetError: there is no such file, or it is no uncompressed tar.

    >>> import io
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "pack.tar"
    >>> with tarfile.open(path, "w") as tar:
    ...     info = tarfile.TarInfo("000001.json")
    ...     info.size = 2
    ...     tar.addfile(info, io.BytesIO(b"{}"))
    >>> [(str(file.name), file.read()) for file in index_tar(path).files]
    [('000001.json', b'{}')]
    """
    size = whole_file(path).size
    files: dict[str, Span] = {}
    problems: list[Problem] = []
    with failures_told(path), _open(path) as tar:
        for found in _walk(tar, path, size):
            if isinstance(found, Problem):
                problems.append(found)
            elif found.name in files:
                problems.append(Problem("", str(found), "its name stands twice in the tar"))
            else:
                files[found.name] = found
    return TarIndex(tuple(files.values()), tuple(problems))


def _open(path: Path) -> tarfile.TarFile:
    try:
        # Only "r:" never unpacks: a packed tar has no places to read from.
        return tarfile.open(path, "r:")
    except _DAMAGE as error:
        raise DatasetError(
            f"{path} is no uncompressed tar: {error}; expected one that can be read in any order. "
            "Unpack a .tar.gz to .tar first, or copy the file again."
        ) from error


def _walk(tar: tarfile.TarFile, path: Path, size: int) -> Iterator[Span | Problem]:
    """The files up to the end of the tar or the first damage, and what else is in their places."""
    after = 0
    try:
        while (info := tar.next()) is not None:
            # There may be millions, and only the last one is needed.
            tar.members.clear()  # type: ignore[attr-defined]  # typeshed does not know it
            if info.offset < after or info.size < 0:
                yield Problem("", str(path), f"it is damaged at byte {info.offset:,}")
                return
            after = info.offset + tarfile.BLOCKSIZE
            if info.isfile() and not info.issparse() and info.offset_data + info.size > size:
                there = max(size - info.offset_data, 0)
                what = (
                    f"it is cut off after {there:,} of its {info.size:,} bytes, with all after it"
                )
                yield Problem("", f"{info.name} in {path}", what)
                return
            if not info.isdir():
                yield _plain_file(info, path)
    except _DAMAGE as error:
        yield Problem("", str(path), f"it is damaged after byte {after:,}: {error}")
        return
    yield from _check_end(path, tar.offset)


def _plain_file(info: tarfile.TarInfo, path: Path) -> Span | Problem:
    where = f"{info.name!a} in {path}"
    if not info.isfile() or info.issparse():
        return Problem("", where, "it is a link, a sparse file or a device, not a plain file")
    name = PurePosixPath(info.name)
    # Names become those of results: they must not lead anywhere, on no system.
    leads_out = name.is_absolute() or ".." in name.parts or not name.parts
    if leads_out or "\\" in info.name or not info.name.isprintable():
        return Problem("", where, "its name is no plain relative path")
    return Span(path, str(name), info.offset_data, info.size)


def _check_end(path: Path, offset: int) -> Iterator[Problem]:
    """`tarfile` takes a damaged header, and a missing one, for the end."""
    with path.open("rb") as file:
        file.seek(offset)
        mark = file.read(tarfile.BLOCKSIZE)
    if len(mark) < tarfile.BLOCKSIZE:
        what = "it ends without the mark that ends a tar: files may have been cut off"
        yield Problem("", str(path), what)
    elif any(mark):
        yield Problem("", str(path), f"it is damaged at byte {offset:,}: no header is there")
