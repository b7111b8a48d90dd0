"""Feed training from disk, with processes that read ahead: for data that do not fit on the device.

Every clip of every batch is drawn from a seed of its own, made of the seed of the run, the epoch, the
step, the rank and the place in the batch. So a run that goes on where another one ended sees what
that one would have seen, however many processes read.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from masklet.data.batches import RawClips, joined
from masklet.data.draws import Draws
from masklet.data.readings import (
    AnyDataset,
    Contents,
    contents_of,
    is_picture,
    origin_of,
    read_clip,
    tables_of,
)
from masklet.data.records import Clip, Picture, Problem
from masklet.data.sampling import SamplingOptions, draw_items, draw_windows, item_weights, seed_of
from masklet.errors import DatasetError, MaskletError

_log = logging.getLogger(__name__)

# As many items in a row that cannot be used mean that something else is wrong.
_MOST_TRIES = 100

# What is known of a clip without reading it again; a few kilobytes each.
_MOST_CONTENTS = 4096


@dataclass(frozen=True, slots=True)
class LoadingOptions:
    """What a loader gives."""

    side: int
    """Of the squares that frames are stretched to."""
    batch: int
    """Clips in a batch, of each rank."""
    objects: int
    """Of each clip at most; what is missing is not known."""
    length: int = 1
    """Frames of each clip."""
    smallest: float = 1.0
    """Objects that never cover as many pixels of a square are left out."""
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    seed: int = 0
    rank: int = 0
    """Which of the processes that train together this is."""
    ranks: int = 1
    """How many they are."""
    workers: int = 0
    """Processes that read ahead; with 0 this one reads."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run is in its data: the batch that comes next."""

    epoch: int = 0
    step: int = 0


class ClipLoader:
    """Batches of clips without end, in an order that depends on the options only.

    >>> from pathlib import Path
    >>> from masklet.data.records import Dataset
    >>> from masklet.data.scenes.tiny import tiny_clips
    >>> tiny = Dataset("tiny", Path(), "generated", tiny_clips())
    >>> loader = ClipLoader([tiny], LoadingOptions(side=32, batch=1, objects=2, length=3))
    >>> next(iter(loader)).frames_VT3HW.shape, loader.position
    (torch.Size([1, 3, 3, 32, 32]), Position(epoch=0, step=1))
    """

    def __init__(
        self,
        datasets: Sequence[AnyDataset],
        options: LoadingOptions,
        *,
        position: Position | None = None,
    ) -> None:
        """List what can be drawn.

        Args:
            datasets: pictures and clips.
            options: what is drawn of them, and how.
            position: the first batch, for a run that goes on.

        Raises:
            DatasetError: no item can be used.
        """
        self.position = position or Position()
        """The next batch; save it with the model, after the step that used the last one."""
        self.problems: dict[str, Problem] = {}
        """Items that could not be used so far, by dataset and name."""
        self.skipped = 0
        """How often such an item was drawn."""
        self.specks: dict[str, int] = {}
        """How many objects were left out because they are too small, by item."""
        self._options = options
        self._drawn = _DrawnClips(datasets, options)
        everywhere = options.batch * options.ranks
        self.steps_per_epoch = max(1, len(self._drawn.items) // everywhere)
        """Steps after which as many clips were drawn by all ranks as there are items."""

    def __iter__(self) -> Iterator[RawClips]:
        """Batches from `position` on."""
        options = self._options
        loader: DataLoader[_Loaded] = DataLoader(
            self._drawn,
            batch_sampler=_Places(options.batch, self.position, self.steps_per_epoch),
            num_workers=options.workers,
            collate_fn=_collated,
            # Its own, so that the numbers that others draw stay what they are.
            generator=torch.Generator(),
            pin_memory=torch.cuda.is_available(),
            # A fork of a process in which torch has begun threads may hang.
            multiprocessing_context="spawn" if options.workers else None,
        )
        for loaded in loader:
            clips = self._noted(loaded)
            # Before it is used, since what is saved after the step is where the next run begins.
            self.position = _after(self.position, self.steps_per_epoch)
            yield clips

    def _noted(self, loaded: "_Loaded") -> RawClips:
        """The clips of a batch; what was wrong on the way to them is told and counted."""
        for problem in loaded.problems:
            self.skipped += 1
            key = f"{problem.where}: {problem.item}"
            if key not in self.problems:
                _log.warning("left out of training: %s", problem)
            self.problems[key] = problem
        self.specks.update(loaded.specks)
        if loaded.clips is None:
            raise DatasetError(
                f"{_MOST_TRIES} items in a row could not be used "
                f"({str(loaded.problems[-1]).rstrip('.')}); expected data most of which can be read. "
                "Check them with `masklet data check`."
            )
        return loaded.clips


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a batch of a run."""

    epoch: int
    step: int
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """What was read for a place, or for all places of a batch."""

    clips: RawClips | None
    """None where nothing could be read."""
    problems: tuple[Problem, ...]
    """What was drawn before and could not be used."""
    specks: dict[str, int]

    def pin_memory(self) -> "_Loaded":
        """Torch calls this where a device can copy from pinned memory on its own."""
        return replace(self, clips=self.clips and self.clips.pin_memory())


class _Places(Sampler[list[_Place]]):
    """The places of one batch after another, without end."""

    def __init__(self, batch: int, position: Position, steps_per_epoch: int) -> None:
        self._batch, self._position, self._steps = batch, position, steps_per_epoch

    def __iter__(self) -> Iterator[list[_Place]]:
        position = self._position
        while True:
            epoch, step = position.epoch, position.step
            yield [_Place(epoch, step, number) for number in range(self._batch)]
            position = _after(position, self._steps)


class _DrawnClips(TorchDataset[_Loaded]):
    """The clip that belongs to a place, drawn and read in any process."""

    def __init__(self, datasets: Sequence[AnyDataset], options: LoadingOptions) -> None:
        self.items: tuple[tuple[Clip | Picture, str], ...] = tuple(
            (item, dataset.name) for dataset in datasets for item in dataset.items
        )
        self._options = options
        numbers: dict[str, int] = {}
        sources = [numbers.setdefault(_source_of(*each), len(numbers)) for each in self.items]
        can_I = torch.tensor([len(_frames_of(item)) >= options.length for item, _ in self.items])
        if not can_I.any():
            raise DatasetError(
                f"none of {len(self.items)} items has {options.length} annotated frames; expected "
                "one at least. Add data, or ask for shorter clips."
            )
        power = options.sampling.source_power
        self._weights_I = item_weights(torch.tensor(sources), can_I, power)
        self._contents: dict[int, Contents] = {}

    def __getitem__(self, place: _Place) -> _Loaded:
        options, problems = self._options, list[Problem]()
        where = options.seed, place.epoch, place.step, options.rank, place.number
        while len(problems) < _MOST_TRIES:
            generator = torch.Generator().manual_seed(seed_of(*where, len(problems)))
            draws = Draws(generator, torch.device("cpu"))
            number = int(draw_items(self._weights_I, 1, draws))
            item, dataset = self.items[number]
            try:
                contents = self._contents_of(number)
                clips = self._drawn(item, contents, draws)
            except MaskletError as error:
                problems.append(Problem(item.name, dataset, str(error)))
                continue
            specks = {f"{dataset}: {item.name}": contents.specks} if contents.specks else {}
            return _Loaded(clips, tuple(problems), specks)
        return _Loaded(None, tuple(problems), {})

    def _drawn(self, item: Clip | Picture, contents: Contents, draws: Draws) -> RawClips:
        options = self._options
        if contents.longest_window < options.length:
            raise DatasetError(
                f"the longest stretch in which an object of {item.name} is annotated has "
                f"{contents.longest_window} frames; expected {options.length}. Ask for shorter "
                "clips, or leave it out."
            )
        window = draw_windows(
            tables_of(contents, options.sampling),
            length=options.length,
            objects=options.objects,
            options=options.sampling,
            draws=draws,
        )
        return read_clip(
            item,
            contents,
            frames=window.frames_VT[0].tolist(),
            objects=window.objects_VK[0].tolist(),
            side=options.side,
        )

    def _contents_of(self, number: int) -> Contents:
        """Those of a clip are kept, because all its annotations are read for them."""
        if number in self._contents:
            return self._contents[number]
        item, dataset = self.items[number]
        options = self._options
        origin = origin_of(item, dataset)
        contents = contents_of(item, origin, side=options.side, smallest=options.smallest)
        if not is_picture(item):
            if len(self._contents) == _MOST_CONTENTS:
                self._contents.pop(next(iter(self._contents)))
            self._contents[number] = contents
        return contents


def _collated(places: Sequence[_Loaded]) -> _Loaded:
    """One batch; without clips if any place has none."""
    clips = [place.clips for place in places if place.clips is not None]
    return _Loaded(
        clips=joined(clips) if len(clips) == len(places) else None,
        problems=tuple(problem for place in places for problem in place.problems),
        specks={name: count for place in places for name, count in place.specks.items()},
    )


def _after(position: Position, steps_per_epoch: int) -> Position:
    if position.step + 1 < steps_per_epoch:
        return Position(position.epoch, position.step + 1)
    return Position(position.epoch + 1, 0)


def _source_of(item: Clip | Picture, dataset: str) -> str:
    """Of what cannot be read, the dataset; what is wrong is told when it is drawn."""
    try:
        return origin_of(item, dataset).source
    except DatasetError:
        return dataset


def _frames_of(item: Clip | Picture) -> Sequence[int]:
    return (0,) if is_picture(item) else cast("Clip", item).annotated
