"""A clip is tracked before your eyes: one that is drawn here, or one of yours."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from masklet.cli.formats import DEFAULT_FORMATS
from masklet.cli.progress import one_line, reporter
from masklet.cli.segmenting import Task
from masklet.cli.tracking_output import TrackOutput
from masklet.cli.tracking_plan import TrackTask
from masklet.cli.tracking_results import SHEET_NAME
from masklet.cli.tracking_run import track_video
from masklet.io.atomic import make_folder
from masklet.io.encode import write_video
from masklet.io.images import SUFFIXES
from masklet.io.masklets import Masklets, read_masklets
from masklet.io.open import open_video
from masklet.ops import rle
from masklet.ops.rle import Rle
from masklet.types import Prompt
from masklet.viz.sample_clip import CLIP_FPS, CLIP_FRAMES, CLIP_NAMES, CLIP_SIZE, sample_clip

CLIP_BOXES: Mapping[str, Prompt] = {"tin": Prompt.box_xyxy(353, 89, 441, 210)}
"""The objects of the sample clip that are shown by a box on the first frame, in its pixels; the
others are shown by their masks, from which the small bundled model tracks better."""


def is_video(path: Path) -> bool:
    """Whether that is a file or a folder to be tracked through, going by its name."""
    return path.is_dir() or (path.is_file() and path.suffix.lower() not in SUFFIXES)


def show_clip(task: Task, folder: Path, *, size: tuple[int, int] = CLIP_SIZE) -> int:
    """Draw the sample clip, follow its objects and say how well it went; returns the exit code.

    Args:
        task: which model, and where it runs.
        folder: where to.
        size: `(height, width)` of the clip.

    Raises:
        MaskletError: the model cannot be loaded or a file cannot be written.
    """
    make_folder(folder)
    clip = folder / "clip.mp4"
    truth = _draw(clip, size)
    prompts = {
        number: _said_about(name, mask, size[0] / CLIP_SIZE[0])
        for number, (name, mask) in enumerate(zip(CLIP_NAMES, truth[0], strict=True), start=1)
    }
    place = folder / "clip"
    code = _track(clip, {0: prompts}, task, place)
    if code == 0:
        masklets = read_masklets(place / "masklets.json")
        for number, name in enumerate(CLIP_NAMES, start=1):
            print(_judged(name, number, masklets, truth))
        print(one_line(f"Look at {place / 'overlay.mp4'} and {place / SHEET_NAME}"))
    return code


def show_video(path: Path, task: Task, folder: Path) -> int:
    """Follow what the task's prompts say on the first frame, or what is in its middle.

    Raises:
        MaskletError: the video cannot be read, a prompt does not fit it, the model cannot be
            loaded or a file cannot be written.
    """
    with open_video(path) as source:
        height, width = source.info.size
    prompts = task.prompts or {1: Prompt.point((width - 1) / 2, (height - 1) / 2)}
    place = folder / path.stem
    code = _track(path, {0: dict(prompts)}, task, place)
    print(one_line(f"Look at {place / 'overlay.mp4'} and {place / SHEET_NAME}"))
    return code


def _said_about(name: str, mask: Rle, factor: float) -> Prompt:
    """A box around the object, in pixels of the clip's own size, or its mask."""
    if name not in CLIP_BOXES:
        return Prompt.from_mask(rle.decode(mask))
    box = CLIP_BOXES[name].box
    assert box is not None
    return Prompt(box=box * np.float32(factor))


def _draw(path: Path, size: tuple[int, int]) -> list[Sequence[Rle]]:
    """Write the sample clip and return its true masks, per frame one for each name."""
    truth: list[Sequence[Rle]] = []

    def pictures() -> Iterator[npt.NDArray[np.uint8]]:
        with reporter(CLIP_FRAMES) as report:
            for sample in sample_clip(size):
                truth.append([rle.encode(mask) for mask in sample.masks])
                report.step()
                yield sample.image

    write_video(path, pictures(), CLIP_FPS)
    return truth


def _track(path: Path, prompts: dict[int, dict[int, Prompt]], task: Task, folder: Path) -> int:
    asked = TrackTask(str(path), prompts, task.model, task.device, task.dtype)
    return track_video(asked, TrackOutput(folder, DEFAULT_FORMATS, overwrite=True))


def _judged(name: str, object_id: int, masklets: Masklets, truth: Sequence[Sequence[Rle]]) -> str:
    """How well an object was followed, where it is seen and where it is not."""
    ious, false_alarms, hidden = [], 0, 0
    for frame, true in zip(masklets.frames, truth, strict=True):
        expected = rle.decode(true[object_id - 1])
        answered = frame.at(object_id)
        mask = np.zeros_like(expected) if answered is None else rle.decode(answered.segmentation)
        if expected.any():
            ious.append((mask & expected).sum() / (mask | expected).sum())
        else:
            hidden += 1
            false_alarms += bool(mask.any())
    mean = f"{np.mean(ious):.2f} over {len(ious)} frames"
    line = f"object {object_id} is the {name}: mean IoU with the true masks {mean}"
    gone = f"; masked on {false_alarms} of {hidden} frames from which it is gone"
    return line + (gone if hidden else "")
