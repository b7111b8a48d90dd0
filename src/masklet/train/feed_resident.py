"""Batches from a store on the device: drawn, changed and put together there."""

import torch

from masklet.data.batches import ClipBatch, RawClips
from masklet.data.resident import ResidentStore
from masklet.train.config import Stage, TrainConfig
from masklet.train.feed import (
    TRIES,
    Kind,
    StepBatches,
    changed,
    drawn_kind,
    generator_of,
    nothing_to_ask,
)
from masklet.train.parallel import Crew


class ResidentFeed:
    """A `Feed` without a place in the data: a step's number is all that its batches depend on."""

    position = None

    def __init__(self, store: ResidentStore, config: TrainConfig, crew: Crew) -> None:
        self._store, self._config, self._crew = store, config, crew

    @property
    def skipped(self) -> int:
        """Items that could not be read when the store was made."""
        return len(self._store.shelf.problems)

    def go_on(self, position: None) -> None:
        """Nothing has to be done."""

    def step(self, step: int, stage: Stage) -> StepBatches:
        """The batches of a step. Raises `DatasetError` where there are none."""
        kind = drawn_kind(self._config, step, stage)
        places = range(self._config.accumulate)
        return StepBatches(kind, tuple(self._batch(step, place, kind, stage) for place in places))

    def _batch(self, step: int, place: int, kind: Kind, stage: Stage) -> ClipBatch:
        config, device = self._config, self._store.device
        for attempt in range(TRIES):
            generator = generator_of(
                config, self._crew, step=step, place=place, attempt=attempt, device=device
            )
            raw = self._drawn(kind, stage, generator)
            batch = changed(raw, config, kind, stage, generator)
            if batch.rows:
                return batch
        raise nothing_to_ask()

    def _drawn(self, kind: Kind, stage: Stage, generator: torch.Generator) -> RawClips:
        data, store = self._config.data, self._store
        if kind == "pictures":
            return store.sample(stage.pictures, objects=data.prompts, generator=generator)
        length = 1 if kind == "animated" else stage.frames
        return store.sample(stage.clips, objects=data.objects, length=length, generator=generator)
