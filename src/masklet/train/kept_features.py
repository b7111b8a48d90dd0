"""Features of frames that a frozen image encoder has seen, kept for when it would see them again.

Worth it where pictures are not changed at random: then only the first look at each costs an encoder.
Frames are told apart by what is in them, so that any data and any order will do.
"""

from collections import OrderedDict

import torch
from torch import Tensor

from masklet.model.preprocess import normalize
from masklet.model.sam2 import SAM2
from masklet.model.tensors import FrameFeatures


class KeptFeatures:
    """The latest features within a budget of memory, on the device of the model.

    Args:
        budget_bytes: how much may be kept; the frames that were not asked for longest go first.

    >>> import masklet
    >>> kept = KeptFeatures(1 << 30)
    >>> _ = kept.features(masklet.load(), torch.zeros(2, 3, 64, 64))
    >>> kept.encoded, kept.found
    (1, 1)
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._used_bytes = 0
        self._kept: OrderedDict[tuple[float, ...], FrameFeatures] = OrderedDict()
        self.encoded = 0
        """How often a frame was encoded,"""
        self.found = 0
        """and how often it was there."""

    @torch.no_grad()
    def features(self, model: SAM2, frames_F3SS: Tensor) -> FrameFeatures:
        """The features of frames, 0 to 1, which carry no gradient; encodes what is not there."""
        marks = _marks(frames_F3SS)
        known = dict.fromkeys(mark for mark in marks if mark in self._kept)
        found = {mark: self._kept[mark] for mark in known}
        missing = {mark: place for place, mark in enumerate(marks) if mark not in known}
        if missing:
            places = torch.tensor(list(missing.values()), device=frames_F3SS.device)
            encoded = model.encode_image(normalize(frames_F3SS[places]))
            found |= {mark: encoded.frame(n) for n, mark in enumerate(missing)}
        self.encoded += len(missing)
        self.found += len(marks) - len(missing)
        for mark in missing:
            self._keep(mark, found[mark])
        for mark in known:
            self._kept.move_to_end(mark)
        return _joined([found[mark] for mark in marks])

    def _keep(self, mark: tuple[float, ...], features: FrameFeatures) -> None:
        # A copy: a part of a batch would keep the whole batch.
        own = _joined([features])
        self._kept[mark] = own
        self._used_bytes += _bytes(own)
        while self._used_bytes > self._budget_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._used_bytes -= _bytes(oldest)


def _marks(frames_F3SS: Tensor) -> list[tuple[float, ...]]:
    """What tells frames apart: size, sum and a sum by place, which two pictures hardly share."""
    flat_FN = frames_F3SS.flatten(1).double()
    places_N = torch.linspace(0, 1, flat_FN.shape[1], dtype=torch.float64, device=flat_FN.device)
    sums_F2 = torch.stack([flat_FN.sum(dim=1), (flat_FN * places_N).sum(dim=1)], dim=1)
    return [(float(flat_FN.shape[1]), *sums) for sums in sums_F2.tolist()]


def _joined(features: list[FrameFeatures]) -> FrameFeatures:
    return FrameFeatures(
        embedding_FLC=torch.cat([each.embedding_FLC for each in features]),
        eighth_FL4c=torch.cat([each.eighth_FL4c for each in features]),
        quarter_FL16c=torch.cat([each.quarter_FL16c for each in features]),
        grid=features[0].grid,
    )


def _bytes(features: FrameFeatures) -> int:
    tensors = (features.embedding_FLC, features.eighth_FL4c, features.quarter_FL16c)
    return sum(tensor.nbytes for tensor in tensors)
