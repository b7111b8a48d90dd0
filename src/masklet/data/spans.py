"""A part of a large file is read when it is asked for: nothing is unpacked, nothing stays open."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from masklet.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Span:
    """Where some bytes stand. A value that can be sent to another process."""

    path: Path
    name: str
    """What the part is called in its file, for people; empty where it is the whole file."""
    offset: int
    """In bytes from the beginning of the file."""
    size: int
    """In bytes."""

    def __str__(self) -> str:
        """The part and its file."""
        return f"{self.name} in {self.path}" if self.name else str(self.path)

    def read(self) -> bytes:
        """The bytes, read now.

        Raises:
            DatasetError: the file cannot be read, or has become too short.
        """
        with failures_told(self.path), self.path.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
        if len(data) < self.size:
            raise DatasetError(
                f"{self} ends after {len(data):,} of its {self.size:,} bytes; expected them all. "
                "The file was cut off or written anew since it was listed: copy it again."
            )
        return data


def whole_file(path: Path) -> Span:
    """All of a file.

    Raises:
        DatasetError: there is no such file, or it is a folder or a device.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "clips.tar"
    >>> path.write_bytes(b"12345")
    5
    >>> whole_file(path).size
    5
    """
    with failures_told(path):
        status = path.stat()
    if not path.is_file():
        raise DatasetError(
            f"{path} is a folder or a device; expected a file. Name the file within it."
        )
    return Span(path, "", 0, status.st_size)


@contextmanager
def failures_told(path: Path) -> Iterator[None]:
    """What the system says of a file becomes a `DatasetError` that names it."""
    try:
        yield
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read: {error.strerror or error}; expected a part of a dataset. "
            "Check the name, the folder and your rights to read it."
        ) from error
