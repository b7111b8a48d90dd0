"""Banks are values: every change gives a new one, ordered by frame."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.cells import Cells


def memory(frame_index: int, value: float = 0.0) -> Memory:
    scalar = torch.tensor(value)
    return Memory(frame_index, torch.full((4, 2), value), torch.full((3,), value), scalar, scalar)


def frames(memories: tuple[Memory, ...]) -> list[int]:
    return [kept.frame_index for kept in memories]


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 8))
def test_recent_memories_are_bounded_ordered_and_one_per_frame(visited, keep):
    bank = MemoryBank()
    for frame in visited:
        bank = bank.remember(memory(frame), keep=keep)
    assert len(bank.recent) <= keep
    assert frames(bank.recent) == sorted(set(frames(bank.recent)))
    assert not visited or bank.at(visited[-1]) is not None


def test_without_a_bound_every_memory_is_kept():
    bank = MemoryBank()
    for frame in range(40):
        bank = bank.remember(memory(frame), keep=None)
    assert frames(bank.recent) == list(range(40))


def test_the_bound_drops_what_is_farthest_in_time_in_either_direction():
    bank = MemoryBank()
    for frame in (9, 8, 7, 6):
        bank = bank.remember(memory(frame), keep=2)
    assert frames(bank.recent) == [6, 7]


def test_a_new_memory_of_a_frame_replaces_the_old_one_of_either_kind():
    bank = MemoryBank().remember(memory(3, 1.0), keep=None).condition_on(memory(3, 2.0))
    assert frames(bank.conditioning) == [3]
    assert bank.recent == ()
    again = bank.remember(memory(3, 4.0), keep=None)
    assert again.conditioning == ()
    assert float(again.at(3).pointer_C[0]) == 4.0


def test_conditioning_memories_own_their_storage():
    batch = torch.zeros(5, 4, 2)
    scalar = torch.zeros(())
    shared = Memory(0, batch[0], torch.zeros(3), scalar, scalar)
    kept = MemoryBank().condition_on(shared).conditioning[0]
    assert kept.spatial_LD.untyped_storage().nbytes() == batch[0].nbytes
    batch += 1
    assert float(kept.spatial_LD.sum()) == 0.0


def test_the_cells_of_a_conditioning_memory_own_their_storage_too():
    places, counts, scalar = torch.zeros(5, 4, 2), torch.zeros(5, 4), torch.zeros(())
    cells = Cells(places[0], counts[0])
    small = Memory(0, torch.zeros(4, 2), torch.zeros(3), scalar, scalar, cells)
    kept = MemoryBank().condition_on(small).conditioning[0]
    places += 1
    counts += 1
    assert float(kept.cells.places_S2.sum()) == float(kept.cells.log_counts_S.sum()) == 0.0
    assert kept.nbytes == 4 * 2 * 4 + 4 * 2 * 4 + 4 * 4
    assert memory(0).nbytes == 4 * 2 * 4


def test_forgetting_spares_conditioning_memories_and_unprompting_does_not():
    bank = MemoryBank().condition_on(memory(2))
    for frame in (1, 3, 4):
        bank = bank.remember(memory(frame), keep=None)
    assert frames(tuple(bank.forget(range(1, 4)))) == [2, 4]
    assert frames(tuple(bank.unprompt(2))) == [1, 3, 4]
    assert frames(tuple(bank)) == [2, 1, 3, 4], "the first bank is as it was"
    assert len(bank) == 4
    assert bank.at(7) is None
