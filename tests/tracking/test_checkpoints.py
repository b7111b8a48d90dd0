"""Checkpoints within their budget: shared memories count once, the oldest go first."""

from dataclasses import replace

import torch

from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.cells import Cells
from masklet.memory.policy import Hypothesis
from masklet.tracking.checkpoints import Checkpoints

SIZE = 64
"""Bytes of a memory."""


def memories(count):
    scalar = torch.zeros(())
    return [Memory(n, torch.full((4, 4), float(n)), scalar, scalar, scalar) for n in range(count)]


def track(*recent):
    return (Hypothesis(1, MemoryBank(recent=tuple(recent)), None),)


def test_a_memory_of_several_checkpoints_counts_once():
    kept = Checkpoints(torch.device("cpu"), memory_bytes=0, host_bytes=1 << 20)
    a, b, c = memories(3)
    kept.put({kept.new_key(): track(a, b)})
    kept.put({kept.new_key(): track(b, c)})
    assert kept.nbytes == (0, 3 * SIZE)


def test_beyond_the_budget_the_checkpoint_used_longest_ago_is_forgotten():
    kept = Checkpoints(torch.device("cpu"), memory_bytes=0, host_bytes=2 * SIZE)
    keys = [kept.new_key() for _ in range(4)]
    for key, memory in zip(keys[:2], memories(2), strict=True):
        kept.put({key: track(memory)})
    assert kept.get(keys[0]) is not None, "which is a use"
    kept.put({keys[2]: track(memories(3)[2])})
    assert [kept.get(key) is None for key in keys[:3]] == [False, True, False]
    assert kept.nbytes == (0, 2 * SIZE)


def test_what_was_put_last_is_kept_whatever_the_budget():
    kept = Checkpoints(torch.device("cpu"), memory_bytes=0, host_bytes=0)
    a, b, c = memories(3)
    kept.put({0: track(a), 1: track(b)})
    assert kept.nbytes == (0, 2 * SIZE)
    kept.put({2: track(c)})
    assert [kept.get(key) is None for key in range(3)] == [True, True, False]


def test_a_checkpoint_that_is_put_again_replaces_the_former():
    kept = Checkpoints(torch.device("cpu"), memory_bytes=0, host_bytes=1 << 20)
    a, b = memories(2)
    kept.put({0: track(a)})
    kept.put({0: track(b)})
    assert kept.nbytes == (0, SIZE)
    assert kept.get(0) == track(b)


def test_what_the_device_has_no_room_for_moves_to_the_host_one_copy_for_all():
    # Tensors of the host stand for those of a device; the tiers do not look at them.
    kept = Checkpoints(torch.device("cuda"), memory_bytes=2 * SIZE, host_bytes=2 * SIZE)
    a, b, c, d = memories(4)
    kept.put({0: track(a, b)})
    kept.put({1: track(b, c)})
    assert kept.nbytes == (2 * SIZE, 2 * SIZE), "b is on both"
    kept.put({2: track(c, d)})
    assert kept.nbytes == (2 * SIZE, 2 * SIZE), "a, alone on the host, was forgotten with 0"
    assert kept.get(0) is None
    moved = kept.get(1)[0].bank.recent
    assert [m.frame_index for m in moved] == [1, 2]
    assert moved[0] is not b
    assert all(torch.equal(m.spatial_LD, o.spatial_LD) for m, o in zip(moved, (b, c), strict=True))
    assert kept.get(2) == track(c, d)


def test_cells_count_and_move_with_their_memory():
    kept = Checkpoints(torch.device("cuda"), memory_bytes=0, host_bytes=1 << 20)
    a, b = memories(2)
    cells = Cells(torch.ones(4, 2), torch.zeros(4))
    kept.put({0: track(replace(a, cells=cells))})
    assert kept.nbytes == (SIZE + 48, 0)
    kept.put({1: track(b)})
    assert kept.nbytes == (SIZE, SIZE + 48)
    moved = kept.get(0)[0].bank.recent[0].cells
    assert torch.equal(moved.places_S2, cells.places_S2)
    assert torch.equal(moved.log_counts_S, cells.log_counts_S)


def test_checkpoints_on_the_host_share_the_copy_of_a_memory():
    kept = Checkpoints(torch.device("cuda"), memory_bytes=SIZE, host_bytes=1 << 20)
    a, b, c, d = memories(4)
    for key, each in enumerate([track(a, b), track(b, c), track(c, d), track(d)]):
        kept.put({key: each})
    assert kept.nbytes == (SIZE, 4 * SIZE)
    assert kept.get(0)[0].bank.recent[1] is kept.get(1)[0].bank.recent[0]
