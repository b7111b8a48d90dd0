"""Compare a recording with a golden one, kind of value by kind of value.

A difference counts with its largest absolute value, against the limit that the scenario states for
its kind. Where a golden array was thinned, the mean absolute value over the whole array is compared
too, and of mask logits the area that they cover.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tests.parity.recording import STATISTICS, Recording, coprime_step

Arrays = Mapping[str, npt.NDArray[np.generic]]

# For scenarios that state no limit of their own; pixel counts are a fraction of the mask's pixels.
LIMITS: Mapping[str, float] = {
    "features": 5e-4,
    "low_res": 2e-3,
    "video_res": 2e-3,
    "masks": 2e-3,
    "iou": 1e-4,
    "score": 2e-4,
    "ptr": 5e-4,
    "maskmem": 4e-2,
    "maskmem_mean_abs": 5e-4,
    "area_fraction": 2e-4,
    "exact": 0.0,
}
_MASK_LOGITS = ("low_res", "video_res", "masks")


@dataclass(frozen=True)
class Golden:
    """What the reference answered."""

    arrays: Arrays
    thinned_again: int = 1
    """Arrays longer than `spared` keep every n-th value: n from here on, coprime with the shape."""
    spared: int = 0

    def thinned(
        self, values: npt.NDArray[np.generic], shape: tuple[int, ...]
    ) -> npt.NDArray[np.generic]:
        """A recorded array as thin as this file's."""
        if self.thinned_again == 1 or len(values) <= self.spared:
            return values
        return values[:: coprime_step(shape, self.thinned_again)]


@dataclass
class Report:
    """How far a recording is from its golden."""

    compared: int = 0
    worst: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Per kind the largest difference and the array it was seen in."""
    failures: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Golden arrays that were not recorded."""

    @property
    def passed(self) -> bool:
        """Whether something was compared and nothing was beyond its limit."""
        return self.compared > 0 and not self.failures

    def note(self, kind: str, difference: float, limit: float, name: str) -> None:
        """Remember a difference; one that is no number is a failure."""
        if not difference <= self.worst.get(kind, (-1.0, ""))[0]:
            self.worst[kind] = (difference, name)
        if not difference <= limit:
            self.failures.append(f"{name} [{kind}]: {difference:.4g} is more than {limit:.4g}")

    def text(self) -> str:
        """The report as lines to read."""
        counts = (f"{len(self.failures)} failures", f"{len(self.missing)} missing")
        lines = [f"  {self.compared} arrays compared, {', '.join(counts)}"]
        for kind, (difference, name) in sorted(self.worst.items()):
            lines.append(f"  worst {kind}: {difference:.3g} at {name}")
        lines += [f"  missing: {name}" for name in self.missing]
        lines += [f"  FAILED {failure}" for failure in self.failures]
        return "\n".join(lines)


def kind_of(name: str) -> str:
    """The kind of value that an array of an image or a video scenario holds."""
    leaf = name.rsplit("/", 1)[-1]
    if name.startswith("feat/"):
        return "features"
    if leaf in ("obj_ids", "is_cond"):
        return "exact"
    return leaf if leaf in LIMITS else "features"


def compare(
    recording: Recording,
    golden: Golden,
    limits: Mapping[str, float],
    kind: Callable[[str], str] = kind_of,
) -> Report:
    """Compare every golden array with the recorded one of its name."""
    limits = {**LIMITS, **limits}
    report = Report()
    for name, expected in golden.arrays.items():
        if name.endswith(STATISTICS):
            continue
        if name not in recording.arrays:
            report.missing.append(name)
            continue
        recorded = golden.thinned(recording.arrays[name], recording.shapes[name])
        if recorded.shape != expected.shape:
            report.failures.append(
                f"{name}: {len(recorded)} thinned values of {recording.shapes[name]}, "
                f"expected {len(expected)}"
            )
            continue
        report.compared += 1
        _compare_values(report, name, recorded, expected, kind(name), limits)
        if name + STATISTICS in golden.arrays:
            whole = (recording.arrays.get(name + STATISTICS), golden.arrays[name + STATISTICS])
            _compare_whole(report, name, whole, kind(name), limits)
    return report


def _compare_values(
    report: Report,
    name: str,
    recorded: npt.NDArray[np.generic],
    expected: npt.NDArray[np.generic],
    kind: str,
    limits: Mapping[str, float],
) -> None:
    difference = np.abs(recorded.astype(np.float64) - expected.astype(np.float64))
    report.note(kind, float(difference.max(initial=0.0)), limits[kind], name)
    if kind == "maskmem":
        # Single values may differ by a bfloat16 step, so their mean has a limit of its own.
        mean = float(difference.mean())
        report.note("maskmem_mean_abs", mean, limits["maskmem_mean_abs"], name)


def _compare_whole(
    report: Report,
    name: str,
    statistics: tuple[npt.NDArray[np.generic] | None, npt.NDArray[np.generic]],
    kind: str,
    limits: Mapping[str, float],
) -> None:
    recorded, expected = (None if s is None else s.astype(np.float64) for s in statistics)
    assert expected is not None
    count = float(expected[0])
    if recorded is None or float(recorded[0]) != count:
        seen = "too few to be thinned" if recorded is None else f"{recorded[0]:.0f}"
        report.failures.append(f"{name}: {seen} values, expected {count:.0f}")
        return
    mean_difference = float(abs(recorded[3] - expected[3])) / count
    report.note(kind, mean_difference, limits[kind], f"{name} (mean absolute)")
    if kind in _MASK_LOGITS:
        area_difference = float(abs(recorded[6] - expected[6])) / count
        report.note("area_fraction", area_difference, limits["area_fraction"], name)
