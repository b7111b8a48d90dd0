"""What came of tracking, in a few lines: how much, how fast, and where a reader should look."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from masklet.types import FrameMasks, ObjectId, ObjectMask

UNSURE_BELOW = 0.6
"""A visible object is unsure where its predicted IoU is lower than this."""
_SPANS_TOLD = 4


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """One object over all frames. Spans are first and last frame, both included."""

    object_id: ObjectId
    frames: int
    """On how many frames it was tracked."""
    mean_iou: float
    """The mean predicted IoU of the frames on which it is visible; 0 if there are none."""
    absent: tuple[tuple[int, int], ...]
    """Where its object score says that it is not visible."""
    unsure: tuple[tuple[int, int], ...]
    """Where it is visible with a predicted IoU below `UNSURE_BELOW`."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a run."""

    video: str
    folder: Path
    files: Sequence[str]
    frames: Sequence[FrameMasks]
    """By rising frame index."""
    frames_per_second: float | None
    """Of this run; None if it tracked no frame, as when only files were left to write."""
    is_complete: bool
    objects: tuple[ObjectSummary, ...]

    def document(self) -> dict[str, Any]:  # Any: JSON
        """All of it for programs."""
        rate = self.frames_per_second
        return {
            "video": self.video,
            "folder": str(self.folder),
            "files": list(self.files),
            "complete": self.is_complete,
            "first_frame": self.frames[0].frame_index if self.frames else None,
            "last_frame": self.frames[-1].frame_index if self.frames else None,
            "num_frames": len(self.frames),
            "frames_per_second": None if rate is None else round(rate, 3),
            "objects": [
                {
                    "object_id": each.object_id,
                    "num_frames": each.frames,
                    "mean_predicted_iou": round(each.mean_iou, 4),
                    "absent": [list(span) for span in each.absent],
                    "unsure": [list(span) for span in each.unsure],
                }
                for each in self.objects
            ],
        }

    def lines(self) -> list[str]:
        """All of it for people."""
        if not self.frames:
            return [f"{self.video}: no frame was tracked"]
        count, rate = len(self.objects), self.frames_per_second
        first, last = self.frames[0].frame_index, self.frames[-1].frame_index
        head = f"{self.video}: frames {first} to {last}, {count} object{'s' if count != 1 else ''}"
        speed = "" if rate is None else f", {rate:.1f} frames/s"
        written = f"written to {self.folder}: {', '.join(self.files)}"
        return [head + speed, *(_told(each) for each in self.objects), written]


def summarise_objects(frames: Iterable[FrameMasks]) -> tuple[ObjectSummary, ...]:
    """Every object by its id.

    Args:
        frames: the masks by rising frame index.
    """
    seen: dict[ObjectId, list[tuple[int, ObjectMask]]] = {}
    for frame in frames:
        for mask in frame.objects:
            seen.setdefault(mask.object_id, []).append((frame.frame_index, mask))
    return tuple(_summarised(object_id, seen[object_id]) for object_id in sorted(seen))


def spans(indices: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Rising numbers as stretches without gaps, first and last of each.

    >>> spans([3, 4, 5, 9])
    ((3, 5), (9, 9))
    """
    found: list[tuple[int, int]] = []
    for index in indices:
        if found and found[-1][1] == index - 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return tuple(found)


def _summarised(object_id: ObjectId, masks: Sequence[tuple[int, ObjectMask]]) -> ObjectSummary:
    visible = [mask.predicted_iou for _, mask in masks if mask.object_score > 0]

    def where(claim: Callable[[ObjectMask], bool]) -> tuple[tuple[int, int], ...]:
        return spans(index for index, mask in masks if claim(mask))

    return ObjectSummary(
        object_id=object_id,
        frames=len(masks),
        mean_iou=sum(visible) / len(visible) if visible else 0.0,
        absent=where(lambda mask: mask.object_score <= 0),
        unsure=where(lambda mask: mask.object_score > 0 and mask.predicted_iou < UNSURE_BELOW),
    )


def _told(summary: ObjectSummary) -> str:
    told = [f"object {summary.object_id}: mean predicted IoU {summary.mean_iou:.2f}"]
    for name, found in (("absent", summary.absent), ("unsure", summary.unsure)):
        if found:
            told.append(f"{name} at {_listed(found)}")
    return ", ".join(told)


def _listed(found: Sequence[tuple[int, int]]) -> str:
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in found[:_SPANS_TOLD]]
    more = len(found) - _SPANS_TOLD
    return " ".join([*shown, f"and {more} more"] if more > 0 else shown)
