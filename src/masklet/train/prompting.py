"""What the simulated user of a training step will do, drawn before the step begins.

A plan says which frames are prompted with what, which are corrected and with how many clicks; where
the clicks go depends on the answers and is drawn by `unroll`. Plans come from a generator on the CPU
that every process seeds alike, so that all processes do the same work at the same time (SAM 2, arXiv
2408.00714, appendix D.2; probabilities of the released trainer).

Shapes as in `masklet.data.batches`; V clips, N rows wanted of each.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch

from masklet.data.batches import ClipBatch
from masklet.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Click:
    """How the place of one click is found."""

    from_truth: bool = False
    """Anywhere on the object, whatever was answered so far, instead of on an error."""
    is_centred: bool = False
    """In the middle of the largest error instead of anywhere on one."""


FirstPrompt: TypeAlias = Literal["mask", "box"] | Click


@dataclass(frozen=True, slots=True)
class FramePlan:
    """What the user says about one frame."""

    frame: int
    first: FirstPrompt | None
    """The prompt of an initial frame; None lets tracking answer first."""
    corrections: tuple[Click, ...] = ()
    """Clicks that follow, each after a look at the answer."""


@dataclass(frozen=True, slots=True)
class UserPlan:
    """One user, who asks about some rows of a batch in the same way."""

    rows: tuple[int, ...] | None
    """Which rows; None is all of them."""
    frames: tuple[FramePlan, ...]
    """Initial frames first, then others that are corrected in the order of time."""


@dataclass(frozen=True, slots=True)
class PromptPlan:
    """All users of a batch; every row has exactly one."""

    users: tuple[UserPlan, ...]


@dataclass(frozen=True, slots=True)
class MixedPrompts:
    """For pictures: rows that are prompted once beside rows that are clicked again and again."""

    single: float = 0.5
    """The share of rows with a single prompt, a click or a box."""
    most_clicks: int = 8
    """The other rows get two to so many clicks."""

    def __post_init__(self) -> None:
        _check_probability("single", self.single)
        _check_at_least("most_clicks", self.most_clicks, 2)


@dataclass(frozen=True, slots=True)
class PromptOptions:
    """How plans are drawn; the released trainer's values unless said otherwise.

    >>> options = PromptOptions(points=1.0, box=0.0)
    >>> plan = draw_plan(options, frames=1, rows=2, generator=torch.Generator().manual_seed(0))
    >>> plan.users[0].frames[0].first
    Click(from_truth=False, is_centred=False)
    """

    points: float = 0.5
    """Probability that a clip is prompted with points or a box, else with masks."""
    box: float = 0.5
    """Probability that a frame so prompted gets a box, else a click."""
    initial_frames: tuple[int, int] = (1, 2)
    """The least and the most frames that are prompted before anything is tracked."""
    corrected_frames: tuple[int, int] = (1, 2)
    """The least and the most frames that are corrected if they are prompted with points; the
    initial ones always are."""
    corrections: int = 7
    """Clicks on every corrected frame."""
    from_truth: float = 0.1
    """Probability that a correcting click ignores the answer."""
    centred: float = 0.0
    """Probability that a click is in the middle of the error instead of anywhere on it."""
    mixed: MixedPrompts | None = None
    """For pictures, in place of the rule of clips."""

    def __post_init__(self) -> None:
        _check_probability("points", self.points)
        _check_probability("box", self.box)
        _check_probability("from_truth", self.from_truth)
        _check_probability("centred", self.centred)
        _check_span("initial_frames", *self.initial_frames)
        _check_span("corrected_frames", *self.corrected_frames)
        _check_at_least("corrections", self.corrections, 0)


def draw_plan(
    options: PromptOptions, *, frames: int, rows: int, generator: torch.Generator
) -> PromptPlan:
    """What the users of one batch do.

    Args:
        options: how likely what is.
        frames: of every clip; of a single one neither masks nor other frames can be asked.
        rows: of the batch. Only a mixed plan depends on it.
        generator: on the CPU; processes that train together must seed it alike.
    """
    dice = _Dice(generator)
    if frames == 1 and options.mixed is not None:
        return PromptPlan(_mixed_users(options, options.mixed, rows, dice))
    return PromptPlan((UserPlan(None, _clip_frames(options, frames, dice)),))


def asked_rows(batch: ClipBatch, per_clip: int) -> ClipBatch:
    """A batch with `per_clip` rows of every clip, in the order of clips.

    Objects of a clip take turns, so that a picture of three objects can be asked eight times for one
    pass of the encoder. Rows of a clip in which nothing is known stay unknown.

    >>> batch = ClipBatch(
    ...     frames_F3SS=torch.zeros(1, 3, 8, 8),
    ...     masks_TBSS=torch.zeros(1, 2, 8, 8, dtype=torch.bool),
    ...     known_TB=torch.tensor([[True, False]]),
    ...     row_to_frame_TB=torch.tensor([[0, 0]]),
    ...     names=("a picture",),
    ... )
    >>> asked_rows(batch, 3).known_TB
    tensor([[True, True, True]])
    """
    known_B = batch.known_TB.any(dim=0)
    clip_V = torch.arange(batch.clips, device=batch.device)
    belongs_VB = (batch.row_to_frame_TB[0] // batch.length == clip_V[:, None]) & known_B
    wanted_N = torch.arange(per_clip, device=batch.device)
    turn_VN = wanted_N % belongs_VB.sum(dim=1, keepdim=True).clamp(min=1)
    place_VB = belongs_VB.cumsum(dim=1) - 1
    is_it_VNB = belongs_VB[:, None] & (place_VB[:, None] == turn_VN[:, :, None])
    row_R = is_it_VNB.int().argmax(dim=2).flatten()
    has_any_R = belongs_VB.any(dim=1).repeat_interleave(per_clip)
    frame_TV = torch.arange(batch.length, device=batch.device)[:, None] + clip_V * batch.length
    return replace(
        batch,
        masks_TBSS=batch.masks_TBSS[:, row_R],
        known_TB=batch.known_TB[:, row_R] & has_any_R,
        row_to_frame_TB=frame_TV.repeat_interleave(per_clip, dim=1),
    )


def _clip_frames(options: PromptOptions, frames: int, dice: "_Dice") -> tuple[FramePlan, ...]:
    uses_points = dice.chance(options.points) or frames == 1
    # With masks on all frames there would be nothing to learn from.
    room = frames if uses_points else frames - 1
    count = dice.between(*(min(end, room) for end in options.initial_frames))
    initial = (0, *dice.some(range(1, frames), count - 1))
    if not uses_points:
        return tuple(FramePlan(frame, "mask") for frame in initial)
    # Not fewer than the initial ones, not more than there are.
    corrected = dice.between(*(max(min(end, frames), count) for end in options.corrected_frames))
    # To correct with no click is to say nothing.
    added = corrected - count if options.corrections else 0
    others = dice.some([t for t in range(frames) if t not in initial], added)
    firsts: dict[int, FirstPrompt] = {frame: _first_prompt(options, dice) for frame in initial}
    return tuple(
        FramePlan(frame, firsts.get(frame), _corrections(options, options.corrections, dice))
        for frame in (*initial, *sorted(others))
    )


def _mixed_users(
    options: PromptOptions, mixed: MixedPrompts, rows: int, dice: "_Dice"
) -> tuple[UserPlan, ...]:
    clicks = dice.between(2, mixed.most_clicks)
    frames = (
        FramePlan(0, "box"),
        FramePlan(0, _click(options, dice)),
        FramePlan(0, _click(options, dice), _corrections(options, clicks - 1, dice)),
    )
    # Last, as it alone depends on the rows: processes with other rows still ask as often.
    order = dice.shuffled(rows)
    single = round(rows * mixed.single)
    boxed = round(single * options.box)
    parts = (order[:boxed], order[boxed:single], order[single:])
    return tuple(
        UserPlan(tuple(sorted(part)), (frame,))
        for part, frame in zip(parts, frames, strict=True)
        if part
    )


def _first_prompt(options: PromptOptions, dice: "_Dice") -> FirstPrompt:
    return "box" if dice.chance(options.box) else _click(options, dice)


def _click(options: PromptOptions, dice: "_Dice") -> Click:
    return Click(is_centred=dice.chance(options.centred))


def _corrections(options: PromptOptions, count: int, dice: "_Dice") -> tuple[Click, ...]:
    return tuple(
        Click(dice.chance(options.from_truth), dice.chance(options.centred)) for _ in range(count)
    )


@dataclass(frozen=True, slots=True)
class _Dice:
    """Decisions of a generator."""

    generator: torch.Generator

    def chance(self, probability: float) -> bool:
        return torch.rand((), generator=self.generator).item() < probability

    def between(self, least: int, most: int) -> int:
        return int(torch.randint(least, most + 1, (), generator=self.generator))

    def shuffled(self, count: int) -> list[int]:
        order: list[int] = torch.randperm(count, generator=self.generator).tolist()
        return order

    def some(self, places: range | list[int], count: int) -> list[int]:
        """Different ones, in the order in which they were drawn."""
        return [places[index] for index in self.shuffled(len(places))[:count]]


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise TrainingError(f"{name} is {value:g}; expected a probability or a share, from 0 to 1.")


def _check_span(name: str, least: int, most: int) -> None:
    if not 1 <= least <= most:
        raise TrainingError(
            f"{name} is {least} to {most}; expected the least and the most number of frames, each "
            "at least 1, for example (1, 2)."
        )


def _check_at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise TrainingError(f"{name} is {value}; expected a count of at least {least}.")
