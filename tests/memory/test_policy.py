"""The standard policy, against its rule written out in tables (SAM 2, spec of the memory bank)."""

from types import SimpleNamespace

import pytest
import torch

from masklet.memory.bank import MemoryBank
from masklet.memory.policy import Hypothesis, Moment
from masklet.memory.standard import StandardPolicy
from tests.memory.test_bank import memory


def track(conditioning, recent):
    bank = MemoryBank()
    for frame in conditioning:
        bank = bank.condition_on(memory(frame))
    for frame in recent:
        bank = bank.remember(memory(frame), keep=None)
    return Hypothesis(1, bank, None)


def spatial(recall):
    return [(kept.frame_index, slot) for kept, slot in recall.spatial]


def pointers(recall):
    return [(kept.frame_index, round(time * 15)) for kept, time in recall.pointers]


@pytest.mark.parametrize(
    ("moment", "stride", "expected"),
    [
        (Moment(10), 1, [(0, 0), (4, 1), (5, 2), (6, 3), (7, 4), (8, 5), (9, 6)]),
        (Moment(3), 1, [(0, 0), (1, 5), (2, 6)]),
        (Moment(10), 3, [(0, 0), (3, 4), (6, 5), (9, 6)]),
        (Moment(11), 2, [(0, 0), (2, 2), (4, 3), (6, 4), (8, 5), (10, 6)]),
        (
            Moment(10, reverse=True),
            1,
            [(0, 0), (16, 1), (15, 2), (14, 3), (13, 4), (12, 5), (11, 6)],
        ),
        (Moment(10, reverse=True), 4, [(0, 0), (16, 4), (12, 5), (11, 6)]),
    ],
)
def test_recent_memories_come_farthest_first_with_their_slots(moment, stride, expected):
    recall = StandardPolicy(stride=stride).recall(track([0], range(1, 20)), moment)
    assert spatial(recall) == expected


def test_pointers_are_of_past_conditioning_frames_and_of_the_fifteen_latest():
    recall = StandardPolicy().recall(track([0, 30], range(1, 28)), Moment(25))
    assert pointers(recall) == [(0, 25), *((25 - back, back) for back in range(1, 16))]
    assert spatial(recall)[:2] == [(0, 0), (30, 0)], "future conditioning frames are attended to"


def test_backwards_the_future_is_on_the_other_side():
    recall = StandardPolicy().recall(track([4, 30], range(5, 30)), Moment(20, reverse=True))
    assert pointers(recall)[0] == (30, 10)
    assert 4 not in dict(pointers(recall))


def test_pointer_times_are_scaled_by_the_length_of_a_short_clip():
    recall = StandardPolicy().recall(track([0], range(1, 5)), Moment(5, num_frames=6))
    assert [time for _, time in recall.pointers] == [1.0, 0.2, 0.4, 0.6, 0.8]
    single = StandardPolicy().recall(track([0], []), Moment(0, num_frames=1))
    assert [time for _, time in single.pointers] == [0.0]


def test_conditioning_frames_that_are_not_selected_serve_as_recent_ones():
    policy = StandardPolicy(max_conditioning=2)
    recall = policy.recall(track([6, 8, 12], [7]), Moment(10))
    assert spatial(recall) == [(8, 0), (12, 0), (6, 3), (7, 4)]
    assert pointers(recall) == [(8, 2), (7, 3), (6, 4)]


def test_one_point_takes_the_best_of_three_and_more_points_the_single_mask():
    stable = torch.full((2, 4, 4, 4), -5.0)
    evidence = SimpleNamespace(logits_BMhw=stable, iou_BM=torch.tensor([[0.9, 0.1, 0.7, 0.2]] * 2))
    rows = [track([], []), track([], [])]
    choice = StandardPolicy().choose(rows, evidence, [1, 2], Moment(0))
    assert choice.mask_B.tolist() == [2, 0]
    assert choice.pointer_B.tolist() == [2, 0]
    assert choice.parent == choice.shown == (0, 1)


def test_an_unstable_single_mask_gives_way_but_its_pointer_stays():
    unstable = torch.zeros(1, 4, 4, 4)
    unstable[:, :, 0] = 0.01
    evidence = SimpleNamespace(
        logits_BMhw=unstable - 0.005, iou_BM=torch.tensor([[0.9, 0.1, 0.2, 0.7]])
    )
    choice = StandardPolicy().choose([track([], [])], evidence, [2], Moment(0))
    assert (choice.mask_B.tolist(), choice.pointer_B.tolist()) == ([3], [0])
    plain = StandardPolicy(stability_fallback=False)
    assert plain.choose([track([], [])], evidence, [2], Moment(0)).mask_B.tolist() == [0]


def test_pooled_are_all_recent_memories_but_the_latest():
    bank = track([0], range(1, 20))
    recall = StandardPolicy(memories="pooled").recall(bank, Moment(20))
    assert recall.pooled_slots == set(range(1, 6))
    for memories in ("full", "foveated"):
        assert not StandardPolicy(memories=memories).recall(bank, Moment(20)).pooled_slots


def test_memories_are_foveated_where_that_is_asked_for():
    forms = ("full", "pooled", "foveated")
    assert [StandardPolicy(memories=form).foveates for form in forms] == [False, False, True]


def test_a_form_of_memories_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"to be 'small'; expected one of full, pooled, foveated"):
        StandardPolicy(memories="small")


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_what_is_kept_while_streaming_is_all_that_is_ever_recalled(stride):
    policy = StandardPolicy(stride=stride)
    everything, bounded = track([0], []), track([0], [])
    for frame in range(1, 60):
        moment = Moment(frame)
        assert spatial(policy.recall(bounded, moment)) == spatial(policy.recall(everything, moment))
        assert pointers(policy.recall(bounded, moment)) == pointers(
            policy.recall(everything, moment)
        )
        bounded = policy.store(bounded, memory(frame), None, moment)
        kept = everything.bank.remember(memory(frame), keep=None)
        everything = Hypothesis(1, kept, None)
    assert len(bounded.bank.recent) == policy.reach
