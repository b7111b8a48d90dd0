"""Rows of different histories, grouped so that each group is one tensor.

A padded prompt or memory is another input and gives another answer, so rows are grouped by layout,
never padded. Shapes as in `masklet.model.tensors`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

import torch
from torch import Tensor

from masklet.memory.bank import Memory
from masklet.memory.policy import Recall
from masklet.memory.smaller import SmallMemories, pooled, whole
from masklet.model.tensors import (
    Candidates,
    FrameFeatures,
    KeyCells,
    MemoryReadout,
    PromptTensors,
)

_Reading: TypeAlias = Literal["whole", "pooled", "small"]
"""A memory as it is, the means of its tokens, or as its cells say."""


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


def layout_of(recall: Recall) -> tuple[Hashable, ...]:
    """Equal for recalls that fit into one tensor record; empty for one of nothing."""
    if not recall.spatial and not recall.pointers:
        return ()
    sizes = tuple(len(memory.spatial_LD) for memory, _ in recall.spatial)
    return sizes, _readings(recall), len(recall.pointers)


def stacked_readout(
    recalls: Sequence[Recall], grid: tuple[int, int], device: torch.device
) -> MemoryReadout:
    """Recalls of one layout as one tensor record; memories are moved to the device."""
    slots_BN = torch.tensor([[slot for _, slot in recall.spatial] for recall in recalls])
    times = [[time for _, time in recall.pointers] for recall in recalls]
    pointers = [[m.pointer_C.to(device) for m, _ in recall.pointers] for recall in recalls]
    if times[0]:
        pointers_BKC = torch.stack([torch.stack(row) for row in pointers])
    else:
        width = recalls[0].spatial[0][0].pointer_C.shape[-1]
        pointers_BKC = torch.zeros((len(recalls), 0, width), device=device)
    readings = _readings(recalls[0])
    if all(reading == "whole" for reading in readings):
        spatial = [torch.stack([m.spatial_LD.to(device) for m, _ in r.spatial]) for r in recalls]
        spatial_BNLD, cells = torch.stack(spatial), None
    else:
        small = [_small(recalls, n, reading, grid, device) for n, reading in enumerate(readings)]
        spatial_BNLD = torch.cat([each.spatial_BSD for each in small], dim=1)[:, :, None]
        cells = KeyCells(
            places_BS2=torch.cat([each.places_BS2 for each in small], dim=1),
            log_counts_BS=torch.cat([each.log_counts_BS for each in small], dim=1),
        )
        tokens_N = torch.tensor([each.spatial_BSD.shape[1] for each in small])
        slots_BN = slots_BN.repeat_interleave(tokens_N, dim=1)
    return MemoryReadout(
        spatial_BNLD=spatial_BNLD,
        slots_BN=slots_BN.to(device, torch.int64, non_blocking=True),
        pointers_BKC=pointers_BKC,
        times_BK=torch.tensor(times, dtype=torch.float32).to(device, non_blocking=True),
        cells=cells,
    )


def stacked_prompts(prompts: Sequence[RowPrompt]) -> PromptTensors:
    """Prompts of one layout as one tensor record."""
    masks = [prompt.mask_hw for prompt in prompts if prompt.mask_hw is not None]
    return PromptTensors(
        points_BP2=torch.stack([prompt.points_P2 for prompt in prompts]),
        labels_BP=torch.stack([prompt.labels_P for prompt in prompts]),
        mask_Bhw=torch.stack(masks) if masks else None,
    )


def _readings(recall: Recall) -> tuple[_Reading, ...]:
    """How each spatial memory is read."""
    return tuple(_reading(memory, slot in recall.pooled_slots) for memory, slot in recall.spatial)


def _reading(memory: Memory, is_pooled: bool) -> _Reading:
    if memory.cells is not None:
        return "small"
    return "pooled" if is_pooled else "whole"


def _small(
    recalls: Sequence[Recall],
    number: int,
    reading: _Reading,
    grid: tuple[int, int],
    device: torch.device,
) -> SmallMemories:
    """One memory of every row, as it is read."""
    memories = [recall.spatial[number][0] for recall in recalls]
    spatial_BSD = torch.stack([memory.spatial_LD.to(device) for memory in memories])
    match reading:
        case "whole":
            return whole(spatial_BSD, grid)
        case "pooled":
            return pooled(spatial_BSD, grid)
        case "small":
            cells = [memory.cells.to(device) for memory in memories if memory.cells is not None]
            return SmallMemories(
                spatial_BSD,
                places_BS2=torch.stack([each.places_S2 for each in cells]),
                log_counts_BS=torch.stack([each.log_counts_S for each in cells]),
            )
        case _:
            assert_never(reading)
