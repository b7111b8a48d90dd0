"""Score a folder of masks that some tool left for the clips of a dataset."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from masklet.data.records import Clip, VideoDataset
from masklet.errors import DatasetError, MaskletError
from masklet.eval.parallel import apply
from masklet.eval.predictions import read_predictions
from masklet.eval.records import ItemScores, Skipped
from masklet.eval.scoring import DAVIS, Scoring, score_clip


def score_folder(
    predictions: str | Path,
    dataset: VideoDataset,
    *,
    scoring: Scoring = DAVIS,
    workers: int = 1,
    skip_broken: bool = False,
    progress: Callable[[ItemScores | Skipped], None] | None = None,
) -> tuple[tuple[ItemScores, ...], tuple[Skipped, ...]]:
    """The scores of all clips, in the order of the dataset, whatever the number of workers.

    Nothing is known of the time that the masks took: `seconds` is 0.

    Args:
        predictions: the masks, laid out as `masklet.eval.predictions` says; what belongs to no clip
            of the dataset is not looked at.
        dataset: the truth.
        scoring: by which rules.
        workers: in how many processes.
        skip_broken: whether a clip that cannot be scored is left out, with its reason, or ends it.
        progress: told of every clip as soon as it is done, in any order.

    Raises:
        DatasetError: there is no such folder, or no masks of a clip, or they do not fit the truth.
        ImageError, StateError, VideoError: masks or truth of a clip cannot be read.
    """
    folder = Path(predictions)
    if not folder.is_dir():
        raise DatasetError(
            f"the folder {folder} does not exist; expected one with the masks of the clips of "
            f"{dataset.name}. Check its name."
        )
    job = partial(_scored, folder, scoring, skip_broken)
    done: dict[str, ItemScores | Skipped] = {}
    for result in apply(job, dataset.items, workers=workers):
        done[result.item] = result
        if progress is not None:
            progress(result)
    in_order = [done[clip.name] for clip in dataset.items]
    return (
        tuple(each for each in in_order if isinstance(each, ItemScores)),
        tuple(each for each in in_order if isinstance(each, Skipped)),
    )


def _scored(folder: Path, scoring: Scoring, skip_broken: bool, clip: Clip) -> ItemScores | Skipped:
    try:
        predicted = read_predictions(folder, clip)
        objects = score_clip(clip, predicted, scoring=scoring)
    except MaskletError as error:
        if not skip_broken:
            raise
        return Skipped(clip.name, str(error))
    return ItemScores(clip.name, objects, frames=len(predicted), seconds=0.0)
