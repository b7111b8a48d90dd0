"""Which frames depend on which prompts: the law that makes the order of edits irrelevant.

The prompted frames of an object cut the video into spans. With context "neighbours" a frame is
tracked from the memories of the prompted frames on both sides of it, and of its own span from where
the walk entered it; so it depends on its two neighbouring prompts only. With context "all" it is
tracked from every prompted frame, and the walk goes on across them, as SAM 2 does; so it depends on
all of them.

Every function here takes the prompted frames of one object, in any order.
"""

from collections.abc import Callable, Collection
from typing import Literal, TypeAlias

Context: TypeAlias = Literal["neighbours", "all"]


def conditioning_frames(prompts: Collection[int], frame: int, context: Context) -> tuple[int, ...]:
    """The prompted frames from which `frame` is tracked, ascending.

    >>> conditioning_frames([0, 5, 9], 6, "neighbours")
    (5, 9)
    """
    if context == "all":
        return tuple(sorted(prompts))
    return tuple(p for p in _neighbours(prompts, frame) if p is not None)


def walked(
    prompts: Collection[int], frame: int, *, reverse: bool, context: Context
) -> range | None:
    """The frames that a walk passes before it reaches `frame`, prompted ones among them.

    Returns:
        The frames in walking order; None where no walk in this direction gets there.

    >>> walked([0, 5, 9], 8, reverse=False, context="neighbours")
    range(6, 8)
    """
    behind = [p for p in prompts if (p > frame if reverse else p < frame)]
    if not behind:
        return None
    nearest_is_highest = not reverse
    takes_nearest = context == "neighbours"
    origin = max(behind) if nearest_is_highest == takes_nearest else min(behind)
    step = -1 if reverse else 1
    return range(origin + step, frame, step)


def stale(prompts: Collection[int], frame: int, num_frames: int, context: Context) -> range:
    """The frames to forget when what is said on `frame` changes, comes or goes.

    >>> stale([0, 5, 9], 5, 20, "neighbours")
    range(1, 9)
    """
    if context == "all":
        return range(num_frames)
    left, right = _neighbours(prompts, frame)
    return range(0 if left is None else left + 1, num_frames if right is None else right)


def unfilled(
    prompts: Collection[int],
    is_filled: Callable[[int], bool],
    window: range,
    *,
    reverse: bool,
    context: Context,
) -> list[int]:
    """The frames to track so that every frame of a window that can be reached is filled.

    Args:
        prompts: the object's prompted frames.
        is_filled: whether a frame was tracked in this direction already.
        window: frames in walking order.
        reverse: the direction of the walk.
        context: how far a frame depends on others.

    Returns:
        Frames in walking order, those on the way to the window first.
    """
    if len(window) == 0 or len(prompts) == 0:
        return []
    enters_at_a_prompt = window[0] in prompts and context == "neighbours"
    lead_in = None
    if not enters_at_a_prompt:
        lead_in = walked(prompts, window[0], reverse=reverse, context=context)
    first = max(prompts) if reverse else min(prompts)
    reached = (f for f in window if (f < first if reverse else f > first))
    return [f for f in (*(lead_in or ()), *reached) if f not in prompts and not is_filled(f)]


def _neighbours(prompts: Collection[int], frame: int) -> tuple[int | None, int | None]:
    left = max((p for p in prompts if p < frame), default=None)
    right = min((p for p in prompts if p > frame), default=None)
    return left, right
