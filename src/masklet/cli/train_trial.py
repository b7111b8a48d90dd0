"""The dry run of a training: every kind of step once, its time and its memory, and how long all takes."""

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from masklet.cli.train_screen import clock
from masklet.train.config import Stage, TrainConfig
from masklet.train.feed import Feed
from masklet.train.step import Learner, take_step
from masklet.train.used import used_mebibytes

# The first step of a kind is slow: kernels are chosen, memory is taken.
_WARM, _TIMED = 1, 2


@dataclass(frozen=True, slots=True)
class Trial:
    """Steps of one kind in one stage."""

    stage: Stage
    kind: str
    seconds: float
    """Of a step."""
    frames: int
    """In a step."""
    loss: float
    share: float
    """Of the whole training's time or steps, whatever the budget is one of."""


def try_out(learner: Learner, config: TrainConfig, feed: Feed) -> list[Trial]:
    """Take some steps of every kind; the model is spoilt by it.

    Raises:
        TrainingError: a number is no number.
        DatasetError: there is nothing to learn from.
    """
    ends = [stage.begins for stage in config.stages[1:]] + [1.0]
    trials = []
    for stage, end in zip(config.stages, ends, strict=True):
        for picture_share in (1.0, 0.0):
            chance = stage.picture_share if picture_share else 1 - stage.picture_share
            if chance > 0:
                only = replace(stage, picture_share=picture_share)
                trials.append(_timed(learner, config, feed, only, chance * (end - stage.begins)))
    return trials


def tell_trials(trials: list[Trial], config: TrainConfig, learner: Learner) -> None:
    """Print what was found, and how long the training takes, on standard output."""
    table = Table(box=None, pad_edge=False)
    for heading in ("from", "kind", "side", "frames", "seconds a step", "frames a second", "loss"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for trial in trials:
        table.add_row(
            f"{trial.stage.begins:.0%}",
            trial.kind,
            str(trial.stage.pixels),
            str(trial.frames),
            f"{trial.seconds:.2f}",
            f"{trial.frames / trial.seconds:.1f}",
            f"{trial.loss:.3f}",
        )
    console = Console()
    console.print(table)
    learning = sum(each.numel() for each in learner.model.parameters() if each.requires_grad)
    whole = sum(each.numel() for each in learner.model.parameters())
    memory = used_mebibytes(learner.crew.device)
    used = "unknown" if memory is None else f"{memory / 1024:.1f} GiB"
    console.print(
        f"{learning / 1e6:.2f} of {whole / 1e6:.2f} million numbers learn", highlight=False
    )
    console.print(f"memory at most {used} on {learner.crew.device}", highlight=False)
    console.print(outlook(trials, config), highlight=False)


def outlook(trials: list[Trial], config: TrainConfig) -> str:
    """How long the training takes, or how many steps fit into its time.

    >>> from masklet.train.config import ModelOptions, RunOptions
    >>> config = TrainConfig("x", ModelOptions(weights="x"), run=RunOptions(steps=100))
    >>> outlook([Trial(Stage(), "pictures", 2.0, 8, 1.0, share=1.0)], config)
    'the training takes about 3 min 20 s for 100 steps, besides validation'
    """
    run = config.run
    # Of steps each kind has its share; of time a kind that is slow has fewer steps.
    by_steps = sum(trial.share * trial.seconds for trial in trials)
    told = []
    if run.steps is not None:
        seconds = run.steps * by_steps
        told.append(f"the training takes about {clock(seconds)} for {run.steps:,} steps")
    if run.minutes is not None:
        steps = 60 * run.minutes / by_steps
        told.append(f"about {steps:,.0f} steps fit into {clock(60 * run.minutes)}")
    return f"{'; '.join(told)}, besides validation"


def _timed(learner: Learner, config: TrainConfig, feed: Feed, stage: Stage, share: float) -> Trial:
    with tempfile.TemporaryDirectory() as evidence:
        for step in range(_WARM + _TIMED):
            if step == _WARM:
                begun = time.monotonic()
            given = feed.step(step, stage)
            learned = take_step(
                learner,
                config,
                given.batches,
                step=step,
                progress=0.0,
                evidence=Path(evidence),
            )
        seconds = (time.monotonic() - begun) / _TIMED
    frames = learner.crew.size * sum(len(batch.frames_F3SS) for batch in given.batches)
    return Trial(stage, given.kind, seconds, frames, learned.loss, share)
