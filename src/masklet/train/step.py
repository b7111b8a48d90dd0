"""One step of training: batches, answers, loss, gradient, optimisers, average.

What is answered are simulated users, or, while a model is warmed up, what is missing of pictures.

Everything random in a step is drawn from its number, so that a step that is made again is the same,
whatever came before it in this process.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parametrize
from torch.optim import Optimizer

from masklet.data.batches import ClipBatch
from masklet.data.sampling import seed_of
from masklet.model.sam2 import SAM2
from masklet.train.config import TrainConfig
from masklet.train.ema import Average
from masklet.train.guard import require_finite
from masklet.train.kept_features import KeptFeatures
from masklet.train.losses import LossReport
from masklet.train.optim import make_optimizers, set_learning_rates
from masklet.train.parallel import Crew
from masklet.train.parts import set_to_train
from masklet.train.prompting import draw_plan
from masklet.train.restoring import RestoreReport, restore, restoring_loss
from masklet.train.schedules import factor_at
from masklet.train.unroll import unroll, unrolled_loss

# What the seeds of a step are for.
_LAYERS, _PLAN, _PLACES = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """A model that learns, and what it learns with."""

    model: SAM2
    optimizers: tuple[Optimizer, ...]
    average: Average | None
    crew: Crew
    kept: KeptFeatures | None = None
    """What a frozen image encoder saw."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What a step was like, as numbers on the host: means over its batches and all processes."""

    loss: float
    focal: float
    dice: float
    iou: float
    object_score: float
    reached: float
    """The mean IoU of the masks that were shown."""
    gradient: float
    """The length of the gradient before it was clipped."""
    objects: float
    """Rows of which something is known, in every process."""


@dataclass(frozen=True, slots=True)
class LearnedToRestore:
    """What a step was like that restored pictures, as numbers on the host; means likewise."""

    loss: float
    restored: float
    """Which share of the error of blank squares is gone; below 0 the guess is worse than those."""
    gradient: float
    """The length of the gradient before it was clipped."""


def make_learner(model: SAM2, config: TrainConfig, crew: Crew) -> Learner:
    """What trains a model, which is on the device of the crew, by a recipe.

    Raises:
        TrainingError: the recipe freezes parameters that there are not, or all of them.
    """
    optimizers = make_optimizers(model, config.optim)
    crew.begin_alike([*model.parameters(), *model.buffers()])
    average = None if config.average is None else Average(model, decay=config.average)
    set_to_train(model)
    budget_bytes = int(config.run.kept_features_gib * 2**30)
    kept = KeptFeatures(budget_bytes) if budget_bytes else None
    return Learner(model, optimizers, average, crew, kept)


def take_step(
    learner: Learner,
    config: TrainConfig,
    batches: Sequence[ClipBatch],
    *,
    step: int,
    progress: float,
    evidence: Path,
) -> Learned | LearnedToRestore:
    """Learn from some batches of one kind.

    Args:
        learner: whose weights, optimisers and average change.
        config: the recipe.
        batches: with rows, on the device; all have the same length and as many rows.
        step: its number, counted from 0, the same in all processes.
        progress: the share of the training that is done, which decides the learning rate.
        evidence: a folder that exists, for the batch if a number is no number.

    Raises:
        TrainingError: the loss or the gradient is not finite; the weights are as before.
    """
    crew = learner.crew
    set_learning_rates(learner.optimizers, factor_at(config.schedule, progress))
    torch.manual_seed(seed_of(config.seed, step, crew.rank, _LAYERS))
    known = torch.stack([batch.known_TB.any(dim=0).sum() for batch in batches])
    objects = crew.mean(known.float().mean()).clamp(min=1)
    reports = []
    # The fused attention of CPUs takes longer on many small windows than plain products; what is
    # computed again in the backward pass has to be computed in the same way.
    plain = sdpa_kernel(SDPBackend.MATH) if crew.device.type == "cpu" else nullcontext()
    with plain:
        for place, batch in enumerate(batches):
            report = batch_loss(learner, config, batch, objects, step=step, place=place)
            (report.total / len(batches)).backward()
            reports.append(report)
    parameters = [each for each in learner.model.parameters() if each.requires_grad]
    crew.average_gradients(parameters)
    norm = nn.utils.clip_grad_norm_(parameters, config.clip_norm)
    for report, batch in zip(reports, batches, strict=True):
        require_finite({"loss": report.total}, batch, step=step, folder=evidence)
    require_finite({"length of the gradient": norm}, batches[0], step=step, folder=evidence)
    for optimizer in learner.optimizers:
        optimizer.step()
        optimizer.zero_grad()
    if learner.average is not None:
        learner.average.update(learner.model)
    return _learned(reports, norm, objects, crew)


def batch_loss(
    learner: Learner,
    config: TrainConfig,
    batch: ClipBatch,
    objects: Tensor,
    *,
    step: int,
    place: int = 0,
) -> LossReport | RestoreReport:
    """What the answers to simulated users of a batch cost, or the guesses at missing squares.

    Args:
        learner: whose model answers.
        config: the recipe.
        batch: on the device, with rows.
        objects: 0-d, what all sums are divided by.
        step: that the batch is of, and
        place: its number there, from which everything random is drawn.
    """
    rank, model, kept = learner.crew.rank, learner.model, learner.kept
    generator = torch.Generator(device=batch.device)
    generator.manual_seed(seed_of(config.seed, step, place, rank, _PLACES))
    if config.restore is not None:
        with computing(config, batch.device):
            restored = restore(model, batch.frames_F3SS, config.restore, generator=generator)
        return restoring_loss(restored)
    # Alike in all processes, which then do the same work at the same time.
    alike = torch.Generator().manual_seed(seed_of(config.seed, step, place, _PLAN))
    options = config.picture_prompts if batch.length == 1 else config.clip_prompts
    plan = draw_plan(options, frames=batch.length, rows=batch.rows, generator=alike)
    with computing(config, batch.device):
        features = None if kept is None else kept.features(model, batch.frames_F3SS)
        unrolled = unroll(
            model, batch, plan, generator=generator, options=config.unroll, features=features
        )
    return unrolled_loss(unrolled, batch, config.losses, config.rules, objects=objects)


@contextmanager
def computing(config: TrainConfig, device: torch.device) -> Iterator[None]:
    """Meanwhile products are made in the precision of a recipe, and adapted weights only once."""
    is_narrow = config.precision == "bfloat16"
    # What is computed again has to find what it found the first time: no weights that are kept.
    repeats = config.checkpoints_blocks or config.unroll.checkpoints_decodes
    with (
        torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_narrow),
        nullcontext() if repeats else parametrize.cached(),
    ):
        yield


def _learned(
    reports: Sequence[LossReport | RestoreReport], norm: Tensor, objects: Tensor, crew: Crew
) -> Learned | LearnedToRestore:
    table = torch.stack([torch.stack(_numbers(report)) for report in reports])
    means = crew.mean(table.detach().mean(dim=0))
    # The one place of a step where the host waits for the device besides the guard.
    told = torch.cat([means, torch.stack([norm, objects])]).tolist()
    if isinstance(reports[0], LossReport):
        return Learned(*told)
    loss, blank, gradient, _ = told
    return LearnedToRestore(loss, restored=1 - loss / blank if blank else 0.0, gradient=gradient)


def _numbers(report: LossReport | RestoreReport) -> list[Tensor]:
    match report:
        case LossReport():
            terms = [report.focal, report.dice, report.iou, report.object_score]
            return [report.total, *terms, report.reached]
        case RestoreReport():
            return [report.total, report.blank]
