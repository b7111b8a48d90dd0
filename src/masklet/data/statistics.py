"""Statistics of a dataset: how much it holds, how large its objects are, how often they hide.

Facts are gathered item by item, in any process, and put together at the end.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Literal, TypeAlias

import numpy as np

from masklet.data.records import Clip, FrameTruth, Picture
from masklet.ops import rle

Bucket: TypeAlias = Literal["small", "medium", "large"]

# SA-V's: the mean mask of a masklet has fewer pixels than the first, or more than the second.
_SMALL, _LARGE = 32**2, 96**2
_CATEGORIES_TOLD = 20


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What counts of an object."""

    areas: tuple[int, ...]
    """Pixels on the annotated frames on which it was looked for, from the first that shows it on;
    0 where it is hidden."""
    is_late: bool = False
    """Whether the first annotated frame of its clip does not show it."""
    category: str | None = None

    @property
    def mean_area(self) -> float:
        """Pixels, over the frames that show it."""
        return fmean(area for area in self.areas if area > 0)

    @property
    def bucket(self) -> Bucket:
        """How large it is, by SA-V's bounds: 32 x 32 and 96 x 96 pixels."""
        area = self.mean_area
        return "small" if area < _SMALL else "large" if area > _LARGE else "medium"

    @property
    def comes_back(self) -> bool:
        """Whether it is shown, then hidden, then shown again."""
        is_shown = np.array(self.areas) > 0
        return bool((np.diff(is_shown.astype(np.int8)) > 0).any())


@dataclass(frozen=True, slots=True)
class Facts:
    """What counts of an item; a picture is one annotated frame."""

    name: str
    size: tuple[int, int]
    """`(height, width)` of its frames."""
    num_frames: int
    annotated: tuple[int, ...]
    objects: tuple[ObjectFacts, ...]
    """Those that are visible on some frame."""
    shows_most: int
    """The frame on which most objects are visible, or, of such, most pixels of them."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of many items."""

    least: float
    median: float
    most: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """What counts of a dataset."""

    items: int
    items_without_objects: int
    frames: int
    annotated_frames: int
    objects: int
    masks: int
    """With pixels, over all frames."""
    frames_per_item: Spread
    objects_per_item: Spread
    smallest: tuple[int, int]
    """`(height, width)` of the item with the fewest pixels per frame."""
    median_size: tuple[int, int]
    largest: tuple[int, int]
    areas: Mapping[Bucket, int]
    """Objects by `ObjectFacts.bucket`."""
    late_objects: int
    hidden_share: float | None
    """Of all frames from an object's first on, on which it was looked for, those that do not show
    it; None where no object has a second frame."""
    disappearance_rate: float | None
    """SA-V's: the share of objects that are hidden on some frame and shown again later; None as
    above."""
    num_categories: int
    categories: tuple[tuple[str, int], ...]
    """The 20 that have most objects, with their number."""

    def describe(self) -> dict[str, Any]:  # Any: JSON
        """As JSON."""
        return asdict(self)


def clip_facts(clip: Clip) -> Facts:
    """Read the annotations of a clip, and its first frame.

    Raises:
        DatasetError, VideoError: it is broken.

    >>> from masklet.data.scenes.tiny import tiny_clips
    >>> facts = clip_facts(tiny_clips()[1])
    >>> facts.size, [each.comes_back for each in facts.objects]
    ((64, 96), [True, False])
    """
    with clip.open() as frames:
        size, num_frames = frames.info.size, len(frames)
    annotated = clip.annotated
    areas = {index: _areas(clip.truth(index)) for index in annotated}
    objects = tuple(
        ObjectFacts(
            tuple(
                shown[each.object_id]
                for index, shown in areas.items()
                if index >= each.first_frame and each.object_id in shown
            ),
            is_late=each.first_frame > annotated[0],
            category=each.category,
        )
        for each in clip.objects()
    )
    shows_most = max(annotated, key=lambda index: _fullness(areas[index].values()), default=0)
    return Facts(clip.name, size, num_frames, annotated, objects, shows_most)


def picture_facts(picture: Picture) -> Facts:
    """Read a picture and its annotations. Raises `DatasetError` where it is broken."""
    height, width, _ = picture.image().shape
    objects = tuple(
        ObjectFacts((rle.area(each.segmentation),), category=each.category)
        for each in picture.objects()
    )
    return Facts(picture.name, (height, width), 1, (0,), objects, 0)


def summarise(facts: Sequence[Facts]) -> Statistics:
    """The statistics of items, at least one.

    >>> one = Facts("a", (48, 64), 3, (0, 1, 2), (ObjectFacts((9, 0, 9)),), 0)
    >>> told = summarise([one])
    >>> told.masks, told.hidden_share, told.disappearance_rate
    (2, 0.3333333333333333, 1.0)
    """
    objects = [each for item in facts for each in item.objects]
    areas = [area for each in objects for area in each.areas]
    masks = sum(area > 0 for area in areas)
    has_time = any(len(each.areas) > 1 for each in objects)
    buckets = Counter(each.bucket for each in objects)
    categories = Counter(each.category for each in objects if each.category is not None)
    sizes = sorted((item.size for item in facts), key=lambda size: (size[0] * size[1], size))
    return Statistics(
        items=len(facts),
        items_without_objects=sum(not item.objects for item in facts),
        frames=sum(item.num_frames for item in facts),
        annotated_frames=sum(len(item.annotated) for item in facts),
        objects=len(objects),
        masks=masks,
        frames_per_item=_spread(item.num_frames for item in facts),
        objects_per_item=_spread(len(item.objects) for item in facts),
        smallest=sizes[0],
        median_size=sizes[len(sizes) // 2],
        largest=sizes[-1],
        areas={"small": buckets["small"], "medium": buckets["medium"], "large": buckets["large"]},
        late_objects=sum(each.is_late for each in objects),
        hidden_share=(len(areas) - masks) / len(areas) if has_time else None,
        disappearance_rate=fmean(each.comes_back for each in objects) if has_time else None,
        num_categories=len(categories),
        categories=tuple(categories.most_common(_CATEGORIES_TOLD)),
    )


def _areas(truth: FrameTruth) -> dict[int, int]:
    """The pixels of every object that was looked for."""
    return {each: int(np.count_nonzero(mask)) for each, mask in truth.masks.items()}


def _fullness(areas: Collection[int]) -> tuple[int, int]:
    """How many objects a frame shows, and how many pixels of them."""
    return sum(area > 0 for area in areas), sum(areas)


def _spread(values: Iterable[float]) -> Spread:
    ordered = sorted(values)
    return Spread(ordered[0], float(np.median(ordered)), ordered[-1])
