"""Batches that are read from the disk ahead of time, for data that do not fit on the device."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from masklet.data.batches import RawClips
from masklet.data.loading import ClipLoader, LoadingOptions, Position
from masklet.data.readings import AnyDataset
from masklet.data.sampling import seed_of
from masklet.train.config import Stage, TrainConfig
from masklet.train.feed import Kind, StepBatches, step_batches
from masklet.train.parallel import Crew

# What tells the seeds of the streams apart.
_SEEDS: dict[Kind, int] = {"pictures": 0, "clips": 1, "animated": 2}


@dataclass(frozen=True, slots=True, eq=False)
class _Stream:
    """Clips of one shape, one batch after another."""

    options: LoadingOptions
    loader: ClipLoader
    clips: Iterator[RawClips]


class LoadedFeed:
    """A `Feed` that has read up to some place in a stream of each kind."""

    def __init__(
        self, datasets: Sequence[AnyDataset], config: TrainConfig, crew: Crew, *, workers: int
    ) -> None:
        self._datasets, self._config, self._crew = datasets, config, crew
        self._workers = workers
        self._streams: dict[Kind, _Stream] = {}
        self._places: dict[Kind, Position] = {}
        self._skipped = 0

    @property
    def skipped(self) -> int:
        """How often an item was drawn that could not be read."""
        return self._skipped + sum(stream.loader.skipped for stream in self._streams.values())

    @property
    def position(self) -> dict[str, list[int]]:
        """The next batch of each stream; see `Feed`."""
        return {kind: [place.epoch, place.step] for kind, place in self._places.items()}

    def go_on(self, position: Mapping[Kind, Any]) -> None:  # Any: JSON
        """Continue there; see `Feed`."""
        self._places = {kind: Position(*place) for kind, place in position.items()}

    def step(self, step: int, stage: Stage) -> StepBatches:
        """The batches of a step. Raises `DatasetError` where there are none."""
        return step_batches(self._config, self._crew, step, stage, self._next)

    def _next(self, kind: Kind, stage: Stage, _generator: torch.Generator) -> RawClips:
        stream = self._stream(kind, stage)
        raw = next(stream.clips).to(self._crew.device)
        self._places[kind] = stream.loader.position
        return raw

    def _stream(self, kind: Kind, stage: Stage) -> _Stream:
        options, stream = self._options(kind, stage), self._streams.get(kind)
        if stream is None or stream.options != options:
            # The stream of a stage that is over goes, and the processes that read for it.
            self._skipped += 0 if stream is None else stream.loader.skipped
            loader = ClipLoader(self._datasets, options, position=self._places.get(kind))
            stream = self._streams[kind] = _Stream(options, loader, iter(loader))
        return stream

    def _options(self, kind: Kind, stage: Stage) -> LoadingOptions:
        data, crew, is_picture = self._config.data, self._crew, kind == "pictures"
        return LoadingOptions(
            side=data.stored_pixels,
            batch=stage.pictures if is_picture else stage.clips,
            objects=data.prompts if is_picture else data.objects,
            length=stage.frames if kind == "clips" else 1,
            smallest=data.smallest,
            sampling=data.sampling,
            seed=seed_of(self._config.seed, _SEEDS[kind]),
            rank=crew.rank,
            ranks=crew.size,
            workers=self._workers,
        )
