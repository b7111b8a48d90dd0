"""A batch of clips through the network as a simulated user would have it, and what that costs.

The order of things is SAM 2's (arXiv 2408.00714, appendix D.2): the image encoder sees all frames at
once; initial frames come first, each without memory; then the others in the order of time, each with
the memories of all before it. A corrected frame is decoded again after every click, with the answer
before, neither detached nor thresholded, as a mask prompt. Memories are encoded once a frame, from
the last answer.

All rows of one user have the same history, so they go through the network as one tensor, in the
steps of `masklet.tracking.steps` for rows of one layout.

Shapes as in `masklet.model.tensors`; T frames of a clip, S pixels of the input's side. B is the rows
of one user in everything but a `ClipBatch`, where it is all rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from masklet.data.batches import ClipBatch
from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.policy import Moment
from masklet.model.preprocess import normalize
from masklet.model.protocol import SegmentationModel
from masklet.model.tensors import Candidates, FrameFeatures, PromptTensors
from masklet.ops.masks import hide_absent, pick
from masklet.ops.resize import resize_logits
from masklet.train.losses import (
    LossReport,
    LossRules,
    LossWeights,
    StepLoss,
    Target,
    make_target,
    step_loss,
    summed,
    unseen_loss,
)
from masklet.train.prompting import FramePlan, PromptPlan, UserPlan
from masklet.train.remembering import readout_of, training_recall
from masklet.train.user import boxed, clicked


@dataclass(frozen=True, slots=True)
class UnrollOptions:
    """How a batch is unrolled; the released trainer's ways unless said otherwise."""

    looks: Literal["full", "logits"] = "full"
    """Whether the simulated user looks at all pixels or at the grid of the logits; see `clicked`."""
    hides_absent: bool = True
    """Whether masks of objects that the network takes for absent are -1024 in the losses too, so
    that they learn nothing. What is remembered and corrected always is."""
    teaches: Literal["offered", "all"] = "offered"
    """Which candidates learn: those that a prompt offers, as in the released trainer, or the others
    too, as if they had been offered. A small model learns from few answers, and this doubles them."""
    detach_after: int | None = None
    """Memories of frames that are farther away than this carry no gradient; None is never."""
    freezes_encoder: bool = False
    """Whether features, the projections of the fine maps among them, carry no gradient."""
    checkpoints_decodes: bool = False
    """Whether corrections are decoded again in the backward pass instead of being kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One decoding of B rows."""

    candidates: Candidates
    """Those that were offered: three for at most one point, else one."""
    shown_B: Tensor
    """int64, the candidate with the highest predicted IoU."""
    logits_Bhw: Tensor
    """Its logits, -1024 where the object is not visible (parity 7)."""
    prompt: PromptTensors
    """What was said."""
    others: Candidates | None = None
    """Those that were not offered, if they learn too."""


@dataclass(frozen=True, slots=True, eq=False)
class VisitedFrame:
    """What became of B rows on one frame."""

    frame: int
    """Of the clip."""
    is_asked: bool
    """Whether the user said anything about it."""
    steps: tuple[Step, ...]
    """None for a mask that was given: it is its own answer, and there is nothing to learn."""
    logits_BHW: Tensor
    """The mask as it is remembered: on the mask-logit grid, of the input's size if it was given."""


@dataclass(frozen=True, slots=True, eq=False)
class UnrolledRows:
    """The rows of one user on all frames, in the order in which they were visited."""

    rows_B: Tensor | None
    """int64, which rows of the batch; None is all of them."""
    frames: tuple[VisitedFrame, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Unrolled:
    """Everything that was answered in a batch, with gradients."""

    users: tuple[UnrolledRows, ...]


def unroll(
    model: SegmentationModel,
    batch: ClipBatch,
    plan: PromptPlan,
    *,
    generator: torch.Generator,
    options: UnrollOptions | None = None,
    features: FrameFeatures | None = None,
) -> Unrolled:
    """Everything that the network answers to the users of a plan.

    Args:
        model: the network; its mode, its precision and which parts learn are the caller's.
        batch: clips of one length.
        plan: who asks what.
        generator: of places of clicks and boxes, on the device of the batch.
        options: how.
        features: of all frames of the batch, where they were computed before; else the image
            encoder runs once on all frames.

    >>> from masklet.model.config import SAM2_1_TINY
    >>> from masklet.model.sam2 import SAM2
    >>> from masklet.train.prompting import PromptOptions, draw_plan
    >>> batch = ClipBatch(
    ...     frames_F3SS=torch.rand(1, 3, 64, 64),
    ...     masks_TBSS=torch.rand(1, 2, 64, 64) > 0.5,
    ...     known_TB=torch.tensor([[True, True]]),
    ...     row_to_frame_TB=torch.tensor([[0, 0]]),
    ...     names=("noise",),
    ... )
    >>> dice = torch.Generator().manual_seed(0)
    >>> plan = draw_plan(PromptOptions(corrections=1), frames=1, rows=2, generator=dice)
    >>> unrolled = unroll(SAM2(SAM2_1_TINY), batch, plan, generator=dice)
    >>> len(unrolled.users[0].frames[0].steps)
    2
    >>> unrolled_loss(unrolled, batch).total.backward()
    """
    options = options or UnrollOptions()
    if batch.rows == 0:
        return Unrolled(())
    if features is None:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not options.freezes_encoder):
            features = model.encode_image(normalize(batch.frames_F3SS))
    users = []
    for user in plan.users:
        rows_B = None
        if user.rows is not None:
            rows_B = torch.tensor(user.rows).to(batch.device, non_blocking=True)
        watched = _Watched(model, batch, rows_B, features, generator, options)
        users.append(UnrolledRows(rows_B, tuple(_visits(watched, user))))
    return Unrolled(tuple(users))


def unrolled_loss(
    unrolled: Unrolled,
    batch: ClipBatch,
    weights: LossWeights | None = None,
    rules: LossRules | None = None,
    *,
    objects: Tensor | None = None,
) -> LossReport:
    """The loss of all steps of all frames.

    A row counts on frames where it is known. If its user was made to ask about it on a frame where
    it is not, that prompt was made up, and the row counts nowhere.

    Args:
        unrolled: what was answered. If that is nothing, as in a batch without rows, the loss is 0
            and has no gradient.
        batch: the truth.
        weights: of the terms; the paper's unless given.
        rules: how they are measured; the released trainer's unless given.
        objects: 0-d, what the sums are divided by, such as a mean over processes, at least 1; the
            rows of this batch of which anything is known unless given.
    """
    weights, rules = weights or LossWeights(), rules or LossRules()
    if objects is None:
        objects = batch.known_TB.any(dim=0).sum().clamp(min=1)
    steps = []
    for user in unrolled.users:
        known_TB = batch.known_TB if user.rows_B is None else batch.known_TB[:, user.rows_B]
        is_honest_B = torch.ones_like(known_TB[0])
        for visited in user.frames:
            if visited.is_asked:
                is_honest_B = is_honest_B & known_TB[visited.frame]
        for visited in user.frames:
            if not visited.steps:
                continue
            truth_BSS = _of_rows(batch.masks_TBSS[visited.frame], user.rows_B)
            target = make_target(truth_BSS, known_TB[visited.frame] & is_honest_B, rules)
            for step in visited.steps:
                steps += _losses(step, target, weights, rules)
    return summed(steps, weights, objects)


def _losses(step: Step, target: Target, weights: LossWeights, rules: LossRules) -> list[StepLoss]:
    offered = step_loss(step.candidates, step.shown_B, target, weights, rules)
    if step.others is None:
        return [offered]
    return [offered, unseen_loss(step.others, target, weights, rules)]


@dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """The rows of one user, and all that does not change from frame to frame."""

    model: SegmentationModel
    batch: ClipBatch
    rows_B: Tensor | None
    features: FrameFeatures
    generator: torch.Generator
    options: UnrollOptions

    def seen(self, frame: int) -> FrameFeatures:
        return self.features.rows(_of_rows(self.batch.row_to_frame_TB[frame], self.rows_B))

    def truth_BSS(self, frame: int) -> Tensor:
        return _of_rows(self.batch.masks_TBSS[frame], self.rows_B)


def _visits(watched: _Watched, user: UserPlan) -> Iterator[VisitedFrame]:
    length = watched.batch.length
    asked = {plan.frame: plan for plan in user.frames}
    initial = [plan for plan in user.frames if plan.first is not None]
    in_time = [asked.get(frame, FramePlan(frame, None)) for frame in range(length)]
    order = [*initial, *(plan for plan in in_time if plan.first is None)]
    # One bank for all rows, as they have one history: its tensors have the rows in front.
    bank = MemoryBank()
    for number, plan in enumerate(order):
        seen = watched.seen(plan.frame)
        if plan.first == "mask":
            answer = _adopted(watched, seen, plan.frame)
        else:
            past = bank if plan.first is None else MemoryBank()
            moment = Moment(plan.frame, num_frames=length)
            answer = _answered(watched, seen, _conditioned(watched, seen, past, moment), plan)
        is_asked = plan.frame in asked
        yield VisitedFrame(plan.frame, is_asked, answer.steps, answer.logits_BHW)
        if number + 1 == len(order):
            return
        memory = _memory(watched, seen, answer, plan.frame)
        if is_asked:
            bank = MemoryBank((*bank.conditioning, memory), bank.recent)
        else:
            bank = bank.remember(memory, keep=None)


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """What is remembered of a frame, and how it came about."""

    steps: tuple[Step, ...]
    logits_BHW: Tensor
    iou_B: Tensor
    pointer_BC: Tensor
    object_score_B: Tensor


def _adopted(watched: _Watched, seen: FrameFeatures, frame: int) -> _Answer:
    given = watched.model.adopt_mask(seen, watched.truth_BSS(frame).float())
    return _Answer(
        (),
        given.logits_BMhw[:, 0],
        given.iou_BM[:, 0],
        given.pointers_BMC[:, 0],
        given.object_score_B,
    )


def _answered(
    watched: _Watched, seen: FrameFeatures, embedding_BLC: Tensor, plan: FramePlan
) -> _Answer:
    truth_BSS, generator = watched.truth_BSS(plan.frame), watched.generator
    looks = watched.options.looks
    points: PromptTensors | None = None
    if plan.first == "box":
        points = boxed(truth_BSS, generator=generator)
    elif plan.first is not None and plan.first != "mask":
        points = clicked(None, None, truth_BSS, plan.first, looks=looks, generator=generator)
    step = _decoded(watched, seen, embedding_BLC, points)
    steps = [step]
    for click in plan.corrections:
        said_Bhw = step.logits_Bhw
        points = clicked(points, said_Bhw, truth_BSS, click, looks=looks, generator=generator)
        step = _decoded(watched, seen, embedding_BLC, points)
        steps.append(step)
    return _Answer(
        tuple(steps),
        step.logits_Bhw,
        pick(step.candidates.iou_BM, step.shown_B),
        pick(step.candidates.pointers_BMC, step.shown_B),
        step.candidates.object_score_B,
    )


def _decoded(
    watched: _Watched, seen: FrameFeatures, embedding_BLC: Tensor, points: PromptTensors | None
) -> Step:
    model, prompt, count = watched.model, points, 0
    if prompt is None:
        prompt = PromptTensors.nothing(len(embedding_BLC), embedding_BLC.device)
    else:
        count = prompt.labels_BP.shape[1]
    if watched.options.checkpoints_decodes and prompt.mask_Bhw is not None:
        # Nothing in the decoder is random.
        found: Candidates = checkpoint(
            model.decode, embedding_BLC, seen, prompt, use_reentrant=False, preserve_rng_state=False
        )
    else:
        found = model.decode(embedding_BLC, seen, prompt)
    single, several = _part(found, slice(0, 1)), _part(found, slice(1, None))
    offered, left = (several, single) if count <= 1 else (single, several)
    hidden, hides = _gated(offered), watched.options.hides_absent
    shown_B = offered.iou_BM.argmax(dim=1)
    others = None
    if watched.options.teaches == "all":
        others = _gated(left) if hides else left
    return Step(
        candidates=hidden if hides else offered,
        shown_B=shown_B,
        logits_Bhw=pick(hidden.logits_BMhw, shown_B),
        prompt=prompt,
        others=others,
    )


def _gated(found: Candidates) -> Candidates:
    return replace(found, logits_BMhw=hide_absent(found.logits_BMhw, found.object_score_B))


def _part(found: Candidates, part: slice) -> Candidates:
    return Candidates(
        logits_BMhw=found.logits_BMhw[:, part],
        iou_BM=found.iou_BM[:, part],
        pointers_BMC=found.pointers_BMC[:, part],
        object_score_B=found.object_score_B,
    )


def _conditioned(
    watched: _Watched, seen: FrameFeatures, bank: MemoryBank, moment: Moment
) -> Tensor:
    if not len(bank):
        return watched.model.condition(seen, None)
    recall = training_recall(bank, moment, detach_after=watched.options.detach_after)
    return watched.model.condition(seen, readout_of(recall))


def _memory(watched: _Watched, seen: FrameFeatures, answer: _Answer, frame: int) -> Memory:
    height, width = seen.grid
    logits_BSS = resize_logits(answer.logits_BHW, (height * 16, width * 16))
    score_B = answer.object_score_B
    # While training, the masks of prompted frames are not thresholded either.
    spatial_BLD = watched.model.encode_memory(seen, logits_BSS, score_B, binarize=False)
    return Memory(frame, spatial_BLD, answer.pointer_BC, score_B, answer.iou_B)


def _of_rows(value_B: Tensor, rows_B: Tensor | None) -> Tensor:
    return value_B if rows_B is None else value_B[rows_B]
