"""A mask and the features under it become a spatial memory.

Source: SAM 2 (arXiv 2408.00714, appendix D.1); the fuser is ConvNeXt's block (arXiv 2201.03545).
Everything stays channels last. Shapes as in `tensors`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from masklet.model.config import MemoryConfig
from masklet.model.layers import LayerNorm, Linear, PointwiseConv


class MemoryEncoder(nn.Module):
    """Mask downsampler, fuser, projection to the memory's width."""

    def __init__(self, width: int, memory: MemoryConfig) -> None:
        super().__init__()
        inner = memory.encoder_width or width
        self.mask_downsampler = MaskDownsampler(inner, memory.mask_stride)
        self.pix_feat_proj = PointwiseConv(width, inner)
        self.fuser = Fuser(inner)
        self.out_proj = PointwiseConv(inner, memory.width)

    def forward(self, embedding_BLC: Tensor, mask_BSS: Tensor, *, grid: tuple[int, int]) -> Tensor:
        """Spatial memories, `(B, L, D)`.

        Args:
            embedding_BLC: raw features of one frame for all rows or of one per row.
            mask_BSS: the mask at the size of the model's input, -10 outside to 10 inside.
            grid: `(H, W)` of the features.
        """
        x = self.pix_feat_proj(embedding_BLC).float() + self.mask_downsampler(mask_BSS)
        memory: Tensor = self.out_proj(self.fuser(x, grid))
        return memory


# Whatever the width: of full masks, a step that halves both sides keeps the number of values.
_CHANNELS = {1: (4, 16, 64, 256), 4: (16, 64)}


class MaskDownsampler(nn.Module):
    """Convolutions of stride 2 and a projection: to stride 16 from that of the mask, 1 or 4."""

    def __init__(self, width: int, mask_stride: int) -> None:
        super().__init__()
        if mask_stride not in _CHANNELS:
            raise ValueError(f"masks of stride {mask_stride}; expected 1 or 4")
        self.mask_stride = mask_stride
        layers: list[nn.Module] = []
        channels = 1
        for wider in _CHANNELS[mask_stride]:
            layers += [
                nn.Conv2d(channels, wider, kernel_size=3, stride=2, padding=1),
                LayerNorm(wider, eps=1e-6),
                nn.GELU(),
            ]
            channels = wider
        layers.append(PointwiseConv(channels, width))
        self.encoder = nn.ModuleList(layers)

    def forward(self, mask_BSS: Tensor) -> Tensor:
        """`(B, S, S)` to `(B, L, C)`."""
        x = F.avg_pool2d(mask_BSS[:, None].float(), self.mask_stride)
        x = x.contiguous(memory_format=torch.channels_last)
        for step in range(0, len(self.encoder) - 1, 3):
            convolution, norm = self.encoder[step], self.encoder[step + 1]
            normed = norm(convolution(x).permute(0, 2, 3, 1))
            x = F.gelu(normed).permute(0, 3, 1, 2)
        tokens: Tensor = self.encoder[-1](x.permute(0, 2, 3, 1).flatten(1, 2))
        return tokens


class Fuser(nn.Module):
    """Two ConvNeXt blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_FuserBlock(width) for _ in range(2))

    def forward(self, x_BLC: Tensor, grid: tuple[int, int]) -> Tensor:
        """`(B, L, C)` to the same."""
        for layer in self.layers:
            x_BLC = layer(x_BLC, grid)
        return x_BLC


class _FuserBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = LayerNorm(width, eps=1e-6)
        self.pwconv1 = Linear(width, 4 * width)
        self.pwconv2 = Linear(4 * width, width)
        # Scales the branch per channel; starts near zero.
        self.gamma = nn.Parameter(1e-6 * torch.ones(width))

    def forward(self, x_BLC: Tensor, grid: tuple[int, int]) -> Tensor:
        # Channels-last memory seen as an image, and back: no copies.
        x_BCHW = x_BLC.float().unflatten(1, grid).permute(0, 3, 1, 2)
        mixed = self.dwconv(x_BCHW).permute(0, 2, 3, 1).flatten(1, 2)
        branch = self.pwconv2(self.pwconv1(self.norm(mixed), "gelu"))
        return x_BLC + self.gamma * branch
