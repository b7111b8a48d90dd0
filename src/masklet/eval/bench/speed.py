"""How fast a model is: the parts of pictures and of tracking, over a matrix of settings.

Tracking is measured in the steady state, with all the memories that the policy keeps, because that
is where nearly all frames of a video are.
"""

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import TypeAlias

import numpy as np
import torch

from masklet.eval.bench.laps import Laps, TimedModel
from masklet.eval.bench.memory_peak import PeakWatch
from masklet.eval.bench.speed_records import Cell, Measured, Setup, timing
from masklet.image.predictor import ImagePredictor
from masklet.io.video import Frame
from masklet.model.protocol import SegmentationModel
from masklet.tracking.stream import encode_batch
from masklet.tracking.tracker import Tracker, TrackerState
from masklet.types import Prompt

OUT_OF_MEMORY = "out of memory"
"""The failure of a cell that did not fit."""

Progress: TypeAlias = Callable[[float], None]
"""Told which share of the work is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, on what, how often."""

    cells: tuple[Cell, ...]
    clip: tuple[Frame, ...]
    """Frames of one size, taken in turn, over and over."""
    repeats: int = 20
    """How often everything is timed."""
    warmup: int = 2
    """How often it is done before that."""


def cells_of(
    setups: Sequence[Setup], sizes: Sequence[int], objects: Sequence[int]
) -> tuple[Cell, ...]:
    """All combinations, those of a model together.

    >>> setups = [Setup("tiny", "cpu", "float32")]
    >>> [str(cell) for cell in cells_of(setups, [512], [1, 4])]
    ['512 float32, 1 object', '512 float32, 4 objects']
    """
    return tuple(
        Cell(setup, size, count) for setup in setups for size in sizes for count in objects
    )


def made_clip(count: int = 8, size: tuple[int, int] = (720, 1280)) -> tuple[Frame, ...]:
    """Waves of colour that drift to the left, `(height, width, 3)` uint8 RGB each.

    Times do not depend on what a frame shows, only on its size.

    >>> made_clip(2, (36, 64))[1].shape
    (36, 64, 3)
    """
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    frames = []
    for number in range(count):
        at = x + 7 * number
        waves = (np.sin(at / 37) + np.cos(y / 53), np.sin((at + y) / 71), np.cos((x - y) / 97))
        levels = np.stack([127 + 60 * wave for wave in waves], axis=2)
        frames.append(levels.clip(0, 255).astype(np.uint8))
    return tuple(frames)


def sweep(
    plan: Plan, open_model: Callable[[Setup], SegmentationModel], progress: Progress
) -> Iterator[Measured]:
    """Measure one cell after the other; each is handed over when it is done.

    A cell that does not fit into memory is handed over as one that failed. One model is held at a
    time.

    Args:
        plan: what is measured.
        open_model: loads a model.
        progress: told after every repetition.
    """
    works = [_work(cell) for cell in plan.cells]
    total, done = sum(works), 0.0
    pairs = zip(plan.cells, works, strict=True)
    for _, of_setup in groupby(pairs, key=lambda pair: pair[0].setup):
        # A model is opened when it is first wanted; a new cache lets go of the one before.
        opened = cache(open_model)
        for cell, work in of_setup:
            yield _measured_if_it_fits(
                opened, cell, plan, _within(progress, done / total, work / total)
            )
            done += work
            progress(done / total)


def measure(
    model: SegmentationModel, cell: Cell, plan: Plan, progress: Progress = lambda _: None
) -> Measured:
    """Measure one cell.

    Raises:
        ImageError: the size is no multiple of 32.
    """
    watch = PeakWatch(model.device)
    asked = _time_picture(model, cell, plan, _within(progress, 0.0, 0.25))
    tracked = _time_tracking(model, cell, plan, _within(progress, 0.25, 0.75))
    parts = {name: timing(seconds) for name, seconds in (tracked | asked).items()}
    return Measured(cell, parts, watch.peak())


def with_all_memories(state: TrackerState[None], reach: int) -> TrackerState[None]:
    """As after `reach` more tracked frames: the memory of the last one stands for theirs.

    Arithmetic and memory are those of a clip that was tracked so far, but on a CPU tracking there
    would take longer than the measurement.

    Args:
        state: a frame was prompted, and one was tracked.
        reach: recent memories that the policy keeps.
    """
    now = state.frame_index + reach
    tracks = []
    for (row,) in state.tracks:
        bank = row.bank
        last = bank.recent[-1]
        for frame_index in range(state.frame_index, now):
            # Cloned: the memories of a clip do not share their storage.
            bank = bank.remember(replace(last.cloned(), frame_index=frame_index), keep=reach)
        tracks.append((replace(row, bank=bank),))
    return TrackerState(now, tuple(tracks))


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device, the allocator of the CPU or Python had no memory left.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("a size does not match"))
    (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # Neither the CPU's allocator nor MPS nor cuBLAS has a type of error of its own.
    told = str(error).lower()
    return any(words in told for words in ("defaultcpuallocator", "out of memory", "alloc_failed"))


def _measured_if_it_fits(
    opened: Callable[[Setup], SegmentationModel], cell: Cell, plan: Plan, progress: Progress
) -> Measured:
    try:
        return measure(opened(cell.setup), cell, plan, progress)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # After the handler: the error holds on to what was allocated.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return Measured(cell, {}, failure=OUT_OF_MEMORY)


def _time_picture(
    model: SegmentationModel, cell: Cell, plan: Plan, progress: Progress
) -> dict[str, tuple[float, ...]]:
    """One click, and a box for each object, on a picture that is encoded already."""
    laps = Laps(model.device)
    predictor = ImagePredictor(model)
    picture = plan.clip[0]
    features = predictor.encode(picture, size=cell.size)
    height, width = picture.shape[:2]
    click = Prompt.point(width / 2, height / 2)
    boxes = list(_boxes((height, width), cell.objects).values())

    def ask(_number: int) -> None:
        with laps.lap("click"):
            predictor.predict(features, click).masks()
        with laps.lap("boxes"):
            predictor.predict(features, boxes).masks()

    return _repeated(ask, laps, plan, progress)


def _time_tracking(
    model: SegmentationModel, cell: Cell, plan: Plan, progress: Progress
) -> dict[str, tuple[float, ...]]:
    """Frames of a clip in the steady state, each from its pixels to its masks."""
    laps = Laps(model.device)
    timed = TimedModel(model, laps)
    tracker: Tracker[None] = Tracker(timed, input_size=cell.size)
    height, width = plan.clip[0].shape[:2]
    tracker.step(plan.clip[0], _boxes((height, width), cell.objects))
    tracker.step(plan.clip[1 % len(plan.clip)])
    tracker.state = with_all_memories(tracker.state, tracker.method.policy.reach)

    def track(number: int) -> None:
        frame = plan.clip[number % len(plan.clip)]
        with laps.lap("frame"):
            with laps.lap("encode"):
                (encoded,) = encode_batch(timed, [frame], input_size=tracker.input_size)
            with laps.lap("tracker"):
                result = tracker.step_encoded(encoded)
            with laps.lap("masks"):
                result.masks.masks()

    return _repeated(track, laps, plan, progress)


def _repeated(
    work: Callable[[int], None], laps: Laps, plan: Plan, progress: Progress
) -> dict[str, tuple[float, ...]]:
    """Warm up, then do the work again and again; its laps."""
    total = plan.warmup + plan.repeats
    for number in range(total):
        if number == plan.warmup:
            laps.forget()
        work(number)
        progress((number + 1) / total)
    return laps.seconds()


def _boxes(size: tuple[int, int], count: int) -> dict[int, Prompt]:
    """Boxes side by side that fill a frame, by object."""
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    height, width = size[0] / rows, size[1] / columns
    boxes = {}
    for number in range(count):
        x, y = number % columns * width, number // columns * height
        corners = (x + 0.1 * width, y + 0.1 * height, x + 0.9 * width, y + 0.9 * height)
        boxes[number + 1] = Prompt.box_xyxy(*corners)
    return boxes


def _work(cell: Cell) -> float:
    """About how long a cell takes beside others, for the time that is left."""
    return cell.size**2 * (2.0 + cell.objects)


def _within(progress: Progress, start: float, share: float) -> Progress:
    """Progress of a part, which is that share of a whole and begins there."""
    return lambda done: progress(start + share * done)
