"""What every step of a training was like, one JSON record per line, in a file that only grows.

Each has "step", counted from 1: what that step was like, or, with "scores", what validation found
after it. When a training goes on from a checkpoint, records of steps that are made again go.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from masklet.io.atomic import write_bytes
from masklet.io.streamed import failure_told


class Write(Protocol):
    """Adds one record."""

    def __call__(self, record: Mapping[str, Any], /) -> None:
        """It is in the file when this returns. Raises `OutputError`."""


@contextmanager
def diary(path: Path, *, steps: int) -> Iterator[Write]:
    """Go on with a diary after `steps` steps, or begin one with 0.

    Raises:
        OutputError: the file cannot be written.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "metrics.jsonl"
    >>> with diary(path, steps=0) as write:
    ...     write({"step": 1, "loss": 2.0})
    >>> read_diary(path)
    [{'step': 1, 'loss': 2.0}]
    """
    kept = [record for record in read_diary(path) if record["step"] <= steps]
    write_bytes(path, "".join(_line(record) for record in kept).encode())
    with failure_told(path):
        file = path.open("a", encoding="utf-8", buffering=1)

    def write(record: Mapping[str, Any]) -> None:
        with failure_told(path):
            file.write(_line(record))

    with file:
        yield write


def read_diary(path: Path) -> list[dict[str, Any]]:  # Any: JSON
    """All records in their order; of none if there is no file. A torn last line is left out.

    >>> read_diary(Path("gone.jsonl"))
    []
    """
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            # The process was killed while it wrote; nothing that counts comes after.
            break
    return records


def _line(record: Mapping[str, Any]) -> str:  # Any: JSON
    rounded = {key: _rounded(value) for key, value in record.items()}
    return json.dumps(rounded) + "\n"


def _rounded(value: Any) -> Any:  # Any: JSON
    """Six digits are enough for a curve, and half the bytes."""
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if not isinstance(value, float) or value == 0 or not math.isfinite(value):
        return value
    return float(f"{value:.6g}")
