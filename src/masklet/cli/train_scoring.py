"""How good a model is that is being trained, on what it never learns from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.cli.train_data import HeldOut
from masklet.data.records import Clip, FrameTruth, ObjectRecord
from masklet.eval.clicks import ClickOptions
from masklet.eval.model_methods import PictureModel, VideoModel
from masklet.eval.records import ItemScores
from masklet.eval.scoring import Scoring
from masklet.eval.tasks import ClickTask, VosTask
from masklet.eval.vos import VosOptions
from masklet.io.arrays import ArrayVideo
from masklet.model.protocol import SegmentationModel
from masklet.model.sam2 import SAM2
from masklet.ops.resize import resize_image
from masklet.train.restoring import Restored, RestoreOptions, restore, restoring_loss

CLICKS = ClickTask(ClickOptions(clicks=3, mask=False, max_objects=3))
"""What pictures are asked."""
TRACKS = VosTask(VosOptions(prompt="mask"), Scoring())
"""What clips are asked."""

_CLICK_SCORES = ("IoU@1", "IoU@3", "IoU box")
_TRACK_SCORES = ("J&F", "J")
_FRAMES = 20
"""Of a clip no more are tracked: a look now and then must not take long."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first frames of a `Clip`, as a clip."""

    clip: Clip
    frames: int = _FRAMES

    @property
    def name(self) -> str:
        """As that of the whole."""
        return self.clip.name

    @property
    def frame_names(self) -> tuple[str, ...]:
        """Of the first frames."""
        return self.clip.frame_names[: self.frames]

    @property
    def annotated(self) -> tuple[int, ...]:
        """Those of them that people annotated."""
        return tuple(each for each in self.clip.annotated if each < self.frames)

    def objects(self) -> tuple[ObjectRecord, ...]:
        """Those that are seen by then. Raises `DatasetError`."""
        return tuple(each for each in self.clip.objects() if each.first_frame < self.frames)

    def truth(self, frame_index: int) -> FrameTruth:
        """As that of the whole. Raises `DatasetError`."""
        return self.clip.truth(frame_index)

    def open(self) -> ArrayVideo:
        """The frames, all read. Raises `DatasetError`, `VideoError`."""
        with self.clip.open() as video:
            count = min(self.frames, len(video))
            return ArrayVideo(np.stack([video[index] for index in range(count)]))


def scores_of(model: SegmentationModel, held: HeldOut) -> Mapping[str, float]:
    """Means over objects by name, and their mean as "score"; of pictures and of clips.

    Args:
        model: in evaluation mode.
        held: what is measured on; not empty.

    Raises:
        DatasetError, VideoError: an item cannot be read.
    """
    means: dict[str, float] = {}
    parts = []
    if held.pictures:
        clicked = picture_scores(model, held)
        found = _means(clicked, _CLICK_SCORES)
        means |= found
        parts.append(float(np.mean(list(found.values()))))
    if held.clips:
        tracking = VideoModel(model, name="training")
        tracked = [TRACKS(tracking, Beginning(clip)).scores for clip in held.clips]
        found = _means(tracked, _TRACK_SCORES)
        means |= found
        parts.append(found["J&F"])
    return {"score": float(np.mean(parts)), **means}


def picture_scores(model: SegmentationModel, held: HeldOut) -> list[ItemScores]:
    """What clicks and boxes on every picture led to. Raises `DatasetError`."""
    method = PictureModel(model, name="training")
    return [CLICKS(method, picture).scores for picture in held.pictures]


def restoring_scores(
    model: SAM2, held: HeldOut, options: RestoreOptions, *, side: int
) -> Mapping[str, float]:
    """How well missing squares are restored, always the same ones of the same pictures.

    Args:
        model: in evaluation mode, with a head.
        held: what is measured on; not empty.
        options: what is missing.
        side: of the square that pictures are resized to, in pixels.

    Returns:
        "L1", the mean error of normalised pixels, and "score", the share of the error of blank
        squares that is gone: it rises as the error falls, and is 0 for who learned nothing.

    Raises:
        DatasetError, VideoError: an item cannot be read.
    """
    reports = [restoring_loss(each) for each in restored_pictures(model, held, options, side=side)]
    loss = float(torch.stack([report.total for report in reports]).mean())
    blank = float(torch.stack([report.blank for report in reports]).mean())
    return {"score": 1 - loss / blank if blank else 0.0, "L1": loss}


def restored_pictures(
    model: SAM2, held: HeldOut, options: RestoreOptions, *, side: int
) -> Iterator[Restored]:
    """Each picture, and the first frame of each clip, restored; see `restoring_scores`."""
    generator = torch.Generator().manual_seed(0)
    for picture in held.pictures:
        frames_F3SS = _squared(picture.image(), side).to(model.device)
        yield restore(model, frames_F3SS, options, generator=generator)
    for clip in held.clips:
        with clip.open() as video:
            frames_F3SS = _squared(video[0], side).to(model.device)
        yield restore(model, frames_F3SS, options, generator=generator)


def _squared(image_HW3: npt.NDArray[np.uint8], side: int) -> Tensor:
    """One picture as `(1, 3, side, side)`, 0 to 1."""
    pixels_HW3 = torch.from_numpy(image_HW3.copy())
    return resize_image(pixels_HW3.permute(2, 0, 1)[None].float() / 255.0, (side, side))


def _means(items: Sequence[ItemScores], names: Sequence[str]) -> dict[str, float]:
    """Over all objects; 0 for a score that none has."""
    objects = [each.values for item in items for each in item.objects]
    found = {name: [values[name] for values in objects if name in values] for name in names}
    return {name: float(np.mean(values)) if values else 0.0 for name, values in found.items()}
