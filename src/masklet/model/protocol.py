"""What prediction and tracking need of a model: four verbs, a way to take
a given mask for an answer, a config and a device.

`SAM2` offers them on torch; another backend that offers them works everywhere unchanged.
"""

from typing import Protocol

import torch
from torch import Tensor

from masklet.model.config import ModelConfig
from masklet.model.tensors import Candidates, FrameFeatures, MemoryReadout, PromptTensors


class SegmentationModel(Protocol):
    """The four verbs of a frame. Laws: pure functions, rows independent of each other."""

    @property
    def config(self) -> ModelConfig:
        """What the model is."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def encode_image(self, images_F3SS: Tensor) -> FrameFeatures:
        """Normalised images to features."""

    def condition(self, features: FrameFeatures, readout: MemoryReadout | None) -> Tensor:
        """Features in the light of memories, `(B, L, C)`."""

    def decode(
        self, embedding_BLC: Tensor, features: FrameFeatures, prompts: PromptTensors
    ) -> Candidates:
        """Prompts to candidate masks."""

    def adopt_mask(self, features: FrameFeatures, mask_BSS: Tensor) -> Candidates:
        """Given masks as their own single candidates, with a pointer."""

    def encode_memory(
        self,
        features: FrameFeatures,
        logits_BSS: Tensor,
        object_score_B: Tensor,
        *,
        binarize: bool,
    ) -> Tensor:
        """Masks to spatial memories, `(B, L, D)`."""
