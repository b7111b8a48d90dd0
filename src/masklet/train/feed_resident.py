"""Batches from a store on the device: drawn, changed and put together there."""

import torch

from masklet.data.batches import RawClips
from masklet.data.resident import ResidentStore
from masklet.train.config import Stage, TrainConfig
from masklet.train.feed import Kind, StepBatches, step_batches
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
        return step_batches(self._config, self._crew, step, stage, self._drawn)

    def _drawn(self, kind: Kind, stage: Stage, generator: torch.Generator) -> RawClips:
        data, store = self._config.data, self._store
        if kind == "pictures":
            return store.sample(stage.pictures, objects=data.prompts, generator=generator)
        length = 1 if kind == "animated" else stage.frames
        return store.sample(stage.clips, objects=data.objects, length=length, generator=generator)
