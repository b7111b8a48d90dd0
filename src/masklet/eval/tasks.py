"""The tasks that a method is measured by, each as a value that is called with a method and an item."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias

from masklet.data.records import Clip, Picture
from masklet.eval.clicks import ClickOptions, run_clicks
from masklet.eval.environment import masklet_version
from masklet.eval.interactive import InteractiveOptions, run_interactive
from masklet.eval.methods import PictureMethod, VideoMethod
from masklet.eval.records import ItemScores, Task
from masklet.eval.running import Answered
from masklet.eval.scoring import Scoring, score_clip
from masklet.eval.vos import VosOptions, run_vos
from masklet.io.masklets import Masklets
from masklet.types import FrameMasks, ObjectId, Prompt, VideoInfo

Prompts: TypeAlias = Mapping[int, Mapping[ObjectId, Prompt]]


@dataclass(frozen=True, slots=True)
class VosTask:
    """Prompt objects where they appear, and track them."""

    options: VosOptions
    scoring: Scoring
    kind: Task = "vos"
    """Or "robustness", which does the same with made scenes."""

    @property
    def protocol(self) -> Mapping[str, Any]:  # Any: JSON
        """All that decides the scores, but the method."""
        protocol = asdict(self.options) | asdict(self.scoring)
        if self.options.prompt != "clicks":
            del protocol["clicks"]
        return protocol | {"non_overlap": self.options.is_exclusive}

    def __call__(self, method: VideoMethod, clip: Clip) -> Answered:
        """The scores and masks of a clip. Raises `DatasetError`, `VideoError`."""
        ran = run_vos(method, clip, self.options)
        objects = score_clip(clip, ran.predicted, scoring=self.scoring)
        scores = ItemScores(clip.name, objects, ran.frames, ran.seconds)
        return Answered(scores, _kept(method.name, clip, ran.predicted, ran.prompts))


@dataclass(frozen=True, slots=True)
class InteractiveTask:
    """Correct frame after frame."""

    options: InteractiveOptions
    scoring: Scoring
    kind: ClassVar[Task] = "interactive"

    @property
    def protocol(self) -> Mapping[str, Any]:  # Any: JSON
        """All that decides the scores, but the method."""
        return asdict(self.options) | asdict(self.scoring)

    def __call__(self, method: VideoMethod, clip: Clip) -> Answered:
        """The scores and last masks of a clip. Raises `DatasetError`, `VideoError`."""
        ran = run_interactive(method, clip, self.options, scoring=self.scoring)
        return Answered(ran.scores, _kept(method.name, clip, ran.shown, {}))


@dataclass(frozen=True, slots=True)
class ClickTask:
    """Click on the objects of pictures."""

    options: ClickOptions
    kind: ClassVar[Task] = "clicks"

    @property
    def protocol(self) -> Mapping[str, Any]:  # Any: JSON
        """All that decides the scores, but the method."""
        return asdict(self.options)

    def __call__(self, method: PictureMethod, picture: Picture) -> Answered:
        """The scores of a picture, and the masks after the last click. Raises `DatasetError`."""
        ran = run_clicks(method, picture, self.options)
        sizes = (mask.segmentation["size"] for mask in ran.masks.objects)
        height, width = next(sizes, None) or picture.image().shape[:2]
        info = VideoInfo(picture.name, (height, width), num_frames=1, fps=None)
        kept = Masklets(info, method.name, masklet_version(), {0: ran.prompts}, (ran.masks,))
        return Answered(ran.scores, kept)


def _kept(method: str, clip: Clip, frames: tuple[FrameMasks, ...], prompts: Prompts) -> Masklets:
    with clip.open() as video:
        info = video.info
    named = VideoInfo(clip.name, info.size, info.num_frames, info.fps)
    return Masklets(named, method, masklet_version(), prompts, frames)
