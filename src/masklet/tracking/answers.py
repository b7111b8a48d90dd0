"""From candidates to what a frame's rows are: the decision of the policy, applied.

Shapes as in `masklet.model.tensors`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from masklet.memory.policy import Hypothesis, MemoryPolicy, Moment
from masklet.model.preprocess import to_input_pixels
from masklet.model.protocol import SegmentationModel
from masklet.model.tensors import Candidates
from masklet.ops.masks import pick
from masklet.ops.resize import resize_mask
from masklet.tracking.rows import RowPrompt
from masklet.tracking.stream import EncodedFrame
from masklet.types import Prompt

S = TypeVar("S")
# Carried-over logits are clamped to this before they are a prompt (parity 9).
_LOGIT_LIMIT = 32.0


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What is known of B rows on a frame once a candidate of each is chosen."""

    logits_Bhw: Tensor
    iou_B: Tensor
    pointer_BC: Tensor
    object_score_B: Tensor

    def row(self, row: int) -> "Chosen":
        """One of the rows, with storage of its own."""
        only = slice(row, row + 1)
        return Chosen(
            self.logits_Bhw[only].clone(),
            self.iou_B[only].clone(),
            self.pointer_BC[only].clone(),
            self.object_score_B[only].clone(),
        )

    @staticmethod
    def together(parts: Sequence["Chosen"]) -> "Chosen":
        """The rows of several as one."""
        return Chosen(
            torch.cat([part.logits_Bhw for part in parts]),
            torch.cat([part.iou_B for part in parts]),
            torch.cat([part.pointer_BC for part in parts]),
            torch.cat([part.object_score_B for part in parts]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Answer(Generic[S]):
    """The rows that survived a frame, what each says, and the evidence it was chosen from."""

    rows: tuple[Hypothesis[S], ...]
    logits_Bhw: Tensor
    iou_B: Tensor
    pointer_BC: Tensor
    object_score_B: Tensor
    evidence: tuple[Candidates, ...]
    """Per row the candidates of its parent, `B = 1`."""
    is_prompted: tuple[bool, ...]
    is_shown: tuple[bool, ...]

    @property
    def chosen(self) -> Chosen:
        """What is remembered of the rows."""
        return Chosen(self.logits_Bhw, self.iou_B, self.pointer_BC, self.object_score_B)

    def without(self, object_ids: set[int]) -> "Answer[S]":
        """The answer without the rows of these objects."""
        kept = [row for row, track in enumerate(self.rows) if track.object_id not in object_ids]
        if len(kept) == len(self.rows):
            return self
        index = torch.tensor(kept, dtype=torch.int64).to(self.iou_B.device)
        return Answer(
            rows=tuple(self.rows[row] for row in kept),
            logits_Bhw=self.logits_Bhw[index],
            iou_B=self.iou_B[index],
            pointer_BC=self.pointer_BC[index],
            object_score_B=self.object_score_B[index],
            evidence=tuple(self.evidence[row] for row in kept),
            is_prompted=tuple(self.is_prompted[row] for row in kept),
            is_shown=tuple(self.is_shown[row] for row in kept),
        )


def decide(
    policy: MemoryPolicy[S],
    rows: Sequence[Hypothesis[S]],
    candidates: Candidates,
    points: Sequence[int],
    moment: Moment,
    *,
    is_prompted: bool,
) -> Answer[S]:
    """Let the policy choose, and gather what the survivors take."""
    choice = policy.choose(rows, candidates, points, moment)
    parent_B = torch.tensor(choice.parent, dtype=torch.int64)
    parent_B = parent_B.to(candidates.iou_BM.device, non_blocking=True)
    alone = [_row_of(candidates, row) for row in range(len(rows))]
    return Answer(
        rows=tuple(
            replace(rows[parent], state=state)
            for parent, state in zip(choice.parent, choice.state, strict=True)
        ),
        logits_Bhw=pick(candidates.logits_BMhw[parent_B], choice.mask_B),
        iou_B=pick(candidates.iou_BM[parent_B], choice.mask_B),
        pointer_BC=pick(candidates.pointers_BMC[parent_B], choice.pointer_B),
        object_score_B=candidates.object_score_B[parent_B],
        evidence=tuple(alone[parent] for parent in choice.parent),
        is_prompted=(is_prompted,) * len(choice.parent),
        is_shown=tuple(row in choice.shown for row in range(len(choice.parent))),
    )


def adopt(
    model: SegmentationModel,
    rows: Sequence[Hypothesis[S]],
    masks: Sequence[np.ndarray[tuple[int, int], np.dtype[np.bool_]]],
    frame: EncodedFrame,
) -> Answer[S]:
    """Masks of the user's are their own answer (parity 4)."""
    stacked = torch.from_numpy(np.stack(masks)).to(model.device)
    # As the reference: shrunk with antialiasing, then two-valued again.
    mask_BSS = (resize_mask(stacked, frame.input_size) >= 0.5).float()
    candidates = model.adopt_mask(frame.features, mask_BSS)
    grid = (frame.input_size[0] // 4, frame.input_size[1] // 4)
    logits_Bhw = resize_mask(candidates.logits_BMhw[:, 0], grid)
    return Answer(
        rows=tuple(rows),
        logits_Bhw=logits_Bhw,
        iou_B=candidates.iou_BM[:, 0],
        pointer_BC=candidates.pointers_BMC[:, 0],
        object_score_B=candidates.object_score_B,
        evidence=tuple(
            replace(_row_of(candidates, row), logits_BMhw=logits_Bhw[row][None, None])
            for row in range(len(rows))
        ),
        is_prompted=(True,) * len(rows),
        is_shown=(True,) * len(rows),
    )


def joined(answers: Sequence[Answer[S]], order: Sequence[int]) -> Answer[S]:
    """Several answers as one, its rows by the place of their object in `order`."""
    rows = [row for answer in answers for row in answer.rows]
    by_object = sorted(range(len(rows)), key=lambda row: order.index(rows[row].object_id))
    place_B = torch.tensor(by_object).to(answers[0].iou_B.device)

    def together(parts: Sequence[Tensor]) -> Tensor:
        return parts[0] if len(parts) == 1 else torch.cat(list(parts))[place_B]

    evidence = [part for answer in answers for part in answer.evidence]
    is_prompted = [part for answer in answers for part in answer.is_prompted]
    is_shown = [part for answer in answers for part in answer.is_shown]
    return Answer(
        rows=tuple(rows[row] for row in by_object),
        logits_Bhw=together([answer.logits_Bhw for answer in answers]),
        iou_B=together([answer.iou_B for answer in answers]),
        pointer_BC=together([answer.pointer_BC for answer in answers]),
        object_score_B=together([answer.object_score_B for answer in answers]),
        evidence=tuple(evidence[row] for row in by_object),
        is_prompted=tuple(is_prompted[row] for row in by_object),
        is_shown=tuple(is_shown[row] for row in by_object),
    )


def row_prompt(
    prompt: Prompt, frame: EncodedFrame, device: torch.device, carried_hw: Tensor | None
) -> RowPrompt:
    """Clicks and a box in pixels of the model's input, with the logits they correct."""
    points, labels = prompt.point_tokens()
    return RowPrompt(
        points_P2=to_input_pixels(
            torch.from_numpy(points).to(device), frame.size, frame.input_size
        ),
        labels_P=torch.from_numpy(labels).to(device),
        points=len(labels),
        mask_hw=None if carried_hw is None else carried_hw.clamp(-_LOGIT_LIMIT, _LOGIT_LIMIT),
    )


def _row_of(candidates: Candidates, row: int) -> Candidates:
    only = slice(row, row + 1)
    return Candidates(
        logits_BMhw=candidates.logits_BMhw[only],
        iou_BM=candidates.iou_BM[only],
        pointers_BMC=candidates.pointers_BMC[only],
        object_score_B=candidates.object_score_B[only],
    )
