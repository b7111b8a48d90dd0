"""The steady state has all memories, as after a clip that was tracked, and objects have their boxes."""

import numpy as np
import pytest

from masklet.eval.bench.steady import boxes_beside, steady_tracker, with_all_memories
from masklet.memory.policy import Moment
from masklet.memory.standard import StandardPolicy
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from tests.tiny import tiny_model

FRAMES = tuple(np.full((48, 64, 3), level, np.uint8) for level in (60, 120, 180))


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def layout(tracker):
    """Of every object what it recalls on the next frame: slots, times, shapes and dtypes."""
    moment = Moment(tracker.state.frame_index)
    layouts = []
    for (row,) in tracker.state.tracks:
        recall = StandardPolicy().recall(row, moment)
        spatial = [(slot, m.spatial_LD.shape, m.spatial_LD.dtype) for m, slot in recall.spatial]
        layouts.append((spatial, [(time, m.pointer_C.shape) for m, time in recall.pointers]))
    return layouts


def test_the_steady_state_recalls_what_a_clip_that_was_tracked_recalls(model):
    prompts = {1: Prompt.point(20, 20), 2: Prompt.box_xyxy(8, 8, 40, 40)}
    real, made = Tracker(model), Tracker(model)
    for tracker in (real, made):
        tracker.step(FRAMES[0], prompts)
        tracker.step(FRAMES[1])
    reach = StandardPolicy().reach
    for number in range(reach):
        real.step(FRAMES[number % 3])
    made.state = with_all_memories(made.state, reach)
    assert made.state.frame_index == real.state.frame_index
    assert layout(made) == layout(real)
    spatial, pointers = layout(made)[0]
    assert (len(spatial), len(pointers)) == (7, 16)


def test_memories_of_the_steady_state_do_not_share_their_storage(model):
    ((row,),) = steady_tracker(model, FRAMES, size=64, objects=1).state.tracks
    assert len({memory.spatial_LD.data_ptr() for memory in row.bank}) == len(row.bank) == 16


def test_a_steady_tracker_has_the_size_and_the_objects_that_were_asked_for(model):
    tracker = steady_tracker(model, FRAMES[:1], size=96, objects=3)
    assert tracker.input_size == (96, 96)
    assert tracker.state.object_ids == (1, 2, 3)
    assert {(len(spatial), len(pointers)) for spatial, pointers in layout(tracker)} == {(7, 16)}


@pytest.mark.parametrize("count", [1, 2, 3, 16, 64])
def test_boxes_lie_beside_each_other_within_the_frame(count):
    boxes = boxes_beside((48, 64), count)
    assert list(boxes) == list(range(1, count + 1))
    covered = np.zeros((480, 640), int)
    for prompt in boxes.values():
        prompt.check_inside((48, 64))
        x0, y0, x1, y1 = (prompt.box * 10).round().astype(int)
        covered[y0:y1, x0:x1] += 1
    assert covered.max() == 1
