"""Methods that know the truth and err by a known amount, so that each choice can be foretold."""

from collections import Counter

import numpy as np

from masklet.eval.methods import Answer
from masklet.io.given import given_mask
from masklet.ops.rle import encode
from masklet.types import FrameMasks


def without_columns(mask, columns):
    """The mask without so many of its last columns."""
    kept = mask.copy()
    if columns:
        kept[:, np.flatnonzero(mask.any(axis=0))[-columns:]] = False
    return kept


class OracleVideo:
    """Carries the true masks, of which some columns are lost on some frames.

    Every click on a frame gives columns back there, and on the frames within reach of it.
    """

    name = "oracle"
    settings: dict[str, int] = {}  # noqa: RUF012

    def __init__(self, clip, lost=None, *, gain=4, reach=0, masks=None):
        self.masks = masks or clip.masks
        self.lost = lost or {}
        self.gain = gain
        self.reach = reach
        self.tracked = []
        self.runs = []

    def track(self, video, prompts, *, non_overlap):
        self.tracked.append((prompts, non_overlap))
        run = OracleRun(self, len(video))
        for frame, said in prompts.items():
            run.clicks.update({(i, frame): 0 for i in said})
        return run.propagate(min(prompts))

    def open(self, video):
        self.runs.append(OracleRun(self, len(video)))
        return self.runs[-1]


class OracleRun:
    def __init__(self, method, num_frames):
        self.method = method
        self.num_frames = num_frames
        self.clicks = Counter()
        self.said = []
        self.walks = []

    def prompt(self, object_id, frame_index, prompt):
        (x, y), (label,) = prompt.points[0].tolist(), prompt.labels.tolist()
        self.said.append((object_id, frame_index, (x, y), label))
        self.clicks[object_id, frame_index] += 1
        return Answer(self.mask(object_id, frame_index))

    def propagate(self, start, *, objects=None):
        self.walks.append((start, objects))
        known = sorted({i for i, _ in self.clicks} if objects is None else objects)
        for frame in range(start, self.num_frames):
            begun = [i for i in known if any(o == i and f <= frame for o, f in self.clicks)]
            masks = [given_mask(i, encode(self.mask(i, frame))) for i in begun]
            yield FrameMasks(frame, tuple(masks))

    def mask(self, object_id, frame):
        near = [
            clicks
            for (i, prompted), clicks in self.clicks.items()
            if i == object_id and abs(prompted - frame) <= self.method.reach
        ]
        lost = self.method.lost.get((object_id, frame), 0) - self.method.gain * sum(near)
        return without_columns(self.method.masks[object_id][frame], max(0, lost))


class OraclePicture:
    """Answers the true mask of an object without some columns, fewer with every click."""

    name = "oracle"
    settings: dict[str, int] = {}  # noqa: RUF012

    def __init__(self, picture, lost, *, gain=2, predicted_iou=None):
        self.picture = picture
        self.lost = lost
        self.gain = gain
        self.predicted_iou = predicted_iou
        self.calls = []

    def open(self, image):
        assert image.shape[:2] == next(iter(self.picture.masks.values())).shape
        return self

    def ask(self, prompts):
        self.calls.append(("ask", prompts))
        return {i: self._answer(i, said) for i, said in prompts.items()}

    def refine(self, prompts):
        self.calls.append(("refine", prompts))
        return {i: self._answer(i, said) for i, said in prompts.items()}

    def _answer(self, object_id, said):
        truth = self.picture.masks[object_id]
        if said.mask is not None:
            return Answer(said.mask, self.predicted_iou)
        if said.box is not None:
            x0, y0, x1, y1 = said.box.astype(int)
            filled = np.zeros_like(truth)
            filled[y0:y1, x0:x1] = True
            return Answer(filled, self.predicted_iou)
        lost = self.lost[object_id] - self.gain * (len(said.points) - 1)
        return Answer(without_columns(truth, max(0, lost)), self.predicted_iou)
