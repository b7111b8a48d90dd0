"""Rows of different histories, grouped so that each group is one tensor.

A padded prompt or memory is another input and gives another answer, so rows are grouped by layout,
never padded. Shapes as in `masklet.model.tensors`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from masklet.memory.policy import Recall
from masklet.model.tensors import Candidates, FrameFeatures, MemoryReadout, PromptTensors


@dataclass(frozen=True, slots=True)
class RowPrompt:
    """The prompt of one row, in pixels of the model's input; labels as in `PromptTensors`."""

    points_P2: Tensor
    labels_P: Tensor
    points: int
    """How many points were given, box corners included and padding not."""
    mask_hw: Tensor | None = None
    """Logits that enter with the points."""

    @staticmethod
    def nothing(device: torch.device) -> "RowPrompt":
        """What a frame that is only tracked is asked with: one padding point (parity 10)."""
        padding = torch.full((1,), -1, dtype=torch.int64, device=device)
        return RowPrompt(torch.zeros((1, 2), device=device), padding, points=0)


def groups_of(layouts: Sequence[Hashable], max_rows: int | None = None) -> list[list[int]]:
    """Row numbers by equal layout, in the order of first appearance; at most `max_rows` a group."""
    groups: dict[Hashable, list[int]] = {}
    for row, layout in enumerate(layouts):
        groups.setdefault(layout, []).append(row)
    return [
        rows[start : start + (max_rows or len(rows))]
        for rows in groups.values()
        for start in range(0, len(rows), max_rows or len(rows))
    ]


def scattered(parts: Sequence[Tensor], groups: Sequence[Sequence[int]]) -> Tensor:
    """Results of groups put back into the order of rows."""
    if len(parts) == 1:
        return parts[0]
    order = [row for group in groups for row in group]
    place = torch.empty(len(order), dtype=torch.int64)
    place[torch.tensor(order)] = torch.arange(len(order))
    joined = torch.cat(list(parts))
    return joined[place.to(joined.device)]


def scattered_candidates(
    parts: Sequence[Candidates], groups: Sequence[Sequence[int]]
) -> Candidates:
    """Candidates of groups put back into the order of rows."""
    return Candidates(
        logits_BMhw=scattered([part.logits_BMhw for part in parts], groups),
        iou_BM=scattered([part.iou_BM for part in parts], groups),
        pointers_BMC=scattered([part.pointers_BMC for part in parts], groups),
        object_score_B=scattered([part.object_score_B for part in parts], groups),
    )


def of_rows(features: FrameFeatures, rows: Sequence[int]) -> FrameFeatures:
    """The features that a group of rows looks at; one shared frame stays one."""
    if len(features) == 1:
        return features
    return features.rows(torch.tensor(rows, device=features.embedding_FLC.device))


def stacked_readout(recalls: Sequence[Recall], device: torch.device) -> MemoryReadout:
    """Recalls of one layout as one tensor record; memories are moved to the device."""
    slots = [[slot for _, slot in recall.spatial] for recall in recalls]
    times = [[time for _, time in recall.pointers] for recall in recalls]
    spatial = [torch.stack([m.spatial_LD.to(device) for m, _ in r.spatial]) for r in recalls]
    pointers = [[m.pointer_C.to(device) for m, _ in recall.pointers] for recall in recalls]
    if times[0]:
        pointers_BKC = torch.stack([torch.stack(row) for row in pointers])
    else:
        width = recalls[0].spatial[0][0].pointer_C.shape[-1]
        pointers_BKC = torch.zeros((len(recalls), 0, width), device=device)
    return MemoryReadout(
        spatial_BNLD=torch.stack(spatial),
        slots_BN=torch.tensor(slots, dtype=torch.int64).to(device, non_blocking=True),
        pointers_BKC=pointers_BKC,
        times_BK=torch.tensor(times, dtype=torch.float32).to(device, non_blocking=True),
    )


def stacked_prompts(prompts: Sequence[RowPrompt]) -> PromptTensors:
    """Prompts of one layout as one tensor record."""
    masks = [prompt.mask_hw for prompt in prompts if prompt.mask_hw is not None]
    return PromptTensors(
        points_BP2=torch.stack([prompt.points_P2 for prompt in prompts]),
        labels_BP=torch.stack([prompt.labels_P for prompt in prompts]),
        mask_Bhw=torch.stack(masks) if masks else None,
    )
