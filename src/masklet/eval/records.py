"""What an evaluation finds out: scores of objects, of items, and whole runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from masklet.types import ObjectId

Task: TypeAlias = Literal["vos", "clicks", "interactive", "robustness"]
"""Videos with the first frame prompted; pictures and clicks; videos and corrections; made scenes."""

Series: TypeAlias = Mapping[int, float]
"""A score by frame index."""


@dataclass(frozen=True, slots=True)
class ObjectScores:
    """One object of one clip or picture."""

    item: str
    object_id: ObjectId
    values: Mapping[str, float]
    """By the name of the score, such as "J&F", "F recall", "IoU@3" or "NoC@90"; shares are 0 to 1,
    not percent. A score that does not exist for the object is missing: nan never stands here."""
    series: Mapping[str, Series] = field(default_factory=dict)
    """Scores by frame: "J", "F", and "predicted IoU" where the method says one."""
    category: str | None = None
    is_seen: bool | None = None
    """As in `masklet.data.records.ObjectRecord`."""


@dataclass(frozen=True, slots=True)
class ItemScores:
    """One clip or picture."""

    item: str
    objects: tuple[ObjectScores, ...]
    frames: int
    """How many frames the method answered; 1 for a picture."""
    seconds: float
    """Wall time of the method, without reading truth and scoring."""
    left_out: int = 0
    """Objects that the options leave out, such as those that are too small."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over objects and where it would lie with other items (95 %)."""

    mean: float
    low: float
    high: float
    count: int
    """Objects that have the score."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An item that could not be evaluated."""

    item: str
    why: str


@dataclass(frozen=True, slots=True)
class RunScores:
    """A whole evaluation, as `scores.json` holds it."""

    task: Task
    dataset: str
    method: str
    settings: Mapping[str, Any]  # Any: JSON
    """All that the scores depend on: protocol, model, weights, policy, input size, versions."""
    environment: Mapping[str, Any]  # Any: JSON
    """What the speed depends on."""
    summary: Mapping[str, Interval]
    objects: tuple[ObjectScores, ...]
    """Without their series, which stay in the files of the items."""
    seconds: float
    frames: int
    skipped: tuple[Skipped, ...] = ()
    left_out: int = 0
    """Objects that the options leave out."""
