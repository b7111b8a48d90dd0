"""What a step is fed: batches of one kind on the device, of pictures, of clips or of animated pictures.

Kinds and augmentation are drawn from the number of the step alone. What is drawn from a store on the
device is too; what is read from the disk ahead of time has a place in the data, which is saved.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

import torch

from masklet.data.augment import augment
from masklet.data.batches import ClipBatch, RawClips
from masklet.data.motion import animate
from masklet.data.sampling import seed_of
from masklet.errors import DatasetError
from masklet.train.config import Stage, TrainConfig
from masklet.train.parallel import Crew
from masklet.train.prompting import asked_rows

Kind: TypeAlias = Literal["pictures", "clips", "animated"]

Draw: TypeAlias = Callable[[Kind, Stage, torch.Generator], RawClips]
"""Gives the next clips of a kind, on the device, by a generator there or in an order of its own."""

# Batches without any object that can be asked for, one after another, until that is no accident.
_TRIES = 20

# What seeds of a step are for; apart from those of the step itself.
_KIND, _DATA = 10, 11


@dataclass(frozen=True, slots=True, eq=False)
class StepBatches:
    """The batches of a step, on the device, all of one kind."""

    kind: Kind
    batches: tuple[ClipBatch, ...]


class Feed(Protocol):
    """Where batches come from."""

    @property
    def skipped(self) -> int:
        """How many items could not be read so far and were left out."""

    @property
    def position(self) -> Any:  # Any: JSON
        """The place in the data after the latest step; save it with the model."""

    def go_on(self, position: Any) -> None:  # Any: JSON
        """Continue at a place that `position` said, in a feed that is new."""

    def step(self, step: int, stage: Stage) -> StepBatches:
        """The batches of step `step`, counted from 0, with at least one row each.

        Raises `DatasetError` where there are none.
        """


def step_batches(
    config: TrainConfig, crew: Crew, step: int, stage: Stage, draw: Draw
) -> StepBatches:
    """The batches of a step, each changed as the recipe says; see `Feed.step`."""
    kind = drawn_kind(config, step, stage)
    places = range(config.accumulate)
    batches = (_asked_batch(config, crew, (step, place), kind, stage, draw) for place in places)
    return StepBatches(kind, tuple(batches))


def drawn_kind(config: TrainConfig, step: int, stage: Stage) -> Kind:
    """What a step learns from, the same in all processes."""
    generator = torch.Generator().manual_seed(seed_of(config.seed, step, _KIND))
    picture, animated = torch.rand(2, generator=generator).tolist()
    if picture < stage.picture_share:
        return "pictures"
    return "animated" if animated < config.data.animated else "clips"


def _asked_batch(
    config: TrainConfig,
    crew: Crew,
    numbers: tuple[int, int],
    kind: Kind,
    stage: Stage,
    draw: Draw,
) -> ClipBatch:
    """The first of some batches in which there is anything to ask; `numbers` are step and place."""
    for attempt in range(_TRIES):
        generator = torch.Generator(device=crew.device)
        generator.manual_seed(seed_of(config.seed, *numbers, crew.rank, attempt, _DATA))
        batch = _changed(draw(kind, stage, generator), config, kind, stage, generator)
        if batch.rows:
            return batch
    raise DatasetError(
        f"{_TRIES} batches one after another had no object that could be asked for; expected one "
        "at least now and then. Are all objects smaller than the recipe's smallest or larger than "
        "its largest? Change those, or the augmentation."
    )


def _changed(
    raw: RawClips, config: TrainConfig, kind: Kind, stage: Stage, generator: torch.Generator
) -> ClipBatch:
    """What was drawn, set in motion and augmented as the recipe says for its kind.

    There are as many rows of every picture, and at most so many of every clip.
    """
    data = config.data
    if kind == "animated":
        raw = animate(raw, length=stage.frames, options=data.motion, generator=generator)
    options = data.pictures if kind == "pictures" else data.clips
    batch = augment(raw, options, side=stage.pixels, generator=generator)
    if batch.rows == 0:
        return batch
    return asked_rows(batch, data.prompts) if kind == "pictures" else at_most(batch, data.objects)


def at_most(batch: ClipBatch, objects: int) -> ClipBatch:
    """A batch with the first `objects` rows of every clip; rows of a clip follow one another."""
    clip_B = batch.row_to_frame_TB[0] // batch.length
    counts_V = torch.bincount(clip_B, minlength=batch.clips)
    first_V = counts_V.cumsum(0) - counts_V
    place_B = torch.arange(batch.rows, device=batch.device) - first_V[clip_B]
    # The number of rows decides about shapes, so the host waits here.
    kept_R = (place_B < objects).nonzero()[:, 0]
    return replace(
        batch,
        masks_TBSS=batch.masks_TBSS[:, kept_R],
        known_TB=batch.known_TB[:, kept_R],
        row_to_frame_TB=batch.row_to_frame_TB[:, kept_R],
    )
