"""What `masklet track` is to do: which frames in which order, with which settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import masklet
from masklet.cli.video_prompts import VideoPrompts
from masklet.errors import PromptError
from masklet.io.masklets import Masklets
from masklet.types import ObjectId, Prompt, VideoInfo


class Direction(StrEnum):
    """Which way frames are visited."""

    FORWARD = "forward"
    REVERSE = "reverse"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class TrackTask:
    """What is tracked through which video, and how."""

    video: str
    """A file, a folder or a camera."""
    prompts: VideoPrompts
    model: str
    device: str | None = None
    dtype: str | None = None
    direction: Direction = Direction.FORWARD
    start: int | None = None
    """The first frame of the span; None is the first one that the direction reaches."""
    end: int | None = None
    """The last frame of the span, itself included."""
    compiled: bool = False
    memory_dtype: str = "bfloat16"
    lookahead: int | None = None
    """Frames encoded at once; None is what suits the device."""
    stride: int = 1
    max_conditioning: int | None = None
    memories: str = "full"
    non_overlap: bool = False
    size: int | None = None
    """Side of the network's input; None is the model's."""

    def header(self, video: VideoInfo, weights: str, num_bytes: int | None) -> Masklets:
        """What stands at the head of the results: all that decides what they will be.

        Args:
            video: what the file turned out to be.
            weights: a fingerprint of the model's parameters.
            num_bytes: the size of the file, where there is one.
        """
        settings: dict[str, Any] = {  # Any: JSON
            "direction": str(self.direction),
            "start": self.start,
            "end": self.end,
            "device": self.device,
            "dtype": None if self.dtype is None else str(self.dtype),
            "compiled": self.compiled,
            "memory_dtype": str(self.memory_dtype),
            "lookahead": self.lookahead,
            "stride": self.stride,
            "max_conditioning": self.max_conditioning,
            "memories": str(self.memories),
            "non_overlap": self.non_overlap,
            "size": self.size,
            "weights": weights,
            "video_bytes": num_bytes,
        }
        return Masklets(video, self.model, masklet.__version__, self.prompts, settings=settings)


def read_direction(*, reverse: bool, both: bool) -> Direction:
    """Which way `--reverse` and `--both` mean; raises `PromptError` if both were given.

    >>> str(read_direction(reverse=False, both=True))
    'both'
    """
    if reverse and both:
        raise PromptError(
            "--reverse and --both were given; expected one of them, or neither, which tracks "
            "forward. --both tracks forward, then back."
        )
    if both:
        return Direction.BOTH
    return Direction.REVERSE if reverse else Direction.FORWARD


@dataclass(frozen=True, slots=True)
class Walk:
    """Frames that are visited one after the other."""

    start: int
    stop: int
    """Just after the highest frame."""
    reverse: bool

    @property
    def indices(self) -> range:
        """The frames in the order in which they are visited."""
        if self.reverse:
            return range(self.stop - 1, self.start - 1, -1)
        return range(self.start, self.stop)

    def __len__(self) -> int:
        return self.stop - self.start


def plan_walks(task: TrackTask, num_frames: int) -> tuple[Walk, ...]:
    """One walk over the task's span, or with both directions two: forward, then backward.

    The backward one begins below the first prompt of the object that was prompted last, and gives
    every object the frames before its first prompt.

    Raises:
        PromptError: the span does not lie within the video, or a prompt not within the span.

    >>> prompts = {7: {1: Prompt.point(4, 3)}}
    >>> plan_walks(TrackTask("clip.mp4", prompts, "tiny", direction=Direction.BOTH), 20)
    (Walk(start=7, stop=20, reverse=False), Walk(start=0, stop=7, reverse=True))
    """
    first, last = min(task.prompts), max(task.prompts)
    ends = _first_prompts(task.prompts)
    start, end = task.start, task.end
    match task.direction:
        case Direction.FORWARD:
            start = first if start is None else start
            end = num_frames - 1 if end is None else end
            walks = [Walk(start, end + 1, reverse=False)]
        case Direction.REVERSE:
            start = 0 if start is None else start
            end = last if end is None else end
            walks = [Walk(start, end + 1, reverse=True)]
        case Direction.BOTH:
            start = 0 if start is None else start
            end = num_frames - 1 if end is None else end
            walks = [Walk(first, end + 1, reverse=False), Walk(start, max(ends), reverse=True)]
    _check_span(start, end, num_frames)
    _check_within(task.prompts, start, end)
    return tuple(walk for walk in walks if len(walk) > 0)


def _first_prompts(prompts: Mapping[int, Mapping[ObjectId, Prompt]]) -> Sequence[int]:
    """The first prompted frame of every object."""
    firsts: dict[ObjectId, int] = {}
    for frame in sorted(prompts):
        for object_id in prompts[frame]:
            firsts.setdefault(object_id, frame)
    return tuple(firsts.values())


def _check_span(start: int, end: int, num_frames: int) -> None:
    if not 0 <= start <= end < num_frames:
        raise PromptError(
            f"frames {start} to {end} were asked for; expected a span within the video, whose "
            f"frames are 0 to {num_frames - 1}. Check --start and --end; both are included."
        )


def _check_within(prompts: Mapping[int, object], start: int, end: int) -> None:
    outside = [frame for frame in sorted(prompts) if not start <= frame <= end]
    if outside:
        raise PromptError(
            f"frame {outside[0]} is prompted, but frames {start} to {end} are tracked; expected "
            "prompts within them. Change --start or --end, or leave the prompt out."
        )
