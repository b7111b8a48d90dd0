"""A session made again from its journal."""

from collections.abc import Iterable
from itertools import islice
from typing import TextIO, TypeVar

from masklet.memory.policy import MemoryPolicy
from masklet.model.protocol import SegmentationModel
from masklet.tracking.checkpoints import Budgets
from masklet.tracking.features import Video
from masklet.tracking.journal import (
    Line,
    check_subject,
    damaged,
    options_of,
    prompt_of,
    read_lines,
)
from masklet.tracking.session import Session

S = TypeVar("S")
_BUDGETS = Budgets()


def replay(
    model: SegmentationModel,
    video: Video,
    lines: Iterable[str],
    *,
    policy: MemoryPolicy[S] | None = None,
    budgets: Budgets = _BUDGETS,
    journal: TextIO | None = None,
) -> Session[S]:
    """Do all edits of a journal again: the session that wrote it, with the same masks.

    Args:
        model: the model with which the session was made.
        video: the video with which it was made.
        lines: the journal; a last line that was cut off is left out.
        policy: the policy with which it was made; the journal knows it by its `repr`.
        budgets: as for a session.
        journal: a new text stream that gets all lines, and those of further edits.

    Raises:
        StateError: the journal is damaged, or belongs to another model, video or policy.

    >>> import masklet, numpy
    >>> from masklet import Prompt
    >>> model, video = masklet.load(), numpy.zeros((6, 48, 64, 3), numpy.uint8)
    >>> session = Session(model, video)
    >>> preview = session.prompt(1, 0, Prompt.point(32, 24))
    >>> replay(model, video, session.journal).at(0) == preview
    True
    """
    read = read_lines(lines)
    options = options_of(read)
    session = Session(
        model,
        video,
        policy=policy,
        input_size=options.input_size,
        context=options.context,
        memory_dtype=options.memory_dtype,
        max_rows=options.max_rows,
        budgets=budgets,
    )
    check_subject(read, session.subject)
    for number, line in enumerate(read[1:], 2):
        try:
            _do(session, line)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(number, line, error) from error
    if journal is not None:
        session.write_journal(journal)
    return session


def _do(session: Session[S], line: Line) -> None:
    match line["do"]:
        case "prompt":
            session.prompt(line["object"], line["frame"], prompt_of(line))
        case "clear":
            session.clear(line["object"], line["frame"])
        case "remove":
            session.remove(line["object"])
        case "undo":
            session.undo()
        case "redo":
            session.redo()
        case "propagate":
            _propagate(session, line)
        case other:
            raise ValueError(f"there is no edit {other!r}")


def _propagate(session: Session[S], line: Line) -> None:
    run = session.propagate(
        line["start"], line["stop"], direction=line["direction"], objects=line["objects"]
    )
    for _ in islice(run, line["frames"]):
        pass
    run.close()
