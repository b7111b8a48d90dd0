"""Pictures of a training: its curves, and what the model answers to always the same questions.

While it learns to restore pictures, what it makes of always the same ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from masklet.cli.eval_plan import spread
from masklet.cli.train_data import HeldOut
from masklet.cli.train_scoring import CLICKS, restored_pictures
from masklet.data.records import Picture
from masklet.eval.model_methods import PictureModel
from masklet.eval.reports.case_sheet import case_sheet
from masklet.eval.reports.pictures import Case, picture_case
from masklet.eval.reports.plot_style import Axes, dress, key, label, new_figure, png
from masklet.eval.reports.theme import LIGHT, Theme, css
from masklet.io.atomic import make_folder, write_bytes
from masklet.io.images import write_png
from masklet.model.protocol import SegmentationModel
from masklet.model.sam2 import SAM2
from masklet.ops.rle import decode
from masklet.train.restoring import RestoreOptions
from masklet.viz.palette import colour_of
from masklet.viz.sheet import contact_sheet

_SHOWN = 12
"""Pictures on a sheet."""
_POINTS, _SMOOTH_POINTS = 200, 25
"""Of a pale curve and of the one over it; each is the mean of all steps that it stands for."""


def write_curves(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Draw loss, IoU or what is restored, scores, learning rate over time. Raises `OutputError`.

    Args:
        path: of the PNG.
        records: of the diary.
    """
    write_bytes(path, curves(records))


def curves(records: Sequence[Mapping[str, Any]], *, theme: Theme = LIGHT) -> bytes:
    """The PNG that `write_curves` writes.

    >>> step = {"step": 1, "seconds": 0.0, "loss": 2.0, "reached": 0.5, "learning_rate": 1e-3}
    >>> curves([step, step | {"seconds": 60.0}])[1:4]
    b'PNG'
    """
    steps = [record for record in records if "loss" in record]
    scored = [record for record in records if "scores" in record]
    unit, name = _unit(max((record["seconds"] for record in records), default=0.0))
    figure = new_figure(10.0, 5.6, theme)
    upper, lower = figure.subplots(2, 2, sharex=True)
    _draw_line(upper[0], steps, "loss", unit, theme)
    label(upper[0], "Loss", f"{len(steps):,} steps", theme)
    restores = bool(steps) and "restored" in steps[0]
    quality = "restored" if restores else "reached"
    _draw_line(upper[1], steps, quality, unit, theme)
    heading = "Restored share" if restores else "IoU of the masks that were shown"
    label(upper[1], heading, "while training", theme)
    _draw_scores(lower[0], scored, unit)
    label(lower[0], "Scores", "held out, averaged weights", theme)
    _draw_line(lower[1], steps, "learning_rate", unit, theme)
    label(lower[1], "Learning rate", "", theme)
    lower[1].yaxis.set_major_formatter("{x:g}")
    for axes in (*upper, *lower):
        axes.set_ylim(bottom=0)
        dress(axes, theme)
    for axes in lower:
        axes.set_xlabel(name)
    if scored:
        key(figure, lower[0], theme)
    return png(figure)


def write_sheet(folder: Path, model: SegmentationModel, held: HeldOut, *, step: int) -> Path:
    """Draw what a model answers to three clicks on some objects; gives the path of the PNG.

    Args:
        folder: where sheets are; it is made.
        model: in evaluation mode.
        held: whose pictures are shown, always the same ones.
        step: after which it answers.

    Raises:
        DatasetError: a picture cannot be read.
        OutputError: the sheet cannot be written.
    """
    method = PictureModel(model, name="training")
    cases = [_case(method, picture) for picture in spread(held.pictures, _SHOWN)]
    path = make_folder(folder) / f"sheet-{step:09d}.png"
    found = [case for case in cases if case is not None]
    write_png(path, case_sheet(found, title=f"After {step:,} steps, 3 clicks"))
    return path


def write_restored(
    folder: Path, model: SAM2, held: HeldOut, options: RestoreOptions, *, step: int, side: int
) -> Path:
    """Draw pictures with missing squares, restored, and as they were; gives the path of the PNG.

    Args:
        folder: where sheets are; it is made.
        model: in evaluation mode, with a head.
        held: whose pictures are shown, always the same ones with the same squares missing.
        options: what is missing.
        step: after which they are restored.
        side: of the square that pictures are resized to, in pixels.

    Raises:
        DatasetError, VideoError: a picture cannot be read.
        OutputError: the sheet cannot be written.
    """
    shown = replace(
        held,
        pictures=spread(held.pictures, _SHOWN),
        clips=() if held.pictures else spread(held.clips, _SHOWN),
    )
    pictures: list[npt.NDArray[np.uint8]] = []
    captions: list[str] = []
    for restored in restored_pictures(model, shown, options, side=side):
        views = (restored.left_F3SS, restored.whole_F3SS, restored.frames_F3SS)
        pictures += [_shown(view_F3SS) for view_F3SS in views]
        captions += ["masked", f"restored after {step:,} steps", "original"]
    path = make_folder(folder) / f"sheet-{step:09d}.png"
    write_png(path, contact_sheet(pictures, captions, columns=6, tile=(280, 280)))
    return path


def _shown(view_F3SS: Tensor) -> npt.NDArray[np.uint8]:
    """The only picture as a uint8 array."""
    pixels: npt.NDArray[np.uint8] = (
        (255 * view_F3SS[0]).round().byte().permute(1, 2, 0).cpu().numpy()
    )
    return pixels


def _case(method: PictureModel, picture: Picture) -> Case | None:
    """The first object that is asked about, and its mask after the last click."""
    answered = CLICKS(method, picture)
    if not answered.scores.objects:
        return None
    scores = answered.scores.objects[0]
    answer = answered.masks.frames[0].at(scores.object_id)
    assert answer is not None, "every object that has scores was answered"
    said = answered.masks.prompts[0].get(scores.object_id)
    return picture_case(picture, scores, decode(answer.segmentation), name="IoU@3", prompt=said)


def _draw_line(
    axes: Axes, records: Sequence[Mapping[str, Any]], name: str, unit: float, theme: Theme
) -> None:
    if not records:
        return
    for points, alpha, width in ((_POINTS, 0.3, 1.0), (_SMOOTH_POINTS, 1.0, 1.6)):
        parts = np.array_split(np.arange(len(records)), min(len(records), points))
        x = [np.mean([records[n]["seconds"] for n in part]) / unit for part in parts]
        y = [np.mean([records[n][name] for n in part]) for part in parts]
        axes.plot(x, y, color=css(theme.first), alpha=alpha, linewidth=width)


def _draw_scores(axes: Axes, records: Sequence[Mapping[str, Any]], unit: float) -> None:
    names = [name for name in (records[0]["scores"] if records else {}) if name != "score"]
    for number, name in enumerate(names, start=1):
        x = [record["seconds"] / unit for record in records]
        y = [record["scores"][name] for record in records]
        colour = css(colour_of(number))
        axes.plot(x, y, color=colour, linewidth=1.6, marker="o", markersize=3.5, label=name)


def _unit(seconds: float) -> tuple[float, str]:
    """What time is counted in, in seconds, and its name."""
    if seconds >= 3 * 3600:
        return 3600.0, "hours"
    return (60.0, "minutes") if seconds >= 180 else (1.0, "seconds")
