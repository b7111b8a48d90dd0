"""Files that appear whole or not at all."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from masklet.errors import OutputError


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file so that a reader, a crash or a full disk never sees half of it.

    The bytes go to a temporary file in the same folder, reach the disk and are renamed.

    Raises:
        OutputError: the file cannot be written; a file that was there before is untouched.

    >>> from tempfile import mkdtemp
    >>> write_bytes(Path(mkdtemp()) / "example.txt", b"whole")
    """
    target = Path(path)
    # A short name of its own: the target's name may already be as long as the file system allows.
    temporary = target.with_name(f".masklet-{secrets.token_hex(8)}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            f"{target} could not be written: {error.strerror or error}; expected a folder with "
            "room, in which you may write. Free some space or choose another folder."
        ) from error


def write_json(path: str | Path, document: Any) -> None:  # Any: whatever JSON can hold
    """Write a document as JSON, indented, in one step. Raises `OutputError`.

    >>> from tempfile import mkdtemp
    >>> write_json(Path(mkdtemp()) / "example.json", {"masks": []})
    """
    write_bytes(path, (json.dumps(document, indent=2) + "\n").encode())


def make_folder(path: str | Path) -> Path:
    """Make a folder for results, with its parents, unless it is there. Raises `OutputError`.

    >>> from tempfile import mkdtemp
    >>> make_folder(Path(mkdtemp()) / "results").name
    'results'
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder} could not be made: {error.strerror or error}; expected a place "
            "where you may write and no file of that name. Choose another folder."
        ) from error
    return folder
