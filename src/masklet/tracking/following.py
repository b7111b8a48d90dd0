"""One frame for the rows of any objects: what each answers, and what it remembers of the frame.

This is the loop body that the streaming tracker and the session share. Shapes as in
`masklet.model.tensors`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

import torch
from torch import Tensor

from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.policy import Hypothesis, MemoryPolicy, Moment, Recall
from masklet.memory.smaller import foveated
from masklet.model.protocol import SegmentationModel
from masklet.tracking.answers import Answer, Chosen, adopt, decide, joined, row_prompt
from masklet.tracking.rows import RowPrompt
from masklet.tracking.steps import condition_rows, decode_rows, remember_rows
from masklet.tracking.stream import EncodedFrame
from masklet.types import MaskSet, ObjectId, Prompt

S = TypeVar("S")

Track: TypeAlias = tuple[Hypothesis[S], ...]
"""The hypotheses of one object."""


@dataclass(frozen=True, slots=True)
class Method(Generic[S]):
    """How objects are followed: by which network, with which memory, how many rows at a time."""

    model: SegmentationModel
    policy: MemoryPolicy[S]
    memory_dtype: torch.dtype = torch.bfloat16
    max_rows: int | None = None
    """Rows per call of the network; None is all of them."""


def answered(
    method: Method[S],
    frame: EncodedFrame,
    tracks: Sequence[Track[S]],
    asked: Mapping[ObjectId, Prompt],
    moment: Moment,
    carried: Mapping[ObjectId, Tensor] | None = None,
) -> Answer[S]:
    """What every object is on this frame: tracked ones, clicked ones, given masks.

    Args:
        method: how.
        frame: the frame.
        tracks: the objects that are known, each as it was before this frame.
        asked: what is said about objects, known or new ones.
        moment: when.
        carried: `(h, w)` logits that a prompt corrects, of objects that were asked on this frame
            before. A first click on a known object corrects the mask that tracking gives here.

    Returns:
        The answer of all objects, known ones first; there must be at least one.
    """
    corrected = dict(carried or {})
    known = {track[0].object_id: track for track in tracks}
    masked = [i for i in asked if asked[i].mask is not None]
    clicked = [i for i in asked if i not in masked]
    awaited = {i for i in clicked if asked[i].box is None and i not in corrected}
    answers: list[Answer[S]] = []
    tracked = [row for i in known if i not in asked or i in awaited for row in known[i]]
    if tracked:
        nothing = [RowPrompt.nothing(method.model.device)] * len(tracked)
        answer = _decoded(method, frame, tracked, nothing, moment)
        for row, is_shown, logits in zip(
            answer.rows, answer.is_shown, answer.logits_Bhw, strict=True
        ):
            if is_shown and row.object_id in awaited:
                corrected[row.object_id] = logits
        answers.append(answer.without(set(asked)))
    if clicked:
        rows = [_settled_row(method, known, i) for i in clicked]
        device = method.model.device
        said = [row_prompt(asked[i], frame, device, corrected.get(i)) for i in clicked]
        answers.append(_decoded(method, frame, rows, said, moment))
    if masked:
        rows = [_settled_row(method, known, i) for i in masked]
        masks = [mask for i in masked if (mask := asked[i].mask) is not None]
        step = method.max_rows or len(rows)
        answers += [
            adopt(method.model, rows[at : at + step], masks[at : at + step], frame)
            for at in range(0, len(rows), step)
        ]
    order = (*known, *(i for i in asked if i not in known))
    return joined([answer for answer in answers if answer.rows], order)


def remembered(
    method: Method[S], answer: Answer[S], frame: EncodedFrame, moment: Moment
) -> dict[ObjectId, Track[S]]:
    """The objects of an answer with their memory of this frame."""
    memories = memories_of(method, answer.chosen, frame, moment.frame_index, answer.is_prompted)
    tracks: dict[ObjectId, Track[S]] = {}
    for number, row in enumerate(answer.rows):
        if answer.is_prompted[number]:
            kept = replace(row, bank=row.bank.condition_on(memories[number]))
        else:
            kept = method.policy.store(row, memories[number], answer.evidence[number], moment)
        tracks[row.object_id] = (*tracks.get(row.object_id, ()), kept)
    return tracks


def memories_of(
    method: Method[S],
    chosen: Chosen,
    frame: EncodedFrame,
    frame_index: int,
    is_prompted: Sequence[bool],
) -> list[Memory]:
    """What every row remembers of a frame."""
    spatial_BLD = remember_rows(
        method.model,
        frame.features,
        chosen.logits_Bhw,
        chosen.object_score_B,
        binarize=is_prompted,
        max_rows=method.max_rows,
    ).to(method.memory_dtype)
    memories = [
        Memory(
            frame_index=frame_index,
            spatial_LD=spatial_BLD[row],
            pointer_C=chosen.pointer_BC[row],
            object_score=chosen.object_score_B[row],
            iou=chosen.iou_B[row],
        )
        for row in range(len(is_prompted))
    ]
    if not method.policy.foveates or all(is_prompted):
        return memories
    small = foveated(spatial_BLD, chosen.logits_Bhw, frame.features.grid)
    return [
        memory
        if is_prompted[row]
        else replace(memory, spatial_LD=small.spatial_BSD[row], cells=small.cells(row))
        for row, memory in enumerate(memories)
    ]


def shown(answer: Answer[S], frame: EncodedFrame, *, exclusive: bool = False) -> MaskSet:
    """The masks that are displayed, one per object; `exclusive` as in `MaskSet`."""
    rows = [row for row, is_shown in enumerate(answer.is_shown) if is_shown]
    logits, iou, score = answer.logits_Bhw, answer.iou_B, answer.object_score_B
    if len(rows) < len(answer.rows):
        index = torch.tensor(rows).to(logits.device)
        logits, iou, score = logits[index], iou[index], score[index]
    return MaskSet(
        logits=logits,
        iou=iou,
        object_score=score,
        size=frame.size,
        prompt_index=tuple(range(len(rows))),
        exclusive=exclusive,
    )


def no_masks(size: tuple[int, int], input_size: tuple[int, int], device: torch.device) -> MaskSet:
    """The masks of a frame on which there is no object; sizes as in `EncodedFrame`."""
    height, width = input_size
    empty = torch.zeros((0,), device=device)
    grid = empty.reshape(0, height // 4, width // 4)
    return MaskSet(logits=grid, iou=empty, object_score=empty, size=size, prompt_index=())


def _decoded(
    method: Method[S],
    frame: EncodedFrame,
    rows: Sequence[Hypothesis[S]],
    said: Sequence[RowPrompt],
    moment: Moment,
) -> Answer[S]:
    recalls = [method.policy.recall(r, moment) if len(r.bank) else Recall() for r in rows]
    embedding_BLC = condition_rows(method.model, frame.features, recalls, max_rows=method.max_rows)
    candidates = decode_rows(
        method.model, embedding_BLC, frame.features, said, max_rows=method.max_rows
    )
    points = [prompt.points for prompt in said]
    return decide(method.policy, rows, candidates, points, moment, is_prompted=points[0] > 0)


def _settled_row(
    method: Method[S], known: Mapping[ObjectId, Track[S]], object_id: ObjectId
) -> Hypothesis[S]:
    """The object's likeliest hypothesis, or a new one: a prompt settles what it is."""
    if object_id in known:
        return max(known[object_id], key=lambda row: row.score)
    return Hypothesis(object_id, MemoryBank(), method.policy.start())
