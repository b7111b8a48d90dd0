"""All that a resident store holds: small pictures, packed masks, and what can be drawn of them.

Shapes: I items, P stored frames (those of an item one after another), O objects (likewise), M stored
masks (of every object its item's frames one after another), S side, C = S / 8 bytes of a row of a mask.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from masklet.data.readings import AnyDataset, Contents, contents_of, origin_of, read_clip
from masklet.data.records import Clip, Kind, Picture, Problem
from masklet.errors import DatasetError, MaskletError

KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of objects by their number in a shelf."""


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """Items of datasets, small and ready. All tensors are on one device."""

    frames_P3SS: Tensor
    """uint8 RGB."""
    bits_MSC: Tensor
    """uint8: eight pixels of a mask, the first one lowest."""
    known_M: Tensor
    """bool: whether the mask was annotated."""
    seen_M: Tensor
    """bool: whether the object is visible there."""
    first_frame_I: Tensor
    """int64, like all places and numbers below."""
    length_I: Tensor
    """How many frames it has."""
    window_I: Tensor
    """How many frames the longest clip has that can be drawn of it."""
    source_I: Tensor
    """Places in `sources`."""
    first_object_I: Tensor
    objects_I: Tensor
    """How many it has."""
    first_mask_O: Tensor
    last_O: Tensor
    """The last frame of its item on which something is known of it."""
    parent_O: Tensor
    """The place in its item of the object that it is a part of, -1 for none."""
    kind_O: Tensor
    """Places in `KINDS`."""
    share_O: Tensor
    """float32: of the frame that it covers, on the mean of the frames that show it."""
    names: tuple[str, ...]
    """Of the items."""
    sources: tuple[str, ...]
    problems: tuple[Problem, ...]
    """Items that could not be used."""
    specks: int
    """How many objects were left out because they are too small."""

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by their names."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def to(self, device: torch.device | str) -> "Shelf":
        """The same on a device."""
        moved: dict[str, Any] = {}  # Any: what `replace` takes by name
        for name, value in self.tensors().items():
            moved[name] = value.to(device)
        return replace(self, **moved)

    @property
    def bytes(self) -> int:
        """What the tensors take on their device."""
        return sum(value.nbytes for value in self.tensors().values())


def fill_shelf(
    datasets: Sequence[AnyDataset],
    *,
    side: int,
    smallest: float,
    workers: int,
    progress: Callable[[int, int], None],
) -> Shelf:
    """Read all items of some datasets; what is broken is left out and told.

    Args:
        datasets: pictures and clips.
        side: of the squares that frames are stretched to, a multiple of 8.
        smallest: objects that never cover as many pixels of a square are left out.
        workers: processes that read; with 0 it is done here.
        progress: told how many items are read, and of how many.

    Raises:
        DatasetError: the side is no multiple of 8, or no item can be used.
    """
    if side < 8 or side % 8:
        raise DatasetError(
            f"pictures were to be stored with a side of {side}; expected a multiple of 8, since "
            "masks are stored in whole bytes. Choose another one."
        )
    jobs = [(item, dataset.name) for dataset in datasets for item in dataset.items]
    filling = _Filling(side, sum(_frames_of(item) for item, _ in jobs))
    for number, result in enumerate(_all_read(_Reading(jobs, side, smallest), workers)):
        filling.add(result)
        progress(number + 1, len(jobs))
    return filling.done()


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """An item that was read; arrays, because torch would pass tensors on through shared memory."""

    source: str
    contents: Contents
    frames_P3SS: npt.NDArray[np.uint8]
    bits_MSC: npt.NDArray[np.uint8]


class _Reading(TorchDataset[_Item | Problem]):
    """Reads items, in any process."""

    def __init__(
        self, jobs: Sequence[tuple[Clip | Picture, str]], side: int, smallest: float
    ) -> None:
        self._jobs, self._side, self._smallest = jobs, side, smallest

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, number: int) -> _Item | Problem:
        item, dataset = self._jobs[number]
        try:
            origin = origin_of(item, dataset)
            contents = contents_of(item, origin, side=self._side, smallest=self._smallest)
            read = read_clip(
                item,
                contents,
                frames=range(len(contents.frames)),
                objects=range(len(contents.object_ids)),
                side=self._side,
            )
        except MaskletError as error:
            return Problem(item.name, dataset, str(error))
        masks_OTSS = read.masks_VTKHW[0].transpose(0, 1).numpy()
        bits = np.packbits(masks_OTSS, axis=-1, bitorder="little")
        return _Item(
            source=origin.source,
            contents=contents,
            frames_P3SS=read.frames_VT3HW[0].numpy(),
            bits_MSC=bits.reshape(-1, *bits.shape[2:]),
        )


def _all_read(reading: _Reading, workers: int) -> Iterator[_Item | Problem]:
    """In order."""
    loader: DataLoader[_Item | Problem] = DataLoader(
        reading,
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        # Its own, so that the numbers that others draw stay what they are.
        generator=torch.Generator(),
        # A fork of a process in which torch has begun threads may hang.
        multiprocessing_context="spawn" if workers else None,
    )
    yield from loader


def _as_it_is(item: Any) -> Any:  # Any: what torch says it hands over
    return item


class _Filling:
    """A shelf that is being filled, in the order of the items."""

    def __init__(self, side: int, most_frames: int) -> None:
        # Put in place at once: a list of frames and what it is joined to would take twice the room.
        self._frames_P3SS = torch.empty((most_frames, 3, side, side), dtype=torch.uint8)
        self._used = 0
        self._items: list[tuple[str, Contents]] = []
        self._bits: list[Tensor] = []
        self._problems: list[Problem] = []

    def add(self, result: _Item | Problem) -> None:
        if isinstance(result, Problem):
            self._problems.append(result)
            return
        end = self._used + len(result.frames_P3SS)
        self._frames_P3SS[self._used : end] = torch.from_numpy(result.frames_P3SS)
        self._used = end
        self._items.append((result.source, result.contents))
        self._bits.append(torch.from_numpy(result.bits_MSC))

    def done(self) -> Shelf:
        if not self._items:
            first = f" ({str(self._problems[0]).rstrip('.')})" if self._problems else ""
            raise DatasetError(
                f"none of {len(self._problems)} items can be used{first}; expected pictures or clips "
                "with masks. Check the data with `masklet data check`."
            )
        contents = [each for _, each in self._items]
        sources = tuple(dict.fromkeys(source for source, _ in self._items))
        numbers = {source: number for number, source in enumerate(sources)}
        lengths = [len(each.frames) for each in contents]
        objects = [len(each.object_ids) for each in contents]
        of_object = [each.shares_ON.shape[1] for each in contents for _ in each.object_ids]
        shares_M = torch.cat([each.shares_ON.flatten() for each in contents])
        return Shelf(
            frames_P3SS=self._frames_P3SS[: self._used],
            bits_MSC=torch.cat(self._bits),
            known_M=shares_M >= 0,
            seen_M=shares_M > 0,
            first_frame_I=_starts(lengths),
            length_I=torch.tensor(lengths),
            window_I=torch.tensor([each.longest_window for each in contents]),
            source_I=torch.tensor([numbers[source] for source, _ in self._items]),
            first_object_I=_starts(objects),
            objects_I=torch.tensor(objects),
            first_mask_O=_starts(of_object),
            last_O=torch.cat([each.last_O for each in contents]),
            parent_O=torch.tensor([parent for each in contents for parent in each.parents]),
            kind_O=torch.tensor([KINDS.index(kind) for each in contents for kind in each.kinds]),
            share_O=torch.cat([each.mean_share_O for each in contents]),
            names=tuple(each.name for each in contents),
            sources=sources,
            problems=tuple(self._problems),
            specks=sum(each.specks for each in contents),
        )


def _starts(counts: Sequence[int]) -> Tensor:
    """Where each of some groups begins that follow one another."""
    counted = torch.tensor(counts)
    return counted.cumsum(0) - counted


def _frames_of(item: Clip | Picture) -> int:
    return len(getattr(item, "annotated", (0,)))
