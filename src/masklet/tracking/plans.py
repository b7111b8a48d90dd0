"""Which frames a propagation visits, in which order, and who is tracked on each of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Literal, TypeAlias, assert_never, get_args

from masklet.errors import PromptError, VideoError
from masklet.tracking.history import ObjectState, Tracked
from masklet.tracking.spans import Context, unfilled
from masklet.types import ObjectId

Direction: TypeAlias = Literal["forward", "backward", "both"]


@dataclass(slots=True, eq=False)
class Run:
    """A propagation that is going on."""

    start: int | None
    stop: int | None
    direction: Direction
    objects: tuple[ObjectId, ...] | None
    frames: int = 0
    """Handed over so far."""
    has_changed: bool = False
    """Whether anything was tracked; a run is one step of the history from then on."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a propagation that goes one way."""

    window: range
    """The frames that were asked for, in walking order."""
    reverse: bool
    sources: Mapping[ObjectId, tuple[int, ...]]
    """Per object the prompted frames from which it sets out."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A frame of a run."""

    frame: int
    due: tuple[ObjectId, ...]
    """Who is tracked on it."""
    reverse: bool
    """Whether the walk is reversed there."""
    following: int | None = None
    """The frame that is visited next, if anyone is tracked on it."""


def check_window(
    start: int | None, stop: int | None, direction: Direction, num_frames: int
) -> None:
    """Raise `VideoError` unless the video has the frames, `PromptError` for no such direction."""
    if direction not in get_args(Direction):
        raise PromptError(
            f"the direction is {direction!r}; expected one of {', '.join(get_args(Direction))}."
        )
    first = 0 if start is None else start
    end = num_frames if stop is None else stop
    if not 0 <= first < end <= num_frames:
        raise VideoError(
            f"the frames from {first} to before {end} are asked for; expected 0 <= start < stop <= "
            f"{num_frames}, the length of the video, also when going backwards."
        )


def visits(
    run: Run, known: Sequence[ObjectState], num_frames: int, context: Context
) -> Iterator[Visit]:
    """The frames of a run in walking order.

    The objects are as they are before the run: its legs do not fill each other's frames.
    """
    objects = {each.object_id: each for each in known}
    prompted = {each.object_id: tuple(each.prompted) for each in known}
    planned = (
        Visit(frame, due, leg.reverse)
        for leg in legs(prompted, range(num_frames), run.start, run.stop, run.direction)
        for frame, due in due_frames(leg, objects, context)
    )
    for visit, after in pairwise(chain(planned, [None])):
        assert visit is not None
        yield visit if after is None or not after.due else replace(visit, following=after.frame)


def legs(
    prompted: Mapping[ObjectId, tuple[int, ...]],
    video: range,
    start: int | None,
    stop: int | None,
    direction: Direction,
) -> Iterator[Leg]:
    """The parts of a propagation.

    Args:
        prompted: per object its prompted frames; an object has at least one.
        video: all frames.
        start: the first frame asked for; None is as far as `direction` can mean.
        stop: the one after the last, likewise.
        direction: which way; "both" goes backwards below each object's first prompt, then forwards.
    """
    if not prompted:
        return
    from_here = video.start if start is None else start
    to_here = video.stop if stop is None else stop
    firsts = {i: (min(frames),) for i, frames in prompted.items()}
    earliest, latest = min(firsts.values())[0], max(firsts.values())[0]
    last = max(max(frames) for frames in prompted.values())
    match direction:
        case "forward":
            yield Leg(range(earliest if start is None else start, to_here), False, prompted)
        case "backward":
            yield Leg(_down(from_here, last + 1 if stop is None else stop), True, prompted)
        case "both":
            yield Leg(_down(from_here, min(to_here, latest)), True, firsts)
            yield Leg(range(max(from_here, earliest), to_here), False, prompted)
        case _:
            assert_never(direction)


def due_frames(
    leg: Leg, objects: Mapping[ObjectId, ObjectState], context: Context
) -> list[tuple[int, tuple[ObjectId, ...]]]:
    """The frames to visit, in walking order, and the objects to track on each.

    Frames on the way to the window come first; a frame with nothing to do is visited if it was
    asked for.
    """
    due: dict[int, list[ObjectId]] = {}
    for object_id, prompts in leg.sources.items():
        tracked = objects[object_id].tracked

        def is_filled(frame: int, tracked: Mapping[int, Tracked] = tracked) -> bool:
            return frame in tracked and tracked[frame].reverse == leg.reverse

        for frame in unfilled(prompts, is_filled, leg.window, reverse=leg.reverse, context=context):
            due.setdefault(frame, []).append(object_id)
    lead_in = sorted((frame for frame in due if frame not in leg.window), reverse=leg.reverse)
    return [(frame, tuple(due.get(frame, ()))) for frame in (*lead_in, *leg.window)]


def _down(start: int, stop: int) -> range:
    """The frames from `start` to before `stop`, the last one first."""
    return range(stop - 1, start - 1, -1)
