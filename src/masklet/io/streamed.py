"""Files that are written piece by piece and appear whole or not at all."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from masklet.errors import OutputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A place to write to, in the same folder; at the end of the block it becomes `path`.

    Whatever ends the block early, an interrupt included, nothing is left and a file that was there
    before is untouched.

    Raises:
        OutputError: the finished file cannot be put in its place.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "example.txt"
    >>> with replacing(path) as temporary:
    ...     path.exists(), temporary.write_text("whole")
    (False, 5)
    >>> path.read_text()
    'whole'
    """
    target = Path(path)
    # A short name of its own: the target's name may already be as long as the file system allows.
    temporary = target.with_name(f".masklet-{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        with failure_told(target):
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
    except BaseException:
        # Of two failures the first one is worth telling.
        with failure_told(target):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def growing_text(path: str | Path) -> Iterator[Callable[[str], None]]:
    """A function that adds text to a file, which appears whole at the end of the block.

    Raises:
        OutputError: the file cannot be written.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "example.txt"
    >>> with growing_text(path) as write:
    ...     write("one, ")
    ...     write("two")
    >>> path.read_text()
    'one, two'
    """
    with replacing(path) as temporary:
        with failure_told(path):
            file = temporary.open("xb")

        def write(text: str) -> None:
            with failure_told(path):
                file.write(text.encode())

        try:
            yield write
        finally:
            with failure_told(path):
                file.close()


@contextmanager
def failure_told(target: str | Path) -> Iterator[None]:
    """Turn the system's errors while `target` is written into `OutputError`.

    Only the writing itself belongs into the block: where pictures are read in between, their errors
    would be told as if they were the disk's.
    """
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"{target} could not be written: {error.strerror or error}; expected a folder with "
            "room, in which you may write. Free some space or choose another folder."
        ) from error
