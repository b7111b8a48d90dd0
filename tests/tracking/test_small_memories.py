"""Tracking with memories of fewer tokens: the same objects, less to attend to and to keep."""

import pytest
import torch

from masklet.memory.standard import StandardPolicy
from masklet.tracking.checkpoints import Budgets
from masklet.tracking.saving import state_from_bytes, state_to_bytes
from masklet.tracking.tracker import Tracker
from tests.tracking.sessions import DISC, SQUARE, exact, run, shown

CPU = torch.device("cpu")
FORMS = ("full", "pooled", "foveated")
# A grid of 4 x 4 tokens: two of them, and one square.
SMALL = 3


def tracked(model, clip, memories, frames=8):
    tracker = Tracker(model, policy=StandardPolicy(memories=memories), max_rows=1)
    for index in range(frames):
        result = tracker.step(clip[index], {0: {1: DISC}, 3: {2: SQUARE}}.get(index))
    return tracker, result


def test_the_forms_give_other_masks_of_the_same_objects(model, clip):
    answers = [tracked(model, clip, form)[1] for form in FORMS]
    assert all(answer.object_ids == (1, 2) for answer in answers)
    logits = [answer.masks.logits for answer in answers]
    assert all(each.isfinite().all() for each in logits)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (logits[one] - logits[other]).abs().max() > 1e-3


@pytest.mark.parametrize("form", FORMS)
def test_prompted_frames_are_kept_in_full_and_others_as_the_policy_says(model, clip, form):
    for (row,) in tracked(model, clip, form)[0].state.tracks:
        assert [len(memory.spatial_LD) for memory in row.bank.conditioning] == [16]
        tokens = SMALL if form == "foveated" else 16
        assert {len(memory.spatial_LD) for memory in row.bank.recent} == {tokens}
        assert {memory.cells is None for memory in row.bank.recent} == {form != "foveated"}
        assert all(memory.cells is None for memory in row.bank.conditioning)


def test_a_batch_of_prompted_and_tracked_objects_remembers_each_in_its_way(model, clip):
    tracker = Tracker(model, policy=StandardPolicy(memories="foveated"))
    tracker.step(clip[0], {1: DISC, 2: SQUARE})
    tracker.step(clip[1], {2: SQUARE})
    first, second = (track[0].bank for track in tracker.state.tracks)
    assert len(first.at(1).spatial_LD) == SMALL
    assert len(second.at(1).spatial_LD) == 16


def test_small_memories_leave_nothing_of_the_whole_ones(model, clip):
    bank = tracked(model, clip, "foveated")[0].state.tracks[0][0].bank
    of_both_objects = 2 * SMALL * 16 * 2
    for memory in bank.recent:
        assert memory.spatial_LD.untyped_storage().nbytes() <= of_both_objects


@pytest.mark.parametrize("form", FORMS)
def test_a_saved_state_goes_on_to_the_same_masks(model, clip, form):
    tracker, _ = tracked(model, clip, form)
    other, _ = tracked(model, clip, form, frames=1)
    other.state = state_from_bytes(state_to_bytes(tracker.state), CPU)
    for frame in clip[8:11]:
        assert torch.equal(tracker.step(frame).masks.logits, other.step(frame).masks.logits)


@pytest.mark.parametrize("form", ["pooled", "foveated"])
def test_sessions_show_what_a_tracker_shows_whatever_their_budgets(model, clip, form):
    policy = StandardPolicy(memories=form)
    tracker = Tracker(model, policy=policy, num_frames=8, max_rows=1)
    streamed = [tracker.step(clip[i], {0: {1: DISC}}.get(i)).kept() for i in range(8)]
    seen = []
    for budgets in (Budgets(), Budgets(feature_cache_bytes=0, memory_bytes=0, host_bytes=0)):
        session = exact(model, clip, frames=8, policy=policy, budgets=budgets)
        session.prompt(1, 0, DISC)
        assert list(session.propagate()) == streamed
        session.prompt(2, 4, SQUARE)
        run(session, direction="both")
        seen.append(shown(session))
    assert seen[0] == seen[1]
