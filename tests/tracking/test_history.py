"""States that follow each other, and the way back."""

from masklet.ops.rle import encode
from masklet.tracking.history import History, ObjectState, SessionState, Tracked, scores_of
from masklet.types import ObjectMask
from tests.tracking.sessions import disc_of


def tracked(number):
    mask = ObjectMask(1, encode(disc_of(number)), 0.5 + number / 10, float(number), 0.9)
    return Tracked(mask, reverse=False, key=number)


def test_a_new_state_takes_the_place_of_what_was_undone():
    history = History()
    first, second, third = (SessionState(removed=frozenset({n})) for n in range(3))
    history.push(first)
    history.push(second)
    history.undo()
    assert (history.current, history.can_redo) == (first, True)
    history.push(third)
    assert (history.current, history.can_redo) == (third, False)
    history.undo()
    history.undo()
    assert not history.can_undo
    history.redo()
    assert history.current is first


def test_a_step_that_goes_on_is_one_step():
    history = History()
    states = [SessionState() for _ in range(3)]
    history.push(states[0])
    history.amend(states[1])
    history.amend(states[2])
    assert history.current is states[2]
    history.undo()
    assert not history.can_undo


def test_forgetting_frames_leaves_the_others_and_the_former_value():
    known = ObjectState(1)
    for frame in range(4):
        known = known.with_tracked(frame, tracked(frame))
    less = known.forget(range(1, 3))
    assert list(less.tracked) == [0, 3]
    assert less.tracked[3] is known.tracked[3]
    assert list(known.tracked) == [0, 1, 2, 3]
    assert less.mask_at(1) is None


def test_an_object_that_is_taken_out_is_remembered_by_number_only():
    state = SessionState().with_object(ObjectState(4)).with_object(ObjectState(2))
    assert list(state.objects) == [4, 2]
    less = state.without_object(4)
    assert (list(less.objects), less.removed) == ([2], {4})


def test_scores_are_in_the_order_of_frames():
    known = ObjectState(1).with_tracked(3, tracked(3)).with_tracked(0, tracked(0))
    scores = scores_of(known)
    assert scores.frame_index.tolist() == [0, 3]
    assert scores.object_score.tolist() == [0.0, 3.0]
    assert not scores.is_prompted.any()
