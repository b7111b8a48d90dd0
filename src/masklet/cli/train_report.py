"""How much better a model is after a training than before, on pictures that it never learned from."""

from collections.abc import Callable
from pathlib import Path

import torch

from masklet.cli.comparing import compare_runs
from masklet.cli.train_data import HeldOut
from masklet.cli.train_scoring import CLICKS
from masklet.eval.environment import environment
from masklet.eval.gathering import Told, gather, write_results
from masklet.eval.model_methods import PictureModel
from masklet.eval.runs import RunFolder
from masklet.model.sam2 import SAM2
from masklet.weights.fingerprint import fingerprint

_BEFORE, _AFTER, _BOTH = "before", "after", "comparison"


def measure_before(root: Path, model: SAM2, held: HeldOut, *, stop: Callable[[], bool]) -> None:
    """Measure the model that a training begins with, unless that was done. Raises `OutputError`."""
    _measure(root / _BEFORE, model, held, name=f"before ({fingerprint(model)})", stop=stop)


def compare_with_after(root: Path, model: SAM2, held: HeldOut, *, stop: Callable[[], bool]) -> None:
    """Measure the model that a training made, tell the differences, and write a page of them.

    Does nothing where the one before was not measured. Raises `OutputError`.
    """
    if not (root / _BEFORE / "scores.json").exists():
        return
    # Another training may have gone on from here: its weights differ, and so do its scores.
    mark = fingerprint(model)
    place = root / f"{_AFTER}-{mark}"
    if _measure(place, model, held, name=f"after ({mark})", stop=stop):
        compare_runs(root / _BEFORE, place, any_protocol=False, out=root / _BOTH, as_json=False)


def _measure(
    place: Path, model: SAM2, held: HeldOut, *, name: str, stop: Callable[[], bool]
) -> bool:
    """Measure what is not measured yet; gives whether all of it is."""
    folder = RunFolder(place)
    method = PictureModel(model, name=name)
    settings = {
        "task": "clicks",
        "dataset": {"name": held.name},
        "protocol": dict(CLICKS.protocol),
        "method": dict(method.settings),
    }
    folder.begin(settings)
    for picture in held.pictures:
        if stop():
            return False
        if not folder.is_done(picture.name):
            answered = CLICKS(method, picture)
            folder.add(answered.scores, answered.masks)
    told = Told(
        task="clicks",
        dataset=held.name,
        method=name,
        settings=settings,
        environment=environment([str(torch.device(model.device))]),
    )
    items = folder.scores_of(picture.name for picture in held.pictures)
    pictures = {picture.name: picture for picture in held.pictures}
    write_results(folder, gather(told, items), items, pictures=pictures)
    return True
