"""The loop: batches, steps, and between them what is written, measured and drawn.

It ends when the budget is spent or somebody asks, and goes on from the newest checkpoint. On one
process an interrupted training equals an uninterrupted one to the last bit, if its budget is one of
steps: a step depends on nothing but its number, the weights and what the optimisers keep.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from masklet.model.compiling import compile_parts
from masklet.model.sam2 import SAM2
from masklet.train.checkpoint import Progress, TrainingState, load_checkpoint
from masklet.train.checkpoint_folder import keep_checkpoint, newest_checkpoint
from masklet.train.clock import is_over, progress_at, seconds_left
from masklet.train.config import Every, TrainConfig
from masklet.train.diary import Write, diary
from masklet.train.export import export_weights
from masklet.train.feed import Feed, StepBatches
from masklet.train.parts import set_to_train
from masklet.train.restoring import without_head
from masklet.train.run_folder import RunFolder
from masklet.train.schedules import factor_at
from masklet.train.step import Learned, LearnedToRestore, Learner, take_step
from masklet.train.used import used_mebibytes

# Steps over which speed is averaged.
_RECENT = 20


@dataclass(frozen=True, slots=True)
class Last:
    """When something between steps was done last."""

    step: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a training stands, besides its weights; saved with every checkpoint."""

    step: int = 0
    """Steps that are done."""
    seconds: float = 0.0
    """That passed, in all runs together."""
    pace: float = 0.0
    """Seconds of a step and what follows it, of late."""
    frames: int = 0
    """That were learned from, in all processes."""
    score: float | None = None
    """The latest,"""
    best: float | None = None
    """and the highest that was saved."""
    saved: Last = Last()
    scored: Last = Last()
    drawn: Last = Last()


@dataclass(frozen=True, slots=True)
class Hooks:
    """What others do while a model trains, in the first process only."""

    told: Callable[[Mapping[str, Any]], None] = lambda _record: None
    """Gets the record of every step and of every validation, after it is written."""
    score: Callable[[SAM2], Mapping[str, float]] | None = None
    """Validates a model in evaluation mode; what is called "score" decides which one is best."""
    draw: Callable[[SAM2, int], None] | None = None
    """Draws what a model in evaluation mode answers, after so many steps."""
    stop: Callable[[], bool] = lambda: False
    """Whether somebody wants an end."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    standing: Standing
    is_done: bool
    """Whether the budget is spent; else somebody wanted an end."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """All that a run works with."""

    learner: Learner
    """New; where the folder has checkpoints it gets what is in the newest one."""
    config: TrainConfig
    feed: Feed
    folder: RunFolder
    """That was begun."""
    hooks: Hooks = Hooks()


def train(work: Work, *, now: Callable[[], float] = time.monotonic) -> Ended:
    """Train until the budget is spent or somebody asks for an end; `now` is a clock in seconds.

    Raises:
        TrainingError: a number is no number; the batch is saved.
        StateError: the checkpoint is of another recipe, or damaged.
        OutputError: a file cannot be written; the last checkpoint stays.
        DatasetError: nothing is left to learn from.
    """
    run, crew = work.config.run, work.learner.crew
    standing = _resumed(work)
    if run.compiles:
        compile_parts(work.learner.model)
    begun, before = now() - standing.seconds, None
    book = diary(work.folder.metrics, steps=standing.step) if crew.is_first else nullcontext(_mute)
    with book as write:
        while True:
            seconds, wants_end = crew.first_says([now() - begun, float(work.hooks.stop())])
            standing = _timed(standing, seconds, before)
            before = seconds
            is_done = is_over(run, standing.step, seconds)
            if is_done or wants_end:
                break
            standing = _stepped(work, standing, write)
            standing = _between(work, standing, write)
        if is_done and standing.scored.step < standing.step:
            standing = _scored(work, standing, write)
        if is_done and standing.drawn.step < standing.step:
            standing = _drawn(work, standing)
        if standing.saved.step < standing.step:
            standing = _saved(work, standing)
    return Ended(standing, is_done)


def _resumed(work: Work) -> Standing:
    path = newest_checkpoint(work.folder.checkpoints)
    if path is None:
        return Standing()
    progress = load_checkpoint(path, _state(work.learner), work.config.recipe)
    fields = dict(progress.position)
    work.feed.go_on(fields.pop("data"))
    for name in ("saved", "scored", "drawn"):
        fields[name] = Last(**fields[name])
    return Standing(**fields)


def _state(learner: Learner) -> TrainingState:
    # No generators: each step seeds its own.
    return TrainingState(learner.model, learner.optimizers, learner.average)


def _timed(standing: Standing, seconds: float, before: float | None) -> Standing:
    """Note the time, and how long the last step took, which began at `before`."""
    pace = standing.pace
    if before is not None:
        # The first steps are slow, and must not count for long.
        pace += (seconds - before - pace) / min(standing.step, _RECENT)
    return replace(standing, seconds=seconds, pace=pace)


def _stepped(work: Work, standing: Standing, write: Write) -> Standing:
    config, learner = work.config, work.learner
    progress = progress_at(config.run, standing.step, standing.seconds)
    given = work.feed.step(standing.step, config.at(progress))
    learned = take_step(
        learner,
        config,
        given.batches,
        step=standing.step,
        progress=progress,
        evidence=work.folder.root,
    )
    frames = learner.crew.size * sum(len(batch.frames_F3SS) for batch in given.batches)
    record = _record(work, standing, given, learned, frames)
    write(record)
    work.hooks.told(record)
    return replace(standing, step=standing.step + 1, frames=standing.frames + frames)


def _record(
    work: Work,
    standing: Standing,
    given: StepBatches,
    learned: Learned | LearnedToRestore,
    frames: int,
) -> dict[str, Any]:  # Any: JSON
    config, step, seconds = work.config, standing.step, standing.seconds
    progress, pace = progress_at(config.run, step, seconds), standing.pace
    return {
        "step": step + 1,
        "progress": progress,
        "seconds": seconds,
        "seconds_left": seconds_left(config.run, step, seconds, pace) if pace > 0 else None,
        "kind": given.kind,
        "side": given.batches[0].side,
        **asdict(learned),
        "learning_rate": config.optim.learning_rate * factor_at(config.schedule, progress),
        "frames": standing.frames + frames,
        "frames_per_second": frames / pace if pace > 0 else None,
        "memory": used_mebibytes(work.learner.crew.device),
        "skipped": work.feed.skipped,
    }


def _between(work: Work, standing: Standing, write: Write) -> Standing:
    """What is due after a step; a model that was validated is saved with its score."""
    run = work.config.run
    if _is_due(run.evaluate, standing.scored, standing):
        standing = _scored(work, standing, write)
    if _is_due(run.sheet, standing.drawn, standing):
        standing = _drawn(work, standing)
    is_new = standing.scored.step == standing.step
    if is_new or _is_due(run.checkpoint, standing.saved, standing):
        standing = _saved(work, standing)
    return standing


def _is_due(every: Every, last: Last, standing: Standing) -> bool:
    return every.is_due(standing.step - last.step, standing.seconds - last.seconds)


def _scored(work: Work, standing: Standing, write: Write) -> Standing:
    here, score = Last(standing.step, standing.seconds), work.hooks.score
    if score is None or not work.learner.crew.is_first:
        return replace(standing, scored=here)
    with _shown(work.learner) as model:
        scores = dict(score(model))
    record = {"step": standing.step, "seconds": standing.seconds, "scores": scores}
    write(record)
    work.hooks.told(record)
    return replace(standing, scored=here, score=scores["score"])


def _drawn(work: Work, standing: Standing) -> Standing:
    draw = work.hooks.draw
    if draw is not None and work.learner.crew.is_first:
        with _shown(work.learner) as model:
            draw(model, standing.step)
    return replace(standing, drawn=Last(standing.step, standing.seconds))


@contextmanager
def _shown(learner: Learner) -> Iterator[SAM2]:
    """The model as others see it: with averaged weights, in evaluation mode, without gradients."""
    average, model = learner.average, learner.model
    with nullcontext() if average is None else average.swapped(model), torch.no_grad():
        model.eval()
        try:
            yield model
        finally:
            set_to_train(model)


def _saved(work: Work, standing: Standing) -> Standing:
    score = standing.score if standing.scored.step == standing.step else None
    is_best = score is not None and (standing.best is None or score > standing.best)
    standing = replace(
        standing,
        best=score if is_best else standing.best,
        saved=Last(standing.step, standing.seconds),
    )
    if not work.learner.crew.is_first:
        return standing
    learner, folder, recipe = work.learner, work.folder, work.config.recipe
    position = asdict(standing) | {"data": work.feed.position}
    progress = Progress(standing.step, recipe, position, score)
    state, kept = _state(learner), work.config.run.kept
    keep_checkpoint(folder.checkpoints, state, progress, last=kept)
    with without_head(learner.model):
        for path in (folder.weights, *([folder.best] if is_best else [])):
            export_weights(learner.model, path, average=learner.average)
    return standing


def _mute(_record: Mapping[str, Any], /) -> None:
    """Only the first process keeps a diary."""
