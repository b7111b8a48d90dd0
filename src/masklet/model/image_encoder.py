"""Trunk and feature pyramid neck: an image becomes one map to think with and two to draw with.

Shapes: F images, L stride-16 tokens, C width of the neck.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from masklet.model.config import HieraConfig, HybridConfig, ModelConfig
from masklet.model.kernels import linear
from masklet.model.layers import PointwiseConv
from masklet.model.mask_decoder import to_quads
from masklet.model.tensors import FrameFeatures
from masklet.model.trunks.hiera import Hiera
from masklet.model.trunks.hybrid import Hybrid
from masklet.model.trunks.token_map import TokenMap


class ImageEncoder(nn.Module):
    """The trunk and the neck."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.trunk = _trunk(config.trunk)
        self.neck = FpnNeck(config.trunk.widths, config.width)

    def forward(
        self,
        images_F3SS: Tensor,
        quarter_projection: PointwiseConv,
        eighth_projection: PointwiseConv,
    ) -> FrameFeatures:
        """Normalised images to features; the projections are the mask decoder's."""
        first, second, third, fourth = self.trunk(images_F3SS)
        quarter = self.neck.fine_map(first, level=0, projection=quarter_projection)
        eighth = self.neck.fine_map(second, level=1, projection=eighth_projection)
        return FrameFeatures(
            embedding_FLC=self.neck.embedding(third, fourth),
            eighth_FL4c=to_quads(eighth.ordered(0).tokens_BLC, third.grid, levels=1),
            quarter_FL16c=to_quads(quarter.ordered(0).tokens_BLC, third.grid, levels=2),
            grid=third.grid,
        )


class FpnNeck(nn.Module):
    """A 1x1 convolution per stage; only stride 32 is added into stride 16 (arXiv 1612.03144).

    The stride-4 and stride-8 maps are lateral only, and the mask decoder projects them at once.
    Their two linear maps are composed before they meet the image, see `fine_map`.
    """

    def __init__(self, stages: tuple[int, int, int, int], width: int) -> None:
        super().__init__()
        # Deepest first, as the checkpoints have them.
        self.convs = nn.ModuleList(_Lateral(channels, width) for channels in reversed(stages))

    def embedding(self, stride16: TokenMap, stride32: TokenMap) -> Tensor:
        """The stride-16 map, `(F, L, C)` in row-major order."""
        lateral, deep = self._lateral(level=2), self._lateral(level=3)
        own = lateral(stride16.ordered(0).tokens_BLC)
        below = deep(stride32.ordered(0).tokens_BLC)
        height, width = stride32.grid
        below_FCHW = below.reshape(len(below), height, width, -1).permute(0, 3, 1, 2)
        doubled = F.interpolate(below_FCHW, scale_factor=2.0, mode="nearest")
        return own + doubled.permute(0, 2, 3, 1).flatten(1, 2)

    def fine_map(self, stage: TokenMap, level: int, projection: PointwiseConv) -> TokenMap:
        """`projection(lateral(stage))` for level 0 (stride 4) or 1 (stride 8), in one product.

        Nothing nonlinear lies between the two convolutions, so W2 (W1 x + b1) + b2 is computed as
        (W2 W1) x + (W2 b1 + b2): a map of `width` channels at stride 4 is never made.
        """
        inner = self._lateral(level)
        assert inner.bias is not None
        assert projection.bias is not None
        outer_weight = projection.weight.flatten(1)
        weight = outer_weight @ inner.weight.flatten(1)
        bias = outer_weight @ inner.bias + projection.bias
        return TokenMap(linear(stage.tokens_BLC, weight, bias), stage.grid, stage.window)

    def _lateral(self, level: int) -> PointwiseConv:
        convolution = self.convs[3 - level].get_submodule("conv")
        assert isinstance(convolution, PointwiseConv)
        return convolution


class _Lateral(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = PointwiseConv(inputs, outputs)


def _trunk(config: HieraConfig | HybridConfig) -> Hiera | Hybrid:
    match config:
        case HieraConfig():
            return Hiera(config)
        case HybridConfig():
            return Hybrid(config)
