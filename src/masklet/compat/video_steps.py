"""What the official video predictor asks the network about rows of a frame, and what it keeps.

Shapes as in `masklet.model.tensors`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from masklet.compat.sam2.modeling.sam2_base import StabilityFallback
from masklet.compat.video_state import Answer
from masklet.memory.policy import Recall
from masklet.model.sam2 import SAM2
from masklet.model.tensors import Candidates, FrameFeatures
from masklet.ops.components import fill_holes
from masklet.ops.masks import pick, stable_candidate
from masklet.ops.resize import resize_mask
from masklet.tracking.rows import RowPrompt
from masklet.tracking.steps import condition_rows, decode_rows

# What a hole is filled with, and what the losers of a pixel are pushed down to.
_FILLED, _LOST = 0.1, -10.0


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What the network says of several objects on one frame."""

    logits_Bhw: Tensor
    pointer_BC: Tensor
    object_score_B: Tensor
    iou_B: Tensor

    def kept(
        self, spatial_BLD: Tensor | None, *, fill_hole_area: int, storage: torch.device
    ) -> list[Answer]:
        """Every row by itself, its holes filled; logits and memories are moved to `storage`."""
        logits_Bhw = without_holes(self.logits_Bhw, fill_hole_area).to(storage)
        kept = None if spatial_BLD is None else spatial_BLD.to(storage)
        return [
            Answer(
                # Copies, so that an object which is removed leaves nothing behind.
                logits_hw=logits_Bhw[row].clone(),
                pointer_C=self.pointer_BC[row].clone(),
                object_score=self.object_score_B[row],
                iou=self.iou_B[row],
                spatial_LD=None if kept is None else kept[row].clone(),
            )
            for row in range(len(logits_Bhw))
        ]


def tracked(
    model: SAM2,
    features: FrameFeatures,
    recalls: Sequence[Recall],
    fallback: StabilityFallback | None,
) -> Rows:
    """Objects about which nothing is said on this frame."""
    said = [RowPrompt.nothing(model.device)] * len(recalls)
    return _decoded(model, features, recalls, said, fallback)


def clicked(
    model: SAM2,
    features: FrameFeatures,
    recall: Recall,
    prompt: RowPrompt,
    fallback: StabilityFallback | None,
) -> Rows:
    """One object with clicks or a box."""
    return _decoded(model, features, [recall], [prompt], fallback)


def adopted(model: SAM2, features: FrameFeatures, mask_SS: Tensor) -> Rows:
    """One object whose mask is given: it is its own answer (parity 4)."""
    candidates = model.adopt_mask(features, mask_SS[None])
    grid = (mask_SS.shape[0] // 4, mask_SS.shape[1] // 4)
    return Rows(
        logits_Bhw=resize_mask(candidates.logits_BMhw[:, 0], grid),
        pointer_BC=candidates.pointers_BMC[:, 0],
        object_score_B=candidates.object_score_B,
        iou_B=candidates.iou_BM[:, 0],
    )


def without_holes(logits_Bhw: Tensor, max_area: int) -> Tensor:
    """Logits with small holes filled, whose area counts pixels of the logits."""
    if max_area <= 0:
        return logits_Bhw
    inside = logits_Bhw > 0
    filled = fill_holes(inside, max_area=max_area)
    return torch.where(filled & ~inside, _FILLED, logits_Bhw)


def without_overlap(logits_NHW: Tensor) -> Tensor:
    """Logits in which every pixel belongs to one object at most (parity 12)."""
    if len(logits_NHW) == 1:
        return logits_NHW
    owner_HW = logits_NHW.argmax(dim=0)
    numbers_N = torch.arange(len(logits_NHW), device=logits_NHW.device)
    is_owner = numbers_N[:, None, None] == owner_HW
    return torch.where(is_owner, logits_NHW, logits_NHW.clamp(max=_LOST))


def _decoded(
    model: SAM2,
    features: FrameFeatures,
    recalls: Sequence[Recall],
    prompts: Sequence[RowPrompt],
    fallback: StabilityFallback | None,
) -> Rows:
    embedding_BLC = condition_rows(model, features, recalls)
    candidates = decode_rows(model, embedding_BLC, features, prompts)
    several = torch.tensor([prompt.points <= 1 for prompt in prompts], device=model.device)
    # parity 8 and 11: the best of three for at most one point; else the single mask, with its
    # pointer even where another mask takes its place.
    best_B = 1 + candidates.iou_BM[:, 1:].argmax(dim=1)
    mask_B = torch.where(several, best_B, _single(candidates, fallback))
    return Rows(
        logits_Bhw=pick(candidates.logits_BMhw, mask_B).float(),
        pointer_BC=pick(candidates.pointers_BMC, torch.where(several, best_B, 0)),
        object_score_B=candidates.object_score_B,
        iou_B=pick(candidates.iou_BM, mask_B),
    )


def _single(candidates: Candidates, fallback: StabilityFallback | None) -> Tensor:
    if fallback is None:
        return torch.zeros_like(candidates.object_score_B, dtype=torch.int64)
    return stable_candidate(
        candidates.logits_BMhw,
        candidates.iou_BM,
        delta=fallback.delta,
        threshold=fallback.threshold,
    )
