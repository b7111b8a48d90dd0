"""The data that `masklet train` learns from, and what it is measured on."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from masklet.cli.eval_plan import are_clips, spread
from masklet.data.catalog import open_dataset
from masklet.data.known import Layout
from masklet.data.layouts import detect_layout, tars_in
from masklet.data.packs import open_cutout_pack
from masklet.data.readings import AnyDataset
from masklet.data.records import Clip, ImageDataset, Picture, VideoDataset
from masklet.errors import DatasetError

_MOST_PICTURES, _MOST_CLIPS = 60, 8
"""How much is measured on while a training goes on."""
# Of pictures without anything to measure on, every so many-th is kept back, if there are enough.
_EVERY, _ENOUGH = 5, 10
_HELD_OUT = "val"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What is never learned from."""

    name: str
    pictures: tuple[Picture, ...] = ()
    clips: tuple[Clip, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.pictures or self.clips)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Everything that was opened."""

    datasets: tuple[AnyDataset, ...]
    held: HeldOut
    remarks: tuple[str, ...]
    """What people should know."""


def open_data(data: Sequence[str], held: str | None) -> TrainingData:
    """Open what is learned from and what is measured on.

    Args:
        data: paths, patterns of paths, and names of datasets.
        held: what is measured on; None: validation packs beside the training packs, or else every
            fifth picture.

    Raises:
        DatasetError: something is missing or unknown, or there is nothing to learn from.
    """
    remarks: list[str] = []
    datasets: list[AnyDataset] = []
    validation: list[AnyDataset] = []
    for dataset in _opened(data, remarks):
        is_held = _is_pack(dataset) and dataset.name.startswith(_HELD_OUT)
        (validation if is_held else datasets).append(dataset)
    if not datasets:
        raise DatasetError(
            "there is nothing to learn from; expected --data with a dataset, a folder of pictures "
            "and masks, or packs. Give at least one."
        )
    if held is not None:
        validation = _opened([held], remarks)
    if validation:
        return TrainingData(tuple(datasets), _held_out(validation), tuple(remarks))
    kept, parted = _parted(datasets)
    remarks.append(_told(parted))
    return TrainingData(kept, parted, tuple(remarks))


@dataclass(frozen=True, slots=True)
class _Place:
    """One thing that is opened by itself."""

    source: str
    """A path, or the name of a dataset."""
    layout: Layout | None = None
    """Of a tar."""

    @property
    def path(self) -> Path:
        return Path(self.source).expanduser().absolute()


def _opened(texts: Sequence[str], remarks: list[str]) -> list[AnyDataset]:
    """All datasets in their order; photos for backgrounds, wherever they are, serve all cut-outs."""
    sources = [source for text in texts for source in _matching(text)]
    places = [place for source in sources for place in _places(source, remarks)]
    backgrounds = [place.path for place in places if place.layout == "background-pack"]
    if backgrounds and all(place.layout != "cutout-pack" for place in places):
        names = ", ".join(path.name for path in backgrounds)
        remarks.append(f"passed over, since there are no cut-outs: {names}")
    return [_of_place(each, backgrounds) for each in places if each.layout != "background-pack"]


def _matching(text: str) -> list[str]:
    """The paths that a pattern means; a path or a name means itself."""
    if not any(letter in text for letter in "*?["):
        return [text]
    found = sorted(glob.glob(str(Path(text).expanduser())))  # noqa: PTH207 - any kind of path
    if not found:
        raise DatasetError(
            f"no path matches {text}; expected a pattern such as packs/images-*.tar. Check it."
        )
    return found


def _places(source: str, remarks: list[str]) -> list[_Place]:
    """What a source holds; of a folder of tars what is no pack is passed over and told."""
    path = Path(source).expanduser()
    if path.suffix.lower() == ".tar":
        return [_Place(source, detect_layout(path))]
    tars = tars_in(path) if path.is_dir() else []
    found = []
    passed_over = []
    for tar in tars:
        try:
            found.append(_Place(str(tar), detect_layout(tar)))
        except DatasetError:
            passed_over.append(tar.name)
    if passed_over:
        remarks.append(f"passed over in {path}: {', '.join(passed_over)}")
    return found if tars else [_Place(source)]


def _of_place(place: _Place, backgrounds: Sequence[Path]) -> AnyDataset:
    if place.layout == "cutout-pack":
        return open_cutout_pack([place.path], backgrounds)
    return open_dataset(place.source)


def _is_pack(dataset: AnyDataset) -> bool:
    return dataset.layout in ("picture-pack", "video-pack")


def _held_out(validation: Sequence[AnyDataset]) -> HeldOut:
    pictures: list[Picture] = []
    clips: list[Clip] = []
    for dataset in validation:
        if are_clips(dataset):
            clips += cast("VideoDataset", dataset).items
        else:
            pictures += cast("ImageDataset", dataset).items
    return HeldOut(
        name=", ".join(dataset.name for dataset in validation),
        pictures=spread(pictures, _MOST_PICTURES),
        clips=spread(clips, _MOST_CLIPS),
    )


def _parted(datasets: Sequence[AnyDataset]) -> tuple[tuple[AnyDataset, ...], HeldOut]:
    """Every fifth picture is kept back."""
    kept: list[AnyDataset] = []
    back: list[Picture] = []
    for dataset in datasets:
        # Other scenes show the same cut-outs: what is kept back would be known all the same.
        is_made_up = dataset.layout == "cutout-pack"
        if is_made_up or are_clips(dataset) or len(dataset.items) < _ENOUGH:
            kept.append(dataset)
            continue
        pictures = cast("ImageDataset", dataset)
        back += pictures.items[::_EVERY]
        rest = tuple(each for n, each in enumerate(pictures.items) if n % _EVERY)
        kept.append(replace(pictures, items=rest))
    return tuple(kept), HeldOut("pictures kept back", spread(back, _MOST_PICTURES))


def _told(parted: HeldOut) -> str:
    if parted:
        return (
            f"every fifth picture is kept back to measure on, {len(parted.pictures)} are used; "
            "choose others with --eval"
        )
    return "there is nothing to measure on: only the loss will tell; give something with --eval"
