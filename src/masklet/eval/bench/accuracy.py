"""How good the masks of a model are, at the settings at which its speed is measured."""

from collections.abc import Callable, Sequence

from masklet.data.records import Clip
from masklet.eval.bootstrap import summarise
from masklet.eval.model_methods import VideoModel
from masklet.eval.records import Interval, ObjectScores
from masklet.eval.scoring import score_clip
from masklet.eval.vos import run_vos
from masklet.memory.standard import StandardPolicy
from masklet.model.protocol import SegmentationModel

_SCORE = "J&F"


def tracking_accuracy(
    model: SegmentationModel,
    clips: Sequence[Clip],
    *,
    size: int,
    policy: StandardPolicy | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Interval | None:
    """The mean J&F, 0 to 1, over the objects of clips; None where no object has one.

    It is what `masklet eval` finds unless told otherwise: every object is shown by its mask where it
    first appears, and the first and the last annotated frame do not count.

    Args:
        model: what tracks.
        clips: labelled ones.
        size: side of the network's input, a multiple of 32.
        policy: what is remembered; as SAM 2 does unless given.
        progress: told after each clip which share is done.

    Raises:
        DatasetError, VideoError: annotations or frames cannot be read.
    """
    method = VideoModel(model, name="model", policy=policy, input_size=size)
    objects: list[ObjectScores] = []
    for number, clip in enumerate(clips, 1):
        objects += score_clip(clip, run_vos(method, clip).predicted)
        progress(number / len(clips))
    return summarise(objects).get(_SCORE)
