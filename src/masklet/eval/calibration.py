"""Whether a method knows how good its masks are: its predicted IoU beside the real one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from masklet.eval.records import ObjectScores

BINS = 10
_PREFIX = "predicted "


@dataclass(frozen=True, slots=True)
class Bin:
    """Masks whose predicted IoU lies in one stretch, the end belonging to the next one."""

    low: float
    high: float
    count: int
    predicted: float | None
    """The mean; None where there is no mask, as below."""
    actual: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """How predicted and real IoU fit together."""

    expected_error: float
    """How far the two means of a bin lie apart, averaged over the masks, 0 to 1."""
    mean_error: float
    """Predicted less real, over all masks: above 0 where a method thinks too well of itself."""
    bins: tuple[Bin, ...]
    """From 0 to 1 in equal steps; for a diagram."""


def calibration(
    predicted: Sequence[float], actual: Sequence[float], *, bins: int = BINS
) -> Calibration | None:
    """Compare what a method predicted with what came of it; None where there are no masks.

    Args:
        predicted: the IoU that the method expects of every mask; what lies beyond 0 or 1 is in the
            first or last bin.
        actual: the real IoU of the same masks.
        bins: in how many stretches the masks are put.

    Raises:
        ValueError: there are more of the one than of the other.

    >>> found = calibration([0.875, 0.5], [0.75, 0.75])
    >>> found.expected_error, found.mean_error
    (0.1875, -0.0625)
    """
    if len(predicted) != len(actual):
        raise ValueError(
            f"there are {len(predicted)} predicted and {len(actual)} real IoUs; expected one of "
            "either for every mask."
        )
    if not len(predicted):
        return None
    said, real = np.asarray(predicted, np.float64), np.asarray(actual, np.float64)
    place = bin_of(said, bins)
    count = np.bincount(place, minlength=bins)
    said_sum = np.bincount(place, weights=said, minlength=bins)
    real_sum = np.bincount(place, weights=real, minlength=bins)
    return Calibration(
        expected_error=float(np.abs(said_sum - real_sum).sum() / len(said)),
        mean_error=float((said - real).mean()),
        bins=tuple(
            Bin(
                low=number / bins,
                high=(number + 1) / bins,
                count=int(held),
                predicted=float(said_sum[number] / held) if held else None,
                actual=float(real_sum[number] / held) if held else None,
            )
            for number, held in enumerate(count)
        ),
    )


def bin_of(predicted: npt.NDArray[np.float64], bins: int = BINS) -> npt.NDArray[np.int64]:
    """In which bin every predicted IoU lies, counted from 0.

    >>> bin_of(np.array([0.0, 0.55, 1.0])).tolist()
    [0, 5, 9]
    """
    return np.clip((predicted * bins).astype(np.int64), 0, bins - 1)


def predicted_and_real(scores: ObjectScores) -> tuple[tuple[float, float], ...]:
    """The predicted and the real IoU of every mask of an object for which both are known.

    They are the series "predicted IoU" and "J" of videos, and of pictures values such as
    "predicted IoU@1" and "IoU@1".

    >>> predicted_and_real(ObjectScores("cat", 1, {"IoU@1": 0.75, "predicted IoU@1": 0.875}))
    ((0.875, 0.75),)
    """
    predicted, real = (scores.series.get(name, {}) for name in (f"{_PREFIX}IoU", "J"))
    of_frames = [(predicted[frame], real[frame]) for frame in predicted if frame in real]
    known = {name: name.removeprefix(_PREFIX) for name in scores.values if name.startswith(_PREFIX)}
    of_prompts = [
        (scores.values[name], scores.values[of])
        for name, of in known.items()
        if of in scores.values
    ]
    return (*of_frames, *of_prompts)
