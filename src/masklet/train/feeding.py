"""Data to batches: the feed that a recipe wants, and what of the model is prepared with it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from masklet.data.readings import AnyDataset
from masklet.data.resident import ResidentStore, StoreOptions
from masklet.errors import TrainingError
from masklet.model.preprocess import normalize
from masklet.model.sam2 import SAM2
from masklet.train.config import TrainConfig
from masklet.train.feed import Feed
from masklet.train.feed_loaded import LoadedFeed
from masklet.train.feed_resident import ResidentFeed
from masklet.train.parallel import Crew
from masklet.train.starting import start_memory
from masklet.train.step import computing

# Frames whose features a memory begins with; each has hundreds of tokens.
_FRAMES = 32


def make_feed(
    datasets: Sequence[AnyDataset],
    config: TrainConfig,
    crew: Crew,
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Feed:
    """The feed of a settled config.

    Args:
        datasets: what is learned from.
        config: of the training.
        crew: this process.
        cache: of data that lie on the device, a file; see `ResidentStore.build`.
        progress: told how many items are read before training begins, and of how many.

    Raises:
        DatasetError: nothing can be used.
        TrainingError: clips are wanted that are longer than all that there are.
        OutputError: the cache cannot be written.
    """
    data, workers = config.data, config.run.workers
    if not data.is_resident:
        return LoadedFeed(datasets, config, crew, workers=workers)
    options = StoreOptions(
        side=data.stored_pixels, smallest=data.smallest, sampling=data.sampling, workers=workers
    )
    store = ResidentStore.build(
        datasets, options, device=crew.device, cache=cache, progress=progress
    )
    _check_lengths(config, store.longest)
    return ResidentFeed(store, config, crew)


def prepare_memory(model: SAM2, config: TrainConfig, feed: Feed) -> None:
    """Let the memory begin as `start_memory` says, with features of what the feed gives first.

    Does nothing where the recipe does not want it. Raises `DatasetError`.
    """
    if "memory" not in config.model.prepared:
        return
    frames: list[torch.Tensor] = []
    step = 0
    while sum(map(len, frames)) < _FRAMES:
        # The first stage may have only pictures, or only clips; either will do.
        frames += [each.frames_F3SS for each in feed.step(step, config.stages[-1]).batches]
        step += 1
    model.eval()
    with torch.no_grad(), computing(config, model.device):
        features = model.encode_image(normalize(torch.cat(frames)[:_FRAMES]))
    generator = torch.Generator().manual_seed(config.seed)
    start_memory(model, features.embedding_FLC, generator=generator)


def _check_lengths(config: TrainConfig, longest: int) -> None:
    wanted = max((each.frames for each in config.stages if each.picture_share < 1), default=1)
    if config.data.animated < 1 and wanted > longest:
        raise TrainingError(
            f"the recipe wants clips of {wanted} frames, and the longest stretch of the data in "
            f"which an object is annotated has {longest}; expected videos that are as long. Add "
            "some, set stages.0.frames and those of later stages, or set data.animated=1 to make "
            "all clips from pictures."
        )
