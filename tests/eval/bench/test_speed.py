"""The sweep: every part is timed as often as asked, in the steady state, and what does not fit is a
row."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from masklet.data.records import Dataset
from masklet.errors import ImageError
from masklet.eval.bench.accuracy import tracking_accuracy
from masklet.eval.bench.floor import frame_flops
from masklet.eval.bench.speed import (
    OUT_OF_MEMORY,
    Opened,
    Plan,
    cells_of,
    is_out_of_memory,
    made_clip,
    measure,
    sweep,
)
from masklet.eval.bench.speed_records import PARTS, Setup
from masklet.memory.standard import StandardPolicy
from masklet.model.sam2 import SAM2
from tests.eval.clips import ArrayClip, moving_square
from tests.tiny import tiny_config, tiny_model

CLIP = made_clip(3, (48, 64))
TINY = Setup("tiny", "cpu", "float32")
FEW = {"repeats": 3, "warmup": 1}


LABELLED = Dataset(
    "squares", Path(), "made", (ArrayClip({1: moving_square(frames=4)}, (0, 1, 2, 3)),)
)


def plan_of(objects=(1,), sizes=(64,), setups=(TINY,), labelled=None):
    return Plan(cells_of(setups, sizes, objects), CLIP, **FEW, labelled=labelled)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def outline():
    with torch.device("meta"):
        return SAM2(tiny_config()).eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def opened(outline):
    """`opened(model)` is the model with what tells its floor."""
    return lambda model: Opened(model, outline, torch.nn.functional.linear)


@pytest.fixture(scope="module")
def row(opened, model):
    plan = plan_of(objects=(3,))
    return measure(opened(model), plan.cells[0], plan)


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


def test_a_frame_takes_longer_than_its_floor(row, outline):
    assert row.floor.flops == frame_flops(outline, size=64, objects=3)
    # A network this small spends nearly all its time between its products.
    assert 0 < row.share_of_floor < 1


def test_eight_bits_have_no_floor(opened, model):
    plan = plan_of(setups=(Setup("tiny", "cpu", "int8"),))
    assert measure(opened(model), plan.cells[0], plan).floor is None


def test_the_size_must_be_one_that_the_network_takes(opened, model):
    plan = plan_of(sizes=(50,))
    with pytest.raises(ImageError, match="input size is 50 x 50; expected multiples of 32"):
        measure(opened(model), plan.cells[0], plan)


def test_cells_of_a_model_come_together_and_it_is_opened_once_for_a_size(opened, model):
    setups = (TINY, Setup("tiny", "cpu", "bfloat16"))
    plan = plan_of(objects=(1, 2), setups=setups)
    asked, shares = [], []

    def open_model(setup, size):
        asked.append((setup, size))
        return opened(model)

    rows = list(sweep(plan, open_model, shares.append))
    assert tuple(row.cell for row in rows) == plan.cells
    assert asked == [(setup, 64) for setup in setups]
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


def test_what_does_not_fit_is_a_row_and_the_sweep_goes_on(opened, model):
    plan = plan_of(sizes=(96, 64))
    large, small = sweep(plan, lambda *_: opened(Greedy(model)), lambda _: None)
    assert large.failure == OUT_OF_MEMORY
    assert large.parts == {}
    assert large.peak is None
    assert small.failure is None
    assert set(small.parts) == set(PARTS)


def test_clips_are_scored_once_for_all_numbers_of_objects(opened, model):
    other = cells_of([Setup("tiny", "cpu", "bfloat16")], [96], [1])
    cells = (*cells_of([TINY], [64], [1, 2]), *cells_of([TINY], [96], [1]), *other)
    shares = []
    plan = Plan(cells, CLIP, repeats=1, warmup=1, labelled=LABELLED)
    found = [row.accuracy for row in sweep(plan, lambda *_: opened(model), shares.append)]
    assert found[0] is found[1]
    assert len({id(accuracy) for accuracy in found}) == 3
    expected = [tracking_accuracy(model, LABELLED.items, size=size) for size in (64, 96)]
    assert found[1:3] == expected
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_every_form_of_memories_has_its_times_floor_and_accuracy_from_one_model(opened, model):
    cells = cells_of([TINY], [64], [1, 2], ["full", "foveated"])
    asked = []

    def open_model(*wanted):
        asked.append(wanted)
        return opened(model)

    plan = Plan(cells, CLIP, repeats=1, warmup=1, labelled=LABELLED)
    rows = list(sweep(plan, open_model, lambda _: None))
    assert len(asked) == 1
    forms = [(row.cell.memories, row.cell.objects) for row in rows]
    assert forms == [("full", 1), ("full", 2), ("foveated", 1), ("foveated", 2)]
    assert rows[2].floor.flops < rows[0].floor.flops
    policy = StandardPolicy(memories="foveated")
    expected = tracking_accuracy(model, LABELLED.items, size=64, policy=policy)
    assert [row.accuracy for row in rows[2:]] == [expected] * 2
    assert rows[0].accuracy is rows[1].accuracy is not rows[2].accuracy


def test_without_clips_there_is_no_accuracy(opened, model):
    (row,) = sweep(plan_of(), lambda *_: opened(model), lambda _: None)
    assert row.accuracy is None


def test_clips_that_do_not_fit_leave_the_times(opened, model):
    class Forgetful(Greedy):
        """A model that has no memory left for masks that are given, as clips are scored with."""

        def __init__(self, model):
            super().__init__(model)
            self.adopt_mask = lambda *_: torch.empty(2**50)

    (row,) = sweep(plan_of(labelled=LABELLED), lambda *_: opened(Forgetful(model)), lambda _: None)
    assert row.accuracy is None
    assert set(row.parts) == set(PARTS)


def test_one_model_is_held_at_a_time(opened):
    setups = (TINY, Setup("tiny", "cpu", "bfloat16"))
    known = []

    def open_model(setup, size):
        gc.collect()
        assert [reference() for reference in known] == [None] * len(known)
        model = tiny_model()
        known.append(weakref.ref(model))
        return opened(model)

    assert len(list(sweep(plan_of(setups=setups), open_model, lambda _: None))) == 2
    assert len(known) == 2


def test_a_model_that_does_not_fit_is_a_row_for_each_of_its_cells(opened, model):
    plan = plan_of(objects=(1, 2), setups=(Setup("huge", "cpu", "float32"), TINY))

    def open_model(setup, size):
        if setup.model == "huge":
            raise MemoryError
        return opened(model)

    failures = [row.failure for row in sweep(plan, open_model, lambda _: None)]
    assert failures == [OUT_OF_MEMORY, OUT_OF_MEMORY, None, None]


def test_an_error_of_another_kind_is_not_taken_for_missing_memory(model):
    def open_model(setup, size):
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


def test_frames_of_the_made_clip_differ():
    first, second, third = CLIP
    assert first.shape == (48, 64, 3)
    assert first.dtype == np.uint8
    assert (first != second).any()
    assert (second != third).any()
