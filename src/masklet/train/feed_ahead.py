"""A feed that draws the next step's batches in a thread while a model learns from the last ones.

Worth it on a CPU of several cores: what changes pictures and sets them in motion runs beside the
backward pass. Only for feeds whose batches depend on the number of the step alone.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch

from masklet.train.config import Stage
from masklet.train.feed import Feed, StepBatches
from masklet.train.feed_resident import ResidentFeed


class AheadFeed:
    """A `Feed` that gives what a resident feed would give; `drawing_ahead` makes one."""

    position = None

    def __init__(self, feed: ResidentFeed, pool: ThreadPoolExecutor) -> None:
        self._feed, self._pool = feed, pool
        self._next: tuple[int, Stage, Future[StepBatches]] | None = None

    @property
    def skipped(self) -> int:
        """Items that could not be read when the store was made."""
        return self._feed.skipped

    def go_on(self, position: None) -> None:
        """Nothing has to be done."""

    def step(self, step: int, stage: Stage) -> StepBatches:
        """The batches of a step. Raises `DatasetError` where there are none."""
        given = self._taken(step, stage)
        # Most steps are of the stage of the one before; a guess that was wrong is thrown away.
        drawn = self._pool.submit(self._feed.step, step + 1, stage)
        self._next = (step + 1, stage, drawn)
        return given

    def _taken(self, step: int, stage: Stage) -> StepBatches:
        if self._next is not None and self._next[:2] == (step, stage):
            return self._next[2].result()
        return self._feed.step(step, stage)


@contextmanager
def drawing_ahead(feed: Feed, device: torch.device) -> Iterator[Feed]:
    """The feed, drawn ahead of the steps where that is possible and pays."""
    pays = device.type == "cpu" and (os.cpu_count() or 1) > 1
    if not (pays and isinstance(feed, ResidentFeed)):
        yield feed
        return
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed")
    try:
        yield AheadFeed(feed, pool)
    finally:
        pool.shutdown(cancel_futures=True)
