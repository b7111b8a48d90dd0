"""What the rewrites of the network are measured on.

Shapes as in `masklet.model.tensors`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from masklet.model.sam2 import SAM2
from masklet.model.tensors import Candidates, FrameFeatures, MemoryReadout, PromptTensors


@dataclass(frozen=True, slots=True)
class Inputs:
    """A model and what its verbs are asked with."""

    model: SAM2
    images_F3SS: Tensor
    features: FrameFeatures

    @staticmethod
    def of(model: SAM2, side: int) -> "Inputs":
        """A made-up picture of `side` pixels, encoded."""
        images = noise(1, 3, side, side)
        return Inputs(model, images, model.encode_image(images))

    @property
    def tokens(self) -> int:
        """L of one frame."""
        return self.features.embedding_FLC.shape[1]

    def readout(self, rows: int, memories: int) -> MemoryReadout:
        """So many memories and sixteen pointers for every row."""
        config = self.model.config
        return MemoryReadout(
            spatial_BNLD=noise(rows, memories, self.tokens, config.memory.width),
            slots_BN=torch.arange(memories).expand(rows, -1),
            pointers_BKC=noise(rows, 16, config.width),
            times_BK=torch.arange(16.0).expand(rows, -1),
        )

    def encode(self) -> tuple[Tensor, ...]:
        """The three maps of the picture."""
        features = self.model.encode_image(self.images_F3SS)
        return features.embedding_FLC, features.eighth_FL4c, features.quarter_FL16c

    def boxes(self, rows: int) -> PromptTensors:
        """A box for every row, all different."""
        side = self.images_F3SS.shape[-1]
        shift = torch.arange(rows)[:, None, None] / (2 * rows) * side
        corners = torch.tensor([[0.0, 0.0], [0.4, 0.4]]) * side
        return PromptTensors(corners + shift, torch.tensor([[2, 3]]).expand(rows, -1))

    def decode(self, embedding_BLC: Tensor, prompts: PromptTensors) -> tuple[Tensor, ...]:
        """All candidates of every row."""
        return parts(self.model.decode(embedding_BLC, self.features, prompts))


def parts(candidates: Candidates) -> tuple[Tensor, ...]:
    """What of candidates is compared."""
    return candidates.logits_BMhw, candidates.iou_BM, candidates.pointers_BMC


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Made-up numbers, the same every time."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
