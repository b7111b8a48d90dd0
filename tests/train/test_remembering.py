"""What is recalled while training: as when tracking, and pointers of what is still to come."""

import pytest
import torch

from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.policy import Hypothesis, Moment
from masklet.memory.standard import StandardPolicy
from masklet.train.remembering import readout_of, training_recall
from tests.tiny import noise

ROWS = 3


def memory(frame):
    spatial = noise(ROWS, 16, 8, seed=frame).requires_grad_()
    pointer = noise(ROWS, 32, seed=100 + frame).requires_grad_()
    return Memory(frame, spatial, pointer, torch.zeros(ROWS), torch.zeros(ROWS))


def bank(conditioning, recent):
    return MemoryBank(tuple(map(memory, conditioning)), tuple(map(memory, recent)))


def frames_of(entries):
    return [(each.frame_index, place) for each, place in entries]


def test_conditioning_frames_come_first_and_recent_ones_by_distance():
    recall = training_recall(bank([0, 2], [1, 3, 4]), Moment(5, num_frames=8))
    assert frames_of(recall.spatial) == [(0, 0), (2, 0), (1, 3), (3, 5), (4, 6)]


def test_a_conditioning_frame_that_is_still_to_come_is_seen_and_points_from_the_future():
    recall = training_recall(bank([0, 6], [1]), Moment(2, num_frames=8))
    assert frames_of(recall.spatial) == [(0, 0), (6, 0), (1, 6)]
    times = {frame: pytest.approx(time) for frame, time in frames_of(recall.pointers)}
    # Distances are divided by the seven steps between eight frames.
    assert times == {0: 2 / 7, 6: -4 / 7, 1: 1 / 7}


def test_without_a_future_it_is_the_standard_policys_recall():
    history = bank([0, 3], [1, 2, 4, 5, 6, 7, 8, 9])
    moment = Moment(10, num_frames=20)
    standard = StandardPolicy().recall(Hypothesis(0, history, None), moment)
    recall = training_recall(history, moment)
    assert frames_of(recall.spatial) == frames_of(standard.spatial)
    assert frames_of(recall.pointers) == frames_of(standard.pointers)


def test_times_of_long_clips_are_divided_by_fifteen():
    recall = training_recall(bank([0, 30], []), Moment(20, num_frames=40))
    assert dict(frames_of(recall.pointers)) == {
        30: pytest.approx(-10 / 15),
        0: pytest.approx(20 / 15),
    }


def test_memories_that_are_far_away_carry_no_gradient():
    recall = training_recall(bank([0, 7], [2, 3]), Moment(4, num_frames=8), detach_after=2)
    learns = {each.frame_index: each.spatial_LD.requires_grad for each, _ in recall.spatial}
    assert learns == {0: False, 7: False, 2: True, 3: True}
    assert learns == {each.frame_index: each.pointer_C.requires_grad for each, _ in recall.pointers}


def test_a_readout_has_the_rows_in_front_and_memories_in_their_order():
    history = bank([0], [1, 2])
    readout = readout_of(training_recall(history, Moment(3, num_frames=4)))
    assert readout.spatial_BNLD.shape == (ROWS, 3, 16, 8)
    assert readout.pointers_BKC.shape == (ROWS, 3, 32)
    assert readout.slots_BN.tolist() == [[0, 5, 6]] * ROWS
    torch.testing.assert_close(readout.times_BK[1], torch.tensor([3 / 3, 1 / 3, 2 / 3]))
    assert torch.equal(readout.spatial_BNLD[2, 1], history.recent[0].spatial_LD[2])
    assert torch.equal(readout.pointers_BKC[1, 2], history.recent[0].pointer_C[1])
