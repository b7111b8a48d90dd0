"""A lock between processes that the system releases when its holder dies."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_POLL_SECONDS = 0.1


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold `path` alone, waiting as long as another process holds it.

    The file is created when it is missing and stays afterwards: removing it would let a third
    process lock a new file of that name while a second still waits for the old one.
    """
    with path.open("ab") as file:
        while not _try_lock(file):
            time.sleep(_POLL_SECONDS)
        yield  # Closing the file releases the lock.


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
