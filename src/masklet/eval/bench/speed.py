"""How fast a model is: the parts of pictures and of tracking, over a matrix of settings.

Tracking is measured in the steady state. Where labelled clips are given, the accuracy of the same
settings stands beside.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from typing import TypeAlias, TypeVar

import numpy as np
import torch

from masklet.data.records import VideoDataset
from masklet.eval.bench.accuracy import tracking_accuracy
from masklet.eval.bench.floor import frame_flops
from masklet.eval.bench.laps import Laps, TimedModel
from masklet.eval.bench.memory_peak import PeakWatch
from masklet.eval.bench.product_rate import Product, product_rate
from masklet.eval.bench.speed_records import Cell, Floor, Measured, Setup, timing
from masklet.eval.bench.steady import boxes_beside, steady_tracker
from masklet.eval.records import Interval
from masklet.image.predictor import ImagePredictor
from masklet.io.video import Frame
from masklet.memory.standard import MemoryForm, StandardPolicy
from masklet.model.protocol import SegmentationModel
from masklet.tracking.stream import encode_batch
from masklet.types import Prompt

R = TypeVar("R")

OUT_OF_MEMORY = "out of memory"
"""The failure of a cell that did not fit."""

Progress: TypeAlias = Callable[[float], None]
"""Told which share of the work is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A model, and what tells the least time that it could take."""

    model: SegmentationModel
    outline: SegmentationModel
    """The same network on the meta device; the same object for the same config."""
    product: Product
    """The matrix product that the network computes with."""


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
    labelled: VideoDataset | None = None
    """Clips on which masks are scored, once for all cells that differ in their objects only."""


def cells_of(
    setups: Sequence[Setup],
    sizes: Sequence[int],
    objects: Sequence[int],
    memories: Sequence[MemoryForm] = ("full",),
) -> tuple[Cell, ...]:
    """All combinations, those of a model together.

    >>> setups = [Setup("tiny", "cpu", "float32")]
    >>> [str(cell) for cell in cells_of(setups, [512], [1, 4])]
    ['512 float32, 1 object', '512 float32, 4 objects']
    """
    return tuple(
        Cell(setup, size, count, form)
        for setup in setups
        for size in sizes
        for form in memories
        for count in objects
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
    plan: Plan, open_model: Callable[[Setup, int], Opened], progress: Progress
) -> Iterator[Measured]:
    """Measure one cell after the other; each is handed over when it is done.

    A cell that does not fit into memory is handed over as one that failed. One model is held at a
    time.

    Args:
        plan: what is measured.
        open_model: loads a model, and makes it ready for a size of its input.
        progress: told after every repetition.

    Raises:
        DatasetError, VideoError: a labelled clip cannot be read.
    """
    blocks = [tuple(cells) for _, cells in groupby(plan.cells, key=_model_of)]
    works = [work for block in blocks for work in _works(block, plan)]
    parts = _one_after_another(progress, works)
    for block in blocks:
        # A model is opened when it is first wanted; a new cache lets go of the one before.
        opened = cache(partial(open_model, block[0].setup, block[0].size))
        for cells in _but_objects(block):
            accuracy = _accuracy_if_it_fits(opened, cells[0], plan, next(parts))
            for cell in cells:
                row = _measured_if_it_fits(opened, cell, plan, next(parts))
                yield replace(row, accuracy=accuracy)
    progress(1.0)


def measure(
    opened: Opened, cell: Cell, plan: Plan, progress: Progress = lambda _: None
) -> Measured:
    """Measure one cell, but for its accuracy.

    Raises:
        ImageError: the size is no multiple of 32.
    """
    model = opened.model
    floor = _floor(opened, cell)
    watch = PeakWatch(model.device)
    asked = _time_picture(model, cell, plan, _within(progress, 0.0, 0.25))
    tracked = _time_tracking(model, cell, plan, _within(progress, 0.25, 0.75))
    parts = {name: timing(seconds) for name, seconds in (tracked | asked).items()}
    return Measured(cell, parts, watch.peak(), floor)


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


def give_back_memory() -> None:
    """Let others have what is not used any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _measured_if_it_fits(
    opened: Callable[[], Opened], cell: Cell, plan: Plan, progress: Progress
) -> Measured:
    row = _if_it_fits(lambda: measure(opened(), cell, plan, progress))
    return Measured(cell, {}, failure=OUT_OF_MEMORY) if row is None else row


def _accuracy_if_it_fits(
    opened: Callable[[], Opened], cell: Cell, plan: Plan, progress: Progress
) -> Interval | None:
    if plan.labelled is None:
        return None
    clips = plan.labelled.items
    return _if_it_fits(
        lambda: tracking_accuracy(
            opened().model, clips, size=cell.size, policy=_policy(cell), progress=progress
        )
    )


def _if_it_fits(work: Callable[[], R]) -> R | None:
    """What the work gives; None if there is not enough memory for it."""
    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # After the handler: the error holds on to what was allocated.
    give_back_memory()
    return None


def _floor(opened: Opened, cell: Cell) -> Floor | None:
    if cell.setup.dtype == "int8":
        # A large part of the arithmetic is not that of eight bits: a floor for all would be far off.
        return None
    # The rate of this minute: computers change theirs.
    dtype: torch.dtype = getattr(torch, cell.setup.dtype)
    rate = product_rate(opened.product, opened.model.device, dtype)
    flops = frame_flops(
        opened.outline,  # type: ignore[arg-type]  # the protocol does not say that models can be keys
        size=cell.size,
        objects=cell.objects,
        memories=cell.memories,
    )
    return Floor(flops, rate)


def _policy(cell: Cell) -> StandardPolicy:
    return StandardPolicy(memories=cell.memories)


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
    boxes = list(boxes_beside((height, width), cell.objects).values())

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
    tracker = steady_tracker(
        timed, plan.clip, size=cell.size, objects=cell.objects, policy=_policy(cell)
    )

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


def _model_of(cell: Cell) -> tuple[Setup, int]:
    """What a model is opened for."""
    return cell.setup, cell.size


def _but_objects(block: Sequence[Cell]) -> list[tuple[Cell, ...]]:
    """Cells of one model and size, those together that give the same masks."""
    return [tuple(cells) for _, cells in groupby(block, key=lambda cell: cell.memories)]


def _works(block: Sequence[Cell], plan: Plan) -> Iterator[float]:
    """About how long everything takes that is done for cells of one model and size."""
    for cells in _but_objects(block):
        yield _scoring_work(cells[0], plan)
        yield from map(_work, cells)


def _work(cell: Cell) -> float:
    """About how long a cell takes beside others, for the time that is left."""
    return cell.size**2 * (2.0 + cell.objects)


def _scoring_work(cell: Cell, plan: Plan) -> float:
    """The same of the labelled clips at the settings of a cell, as if each had two objects."""
    clips = () if plan.labelled is None else plan.labelled.items
    frames = sum(len(clip.frame_names) for clip in clips)
    return frames / (plan.warmup + plan.repeats) * _work(replace(cell, objects=2))


def _one_after_another(progress: Progress, works: Sequence[float]) -> Iterator[Progress]:
    """The progress of every work, those before it done."""
    total, done = sum(works), 0.0
    for work in works:
        yield _within(progress, done / total, work / total)
        done += work


def _within(progress: Progress, start: float, share: float) -> Progress:
    """Progress of a part, which is that share of a whole and begins there."""
    return lambda done: progress(start + share * done)
