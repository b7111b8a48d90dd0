"""What a prompt makes of what was said about an object on the same frame before."""

from dataclasses import replace
from typing import TypeVar

import numpy as np

from masklet.errors import PromptError
from masklet.tracking.history import ObjectState, Prompted
from masklet.tracking.walking import Walker
from masklet.types import Prompt

S = TypeVar("S")


def check_prompt(known: ObjectState, frame: int, prompt: Prompt, size: tuple[int, int]) -> None:
    """Raise `PromptError` unless the prompt fits the frame and shows a new object."""
    prompt.check_inside(size)
    has_others = any(other != frame for other in known.prompted)
    if prompt.mask is not None and not prompt.mask.any() and not has_others:
        raise PromptError(
            f"the mask of object {known.object_id} on frame {frame} is empty, which says that the "
            "object is not there; expected a first prompt that shows it. Prompt a frame on which "
            "it can be seen first."
        )


def drafted(walker: Walker[S], known: ObjectState, frame: int, prompt: Prompt) -> Prompted:
    """The object's answer on this frame once the prompt is heard.

    Clicks add to earlier ones and correct the earlier answer. A box joins the clicks; it says anew
    where the object is, so no earlier answer goes in with it. A mask replaces everything.
    """
    earlier = known.prompted.get(frame)
    before = _before(known, frame)
    corrects = earlier.chosen if earlier is not None and prompt.box is None else None
    said = prompt
    if prompt.mask is not None:
        mask = Prompt.from_mask(prompt.mask)
        given = walker.answer(known.object_id, frame, mask, before=before)
        if len(prompt.points) == 0 and prompt.box is None:
            return given
        corrects = given.chosen
    elif earlier is not None:
        said = _accumulated(earlier.prompt, prompt)
    asked = Prompt(points=said.points, labels=said.labels, box=said.box)
    answer = walker.answer(known.object_id, frame, asked, corrects=corrects, before=before)
    return replace(answer, prompt=said)


def _before(known: ObjectState, frame: int) -> ObjectState | None:
    """The object as it was before this frame's draft began, where anything was known of it."""
    earlier = known.prompted.get(frame)
    if earlier is not None and earlier.memory is None:
        return earlier.before
    return known if earlier is not None or frame in known.tracked else None


def _accumulated(earlier: Prompt, prompt: Prompt) -> Prompt:
    """Everything that is in force; with a new box an earlier mask is not."""
    return Prompt(
        points=np.concatenate([earlier.points, prompt.points]),
        labels=np.concatenate([earlier.labels, prompt.labels]),
        box=earlier.box if prompt.box is None else prompt.box,
        mask=earlier.mask if prompt.box is None else None,
    )
