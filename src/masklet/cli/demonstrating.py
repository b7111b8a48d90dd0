"""A picture is masked before your eyes: prompts, masks, cut-outs and a contact sheet of all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from masklet.cli.progress import one_line
from masklet.cli.results import Result, write_result
from masklet.cli.segmenting import Task, open_predictor
from masklet.image.predictor import ImageFeatures, ImagePredictor
from masklet.io.atomic import make_folder
from masklet.io.images import read_image, write_png
from masklet.types import MaskSet, Prompt
from masklet.viz.sample import NAMES, sample_picture
from masklet.viz.sheet import contact_sheet

SAMPLE_PROMPTS: Mapping[str, Prompt] = {
    "mug": Prompt.box_xyxy(79, 198, 365, 450),
    "straw": Prompt.box_xyxy(293, 57, 360, 226),
    "ring": Prompt.box_xyxy(422, 209, 597, 402),
    "orange": Prompt.point(640, 390),
    "tin": Prompt.box_xyxy(652, 176, 827, 420),
    "cherries": Prompt.point(376, 478) + Prompt.point(462, 492) + Prompt.point(455, 420),
}
"""What is said about each object of the sample picture, in pixels of its default size."""


@dataclass(frozen=True, slots=True)
class Show:
    """What is put on the contact sheet."""

    name: str
    """What the files are called."""
    image: npt.NDArray[np.uint8]
    captions: Sequence[str]
    """One per object."""
    truth: npt.NDArray[np.bool_] | None = None
    """The true masks, where they are known."""


def show_sample(task: Task, folder: Path) -> None:
    """Draw the sample picture, mask its objects and write everything into the folder.

    Raises:
        CheckpointError: the model cannot be loaded.
        OutputError: a file cannot be written.
    """
    sample = sample_picture()
    ids = {name: number for number, name in enumerate(NAMES, start=1)}
    prompts = {number: SAMPLE_PROMPTS[name] for name, number in ids.items()}
    captions = [f"{name}, {_told(SAMPLE_PROMPTS[name])}" for name in NAMES]
    show = Show("sample", sample.image, captions, sample.masks)
    _show(show, Path("sample_picture.png"), replace(task, prompts=prompts), folder)


def show_picture(path: Path, task: Task, folder: Path) -> None:
    """Mask what the task's prompts say in a picture, or what is in its middle.

    Raises:
        MaskletError: the picture cannot be read, a prompt does not fit it, the model cannot be
            loaded or a file cannot be written.
    """
    image = read_image(path, max_pixels=task.max_pixels)
    height, width = image.shape[:2]
    prompts = task.prompts or {1: Prompt.point((width - 1) / 2, (height - 1) / 2)}
    for prompt in prompts.values():
        prompt.check_inside((height, width))
    captions = [f"object {number}, {_told(prompt)}" for number, prompt in prompts.items()]
    _show(Show(path.stem, image, captions), path, replace(task, prompts=prompts), folder)


def _show(show: Show, source: Path, task: Task, folder: Path) -> None:
    predictor = open_predictor(task)
    make_folder(folder)
    features = predictor.encode(show.image)
    answers = _joined([_click_by_click(predictor, features, p) for p in task.prompts.values()])
    masks = answers.masks()
    write_png(folder / f"{show.name}_picture.png", show.image)
    result = Result(source, show.image, task.prompts, answers, masks, task.model)
    write_result(folder, show.name, result)
    pictures = [show.image, result.overlay(), *answers.cutouts(show.image)]
    captions = ["the picture", "prompts and masks", *show.captions]
    sheet = f"{show.name}_sheet.png"
    write_png(folder / sheet, contact_sheet(pictures, captions, columns=4))
    _tell(show, answers, masks)
    print(one_line(f"Masks, cut-outs, overlay and {show.name}.json are in {folder}"))
    print(one_line(f"Look at {folder / sheet}"))


def _click_by_click(predictor: ImagePredictor, features: ImageFeatures, prompt: Prompt) -> MaskSet:
    """One mask: every click after the first corrects what came before."""
    first = Prompt(points=prompt.points[:1], labels=prompt.labels[:1], box=prompt.box)
    answer = predictor.predict(features, first).best()
    for count in range(2, len(prompt.points) + 1):
        said = Prompt(prompt.points[:count], prompt.labels[:count], prompt.box)
        answer = predictor.predict(features, said, refine=answer).best()
    return answer


def _joined(answers: Sequence[MaskSet]) -> MaskSet:
    return replace(
        answers[0],
        logits=torch.cat([answer.logits for answer in answers]),
        iou=torch.cat([answer.iou for answer in answers]),
        object_score=torch.cat([answer.object_score for answer in answers]),
        prompt_index=tuple(range(len(answers))),
    )


def _told(prompt: Prompt) -> str:
    clicks = len(prompt.points)
    said = ["a box"] if prompt.box is not None else []
    if clicks:
        said.append("a click" if clicks == 1 else f"{clicks} clicks")
    return " and ".join(said)


def _tell(show: Show, answers: MaskSet, masks: npt.NDArray[np.bool_]) -> None:
    for row, (caption, predicted) in enumerate(zip(show.captions, answers.scores(), strict=True)):
        line = f"{caption}: {int(masks[row].sum())} pixels, predicted IoU {predicted:.2f}"
        if show.truth is not None:
            both = (masks[row] & show.truth[row]).sum()
            either = (masks[row] | show.truth[row]).sum()
            line += f", IoU with the true mask {both / either:.2f}"
        print(line)
