"""The clips or pictures that a command is about."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, cast

from masklet.data.catalog import open_dataset
from masklet.data.records import Clip, ImageDataset, Picture, VideoDataset
from masklet.eval.parallel import apply
from masklet.viz.sheet import evenly_spaced

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Items:
    """A dataset, or some of its items."""

    dataset: VideoDataset | ImageDataset
    """With the items that are meant."""
    total: int
    """How many it has in all."""

    @property
    def are_clips(self) -> bool:
        """Whether it is videos; of a dataset without items nobody needs to know."""
        # Asked of the class: a clip may have to read files to tell what is annotated.
        return bool(self.dataset.items) and hasattr(type(self.dataset.items[0]), "annotated")

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The items of a dataset of videos."""
        return cast("VideoDataset", self.dataset).items

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The items of a dataset of pictures."""
        return cast("ImageDataset", self.dataset).items

    @property
    def names(self) -> tuple[str, ...]:
        """What the items are called, in their order."""
        if self.are_clips:
            return tuple(clip.name for clip in self.clips)
        return tuple(picture.name for picture in self.pictures)

    def each(
        self,
        of_clip: Callable[[Clip], R],
        of_picture: Callable[[Picture], R],
        *,
        workers: int,
        stop: Callable[[], bool],
    ) -> Iterator[R]:
        """What the function that fits the items makes of each, as `masklet.eval.parallel.apply`."""
        if self.are_clips:
            return apply(of_clip, self.clips, workers=workers, stop=stop)
        return apply(of_picture, self.pictures, workers=workers, stop=stop)

    def counted(self, count: int) -> str:
        """So many items, in words: "2 clips"."""
        noun = "clip" if self.are_clips else "picture"
        return f"{count:,} {noun}{'' if count == 1 else 's'}"


def open_items(source: str, *, split: str | None, root: Path | None, limit: int | None) -> Items:
    """Open a dataset by name or path; of its items at most `limit`, evenly spread.

    Raises:
        DatasetError: as `open_dataset`.
    """
    dataset = open_dataset(source, split=split, root=root)
    total = len(dataset.items)
    if limit is None or limit >= total:
        return Items(dataset, total)
    chosen = tuple(dataset.items[index] for index in evenly_spaced(total, limit))
    return Items(replace(dataset, items=chosen), total)  # type: ignore[arg-type]  # as they were
