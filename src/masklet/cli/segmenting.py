"""The same prompts for many pictures: read, ask, write, one picture after the other."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masklet.cli.inputs import output_names
from masklet.cli.progress import Reporter, download_bar, one_line, reporter
from masklet.cli.results import Result, check_free, file_names, write_result
from masklet.errors import ImageError, PromptError
from masklet.image.predictor import ImagePredictor
from masklet.io.atomic import make_folder
from masklet.io.images import count_frames, read_image
from masklet.types import MaskSet, ObjectId, Prompt
from masklet.weights.load import load

_SOME_FAILED, _ALL_FAILED = 1, 2
_SAM2_SIZE = 1024


@dataclass(frozen=True, slots=True)
class Task:
    """What is the same for every picture.

    Raises:
        PromptError: three masks are wanted, and a closer look at one.
    """

    prompts: Mapping[ObjectId, Prompt]
    model: str
    device: str | None
    dtype: str | None
    max_pixels: int
    compiled: bool = False
    multimask: bool | None = None
    zoom: bool | None = None
    """None: where it was measured to help."""
    threshold: float = 0.0
    max_hole_area: int = 0
    max_speck_area: int = 0

    def __post_init__(self) -> None:
        if self.zoom and self.multimask:
            raise PromptError(
                "--zoom and --multimask were both given; expected one of them: a closer look is "
                "one at the best mask of every object. Leave one out."
            )


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go."""

    folder: Path | None
    """For files; none are written without it."""
    as_json: bool = False
    """One document per picture and line on standard output."""
    overwrite: bool = False
    """Files that exist may be replaced."""


def open_predictor(task: Task) -> ImagePredictor:
    """The model that the task names, ready. Raises `CheckpointError`."""
    with download_bar(task.model) as progress:
        model = load(
            task.model,
            device=task.device,
            dtype=task.dtype,
            progress=progress,
            compile=task.compiled,
        )
    return ImagePredictor(
        model, max_hole_area=task.max_hole_area, max_speck_area=task.max_speck_area
    )


def ask(predictor: ImagePredictor, image: npt.NDArray[np.uint8], task: Task) -> MaskSet:
    """One mask per prompt, or three with `multimask`, in the order of the prompts, best first."""
    features = predictor.encode(image)
    prompts = list(task.prompts.values())
    answers = predictor.predict(features, prompts, multimask=task.multimask)
    chosen = answers if task.multimask else answers.best()
    if _zooms(predictor, task):
        chosen = predictor.zoom(image, prompts, chosen)
    return replace(chosen, threshold=task.threshold)


def segment_images(paths: Sequence[Path], task: Task, output: Output) -> int:
    """Segment pictures and hand out what comes; returns the exit code.

    Raises:
        MaskletError: nothing could be done. If there are several pictures and one of them is bad,
            that is reported and the others are done.
    """
    names = output_names(paths)
    _check_output(names, task, output)
    with reporter(len(paths), quiet=output.as_json) as report:
        try:
            failed = _segment_each(paths, names, task, output, report)
        except KeyboardInterrupt:
            report.say(f"interrupted after {report.done} of {len(paths)} pictures")
            raise
    if output.folder is not None and not output.as_json:
        print(one_line(f"{len(paths) - failed} of {len(paths)} done, written to {output.folder}"))
    if failed == 0:
        return 0
    return _SOME_FAILED if failed < len(paths) else _ALL_FAILED


def _zooms(predictor: ImagePredictor, task: Task) -> bool:
    # SAM 2's own checkpoints give SAM 2's own masks unless something else is asked for.
    is_coarse = predictor.model.config.image_size < _SAM2_SIZE and not task.multimask
    return is_coarse if task.zoom is None else task.zoom


def _check_output(names: Sequence[str], task: Task, output: Output) -> None:
    if output.folder is None or output.overwrite:
        return
    candidates = 3 if task.multimask else 1
    planned = [file for name in names for file in file_names(name, task.prompts, candidates)]
    check_free(output.folder, planned)


def _segment_each(
    paths: Sequence[Path], names: Sequence[str], task: Task, output: Output, report: Reporter
) -> int:
    """How many pictures failed."""
    predictor: ImagePredictor | None = None
    failed = 0
    for path, name in zip(paths, names, strict=True):
        try:
            image = _read(path, task, report)
            # Loaded when the first picture turned out to be good: bad input is told at once.
            predictor = predictor or _opened(task, output, report)
            answers = ask(predictor, image, task)
            result = Result(path, image, task.prompts, answers, answers.masks(), task.model)
            _deliver(result, name, output)
            if len(paths) == 1 and not output.as_json:
                print(one_line(result.summary()))
        except (ImageError, PromptError) as error:
            if len(paths) == 1:
                raise
            failed += 1
            report.say(str(error) if str(path) in str(error) else f"{path}: {error}")
        report.step()
    return failed


def _opened(task: Task, output: Output, report: Reporter) -> ImagePredictor:
    with report.paused():
        predictor = open_predictor(task)
    # Not before: bad input leaves no empty folder behind.
    if output.folder is not None:
        make_folder(output.folder)
    return predictor


def _read(path: Path, task: Task, report: Reporter) -> npt.NDArray[np.uint8]:
    image = read_image(path, max_pixels=task.max_pixels)
    for prompt in task.prompts.values():
        prompt.check_inside(image.shape[:2])
    frames = count_frames(path, max_pixels=task.max_pixels)
    if frames > 1:
        report.say(f"{path} holds {frames} frames or pages; the first is used")
    return image


def _deliver(result: Result, name: str, output: Output) -> None:
    if output.folder is None:
        document = result.document()
    else:
        document = write_result(output.folder, name, result)
    if output.as_json:
        print(json.dumps(document), flush=True)
