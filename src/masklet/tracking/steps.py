"""The three steps of a frame for rows of any history: condition, decode, remember.

Shared by inference and training: no inference mode, no device moves of results, no policy.
Shapes as in `masklet.model.tensors`; the features are of one frame for all rows or of one per row.
Rows of one layout go through the network together, `max_rows` of them at a time where it is given:
kernels for one row and for eight round differently, so one row at a time is for bit-for-bit studies.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from masklet.memory.policy import Recall
from masklet.model.protocol import SegmentationModel
from masklet.model.tensors import Candidates, FrameFeatures
from masklet.ops.masks import hide_absent
from masklet.ops.resize import resize_logits
from masklet.tracking.rows import (
    RowPrompt,
    groups_of,
    layout_of,
    of_rows,
    scattered,
    scattered_candidates,
    stacked_prompts,
    stacked_readout,
)


def condition_rows(
    model: SegmentationModel,
    features: FrameFeatures,
    recalls: Sequence[Recall],
    *,
    max_rows: int | None = None,
) -> Tensor:
    """The frame in the light of what every row recalls, `(B, L, C)`.

    Rows that recall nothing see the frame as it is (parity 13).
    """
    layouts = [layout_of(recall) for recall in recalls]
    groups = groups_of(layouts, max_rows)
    parts = []
    for rows in groups:
        seen = of_rows(features, rows)
        if layouts[rows[0]]:
            chosen = [recalls[row] for row in rows]
            readout = stacked_readout(chosen, features.grid, model.device)
            parts.append(model.condition(seen, readout))
        else:
            plain = model.condition(seen, None)
            parts.append(plain.expand(len(rows), -1, -1))
    return scattered(parts, groups)


def decode_rows(
    model: SegmentationModel,
    embedding_BLC: Tensor,
    features: FrameFeatures,
    prompts: Sequence[RowPrompt],
    *,
    max_rows: int | None = None,
) -> Candidates:
    """Every row's candidates; where the object is not visible their logits are -1024 (parity 7)."""
    groups = groups_of([(len(p.labels_P), p.mask_hw is None) for p in prompts], max_rows)
    parts = []
    for rows in groups:
        index = torch.tensor(rows, device=embedding_BLC.device)
        candidates = model.decode(
            embedding_BLC if len(rows) == len(prompts) else embedding_BLC[index],
            of_rows(features, rows),
            stacked_prompts([prompts[row] for row in rows]),
        )
        parts.append(candidates)
    candidates = scattered_candidates(parts, groups)
    gated = hide_absent(candidates.logits_BMhw, candidates.object_score_B)
    return replace(candidates, logits_BMhw=gated)


def remember_rows(
    model: SegmentationModel,
    features: FrameFeatures,
    logits_Bhw: Tensor,
    object_score_B: Tensor,
    binarize: Sequence[bool],
    *,
    max_rows: int | None = None,
) -> Tensor:
    """Spatial memories of all rows, `(B, L, D)`.

    Args:
        model: the network.
        features: raw features of the frame.
        logits_Bhw: mask logits on the model's grid, as they are to be remembered.
        object_score_B: logit of visibility.
        binarize: per row, whether the mask came from a prompt (parity 5).
        max_rows: rows per call of the network; all unless given.
    """
    size = (features.grid[0] * 16, features.grid[1] * 16)
    groups = groups_of(list(binarize), max_rows)
    parts = []
    for rows in groups:
        index = torch.tensor(rows, device=logits_Bhw.device)
        parts.append(
            model.encode_memory(
                of_rows(features, rows),
                resize_logits(logits_Bhw[index], size),
                object_score_B[index],
                binarize=binarize[rows[0]],
            )
        )
    return scattered(parts, groups)
