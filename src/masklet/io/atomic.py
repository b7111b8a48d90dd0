"""Files that appear whole or not at all."""

import json
from pathlib import Path
from typing import Any

from masklet.errors import OutputError
from masklet.io.streamed import failure_told, replacing


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file so that a reader, a crash or a full disk never sees half of it.

    The bytes go to a temporary file in the same folder, reach the disk and are renamed.

    Raises:
        OutputError: the file cannot be written; a file that was there before is untouched.

    >>> from tempfile import mkdtemp
    >>> write_bytes(Path(mkdtemp()) / "example.txt", b"whole")
    """
    with replacing(path) as temporary, failure_told(path):
        temporary.write_bytes(data)


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
