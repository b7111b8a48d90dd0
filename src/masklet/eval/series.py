"""What is told of a row of scores: of the frames of a clip, or of one click after another."""

from collections.abc import Sequence

import numpy as np

# DAVIS counts a frame as found when its score is above this.
_FOUND = 0.5
_QUARTERS = 4


def recall(scores: Sequence[float]) -> float:
    """The share of frames with a score above one half.

    Args:
        scores: of at least one frame.

    >>> recall([0.9, 0.5, 0.1, 0.8])
    0.5
    """
    return float(np.mean(np.asarray(scores) > _FOUND))


def decay(scores: Sequence[float]) -> float:
    """How much is lost: the mean of the first quarter of the frames less that of the last.

    The quarters are those of DAVIS's toolkit, which share the frames at their borders; of fewer
    than four frames all or most are in both. (The toolkit keeps the borders as 8-bit numbers, and
    so takes other quarters of more than 256 frames; these here are right for any number.)

    Args:
        scores: of at least one frame, in order.

    >>> decay([0.9, 0.7, 0.6, 0.5, 0.3])
    0.4
    """
    # The small amount turns the rounding of halves upwards, as theirs does.
    borders = np.round(np.linspace(1, len(scores), _QUARTERS + 1) + 1e-10).astype(np.int64) - 1
    first, last = scores[: borders[1] + 1], scores[borders[-2] :]
    return float(np.mean(first) - np.mean(last))


def clicks_needed(ious: Sequence[float], *, threshold: float, most: int) -> int:
    """How many clicks it takes to reach an IoU ("NoC"); `most` where it is not reached.

    Args:
        ious: after 1, 2, ... clicks.
        threshold: the IoU that is good enough.
        most: with how many clicks one gives up; more are not looked at.

    >>> clicks_needed([0.7, 0.86, 0.91], threshold=0.9, most=20)
    3
    """
    reached = (clicks for clicks, iou in enumerate(ious[:most], start=1) if iou >= threshold)
    return next(reached, most)
