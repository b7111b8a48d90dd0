"""How good a model is that is being trained, on what it never learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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


def _means(items: Sequence[ItemScores], names: Sequence[str]) -> dict[str, float]:
    """Over all objects; 0 for a score that none has."""
    objects = [each.values for item in items for each in item.objects]
    found = {name: [values[name] for values in objects if name in values] for name in names}
    return {name: float(np.mean(values)) if values else 0.0 for name, values in found.items()}
