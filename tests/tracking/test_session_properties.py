"""The law of a session: what a frame shows depends on the prompts, not on how one got there."""

from dataclasses import replace
from types import MappingProxyType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masklet.errors import PromptError
from masklet.tracking.checkpoints import Budgets
from masklet.tracking.history import ObjectState, SessionState
from masklet.tracking.replaying import replay
from masklet.tracking.session import Session
from masklet.types import Prompt
from tests.tracking.sessions import BESIDE, DISC, OTHER, SQUARE, disc_of, overlap, shown

FRAMES = 8
PROMPTS = (DISC, SQUARE, BESIDE, OTHER, Prompt.from_mask(disc_of(2)))
WAYS = ("forward", "backward", "both")

numbers = st.integers(1, 2)
frames = st.integers(0, FRAMES - 1)
prompt_edits = st.tuples(st.just("prompt"), numbers, frames, st.sampled_from(PROMPTS))
walks = st.tuples(
    st.just("propagate"), frames, frames, st.sampled_from(WAYS), st.sampled_from([1, 3, 99])
)
whole_walks = st.tuples(
    st.just("propagate"), st.just(0), st.just(FRAMES - 1), st.sampled_from(WAYS), st.just(99)
)
edits = st.lists(
    st.one_of(
        prompt_edits,
        walks,
        whole_walks,
        st.tuples(st.just("clear"), numbers, frames),
        st.tuples(st.just("remove"), numbers),
        st.tuples(st.sampled_from(["undo", "undo", "redo"])),
    ),
    min_size=4,
    max_size=12,
)
few = settings(max_examples=25)


def made(model, clip, **options):
    return Session(model, clip[:FRAMES], memory_dtype=torch.float32, **options)


def apply(session, edit):
    """Do an edit; one that makes no sense now changes nothing."""
    name, *rest = edit
    try:
        match name:
            case "propagate":
                one, other, direction, count = rest
                walk = session.propagate(min(one, other), max(one, other) + 1, direction=direction)
                for _ in zip(range(count), walk, strict=False):
                    pass
                walk.close()
            case _:
                getattr(session, name)(*rest)
    except PromptError:
        pass


def canonical(model, clip, known, **options):
    """The object alone, from the answers to its prompts, tracked once from end to end each way."""
    session = made(model, clip, **options)
    drafts = {
        frame: replace(said, memory=None, before=None) for frame, said in known.prompted.items()
    }
    only = ObjectState(known.object_id, MappingProxyType(drafts))
    ways = {}
    for way in ("forward", "backward"):
        session._history.push(SessionState().with_object(only))
        list(session.propagate(direction=way))
        ways[way == "backward"] = session.state.objects[known.object_id].tracked
    return ways


@pytest.mark.parametrize("context", ["neighbours", "all"])
@few
@given(script=edits)
def test_any_order_of_edits_shows_what_the_canonical_order_shows(model, clip, context, script):
    session = made(model, clip, context=context, max_rows=1)
    session.prompt(1, 3, DISC)
    for edit in script:
        apply(session, edit)
    for known in session.state.objects.values():
        if known.tracked:
            ways = canonical(model, clip, known, context=context, max_rows=1)
            for frame, seen in known.tracked.items():
                assert seen.mask == ways[seen.reverse][frame].mask


@few
@given(script=edits)
def test_objects_together_are_nearly_as_each_alone_whatever_was_done(model, clip, script):
    session = made(model, clip)
    session.prompt(2, 0, SQUARE)
    session.prompt(1, 0, DISC)
    for edit in script:
        apply(session, edit)
    for known in session.state.objects.values():
        if known.tracked:
            ways = canonical(model, clip, known)
            for frame, seen in known.tracked.items():
                alone = ways[seen.reverse][frame].mask
                assert seen.mask.object_score == pytest.approx(alone.object_score, abs=2e-3)
                assert overlap(seen.mask, alone) > 0.98


@few
@given(script=edits)
def test_a_journal_makes_the_same_session_again(model, clip, script):
    session = made(model, clip)
    session.prompt(1, 2, DISC)
    for edit in script:
        apply(session, edit)
    again = replay(model, clip[:FRAMES], session.journal)
    assert shown(again) == shown(session)
    assert again.journal == session.journal
    assert (again.can_undo, again.can_redo) == (session.can_undo, session.can_redo)
    assert again.object_ids == session.object_ids


@few
@given(script=edits)
def test_a_tiny_budget_costs_time_and_changes_no_mask(model, clip, script):
    tiny = Budgets(feature_cache_bytes=0, memory_bytes=0, host_bytes=0)
    roomy, tight = made(model, clip, max_rows=1), made(model, clip, max_rows=1, budgets=tiny)
    for edit in (("prompt", 1, 2, DISC), *script):
        apply(roomy, edit)
        apply(tight, edit)
    assert shown(tight) == shown(roomy)
