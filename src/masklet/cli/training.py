"""One training from the command line: open, begin or go on, train, tell."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import typer

from masklet.cli.interrupts import interrupts
from masklet.cli.progress import reporter
from masklet.cli.train_data import HeldOut, TrainingData, open_data
from masklet.cli.train_plan import TrainPlan
from masklet.cli.train_report import compare_with_after, measure_before
from masklet.cli.train_scoring import restoring_scores, scores_of
from masklet.cli.train_screen import TrainScreen, clock, train_screen
from masklet.cli.train_trial import tell_trials, try_out
from masklet.errors import MaskletError, MissingExtra, TrainingError
from masklet.model.sam2 import SAM2
from masklet.train.building import build_model
from masklet.train.checkpoint_folder import newest_checkpoint
from masklet.train.config import TrainConfig, settled
from masklet.train.diary import read_diary
from masklet.train.feed import Feed
from masklet.train.feed_ahead import drawing_ahead
from masklet.train.feeding import make_feed, prepare_memory
from masklet.train.loop import Ended, Hooks, Work, train
from masklet.train.parallel import Crew, joined_crew
from masklet.train.run_folder import RunFolder
from masklet.train.settings import as_document
from masklet.train.step import make_learner
from masklet.weights.load import load

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Everything that was opened."""

    plan: TrainPlan
    config: TrainConfig
    model: SAM2
    feed: Feed
    held: HeldOut
    crew: Crew
    folder: RunFolder


def train_model(plan: TrainPlan) -> int:
    """Train as the plan says; returns the exit code.

    Raises:
        MaskletError: an option, the data or the weights are bad, a number is no number, or a file
            cannot be written; what was saved before stays, and a remark says how to go on.
    """
    config = plan.config()
    with joined_crew(plan.torch_device()) as crew, _memory_told(crew):
        if crew.device.type == "cuda":
            # What stays in float32 may be rounded to 19 bits before it is multiplied.
            torch.set_float32_matmul_precision("high")
        data = open_data(plan.data, plan.held)
        model = build_model(config, crew.device)
        config = settled(config, model.config.image_size)
        feed = _feed(plan, data, config, crew)
        if plan.is_dry:
            learner = make_learner(model, config, crew)
            trials = try_out(learner, config, feed)
            if crew.is_first:
                tell_trials(trials, config, learner)
            return 0
        run = _Run(plan, config, model, feed, data.held, crew, RunFolder(plan.place))
        return _train(run)


def show_settings(plan: TrainPlan) -> None:
    """Print all settings of the recipe, as `--set` takes them. Raises `TrainingError`."""
    for line in _lines(as_document(plan.config())):
        typer.echo(line)


def _feed(plan: TrainPlan, data: TrainingData, config: TrainConfig, crew: Crew) -> Feed:
    total = sum(len(dataset.items) for dataset in data.datasets)
    with reporter(total, quiet=plan.is_quiet or not crew.is_first) as report:
        if crew.is_first:
            counts = ", ".join(f"{len(each.items):,} of {each.name}" for each in data.datasets)
            for remark in (f"learns from {counts}", _place(crew), *data.remarks):
                report.say(remark)
        feed = make_feed(
            data.datasets,
            config,
            crew,
            cache=plan.cache,
            progress=lambda _done, _total: report.step(),
        )
        if crew.is_first and feed.skipped:
            report.say(f"{feed.skipped:,} items cannot be used; `masklet data check` names them")
    return feed


def _place(crew: Crew) -> str:
    """Where it computes, and why, which nobody may notice otherwise before hours are over."""
    if crew.device.type == "cpu" and not torch.cuda.is_available():
        return "learns on the CPU, as torch finds no GPU here"
    return f"learns on {crew.device}"


def _train(run: _Run) -> int:
    if run.crew.is_first:
        # Not before everything else was opened: bad input leaves no empty folder behind.
        run.folder.begin(run.config, resumes=run.plan.resumes)
    run.crew.wait()
    is_quiet = run.plan.is_quiet or not run.crew.is_first
    with interrupts("step") as interrupt, _hint_of_resuming(run):
        wants_end = lambda: interrupt.wanted  # noqa: E731 - what hooks take
        ended = _learn(run, wants_end, is_quiet=is_quiet)
        if run.crew.is_first and ended.is_done:
            _tell(run, ended)
            _compare(run, wants_end)
    if run.crew.is_first and not ended.is_done:
        _say_stopped(run, ended)
    return 0 if ended.is_done else INTERRUPTED


def _learn(run: _Run, wants_end: Callable[[], bool], *, is_quiet: bool) -> Ended:
    config, crew = run.config, run.crew
    with train_screen(is_quiet=is_quiet) as screen:
        if crew.is_first and _is_compared(run):
            screen.say(f"measures the weights {config.model.weights} first")
            run.model.eval()
            measure_before(run.folder.root, run.model, run.held, stop=wants_end)
        if newest_checkpoint(run.folder.checkpoints) is None:
            prepare_memory(run.model, config, run.feed)
        learner = make_learner(run.model, config, crew)
        hooks = _hooks(run, screen, wants_end)
        with drawing_ahead(run.feed, crew.device) as feed:
            return train(Work(learner, config, feed, run.folder, hooks))


def _is_compared(run: _Run) -> bool:
    """Whether there are answers that a training could have made better."""
    is_asked = run.config.restore is None
    return is_asked and bool(run.held.pictures) and run.config.model.weights is not None


def _hooks(run: _Run, screen: TrainScreen, wants_end: Callable[[], bool]) -> Hooks:
    held, restoring, sheets = run.held, run.config.restore, run.folder.root / "sheets"
    side = run.config.stages[-1].pixels

    def score(model: SAM2) -> Mapping[str, float]:
        if restoring is not None:
            return restoring_scores(model, held, restoring, side=side)
        return scores_of(model, held)

    def draw(model: SAM2, step: int) -> None:
        try:
            from masklet.cli.train_drawing import write_curves, write_restored, write_sheet
        except MissingExtra as error:
            screen.say(f"nothing is drawn: {error}")
            return
        write_curves(run.folder.root / "curves.png", read_diary(run.folder.metrics))
        if restoring is not None and held:
            write_restored(sheets, model, held, restoring, step=step, side=side)
        elif held.pictures:
            write_sheet(sheets, model, held, step=step)

    return Hooks(screen.told, score if held else None, draw, wants_end)


def _tell(run: _Run, ended: Ended) -> None:
    standing, weights = ended.standing, run.folder.weights
    best = "" if standing.best is None else f", the best score was {standing.best:.3f}"
    typer.echo(f"{standing.step:,} steps in {clock(standing.seconds)}{best}")
    typer.echo(f"{weights}")
    if run.config.restore is None:
        typer.echo(f"use them: masklet segment photo.jpg --model {weights}")
    else:
        typer.echo(f"begin a training with them: masklet train small_image --init {weights}")


def _compare(run: _Run, wants_end: Callable[[], bool]) -> None:
    """Before and after, from the file that others will load."""
    if _is_compared(run):
        model = load(run.folder.weights, device=run.crew.device, dtype="float32")
        compare_with_after(run.folder.root, model, run.held, stop=wants_end)


def _say_stopped(run: _Run, ended: Ended) -> None:
    steps = f"{ended.standing.step:,} steps are saved"
    typer.echo(f"masklet: stopped: {steps}; go on with: {run.plan.resuming}", err=True)


@contextmanager
def _hint_of_resuming(run: _Run) -> Iterator[None]:
    """Say how to go on if the block is ended early by bad numbers, the disk or a second Ctrl-C."""
    try:
        yield
    except (MaskletError, KeyboardInterrupt):
        newest = newest_checkpoint(run.folder.checkpoints)
        if run.crew.is_first and newest is not None:
            typer.echo(f"masklet: {newest} is kept; go on with: {run.plan.resuming}", err=True)
        raise


@contextmanager
def _memory_told(crew: Crew) -> Iterator[None]:
    """What torch says of memory that is not there, with what helps."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        first = str(error).splitlines()[0]
        raise TrainingError(
            f"the memory of {crew.device} is not enough: {first} Expected room for a batch. Make "
            "batches smaller (--set stages.0.pictures=..., stages.0.clips=..., data.prompts=...) "
            "and steps of several (accumulate=...), or set checkpoints_blocks=true, lora.rank=8 or "
            "a smaller stages.0.side."
        ) from error


def _lines(document: Any, start: str = "") -> Iterator[str]:  # Any: JSON
    """Every setting as `key=value`."""
    if isinstance(document, dict) and document:
        for key, value in document.items():
            yield from _lines(value, f"{start}{key}.")
    elif isinstance(document, list) and document and isinstance(document[0], dict):
        for number, value in enumerate(document):
            yield from _lines(value, f"{start}{number}.")
    else:
        yield f"{start.removesuffix('.')}={_shown(document)}"


def _shown(value: Any) -> str:  # Any: JSON
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return ",".join(_shown(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value)
