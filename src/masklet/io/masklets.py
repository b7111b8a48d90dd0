"""What tracking leaves behind: one JSON file, or a log that grows frame by frame.

The formats are those of `masklet.io.masklet_json`.
"""

import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any, Self

from masklet.errors import StateError
from masklet.io import json_parts as parts
from masklet.io.atomic import write_bytes
from masklet.io.masklet_json import (
    FORMAT,
    LOG_FORMAT,
    WHAT,
    Masklets,
    describe_frame,
    describe_header,
    read_frame,
    read_header,
)
from masklet.io.streamed import failure_told, growing_text
from masklet.types import FrameMasks

__all__ = ["MaskletLog", "Masklets", "read_masklets", "write_masklets"]

_SYNC_SECONDS = 2.0


def write_masklets(path: str | Path, masklets: Masklets) -> None:
    """Write the JSON file, whole or not at all; one line per frame.

    Raises:
        OutputError: the file cannot be written.

    >>> from tempfile import mkdtemp
    >>> from masklet.types import VideoInfo
    >>> video = VideoInfo("clip.mp4", size=(48, 64), num_frames=2, fps=25.0)
    >>> path = Path(mkdtemp()) / "clip.json"
    >>> write_masklets(path, Masklets(video, "tiny", "0.1.0", frames=(FrameMasks(0, ()),)))
    >>> read_masklets(path).frames
    (FrameMasks(frame_index=0, objects=()),)
    """
    header = describe_header(masklets, FORMAT)
    lines = [f"{json.dumps(key)}: {_compact(value)}" for key, value in header.items()]
    with growing_text(path) as write:
        write("{" + ",\n ".join(lines) + ',\n "frames": [')
        for number, frame in enumerate(masklets.frames):
            write((",\n  " if number else "\n  ") + _compact(describe_frame(frame)))
        write("\n]}\n")


def read_masklets(path: str | Path) -> Masklets:
    """Read what `write_masklets` wrote, and check it.

    Raises:
        StateError: the file cannot be read, is no such JSON, of a newer version, damaged, or its
            parts do not fit together: sizes, the order of frames, numbers of objects.
    """
    document = parts.read_document(path, WHAT)
    header = read_header(document, FORMAT, str(path))
    described = parts.objects(document, "frames", str(path))
    frames = tuple(
        read_frame(frame, header.video, f"{path}, frames[{place}]")
        for place, frame in enumerate(described)
    )
    for before, after in itertools.pairwise(frames):
        if after.frame_index <= before.frame_index:
            raise StateError(
                f"{path} has frame {after.frame_index} after frame {before.frame_index}; expected "
                "rising frame indices, each once. Sort the frames, or write the file again."
            )
    return replace(header, frames=frames)


class MaskletLog:
    """Masks of a video in a file that grows with every frame and survives a kill.

    What was appended is in the hands of the system at once and on the disk within seconds; a line
    that was cut off is no part of the log. Make one with `create` or `open`.

    >>> from tempfile import mkdtemp
    >>> from masklet.types import VideoInfo
    >>> video = VideoInfo("clip.mp4", size=(48, 64), num_frames=2, fps=25.0)
    >>> path = Path(mkdtemp()) / "clip.jsonl"
    >>> with MaskletLog.create(path, Masklets(video, "tiny", "0.1.0")) as log:
    ...     log.append(FrameMasks(0, ()))
    >>> len(MaskletLog.open(path))
    1
    """

    def __init__(self, path: Path, header: Masklets, ends: Sequence[int]) -> None:
        self.path = path
        self.header = header
        """Everything but the frames."""
        # Where every whole line ends, in bytes; the first is the header.
        self._ends = list(ends)
        self._file: FileIO | None = None
        self._synced = time.monotonic()

    @classmethod
    def create(cls, path: str | Path, header: Masklets) -> Self:
        """Begin a log; one that was there is replaced.

        Args:
            path: the file; its folder exists.
            header: everything but the frames, which are appended.

        Raises:
            OutputError: the file cannot be written.
        """
        line = (_compact(describe_header(header, LOG_FORMAT)) + "\n").encode()
        write_bytes(path, line)
        return cls(Path(path), replace(header, frames=()), [len(line)])

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read the header and find the frames, without a last line that was cut off.

        Raises:
            StateError: the file cannot be read, is no log, or is of a newer version.
        """
        lines = _lines(path)
        first = next(lines, b"")
        document = parts.parse_object(first, f"the first line of {path}", WHAT)
        header = read_header(document, LOG_FORMAT, str(path))
        if not first.endswith(b"\n"):
            raise StateError(
                f"{path} ends within its first line; expected at least that line, which a log "
                "begins with. The file was cut: start again."
            )
        ends, last = [len(first)], b"{}"
        for line in lines:
            if line.endswith(b"\n"):
                ends.append(ends[-1] + len(line))
                last = line
        return cls(Path(path), header, ends if _is_whole(last) else ends[:-1])

    def __len__(self) -> int:
        """How many frames the log holds."""
        return len(self._ends) - 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, frame: FrameMasks) -> None:
        """Add a frame.

        Raises:
            OutputError: it cannot be written, as when the disk is full; the log ends before it and
                stays readable.
        """
        line = memoryview((_compact(describe_frame(frame)) + "\n").encode())
        with failure_told(self.path):
            file = self._at_end()
            try:
                written = 0
                while written < len(line):
                    written += file.write(line[written:])
            except BaseException:
                self._at_end()
                raise
        self._ends.append(self._ends[-1] + len(line))
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Wait until all that was appended is on the disk; raises `OutputError`."""
        with failure_told(self.path):
            if self._file is not None:
                os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def keep(self, count: int) -> None:
        """Drop all but the first `count` frames, so that tracking goes on from there.

        Raises:
            StateError: the log holds fewer.
            OutputError: the file cannot be written.
        """
        if not 0 <= count <= len(self):
            raise StateError(
                f"{self.path} holds {len(self)} frames, {count} are to be kept; expected at most "
                "what it holds. It belongs to another run: start again."
            )
        del self._ends[count + 1 :]
        with failure_told(self.path):
            self._at_end()

    def frames(self) -> Iterator[FrameMasks]:
        """The frames in the order in which they were appended, read one at a time.

        Raises:
            StateError: a line is damaged.
        """
        lines = _lines(self.path)
        next(lines)
        for number, line in zip(range(2, len(self._ends) + 1), lines, strict=False):
            where = f"{self.path}, line {number}"
            document = parts.parse_object(line, where, "the masks of a frame")
            yield read_frame(document, self.header.video, where)

    def masklets(self) -> Masklets:
        """All of it by rising frame index; of a frame that was appended twice the later one.

        Raises:
            StateError: a line is damaged.
        """
        latest = {frame.frame_index: frame for frame in self.frames()}
        return replace(self.header, frames=tuple(latest[index] for index in sorted(latest)))

    def close(self) -> None:
        """Bring everything to the disk and close the file; raises `OutputError`."""
        if self._file is None:
            return
        try:
            self.sync()
        finally:
            self._file.close()
            self._file = None

    def _at_end(self) -> FileIO:
        """The file, cut after the last line that counts and ready for the next one."""
        # Unbuffered: after every frame the system has it, whatever becomes of this process.
        if self._file is None:
            self._file = FileIO(self.path, "r+")
        self._file.truncate(self._ends[-1])
        self._file.seek(self._ends[-1])
        return self._file


def _lines(path: str | Path) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            yield from file
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StateError(
            f"{path} cannot be read: {reason}; expected {WHAT}. Check the name and the folder."
        ) from error


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _compact(document: Any) -> str:  # Any: JSON
    return json.dumps(document, separators=(",", ":"), allow_nan=False)
