"""The sweep: every part is timed as often as asked, in the steady state, and what does not fit is a
row."""

import gc
import weakref

import numpy as np
import pytest
import torch

from masklet.errors import ImageError
from masklet.eval.bench.speed import (
    OUT_OF_MEMORY,
    Plan,
    _boxes,
    cells_of,
    is_out_of_memory,
    made_clip,
    measure,
    sweep,
    with_all_memories,
)
from masklet.eval.bench.speed_records import PARTS, Setup
from masklet.memory.policy import Moment
from masklet.memory.standard import StandardPolicy
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from tests.tiny import tiny_model

CLIP = made_clip(3, (48, 64))
TINY = Setup("tiny", "cpu", "float32")
FEW = {"repeats": 3, "warmup": 1}


def plan_of(objects=(1,), sizes=(64,), setups=(TINY,)):
    return Plan(cells_of(setups, sizes, objects), CLIP, **FEW)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def row(model):
    plan = plan_of(objects=(3,))
    return measure(model, plan.cells[0], plan)


def test_every_part_is_timed_as_often_as_asked(row):
    assert set(row.parts) == set(PARTS)
    assert {part.count for part in row.parts.values()} == {3}
    assert row.frames_per_second == 1 / row.parts["frame"].mean


def test_percentiles_are_in_order(row):
    for part in row.parts.values():
        assert 0 < part.p50 <= part.p90 <= part.p95 <= part.p99


def test_parts_lie_within_their_frame(row):
    mean = {name: part.mean for name, part in row.parts.items()}
    within_tracker = ("memory attention", "decoder", "memory encoder")
    assert sum(mean[name] for name in within_tracker) <= mean["tracker"]
    assert sum(mean[name] for name in ("encode", "tracker", "masks")) <= mean["frame"]


def test_memory_is_told_with_times(row):
    assert row.failure is None
    assert row.peak is None or row.peak.num_bytes > 0


def test_the_size_must_be_one_that_the_network_takes(model):
    plan = plan_of(sizes=(50,))
    with pytest.raises(ImageError, match="input size is 50 x 50; expected multiples of 32"):
        measure(model, plan.cells[0], plan)


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
        tracker.step(CLIP[0], prompts)
        tracker.step(CLIP[1])
    reach = StandardPolicy().reach
    for number in range(reach):
        real.step(CLIP[number % 3])
    made.state = with_all_memories(made.state, reach)
    assert made.state.frame_index == real.state.frame_index
    assert layout(made) == layout(real)
    spatial, pointers = layout(made)[0]
    assert (len(spatial), len(pointers)) == (7, 16)


def test_memories_of_the_steady_state_do_not_share_their_storage(model):
    tracker = Tracker(model)
    tracker.step(CLIP[0], {1: Prompt.point(20, 20)})
    tracker.step(CLIP[1])
    ((row,),) = with_all_memories(tracker.state, 15).tracks
    assert len({memory.spatial_LD.data_ptr() for memory in row.bank}) == len(row.bank) == 16


def test_cells_of_a_model_come_together_and_it_is_opened_once(model):
    setups = (TINY, Setup("tiny", "cpu", "bfloat16"))
    plan = plan_of(objects=(1, 2), setups=setups)
    opened, shares = [], []

    def open_model(setup):
        opened.append(setup)
        return model

    rows = list(sweep(plan, open_model, shares.append))
    assert tuple(row.cell for row in rows) == plan.cells
    assert opened == list(setups)
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == pytest.approx(1.0)


class Greedy:
    """A model that wants more memory than any computer has for pictures of 96 pixels."""

    def __init__(self, model):
        self.config, self.device = model.config, model.device
        self.condition, self.decode = model.condition, model.decode
        self.adopt_mask, self.encode_memory = model.adopt_mask, model.encode_memory
        self._encode = model.encode_image

    def encode_image(self, images):
        if images.shape[-1] == 96:
            torch.empty(2**50)
        return self._encode(images)


def test_what_does_not_fit_is_a_row_and_the_sweep_goes_on(model):
    plan = plan_of(sizes=(96, 64))
    large, small = sweep(plan, lambda _: Greedy(model), lambda _: None)
    assert large.failure == OUT_OF_MEMORY
    assert large.parts == {}
    assert large.peak is None
    assert small.failure is None
    assert set(small.parts) == set(PARTS)


def test_one_model_is_held_at_a_time():
    setups = (TINY, Setup("tiny", "cpu", "bfloat16"))
    opened = []

    def open_model(setup):
        gc.collect()
        assert [reference() for reference in opened] == [None] * len(opened)
        model = tiny_model()
        opened.append(weakref.ref(model))
        return model

    assert len(list(sweep(plan_of(setups=setups), open_model, lambda _: None))) == 2
    assert len(opened) == 2


def test_a_model_that_does_not_fit_is_a_row_for_each_of_its_cells(model):
    plan = plan_of(objects=(1, 2), setups=(Setup("huge", "cpu", "float32"), TINY))

    def open_model(setup):
        if setup.model == "huge":
            raise MemoryError
        return model

    failures = [row.failure for row in sweep(plan, open_model, lambda _: None)]
    assert failures == [OUT_OF_MEMORY, OUT_OF_MEMORY, None, None]


def test_an_error_of_another_kind_is_not_taken_for_missing_memory(model):
    def open_model(setup):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        list(sweep(plan_of(), open_model, lambda _: None))


def test_every_device_says_in_its_own_way_that_memory_is_out():
    with pytest.raises(RuntimeError) as told:
        torch.empty(2**50)
    assert is_out_of_memory(told.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"))
    assert not is_out_of_memory(RuntimeError("expected scalar type Float"))


@pytest.mark.parametrize("count", [1, 2, 3, 16, 64])
def test_boxes_lie_beside_each_other_within_the_frame(count):
    boxes = _boxes((48, 64), count)
    assert list(boxes) == list(range(1, count + 1))
    covered = np.zeros((480, 640), int)
    for prompt in boxes.values():
        prompt.check_inside((48, 64))
        x0, y0, x1, y1 = (prompt.box * 10).round().astype(int)
        covered[y0:y1, x0:x1] += 1
    assert covered.max() == 1


def test_frames_of_the_made_clip_differ():
    first, second, third = CLIP
    assert first.shape == (48, 64, 3)
    assert first.dtype == np.uint8
    assert (first != second).any()
    assert (second != third).any()
