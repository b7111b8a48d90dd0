"""Propagation in a session: in pieces, in any direction, left and taken up."""

import threading

import pytest
import torch

from masklet.memory.standard import StandardPolicy
from masklet.tracking.checkpoints import Budgets, Checkpoints
from masklet.tracking.session import Session
from tests.tracking.sessions import (
    BESIDE,
    DISC,
    OTHER,
    SQUARE,
    exact,
    run,
    shown,
)


class Recording(StandardPolicy):
    """The standard policy, with a record of the memories that were asked for on each frame."""

    def recall(self, track, moment):
        recall = super().recall(track, moment)
        seen = {memory.frame_index for memory, _ in (*recall.spatial, *recall.pointers)}
        RECALLED.append((moment.frame_index, sorted(seen)))
        return recall


RECALLED = []


def test_every_click_on_a_corrected_frame_sees_what_tracking_remembered_there(model, clip):
    session = Session(model, clip[:8], policy=Recording())
    session.prompt(1, 0, DISC)
    run(session)
    RECALLED.clear()
    session.prompt(1, 5, BESIDE)
    session.prompt(1, 5, OTHER)
    assert RECALLED == [(5, [0, 1, 2, 3, 4])] * 3, "tracked, clicked, clicked again"
    assert session.state.objects[1].prompted[5].before is not None
    run(session)
    assert session.state.objects[1].prompted[5].before is None, "settled, and let go of"
    RECALLED.clear()
    session.prompt(1, 5, DISC)
    assert RECALLED == [(5, [0, 1, 2, 3, 4])], "its own memory does not speak for it"
    assert len(session.prompts[5][1].points) == 3


@pytest.mark.parametrize(("context", "expected"), [("neighbours", [3, 4]), ("all", [1, 2, 3, 4])])
def test_a_click_on_a_prompted_frame_sees_what_a_walk_to_it_would(model, clip, context, expected):
    session = Session(model, clip[:6], policy=Recording(), context=context)
    for frame in (1, 3, 5):
        session.prompt(1, frame, DISC)
    run(session)
    RECALLED.clear()
    session.prompt(1, 5, BESIDE)
    assert len(RECALLED) == 1
    assert RECALLED[0] == (5, expected)


@pytest.mark.parametrize(("context", "expected"), [("neighbours", [2]), ("all", [1, 2])])
def test_a_click_next_to_a_prompt_sees_the_memory_of_that_prompt(model, clip, context, expected):
    session = Session(model, clip[:6], policy=Recording(), context=context)
    for frame in (1, 2, 3):
        session.prompt(1, frame, DISC)
    run(session, direction="both")
    RECALLED.clear()
    session.prompt(1, 3, BESIDE)
    assert len(RECALLED) == 1
    assert RECALLED[0] == (3, expected)


def test_a_click_is_answered_with_the_memories_of_the_walk_that_came_from_behind(model, clip):
    session = Session(model, clip[:6], policy=Recording())
    session.prompt(1, 5, DISC)
    run(session, direction="backward")
    RECALLED.clear()
    session.prompt(1, 2, BESIDE)
    assert RECALLED == [(2, [3, 4, 5])] * 2
    run(session, 0, 2, direction="backward")
    RECALLED.clear()
    session.prompt(1, 2, DISC)
    assert RECALLED == [], "the frames between 2 and 5 were not tracked again"


def test_a_prompt_on_a_frame_that_was_not_tracked_sees_no_memory(model, clip):
    session = Session(model, clip[:8], policy=Recording())
    session.prompt(1, 0, DISC)
    run(session, 0, 5)
    RECALLED.clear()
    session.prompt(1, 5, DISC)
    assert RECALLED == []


def test_a_frame_is_tracked_from_its_two_neighbours_and_its_own_span(model, clip):
    session = Session(model, clip[:10], policy=Recording())
    for frame in (0, 4, 8):
        session.prompt(1, frame, DISC)
    RECALLED.clear()
    run(session, 6, 9)
    assert RECALLED == [(5, [4, 8]), (6, [4, 5, 8]), (7, [4, 5, 6, 8])]
    RECALLED.clear()
    run(session, 2, 4, direction="backward")
    assert RECALLED == [(3, [0, 4]), (2, [0, 3, 4])]


def test_with_all_prompts_as_context_the_walk_goes_on_across_them(model, clip):
    session = Session(model, clip[:7], policy=Recording(), context="all")
    for frame in (2, 4):
        session.prompt(1, frame, DISC)
    RECALLED.clear()
    assert run(session, 5) == [3, 5, 6]
    assert RECALLED == [(3, [2, 4]), (5, [2, 3, 4]), (6, [2, 3, 4, 5])]
    RECALLED.clear()
    assert run(session, direction="both") == [1, 0, 2, 3, 4, 5, 6]
    assert RECALLED == [(3, [2, 4]), (1, [2, 3, 4]), (0, [1, 2, 3, 4])], "3 in passing"
    assert not session.state.objects[1].tracked[3].reverse


def test_both_ways_goes_back_below_the_first_prompt_only(model, clip):
    session = Session(model, clip[:8])
    for number, frame in ((1, 0), (1, 6), (2, 3)):
        session.prompt(number, frame, DISC)
    assert run(session, direction="both") == [2, 1, 0, *range(8)]
    tracked = session.state.objects[1].tracked
    assert not any(seen.reverse for seen in tracked.values())
    assert sorted(tracked) == [1, 2, 3, 4, 5, 7]


class Counted(list):
    """A video that counts what is read."""

    def __init__(self, frames):
        super().__init__(frames)
        self.read = []

    def __getitem__(self, index):
        self.read.append(index)
        return super().__getitem__(index)


def test_a_prompt_reads_its_own_frame_and_that_of_the_size(model, clip):
    video = Counted(clip)
    session = Session(model, video)
    session.prompt(1, 20, DISC)
    session.prompt(1, 20, BESIDE)
    assert video.read == [0, 20]


def test_a_walk_reads_every_frame_once_and_none_whose_features_are_kept(model, clip):
    video = Counted(clip[:6])
    session = Session(model, video)
    session.prompt(1, 0, DISC)
    video.read.clear()
    run(session, 0, 4)
    assert sorted(video.read) == [1, 2, 3]
    session.prompt(2, 1, SQUARE)
    run(session)
    assert sorted(video.read) == [1, 2, 3, 4, 5]


def test_when_a_frame_is_handed_over_no_thread_reads_the_video(model, clip):
    threads = []

    class Watched(Counted):
        def __getitem__(self, index):
            threads.append(threading.current_thread())
            return super().__getitem__(index)

    session = Session(model, Watched(clip[:8]), budgets=Budgets(feature_cache_bytes=0))
    session.prompt(1, 0, DISC)
    walk = session.propagate()
    for _ in range(4):
        next(walk)
        assert not any(each.is_alive() for each in threads if each is not threading.main_thread())
    assert len(set(threads)) == 5, "this one, and one for each frame that was tracked or is next"


def test_a_run_that_has_nothing_to_do_reads_no_frame_and_is_no_step(model, clip):
    video = Counted(clip[:4])
    session = Session(model, video, budgets=Budgets(feature_cache_bytes=0))
    session.prompt(1, 0, DISC)
    first, state = list(session.propagate()), session.state
    video.read.clear()
    assert list(session.propagate()) == first
    assert video.read == []
    assert session.state is state
    assert len(session.journal) == 3


def test_memories_that_were_moved_to_the_host_serve_as_well(model, clip):
    whole, moved = exact(model, clip), exact(model, clip)
    # Tensors of the host stand for those of a device; the tiers do not look at them.
    tiers = Checkpoints(torch.device("cuda"), memory_bytes=0, host_bytes=1 << 30)
    moved._walker.checkpoints = tiers
    for session in (whole, moved):
        session.prompt(1, 0, DISC)
        run(session, 0, 6)
        session.prompt(2, 2, SQUARE)
        session.prompt(1, 4, BESIDE)
        run(session)
    assert shown(moved) == shown(whole)
    assert tiers.nbytes[1] > 0


def test_pieces_of_a_walk_are_the_whole(model, clip):
    whole, pieces = exact(model, clip), exact(model, clip)
    for session in (whole, pieces):
        session.prompt(1, 2, DISC)
        session.prompt(2, 6, SQUARE)
    run(whole, direction="both")
    assert run(pieces, 5, 7) == [3, 4, 5, 6]
    assert run(pieces, 0, 2, direction="backward", objects=[1]) == [1, 0]
    assert run(pieces, 8) == [7, 8, 9]
    assert run(pieces, 0, 2, direction="both") == [5, 4, 3, 2, 1, 0]
    assert shown(pieces) == shown(whole)


def test_a_walk_that_was_left_is_taken_up_where_it_was(model, clip):
    whole, left = exact(model, clip), exact(model, clip)
    for session in (whole, left):
        session.prompt(1, 0, DISC)
    run(whole)
    walk = left.propagate()
    assert [next(walk).frame_index for _ in range(4)] == [0, 1, 2, 3]
    walk.close()
    assert {frame for frame, _ in shown(left)} == {0, 1, 2, 3}
    stop = threading.Event()
    seen = []
    for frame in left.propagate(cancel=stop):
        seen.append(frame.frame_index)
        if frame.frame_index == 6:
            stop.set()
    assert seen == list(range(7))
    assert run(left, cancel=lambda: False) == list(range(10))
    assert shown(left) == shown(whole)
    left.undo()
    assert {frame for frame, _ in shown(left)} == set(range(7))


def test_an_edit_during_a_walk_ends_it(model, clip):
    session, plain = exact(model, clip), exact(model, clip)
    session.prompt(1, 0, DISC)
    walk = session.propagate()
    for _ in range(3):
        next(walk)
    session.prompt(2, 1, SQUARE)
    assert list(walk) == []
    other = session.propagate()
    assert [next(other).frame_index for _ in range(2)] == [0, 1]
    run(session)
    assert list(other) == []
    plain.prompt(1, 0, DISC)
    plain.prompt(2, 1, SQUARE)
    run(plain)
    assert shown(session) == shown(plain)


def test_an_error_of_the_video_leaves_the_frames_before_it(model, clip):
    class Flaky(list):
        is_broken = True

        def __getitem__(self, index):
            if index == 4 and self.is_broken:
                raise OSError("the disk is gone")
            return super().__getitem__(index)

    video = Flaky(clip[:8])
    session, whole = exact(model, video, 8), exact(model, clip, 8)
    session = Session(model, video, max_rows=1)
    session.prompt(1, 0, DISC)
    with pytest.raises(OSError, match="the disk is gone"):
        run(session)
    assert {frame for frame, _ in shown(session)} == {0, 1, 2, 3}
    video.is_broken = False
    run(session)
    whole.prompt(1, 0, DISC)
    run(whole)
    assert shown(session) == shown(whole)


def test_the_direction_of_the_last_walk_is_what_is_shown_between_two_prompts(model, clip):
    session, forward = exact(model, clip), exact(model, clip)
    for each in (session, forward):
        each.prompt(1, 1, DISC)
        each.prompt(1, 8, DISC)
    run(session, direction="backward")
    backward = shown(session)
    assert run(session, 3, 6) == [2, 3, 4, 5]
    run(forward)
    mixed = shown(session)
    assert [mixed[f, 1] is backward[f, 1] for f in range(2, 8)] == [False] * 4 + [True] * 2
    assert all(mixed[f, 1] == shown(forward)[f, 1] for f in range(2, 6))
    run(session)
    assert shown(session, 1).items() >= shown(forward, 1).items()


def test_an_object_is_absent_before_its_first_prompt(model, clip):
    session = Session(model, clip[:6])
    session.prompt(1, 0, DISC)
    session.prompt(2, 3, SQUARE)
    frames = list(session.propagate())
    assert [[m.object_id for m in f.objects] for f in frames] == [[1]] * 3 + [[1, 2]] * 3
