"""What a tracker holds on to does not grow with the length of the video: counted in bytes."""

import gc

import numpy as np
import torch

from masklet.memory.standard import StandardPolicy
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from tests.tiny import tiny_model

STEPS = 200
PROMPTS = {1: Prompt.point(12, 18), 2: Prompt.box_xyxy(20, 8, 40, 28), 3: Prompt.point(50, 40)}


def frame(number):
    picture = np.full((48, 64, 3), 90, np.uint8)
    left = number % 44
    picture[10:26, left : left + 16] = (230, 60, 40)
    return picture


def held_bytes(tracker):
    """Bytes of all storages behind the tracker's state, each counted once."""
    rows = (row for track in tracker.state.tracks for row in track)
    memories = (memory for row in rows for memory in row.bank)
    storages = (part.untyped_storage() for memory in memories for part in parts_of(memory))
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def parts_of(memory):
    return memory.spatial_LD, memory.pointer_C, memory.object_score, memory.iou


def live_bytes():
    """Bytes of all tensors of this process, whoever holds them."""
    gc.collect()
    tensors = [each for each in gc.get_objects() if type(each) is torch.Tensor]
    # Those that other tests left behind may be of other kinds, which have no storage.
    tensors = [each for each in tensors if each.layout == torch.strided and each.is_cpu]
    storages = (tensor.untyped_storage() for tensor in tensors)
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def test_a_tracker_holds_the_same_bytes_after_hundreds_of_frames():
    tracker = Tracker(tiny_model())
    tracker.step(frame(0), PROMPTS)
    held, live = [], []
    for number in range(1, STEPS):
        tracker.step(frame(number))
        held.append(held_bytes(tracker))
        if number in (STEPS // 2, STEPS - 1):
            live.append(live_bytes())
    reach = StandardPolicy().reach
    assert held[reach] > held[0]
    assert set(held[reach:]) == {held[reach]}
    assert live[0] == live[1]


def test_corrections_add_what_they_condition_on_and_nothing_else():
    tracker = Tracker(tiny_model())
    tracker.step(frame(0), PROMPTS)
    sizes = []
    for number in range(1, 140):
        prompts = {1: Prompt.point(20, 18)} if number % 40 == 0 else None
        tracker.step(frame(number), prompts)
        if number % 40 == 30:
            sizes.append(held_bytes(tracker))
    grown = np.diff(sizes)
    memory = tracker.state.tracks[0][0].bank.conditioning[-1]
    one = sum(part.untyped_storage().nbytes() for part in parts_of(memory))
    assert set(grown.tolist()) == {one}


def test_removed_objects_leave_no_bytes_behind():
    tracker, other = Tracker(tiny_model()), Tracker(tiny_model())
    tracker.step(frame(0), PROMPTS)
    other.step(frame(0), {1: PROMPTS[1]})
    for number in range(1, 60):
        if number == 30:
            tracker.remove(2)
            tracker.remove(3)
        tracker.step(frame(number))
        other.step(frame(number))
    assert held_bytes(tracker) == held_bytes(other)
