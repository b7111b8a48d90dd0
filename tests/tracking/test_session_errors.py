"""What a session says to prompts and walks that make no sense, and what it then leaves alone."""

import numpy as np
import pytest

from masklet.errors import PromptError, VideoError
from masklet.tracking.session import Session
from masklet.types import Prompt
from tests.tracking.sessions import (
    DISC,
    SQUARE,
    overlap,
    run,
)


def test_an_empty_mask_says_that_a_known_object_is_absent(model, clip):
    session = Session(model, clip[:6])
    empty = Prompt.from_mask(np.zeros((48, 72), bool))
    with pytest.raises(PromptError, match=r"the mask of object 1 on frame 2 is empty, .* first"):
        session.prompt(1, 2, empty)
    assert session.object_ids == ()
    session.prompt(1, 0, DISC)
    mask = session.prompt(1, 2, empty).at(1)
    assert mask.object_score < 0
    assert overlap(mask, mask) == 1.0
    run(session)
    assert session.at(2).at(1) == mask


def test_prompts_and_windows_beyond_the_video_are_told(model, clip):
    session = Session(model, clip[:5])
    for frame in (5, -1):
        with pytest.raises(VideoError, match=f"there is no frame {frame}; .* frames 0 to 4"):
            session.prompt(1, frame, DISC)
    session.prompt(1, 0, DISC)
    for window in ((0, 6), (3, 3), (-1, 2), (4, 2)):
        with pytest.raises(VideoError, match=r"expected 0 <= start < stop <= 5"):
            session.propagate(*window)
    with pytest.raises(PromptError, match="direction is 'up'; expected one of forward, backward"):
        session.propagate(direction="up")


def test_propagating_with_no_prompt_is_told(model, clip):
    session = Session(model, clip[:5])
    with pytest.raises(PromptError, match=r"no prompt to propagate; .* Prompt an object first"):
        session.propagate()
    session.prompt(1, 0, DISC)
    session.prompt(2, 0, SQUARE)
    session.clear(2, 0)
    with pytest.raises(PromptError, match=r"no prompt to propagate; .* one of \[2\] first"):
        session.propagate(objects=[2])
    with pytest.raises(PromptError, match=r"there is no object 7; there are \[1, 2\]"):
        session.propagate(objects=[7])


def test_what_was_never_said_cannot_be_taken_back(model, clip):
    session = Session(model, clip[:5])
    session.prompt(1, 0, DISC)
    with pytest.raises(PromptError, match=r"no prompt on frame 3; it is prompted on frames \[0\]"):
        session.clear(1, 3)
    with pytest.raises(PromptError, match="there is no object 2"):
        session.remove(2)


def test_a_prompt_that_does_not_fit_changes_nothing(model, clip):
    session = Session(model, clip[:5])
    with pytest.raises(PromptError, match="lies outside the image"):
        session.prompt(1, 0, Prompt.point(500, 20))
    assert (session.object_ids, session.can_undo, len(session.journal)) == ((), False, 1)
