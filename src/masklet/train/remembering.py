"""What the rows of a batch attend to while they learn.

One bank serves all rows, as they have one history: its tensors have the B rows in front. Shapes as in
`masklet.model.tensors`.
"""

from dataclasses import replace

import torch

from masklet.memory.bank import Memory, MemoryBank
from masklet.memory.policy import Hypothesis, Moment, Recall
from masklet.memory.standard import StandardPolicy
from masklet.model.tensors import MemoryReadout

_POLICY = StandardPolicy()
# Distances in time are divided as in clips of at most so many frames (parity 1).
_LONGEST = 16


def training_recall(bank: MemoryBank, moment: Moment, *, detach_after: int | None = None) -> Recall:
    """What is recalled on a frame: every memory at stride 1, and pointers of the future as well.

    As `StandardPolicy`, but conditioning frames that are still to come give their pointers, at
    negative times; tracking leaves them out (parity 3).

    Args:
        bank: at least one memory.
        moment: now.
        detach_after: memories of frames that are farther away carry no gradient; None is never.

    >>> parts = torch.zeros(2, 16, 8), torch.zeros(2, 32), torch.zeros(2), torch.zeros(2)
    >>> bank = MemoryBank(conditioning=(Memory(0, *parts), Memory(3, *parts)))
    >>> recall = training_recall(bank, Moment(1, num_frames=4))
    >>> [(memory.frame_index, round(time, 2)) for memory, time in recall.pointers]
    [(3, -0.67), (0, 0.33)]
    """
    recall = _POLICY.recall(Hypothesis(0, bank, None), moment)
    now = moment.frame_index
    unit = max(min(moment.num_frames or _LONGEST, _LONGEST) - 1, 1)
    ahead = tuple(
        (memory, (now - memory.frame_index) / unit)
        for memory in bank.conditioning
        if memory.frame_index > now
    )

    def learning(memory: Memory) -> Memory:
        if detach_after is None or abs(now - memory.frame_index) <= detach_after:
            return memory
        spatial, pointer = memory.spatial_LD.detach(), memory.pointer_C.detach()
        return replace(memory, spatial_LD=spatial, pointer_C=pointer)

    return Recall(
        tuple((learning(memory), slot) for memory, slot in recall.spatial),
        tuple((learning(memory), time) for memory, time in (*ahead, *recall.pointers)),
    )


def readout_of(recall: Recall) -> MemoryReadout:
    """A recall of at least one memory, for all rows at once.

    >>> first = Memory(0, torch.zeros(2, 16, 8), torch.zeros(2, 32), torch.zeros(2), torch.zeros(2))
    >>> readout_of(Recall(((first, 0),), ((first, 0.5),))).times_BK
    tensor([[0.5000],
            [0.5000]])
    """
    spatial_BNLD = torch.stack([memory.spatial_LD for memory, _ in recall.spatial], dim=1)
    pointers_BKC = torch.stack([memory.pointer_C for memory, _ in recall.pointers], dim=1)
    slots_N = torch.tensor([slot for _, slot in recall.spatial])
    times_K = torch.tensor([time for _, time in recall.pointers])
    rows, device = len(spatial_BNLD), spatial_BNLD.device
    return MemoryReadout(
        spatial_BNLD=spatial_BNLD,
        slots_BN=slots_N.to(device, non_blocking=True).expand(rows, -1),
        pointers_BKC=pointers_BKC,
        times_BK=times_K.to(device, non_blocking=True).expand(rows, -1),
    )
