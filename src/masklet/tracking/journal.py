"""The journal of a session: one line of JSON per edit, enough to do all of it again.

The first line says what the session is about: the video's size and length, the model's config and
the settings. There are no times in it, so the same edits are the same bytes.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TextIO, get_args

import numpy as np
import torch

from masklet.errors import PromptError, StateError
from masklet.ops.rle import decode, encode
from masklet.tracking.following import Method
from masklet.tracking.plans import Run
from masklet.tracking.spans import Context
from masklet.types import Prompt

FORMAT = "masklet session"
VERSION = 1
_MEMORY_DTYPES = (torch.bfloat16, torch.float16, torch.float32)

Line = Mapping[str, Any]
"""Any: JSON."""


class Options(NamedTuple):
    """The settings of a session that a journal knows."""

    input_size: tuple[int, int]
    context: Context
    memory_dtype: torch.dtype
    max_rows: int | None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a journal is about. Edits mean the same only where all of it is the same."""

    size: tuple[int, int]
    num_frames: int
    config: str
    """Of the model, as JSON."""
    settings: Mapping[str, Any]
    """Of the session. Any: JSON."""

    def line(self) -> Line:
        """The first line."""
        video = {"size": list(self.size), "num_frames": self.num_frames}
        model = json.loads(self.config)
        known = {"video": video, "model": model, "settings": dict(self.settings)}
        return {"format": FORMAT, "version": VERSION, **known}


class Journal:
    """The lines so far, and where they go.

    Args:
        subject: what the first line says.
        stream: gets every line at once.
    """

    def __init__(self, subject: Subject, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self.add(subject.line())

    @property
    def lines(self) -> tuple[str, ...]:
        """Without their line ends."""
        return tuple(self._lines)

    def add(self, line: Line) -> None:
        """Write a line. One that cannot be written is not in the journal."""
        text = json.dumps(line, default=int)  # numbers of numpy
        if self._stream is not None:
            _send(text, self._stream)
        self._lines.append(text)

    def write_to(self, stream: TextIO) -> None:
        """Write all lines to a stream, and further ones as they come."""
        for text in self._lines:
            _send(text, stream)
        self._stream = stream


def settings_of(
    input_size: tuple[int, int], context: Context, method: Method[Any]
) -> dict[str, Any]:
    """What is to be the same when the edits are done again. Any: a policy's state, and JSON."""
    return {
        "input_size": list(input_size),
        "context": context,
        "memory_dtype": str(method.memory_dtype),
        "max_rows": method.max_rows,
        "policy": repr(method.policy),
    }


def prompt_line(object_id: int, frame: int, prompt: Prompt) -> Line:
    """A prompt as it was given."""
    return {
        "do": "prompt",
        "object": object_id,
        "frame": frame,
        "points": prompt.points.tolist(),
        "labels": prompt.labels.tolist(),
        "box": None if prompt.box is None else prompt.box.tolist(),
        "mask": None if prompt.mask is None else encode(prompt.mask),
    }


def run_line(run: Run) -> Line:
    """A propagation, with how far it came."""
    return {
        "do": "propagate",
        "start": run.start,
        "stop": run.stop,
        "direction": run.direction,
        "objects": None if run.objects is None else list(run.objects),
        "frames": run.frames,
    }


def prompt_of(line: Line) -> Prompt:
    """The prompt of a line."""
    points = np.array(line["points"], np.float32).reshape(-1, 2)
    return Prompt(
        points=points,
        labels=np.array(line["labels"], np.int8),
        box=None if line["box"] is None else np.array(line["box"], np.float32),
        mask=None if line["mask"] is None else decode(line["mask"]),
    )


def read_lines(lines: Iterable[str]) -> list[Line]:
    """The lines of a journal; a last one that was cut off is left out.

    Raises:
        StateError: a line is damaged.
    """
    texts = [line for line in lines if line.strip()]
    read: list[Line] = []
    for number, text in enumerate(texts):
        try:
            line = json.loads(text)
        except ValueError as error:
            if number == len(texts) - 1 and number > 0:
                break
            raise StateError(
                f"line {number + 1} of the journal is damaged: {error}; expected one JSON object a "
                "line. Only the last line may be cut off; keep the lines before this one."
            ) from error
        if not isinstance(line, dict):
            raise StateError(
                f"line {number + 1} of the journal is {text.strip()[:40]!r}; expected a JSON object. "
                "Is this the journal of a session?"
            )
        read.append(line)
    return read


def options_of(lines: Sequence[Line]) -> Options:
    """The settings in the first line, but for the policy.

    Raises:
        StateError: the first line is not that of a journal, of a later version, or damaged.
    """
    first = lines[0] if lines else {}
    if first.get("format") != FORMAT:
        raise StateError(
            f"the journal begins with format {first.get('format')!r}; expected {FORMAT!r}. "
            "Pass the lines of a session's journal, from the first one on."
        )
    if first.get("version") != VERSION:
        raise StateError(
            f"the journal has version {first.get('version')!r}; this masklet reads version "
            f"{VERSION}. Update masklet."
        )
    try:
        return _options(first["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(
            f"the journal's settings are {first.get('settings')!r}; expected those that a session "
            f"writes ({type(error).__name__} {error}). The first line is damaged."
        ) from error


def check_subject(lines: Sequence[Line], subject: Subject) -> None:
    """Raise `StateError` unless a journal is about this video, model and these settings."""
    ours = subject.line()
    for part, advice in _ADVICE.items():
        theirs = lines[0].get(part)
        if theirs != ours[part]:
            raise StateError(
                f"the journal belongs to another {part}: {_first_difference(theirs, ours[part])}. "
                + advice
            )


_ADVICE = {
    "video": "Open the video with which the session was made.",
    "model": "Load the model with which the session was made.",
    "settings": "Pass the policy with which the session was made.",
}


def damaged(number: int, line: Line, error: Exception) -> StateError:
    """The error of an edit that cannot be done again."""
    wrong = f"{type(error).__name__} {error}" if not isinstance(error, PromptError) else error
    return StateError(
        f"line {number} of the journal, {json.dumps(line)[:80]}, cannot be done again: {wrong}; "
        "expected an edit that a session wrote. Keep the lines before this one."
    )


def _options(written: Mapping[str, Any]) -> Options:
    height, width = written["input_size"]
    (context,) = (each for each in get_args(Context) if each == written["context"])
    (dtype,) = (each for each in _MEMORY_DTYPES if str(each) == written["memory_dtype"])
    max_rows = written["max_rows"]
    return Options((int(height), int(width)), context, dtype, max_rows and int(max_rows))


def _send(text: str, stream: TextIO) -> None:
    stream.write(text + "\n")
    stream.flush()


def _first_difference(theirs: object, ours: object) -> str:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in {**ours, **theirs}:
            if theirs.get(name) != ours.get(name):
                return f"{name} is {theirs.get(name)} there and {ours.get(name)} here"
    return f"{theirs} there and {ours} here"
