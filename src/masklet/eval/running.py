"""Evaluate the items of a dataset one by one and keep each as soon as it is done."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Generic, TypeAlias, TypeVar

from masklet.data.records import Clip, Picture
from masklet.errors import DatasetError, ImageError, VideoError
from masklet.eval.methods import PictureMethod, VideoMethod
from masklet.eval.parallel import apply
from masklet.eval.records import ItemScores, Skipped
from masklet.eval.runs import RunFolder
from masklet.io.masklets import Masklets

Method: TypeAlias = PictureMethod | VideoMethod
M = TypeVar("M", PictureMethod, VideoMethod)
I = TypeVar("I", Clip, Picture)  # noqa: E741  # an item


@dataclass(frozen=True, slots=True)
class Answered:
    """What a method gave for an item, and how good it is."""

    scores: ItemScores
    masks: Masklets


@dataclass(frozen=True, slots=True)
class Job(Generic[M, I]):
    """What is done with every item; with several workers it is sent to them."""

    build: Callable[[], M]
    """Makes the method; called once in every process, and hashable."""
    evaluate: Callable[[M, I], Answered]
    folder: RunFolder
    skip_broken: bool = False
    """Whether an item that cannot be read is left out, with its reason, or ends the run."""


def run(
    job: Job[M, I], items: Sequence[I], *, workers: int = 1, stop: Callable[[], bool]
) -> Iterator[Skipped | None]:
    """Evaluate the items that are not done yet; yields once for each, what was wrong or None.

    Raises:
        DatasetError, ImageError, VideoError: an item cannot be read, unless those are skipped.
            Those that are done stay done.
        OutputError: a result cannot be written.
    """
    return apply(partial(_evaluated, job), items, workers=workers, stop=stop)


@lru_cache(maxsize=1)
def built(build: Callable[[], M]) -> M:
    """The method, made once in a process."""
    return build()


def _evaluated(job: Job[M, I], item: I) -> Skipped | None:
    try:
        answered = job.evaluate(built(job.build), item)
    except (DatasetError, ImageError, VideoError) as error:
        if not job.skip_broken:
            raise
        return Skipped(item.name, str(error))
    job.folder.add(answered.scores, answered.masks)
    return None
