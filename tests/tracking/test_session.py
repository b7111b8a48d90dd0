"""A session: what it promises to whoever prompts and corrects."""

import numpy as np
import pytest
import torch

from masklet.errors import PromptError
from masklet.tracking.session import Session
from masklet.tracking.tracker import Tracker, track
from masklet.types import Prompt
from tests.tracking.sessions import (
    BESIDE,
    DISC,
    OTHER,
    SQUARE,
    disc_of,
    exact,
    overlap,
    run,
    shown,
)


def test_one_prompt_tracked_forwards_is_what_streaming_gives(model, clip):
    session = Session(model, clip[:10])
    session.prompt(1, 0, DISC)
    streamed = track(model, clip[:10], {0: {1: DISC}}, num_frames=10)
    assert list(session.propagate()) == [result.kept() for result in streamed]


@pytest.mark.parametrize("context", ["neighbours", "all"])
def test_objects_with_one_prompt_each_are_as_when_streaming(model, clip, context):
    prompts = {0: {1: DISC}, 3: {2: SQUARE}, 5: {3: OTHER}}
    session = exact(model, clip, context=context)
    for frame, said in prompts.items():
        for object_id, prompt in said.items():
            session.prompt(object_id, frame, prompt)
    tracker = Tracker(model, num_frames=10, max_rows=1)
    streamed = [tracker.step(clip[i], prompts.get(i)).kept() for i in range(10)]
    assert list(session.propagate()) == streamed


def test_a_click_on_a_tracked_frame_is_answered_as_when_streaming(model, clip):
    session = Session(model, clip[:10])
    session.prompt(1, 0, DISC)
    run(session)
    tracker = Tracker(model, num_frames=10)
    for index in range(7):
        result = tracker.step(clip[index], {0: {1: DISC}, 6: {1: BESIDE}}.get(index))
    assert session.prompt(1, 6, BESIDE) == result.kept()
    assert torch.equal(session.preview(1, 6).logits, result.masks.logits)


def test_backwards_is_what_a_reversed_stream_gives(model, clip):
    session = Session(model, clip[:10])
    session.prompt(1, 9, DISC)
    tracker = Tracker(model, num_frames=10, reverse=True, first_frame=9)
    expected = [
        tracker.step(clip[i], {1: DISC} if i == 9 else None).kept() for i in range(9, -1, -1)
    ]
    assert list(session.propagate(direction="backward")) == expected


def test_a_turned_tracker_is_the_backward_half_of_a_session(model, clip):
    session = exact(model, clip)
    session.prompt(1, 3, DISC)
    session.prompt(2, 5, SQUARE)
    tracker = Tracker(model, num_frames=10, max_rows=1)
    forward = [
        tracker.step(clip[i], {3: {1: DISC}, 5: {2: SQUARE}}.get(i)).kept() for i in range(10)
    ]
    turned = tracker.turned()
    backward = [turned.step(clip[i]).kept() for i in range(4, -1, -1)]
    assert run(session, direction="both") == [4, 3, 2, 1, 0, *range(3, 10)]
    known = shown(session)
    streamed = {(f.frame_index, m.object_id): m for f in backward + forward for m in f.objects}
    assert known == streamed
    assert [len(frame.objects) for frame in backward] == [1, 1, 2, 2, 2]


def test_a_correction_lasts_and_only_frames_between_its_neighbours_change(model, clip):
    session = exact(model, clip, 14)
    for frame in (0, 4, 9):
        session.prompt(1, frame, DISC)
    session.prompt(2, 0, SQUARE)
    run(session)
    before = shown(session)
    corrected = session.prompt(1, 6, BESIDE).at(1)
    gone = {frame for frame, number in before if number == 1} - {
        frame for frame, number in shown(session) if number == 1
    }
    assert gone == {5, 7, 8}
    run(session)
    after = shown(session)
    assert after[6, 1] == corrected != before[6, 1]
    changed = {key for key in before if after[key] is not before[key]}
    assert changed == {(frame, 1) for frame in (5, 6, 7, 8)}
    assert run(session) == list(range(14))
    assert shown(session) == after


def test_with_all_prompts_as_context_a_correction_changes_the_object_and_no_other(model, clip):
    session = exact(model, clip, context="all")
    session.prompt(1, 0, DISC)
    session.prompt(2, 0, SQUARE)
    run(session)
    before = shown(session)
    session.prompt(1, 6, BESIDE)
    assert set(shown(session, 1)) == {(0, 1), (6, 1)}
    run(session)
    after = shown(session)
    assert all(after[frame, 2] is before[frame, 2] for frame in range(10))
    assert after[2, 1] != before[2, 1]


def test_clicks_add_up_whatever_the_order_of_clicks_and_boxes(model, clip):
    session = Session(model, clip[:3])
    session.prompt(1, 0, DISC)
    session.prompt(1, 0, Prompt.box_xyxy(4, 12, 20, 28))
    session.prompt(1, 0, BESIDE)
    said = session.prompts[0][1]
    assert said.points.tolist() == [[12, 20], [40, 40]]
    assert said.labels.tolist() == [1, 0]
    assert said.box.tolist() == [4, 12, 20, 28]
    session.prompt(1, 0, Prompt.box_xyxy(5, 13, 21, 29))
    assert session.prompts[0][1].box.tolist() == [5, 13, 21, 29]


def test_a_click_corrects_the_answer_to_the_click_before(model, clip):
    apart, together = Session(model, clip[:2]), Session(model, clip[:2])
    apart.prompt(1, 0, DISC)
    apart.prompt(1, 0, BESIDE)
    together.prompt(1, 0, DISC + BESIDE)
    assert not torch.equal(apart.preview(1, 0).logits, together.preview(1, 0).logits)


def test_a_mask_replaces_what_was_said_and_clicks_refine_it(model, clip):
    session, fresh = Session(model, clip[:3]), Session(model, clip[:3])
    session.prompt(1, 0, BESIDE)
    mask = Prompt.from_mask(disc_of(0))
    assert session.prompt(1, 0, mask) == fresh.prompt(1, 0, mask)
    assert session.prompt(1, 0, DISC) == fresh.prompt(1, 0, DISC)
    assert session.prompts[0][1].mask.sum() == disc_of(0).sum()
    both = Session(model, clip[:3])
    assert both.prompt(1, 0, mask + DISC) == session.at(0)


def test_clearing_a_prompt_gives_what_was_there_without_it(model, clip):
    session, plain = exact(model, clip), exact(model, clip)
    for each in (session, plain):
        each.prompt(1, 0, DISC)
    session.prompt(1, 5, BESIDE)
    run(session)
    session.clear(1, 5)
    assert set(shown(session)) == {(0, 1)}
    run(session)
    run(plain)
    assert shown(session) == shown(plain)


def test_removing_an_object_is_undone_and_its_number_is_not_given_again(model, clip):
    session = exact(model, clip, 6)
    session.prompt(1, 0, DISC)
    session.prompt(2, 0, SQUARE)
    run(session)
    before = shown(session)
    session.remove(1)
    assert session.object_ids == (2,)
    assert all(shown(session)[key] is before[key] for key in shown(session))
    with pytest.raises(PromptError, match="object 1 was removed; expected another number"):
        session.prompt(1, 3, DISC)
    session.undo()
    assert shown(session) == before
    session.prompt(1, 3, DISC)


def test_undo_and_redo_go_through_every_state_without_limit(model, clip):
    session = Session(model, clip[:5])
    states = [session.state]
    for edit in (
        lambda: session.prompt(1, 0, DISC),
        lambda: run(session),
        lambda: session.prompt(1, 3, BESIDE),
        lambda: run(session),
        lambda: session.clear(1, 3),
    ):
        edit()
        states.append(session.state)
    for state in reversed(states[:-1]):
        assert session.undo()
        assert session.state is state
    assert not session.undo()
    for state in states[1:]:
        assert session.redo()
        assert session.state is state
    assert (session.redo(), session.can_undo, session.can_redo) == (False, True, False)
    session.undo()
    session.prompt(1, 4, DISC)
    assert not session.can_redo


def test_objects_together_are_nearly_as_each_alone(model, clip):
    prompts = {1: (0, DISC), 2: (0, SQUARE), 3: (2, OTHER)}
    together = Session(model, clip[:8], memory_dtype=torch.float32)
    for number, (frame, prompt) in prompts.items():
        together.prompt(number, frame, prompt)
    run(together)
    for number, (frame, prompt) in prompts.items():
        alone = Session(model, clip[:8], memory_dtype=torch.float32)
        alone.prompt(number, frame, prompt)
        run(alone)
        for key, mask in shown(alone).items():
            assert overlap(mask, shown(together)[key]) > 0.99
            assert mask.object_score == pytest.approx(shown(together)[key].object_score, abs=2e-3)


def test_scores_say_where_the_model_is_unsure(model, clip):
    session = Session(model, clip[:5])
    session.prompt(1, 1, DISC)
    run(session)
    scores = session.scores(1)
    assert scores.frame_index.tolist() == [1, 2, 3, 4]
    assert scores.is_prompted.tolist() == [True, False, False, False]
    masks = [session.at(frame).at(1) for frame in range(1, 5)]
    assert scores.predicted_iou.tolist() == pytest.approx([m.predicted_iou for m in masks])
    assert scores.object_score.tolist() == pytest.approx([m.object_score for m in masks])
    assert scores.stability.tolist() == pytest.approx([m.stability for m in masks])


def test_arrays_are_videos(model, clip):
    session, listed = Session(model, np.stack(clip[:4])), Session(model, clip[:4])
    for each in (session, listed):
        each.prompt(np.int64(1), np.int64(0), DISC)
        run(each)
    assert shown(session) == shown(listed)
    assert session.journal == listed.journal
