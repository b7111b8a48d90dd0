"""Journals: enough to make a session again, and particular about what they belong to."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from masklet.errors import StateError
from masklet.memory.standard import StandardPolicy
from masklet.model.sam2 import SAM2
from masklet.tracking.replaying import replay
from masklet.tracking.session import Session
from masklet.types import Prompt
from tests.tracking.sessions import BESIDE, DISC, SQUARE, disc_of, run, shown


def edited(model, clip, **options):
    """A session with an edit of every kind, and a walk that was left."""
    session = Session(model, clip[:6], **options)
    session.prompt(1, 0, DISC)
    session.prompt(2, 1, Prompt.from_mask(disc_of(1)) + BESIDE)
    session.prompt(3, 2, SQUARE)
    walk = session.propagate(1, direction="both", objects=[1, 3])
    next(walk)
    next(walk)
    session.clear(3, 2)
    run(session)
    session.undo()
    session.redo()
    session.remove(2)
    return session


@pytest.fixture(scope="module")
def session(model, clip):
    return edited(model, clip)


def test_every_line_reaches_the_stream_at_once_and_has_no_time_in_it(model, clip, session):
    stream = io.StringIO()
    again = edited(model, clip, journal=stream)
    assert stream.getvalue().splitlines() == list(again.journal) == list(session.journal)
    edits = [json.loads(line).get("do") for line in again.journal]
    assert edits == [
        None,
        *("prompt", "prompt", "prompt", "propagate", "clear", "propagate", "undo", "redo"),
        "remove",
    ]


def test_a_session_is_made_again_with_its_settings(model, clip):
    options = {"memory_dtype": torch.float32, "max_rows": 1, "input_size": (64, 96)}
    first = edited(model, clip, context="all", **options)
    stream = io.StringIO()
    again = replay(model, clip[:6], first.journal, journal=stream)
    assert shown(again) == shown(first)
    assert stream.getvalue().splitlines() == list(first.journal)
    again.prompt(1, 4, BESIDE)
    assert len(stream.getvalue().splitlines()) == len(first.journal) + 1


def test_a_last_line_that_was_cut_off_is_left_out(model, clip, session):
    *lines, last = session.journal
    for torn in (last[:-1], last[:5], ""):
        again = replay(model, clip[:6], [*(f"{line}\n" for line in lines), torn])
        assert again.journal == tuple(lines)


def test_a_journal_that_is_written_out_later_is_the_same(session):
    stream = io.StringIO()
    session.write_journal(stream)
    assert stream.getvalue() == "".join(f"{line}\n" for line in session.journal)


def test_a_damaged_line_is_told(model, clip, session):
    lines = list(session.journal)
    with pytest.raises(StateError, match=r"line 3 of the journal is damaged: .* keep the lines"):
        replay(model, clip[:6], [*lines[:2], lines[2][:9], *lines[3:]])
    with pytest.raises(StateError, match="line 2 of the journal is '3'; expected a JSON object"):
        replay(model, clip[:6], [lines[0], "3"])
    with pytest.raises(StateError, match="line 1 of the journal is damaged"):
        replay(model, clip[:6], ["{"])


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ({"do": "dance"}, "ValueError there is no edit 'dance'"),
        ({"do": "prompt", "object": 1}, "KeyError 'frame'"),
        ({"do": "clear", "object": 1, "frame": 0}, "there is no object 1"),
        ({"do": "remove", "object": 5}, "there is no object 5"),
    ],
)
def test_an_edit_that_cannot_be_done_again_is_told(model, clip, session, line, wrong):
    lines = [session.journal[0], json.dumps(line)]
    with pytest.raises(StateError, match=rf"line 2 of the journal, .* again: {wrong}"):
        replay(model, clip[:6], lines)


def test_the_journal_of_another_format_or_version_is_refused(model, clip, session):
    with pytest.raises(StateError, match=r"begins with format None; expected 'masklet session'"):
        replay(model, clip[:6], [])
    with pytest.raises(StateError, match="begins with format 'other'"):
        replay(model, clip[:6], ['{"format": "other"}'])
    later = json.dumps(json.loads(session.journal[0]) | {"version": 2})
    with pytest.raises(StateError, match="has version 2; this masklet reads version 1"):
        replay(model, clip[:6], [later])


@pytest.mark.parametrize(
    "settings", [None, {}, {"input_size": [64]}, {"memory_dtype": "torch.int8"}]
)
def test_damaged_settings_are_told(model, clip, session, settings):
    first = json.loads(session.journal[0])
    first["settings"] = settings if not settings else first["settings"] | settings
    with pytest.raises(StateError, match=r"the journal's settings are .* first line is damaged"):
        replay(model, clip[:6], [json.dumps(first)])


def test_the_journal_of_another_video_model_or_policy_is_refused(model, clip, session):
    with pytest.raises(StateError, match="another video: num_frames is 6 there and 5 here"):
        replay(model, clip[:5], session.journal)
    narrow = np.zeros((6, 48, 60, 3), np.uint8)
    with pytest.raises(StateError, match=r"another video: size is \[48, 72\] there and \[48, 60\]"):
        replay(model, narrow, session.journal)
    other = SAM2(replace(model.config, image_size=96)).eval()
    with pytest.raises(StateError, match="another model: image_size is 64 there and 96 here"):
        replay(other, clip[:6], session.journal)
    with pytest.raises(StateError, match=r"another settings: policy is StandardPolicy\(stride=1"):
        replay(model, clip[:6], session.journal, policy=StandardPolicy(stride=2))


def test_an_edit_that_cannot_be_written_down_is_not_made(model, clip):
    class Full(io.StringIO):
        def write(self, text):
            if self.tell() > 0:
                raise OSError("no space left on device")
            return super().write(text)

    session = Session(model, clip[:3], journal=Full())
    with pytest.raises(OSError, match="no space left"):
        session.prompt(1, 0, DISC)
    assert session.object_ids == ()
    assert len(session.journal) == 1
