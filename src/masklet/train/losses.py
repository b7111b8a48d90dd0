"""What a decoding step costs: SAM 2's focal, dice, IoU and object score losses (arXiv 2408.00714).

Everything is a sum over rows, divided by the number of objects at the end and never by steps or
frames; rows that nobody annotated count for nothing. No value is looked at on the host.

Shapes: B rows, M candidates, S pixels of the input's side, h w the mask-logit grid, H W whichever of
the two the losses compare on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from masklet.errors import TrainingError
from masklet.model.tensors import Candidates
from masklet.ops.masks import pick
from masklet.ops.resize import resize_logits


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each term weighs in the total; the paper's numbers.

    >>> LossWeights(focal=1.0)  # suits `LossRules(focal_over="errors")`
    LossWeights(focal=1.0, dice=1.0, iou=1.0, object_score=1.0)
    """

    focal: float = 20.0
    dice: float = 1.0
    iou: float = 1.0
    object_score: float = 1.0


@dataclass(frozen=True, slots=True)
class LossRules:
    """How the terms are measured; the released trainer's rules unless said otherwise."""

    resolution: Literal["full", "logits"] = "full"
    """Where masks are compared: at the size of the input, as the reference does, or on the grid of
    the logits with the covered share of every cell, which took a fiftieth of the time (forward and
    backward, 64 rows of 3 candidates at 256 pixels, one core of a CPU)."""
    focal_over: Literal["pixels", "errors"] = "pixels"
    """What the focal loss is a mean over: all pixels, as the reference has it, or what is wrong, as
    in `normalised_focal_losses`. The latter is some fifty times larger; a weight near 1 suits it."""
    boundary: float = 1.0
    """How many times the focal loss of a pixel near the outline counts."""
    boundary_pixels: int = 3
    """How near, in pixels of the resolution, in both axes."""
    iou_of: Literal["all", "best"] = "all"
    """Whether every candidate learns to predict its IoU, or the one that learns the mask."""
    iou_error: Literal["absolute", "squared"] = "absolute"
    object_alpha: float | None = None
    """With a focal loss of the object score: the weight of objects that are visible."""
    object_gamma: float = 0.0
    masks_of: Literal["visible", "all"] = "visible"
    """Whose masks are learned; "all" teaches empty masks where the object is not visible."""

    def __post_init__(self) -> None:
        if self.boundary < 1 or self.boundary_pixels < 1:
            raise TrainingError(
                f"the boundary counts {self.boundary:g} times within {self.boundary_pixels} "
                "pixels; expected both to be at least 1. A boundary of 1 weighs all pixels alike."
            )


@dataclass(frozen=True, slots=True, eq=False)
class LossReport:
    """The loss and its terms before they were weighted: 0-d tensors on the device."""

    total: Tensor
    focal: Tensor
    dice: Tensor
    iou: Tensor
    object_score: Tensor
    reached: Tensor
    """No loss: the mean IoU of the masks that were shown, of visible objects over all steps."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The truth of B rows on one frame, as all decoding steps of the frame compare with it."""

    mask_BHW: Tensor
    """float32, 0 to 1."""
    is_visible_B: Tensor
    is_known_B: Tensor
    """Where False, the row counts for nothing."""
    weight_BHW: Tensor | None
    """Of every pixel in the focal loss; None is 1 for all."""


@dataclass(frozen=True, slots=True, eq=False)
class StepLoss:
    """Sums over the rows of one decoding step, before anything is divided or weighted."""

    focal: Tensor
    dice: Tensor
    iou: Tensor
    object_score: Tensor
    reached: Tensor
    shown: Tensor
    """How many rows `reached` sums over."""


def make_target(mask_BSS: Tensor, is_known_B: Tensor, rules: LossRules) -> Target:
    """The truth of a frame at the resolution of the rules; `mask_BSS` and `is_known_B` are bool.

    >>> mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    >>> mask[:, :4, 2:] = True
    >>> make_target(mask, torch.tensor([True]), LossRules(resolution="logits")).mask_BHW
    tensor([[[0.5000, 1.0000],
             [0.0000, 0.0000]]])
    """
    mask_BHW = mask_BSS.float()
    if rules.resolution == "logits":
        mask_BHW = F.avg_pool2d(mask_BHW[:, None], 4)[:, 0]
    weight_BHW = None
    if rules.boundary > 1:
        weight_BHW = 1 + (rules.boundary - 1) * near_outline(mask_BHW, rules.boundary_pixels)
    return Target(mask_BHW, mask_BSS.flatten(1).any(dim=1), is_known_B, weight_BHW)


def step_loss(
    candidates: Candidates,
    shown_B: Tensor,
    target: Target,
    weights: LossWeights,
    rules: LossRules,
) -> StepLoss:
    """The terms of one decoding step.

    Only the candidate with the least focal and dice loss together learns the mask; all of them, or
    it alone, learn to predict their IoU. Where the object is not visible both count nothing, and
    only the object score learns.

    Args:
        candidates: those that were offered: one, or the three ambiguous ones.
        shown_B: int64, the candidate that was taken.
        target: the truth.
        weights: those of focal and dice decide which candidate is best.
        rules: how the terms are measured.

    >>> flat = Candidates(
    ...     torch.zeros(1, 3, 2, 2), torch.ones(1, 3), torch.zeros(1, 3, 8), torch.zeros(1)
    ... )
    >>> truth = make_target(torch.ones(1, 8, 8) > 0, torch.tensor([True]), LossRules())
    >>> loss = step_loss(flat, torch.tensor([0]), truth, LossWeights(), LossRules())
    >>> loss.iou, loss.object_score
    (tensor(1.), tensor(0.6931))
    """
    size = (target.mask_BHW.shape[1], target.mask_BHW.shape[2])
    logits_BMHW = resize_candidates(candidates.logits_BMhw, size)
    focal = focal_losses if rules.focal_over == "pixels" else normalised_focal_losses
    focal_BM = focal(logits_BMHW, target.mask_BHW, weight_BHW=target.weight_BHW)
    dice_BM = dice_losses(logits_BMHW, target.mask_BHW)
    actual_BM = actual_ious(logits_BMHW, target.mask_BHW)
    error_BM = candidates.iou_BM.float() - actual_BM
    iou_BM = error_BM.abs() if rules.iou_error == "absolute" else error_BM.square()
    best_B = (weights.focal * focal_BM + weights.dice * dice_BM).argmin(dim=1)
    score_B = object_losses(
        candidates.object_score_B, target.is_visible_B, rules.object_alpha, rules.object_gamma
    )
    known_B = target.is_known_B.float()
    counted_B = known_B * target.is_visible_B if rules.masks_of == "visible" else known_B
    seen_B = known_B * target.is_visible_B
    return StepLoss(
        focal=(pick(focal_BM, best_B) * counted_B).sum(),
        dice=(pick(dice_BM, best_B) * counted_B).sum(),
        iou=((iou_BM.mean(1) if rules.iou_of == "all" else pick(iou_BM, best_B)) * counted_B).sum(),
        object_score=(score_B * known_B).sum(),
        reached=(pick(actual_BM, shown_B) * seen_B).sum(),
        shown=seen_B.sum(),
    )


def unseen_loss(
    candidates: Candidates, target: Target, weights: LossWeights, rules: LossRules
) -> StepLoss:
    """The terms of candidates that nobody saw, of a step whose object score is counted already.

    >>> flat = Candidates(
    ...     torch.zeros(1, 1, 2, 2), torch.ones(1, 1), torch.zeros(1, 1, 8), torch.zeros(1)
    ... )
    >>> truth = make_target(torch.ones(1, 8, 8) > 0, torch.tensor([True]), LossRules())
    >>> loss = unseen_loss(flat, truth, LossWeights(), LossRules())
    >>> loss.iou, loss.object_score, loss.shown
    (tensor(1.), tensor(0.), tensor(0.))
    """
    best_B = candidates.iou_BM.argmax(dim=1)
    loss = step_loss(candidates, best_B, target, weights, rules)
    nothing = torch.zeros_like(loss.shown)
    return replace(loss, object_score=nothing, reached=nothing, shown=nothing)


def summed(steps: Sequence[StepLoss], weights: LossWeights, objects: Tensor) -> LossReport:
    """The loss of all steps; `objects` is the 0-d number that every term is divided by."""
    nothing = objects.new_zeros((), dtype=torch.float32)

    def total(values: Iterable[Tensor]) -> Tensor:
        return torch.stack([nothing, *values]).sum()

    focal = total(step.focal for step in steps) / objects
    dice = total(step.dice for step in steps) / objects
    iou = total(step.iou for step in steps) / objects
    object_score = total(step.object_score for step in steps) / objects
    return LossReport(
        total=weights.focal * focal
        + weights.dice * dice
        + weights.iou * iou
        + weights.object_score * object_score,
        focal=focal,
        dice=dice,
        iou=iou,
        object_score=object_score,
        reached=total(step.reached for step in steps)
        / total(step.shown for step in steps).clamp(min=1),
    )


def focal_losses(
    logits_BMHW: Tensor,
    target_BHW: Tensor,
    *,
    alpha: float | None = 0.25,
    gamma: float = 2.0,
    weight_BHW: Tensor | None = None,
) -> Tensor:
    """Focal loss (arXiv 1708.02002) of every candidate, the mean over pixels, `(B, M)`.

    Args:
        logits_BMHW: mask logits.
        target_BHW: 0 to 1.
        alpha: weight of pixels inside, those outside weigh the rest; None weighs both 1.
        gamma: how much pixels that are right already are ignored.
        weight_BHW: a factor for every pixel.

    >>> focal_losses(torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2), alpha=None)
    tensor([[0.1733]])
    """
    loss_BMHW = _focal(logits_BMHW, target_BHW[:, None], alpha, gamma)
    if weight_BHW is not None:
        loss_BMHW = loss_BMHW * weight_BHW[:, None]
    return loss_BMHW.mean(dim=(2, 3))


def normalised_focal_losses(
    logits_BMHW: Tensor, target_BHW: Tensor, *, weight_BHW: Tensor | None = None
) -> Tensor:
    """Cross entropy of every candidate, the mean over pixels by how wrong they are, `(B, M)`.

    What is wrong weighs the same however small it is (arXiv 2102.06583, with a weight per pixel
    that carries no gradient). A network that starts from random weights leaves the answer "nothing
    is inside" at once, where the mean over all pixels keeps it for long.

    >>> normalised_focal_losses(torch.zeros(1, 1, 4, 4), torch.ones(1, 4, 4))
    tensor([[0.5545]])
    """
    logits = logits_BMHW.float()
    target = target_BHW[:, None].expand_as(logits)
    loss_BMHW = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    wrong_BMHW = (logits.detach().sigmoid() - target).square()
    total_BM = wrong_BMHW.sum(dim=(2, 3)) + 1
    if weight_BHW is not None:
        loss_BMHW = loss_BMHW * weight_BHW[:, None]
    return (wrong_BMHW * loss_BMHW).sum(dim=(2, 3)) / total_BM


def dice_losses(logits_BMHW: Tensor, target_BHW: Tensor) -> Tensor:
    """One minus the soft overlap of every candidate, `(B, M)`; an empty pair of masks costs 0.

    >>> dice_losses(torch.full((1, 1, 2, 2), -100.0), torch.zeros(1, 2, 2))
    tensor([[0.]])
    """
    chance_BMHW = logits_BMHW.float().sigmoid()
    overlap_BM = (chance_BMHW * target_BHW[:, None]).sum(dim=(2, 3))
    areas_BM = chance_BMHW.sum(dim=(2, 3)) + target_BHW.sum(dim=(1, 2))[:, None]
    return 1 - (2 * overlap_BM + 1) / (areas_BM + 1)


def actual_ious(logits_BMHW: Tensor, target_BHW: Tensor) -> Tensor:
    """The IoU that the mask of every candidate reaches, `(B, M)`; 0 where both masks are empty.

    >>> actual_ious(torch.tensor([[[[1.0, 1.0, -1.0]]]]), torch.tensor([[[0.0, 1.0, 1.0]]]))
    tensor([[0.3333]])
    """
    said_BMHW, true_B1HW = logits_BMHW > 0, (target_BHW > 0.5)[:, None]
    both_BM = (said_BMHW & true_B1HW).sum(dim=(2, 3)).float()
    either_BM = (said_BMHW | true_B1HW).sum(dim=(2, 3)).float()
    return both_BM / either_BM.clamp(min=1)


def object_losses(
    score_B: Tensor, is_visible_B: Tensor, alpha: float | None = None, gamma: float = 0.0
) -> Tensor:
    """Cross entropy of the object score, `(B,)`; a focal loss with `alpha` and `gamma`.

    >>> object_losses(torch.zeros(2), torch.tensor([True, False]))
    tensor([0.6931, 0.6931])
    """
    return _focal(score_B, is_visible_B.float(), alpha, gamma)


def near_outline(mask_BHW: Tensor, pixels: int) -> Tensor:
    """Where the outline of a mask is at most so many pixels away in both axes, bool `(B, H, W)`.

    >>> near_outline(torch.tensor([[[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]]]), pixels=1).int()
    tensor([[[0, 0, 1, 1, 0, 0]]], dtype=torch.int32)
    """
    both_2BHW = torch.cat([mask_BHW, -mask_BHW])[:, None]
    # A square is a row and then a column; borders of the picture are no outline.
    for kernel in ((1, 2 * pixels + 1), (2 * pixels + 1, 1)):
        padding = (kernel[0] // 2, kernel[1] // 2)
        both_2BHW = F.max_pool2d(both_2BHW, kernel, stride=1, padding=padding)
    most_BHW, minus_least_BHW = both_2BHW[:, 0].chunk(2)
    return most_BHW + minus_least_BHW > 0


def resize_candidates(logits_BMhw: Tensor, size: tuple[int, int]) -> Tensor:
    """Mask logits grown to `size`, float32 `(B, M, *size)`."""
    grown = resize_logits(logits_BMhw.flatten(0, 1), size)
    return grown.unflatten(0, logits_BMhw.shape[:2])


def _focal(logits: Tensor, target: Tensor, alpha: float | None, gamma: float) -> Tensor:
    logits = logits.float()
    loss = F.binary_cross_entropy_with_logits(logits, target.expand_as(logits), reduction="none")
    if gamma:
        # How wrong a pixel is; equal to the paper's 1 - p for targets of 0 and 1, and for a target
        # in between, of a cell that is partly covered, still zero where the answer is right.
        loss = loss * (logits.sigmoid() - target).abs().pow(gamma)
    if alpha is not None:
        loss = loss * (alpha * target + (1 - alpha) * (1 - target))
    return loss
