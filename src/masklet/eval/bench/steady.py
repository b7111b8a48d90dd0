"""A tracker in the steady state: every object has all the memories that the policy keeps.

That is where nearly all frames of a video are.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from masklet.io.video import Frame
from masklet.memory.standard import StandardPolicy
from masklet.model.protocol import SegmentationModel
from masklet.tracking.tracker import Tracker, TrackerState
from masklet.types import Prompt


def steady_tracker(
    model: SegmentationModel,
    clip: Sequence[Frame],
    *,
    size: int,
    objects: int,
    policy: StandardPolicy | None = None,
) -> Tracker[None]:
    """A tracker of so many objects whose next frame is like nearly all frames of a video.

    Args:
        model: the network.
        clip: two frames of one size are looked at, or one twice.
        size: side of the network's input, a multiple of 32.
        objects: how many, side by side.
        policy: what is remembered; as SAM 2 does unless given.
    """
    tracker: Tracker[None] = Tracker(model, input_size=size, policy=policy)
    height, width = clip[0].shape[:2]
    tracker.step(clip[0], boxes_beside((height, width), objects))
    tracker.step(clip[1 % len(clip)])
    tracker.state = with_all_memories(tracker.state, tracker.method.policy.reach)
    return tracker


def with_all_memories(state: TrackerState[None], reach: int) -> TrackerState[None]:
    """As after `reach` more tracked frames: the memory of the last one stands for theirs.

    Arithmetic and memory are those of a clip that was tracked so far, but on a CPU tracking there
    would take longer than the measurement.

    Args:
        state: a frame was prompted, and one was tracked.
        reach: recent memories that the policy keeps.
    """
    now = state.frame_index + reach
    tracks = []
    for (row,) in state.tracks:
        bank = row.bank
        last = bank.recent[-1]
        for frame_index in range(state.frame_index, now):
            # Cloned: the memories of a clip do not share their storage.
            bank = bank.remember(replace(last.cloned(), frame_index=frame_index), keep=reach)
        tracks.append((replace(row, bank=bank),))
    return TrackerState(now, tuple(tracks))


def boxes_beside(size: tuple[int, int], count: int) -> dict[int, Prompt]:
    """Boxes side by side that fill a frame `(height, width)`, by object.

    >>> list(boxes_beside((90, 160), 2))
    [1, 2]
    """
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    height, width = size[0] / rows, size[1] / columns
    boxes = {}
    for number in range(count):
        x, y = number % columns * width, number // columns * height
        corners = (x + 0.1 * width, y + 0.1 * height, x + 0.9 * width, y + 0.9 * height)
        boxes[number + 1] = Prompt.box_xyxy(*corners)
    return boxes
