"""A user who knows the truth and clicks where an answer is most wrong."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from masklet.data.records import Mask
from masklet.eval.methods import VideoRun
from masklet.eval.metrics import region_similarity
from masklet.eval.stopwatch import Stopwatch
from masklet.ops.boxes import boxes_from_masks
from masklet.ops.clicks import centre_clicks, random_clicks
from masklet.types import ObjectId, Prompt


@dataclass(frozen=True, slots=True)
class Seen:
    """What the user knows of an object on a frame."""

    frame_index: int
    truth: Mask
    void: Mask | None = None
    """Pixels that nobody judged: whatever is said of them is right."""

    def iou(self, said: Mask) -> float:
        """How right a mask is; 1 where it is empty and the object hidden."""
        return float(region_similarity(said, self.truth, void=self.void))

    def click(self, said: Mask) -> Prompt | None:
        """Where the user clicks; None where nothing is wrong."""
        if self.void is None:
            return next_click(said, self.truth)
        return next_click(said & ~self.void, self.truth & ~self.void)


def next_click(
    said: Mask, truth: Mask, *, generator: torch.Generator | None = None
) -> Prompt | None:
    """A click where an answer is wrong; None where it is right.

    Args:
        said: what was answered so far; all False before the first click.
        truth: what is meant.
        generator: draws any of the wrong pixels; unless given, the click is in the middle of the
            largest error.

    >>> truth = np.zeros((9, 9), bool)
    >>> truth[2:7, 3:8] = True
    >>> click = next_click(np.zeros_like(truth), truth)
    >>> click, click.points.tolist()
    (Prompt(points 1, on 1), [[5.0, 4.0]])
    >>> next_click(truth, truth) is None
    True
    """
    wrong = said != truth
    # Distances are computed within the box of what is wrong: most objects are small.
    rows, columns = _span(wrong.any(axis=1)), _span(wrong.any(axis=0))
    if rows.stop == 0:
        return None
    here = torch.from_numpy(said[rows, columns])[None]
    right = torch.from_numpy(truth[rows, columns])[None]
    if generator is None:
        clicks = centre_clicks(here, right)
    else:
        clicks = random_clicks(here, right, generator=generator)
    x, y = clicks.points_B2[0].tolist()
    return Prompt.point(columns.start + x, rows.start + y, int(clicks.labels_B))


def tight_box(mask: Mask) -> Prompt:
    """The box of a mask that is not empty.

    >>> tight_box(np.array([[False, True, True]]))
    Prompt(box [1.0, 0.0, 3.0, 1.0])
    """
    (box,) = boxes_from_masks(torch.from_numpy(mask)[None]).tolist()
    return Prompt.box_xyxy(*box)


def correct(
    run: VideoRun,
    object_id: ObjectId,
    seen: Seen,
    said: Mask,
    *,
    clicks: int,
    watch: Stopwatch,
) -> tuple[Prompt, ...]:
    """Click on one frame, each time where the answer to the click before is most wrong.

    Args:
        run: what is corrected.
        object_id: which object.
        seen: the frame, and what is right there.
        said: what the method shows there; all False before the first click.
        clicks: how many.
        watch: counts the time that the method takes.

    Returns:
        The clicks that were made: fewer once nothing is wrong any more.
    """
    made: list[Prompt] = []
    for _ in range(clicks):
        click = seen.click(said)
        if click is None:
            break
        with watch.running():
            said = run.prompt(object_id, seen.frame_index, click).mask
        made.append(click)
    return tuple(made)


def _span(hit: npt.NDArray[np.bool_]) -> slice:
    """From the first to the last True; empty at 0 where there is none."""
    places = np.flatnonzero(hit)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)
