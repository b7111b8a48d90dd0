"""The small hybrid trunk: depthwise convolutions in four stages, attention in a few blocks.

Every block mixes neighbours by a depthwise convolution and channels by two linear maps, as ConvNeXt
does (arXiv 2201.03545); every second one also weighs its channels by what the whole image is like
(arXiv 1709.01507). Global blocks attend to the whole image before that, with rotary positions in two
axes (arXiv 2104.09864), so that any size of image will do. Nothing depends on the other images of a
batch, and all but the convolutions is a matrix product on channels-last tokens.

Names of parameters, of which those that Hiera has too mean the same there: `patch_embed.stem` and
`.proj`, two convolutions and their `.norm`; `blocks.N.merge` in the first block of a stage, `.norm1`
and `.attn` in global blocks, `.dwconv`, `.norm2`, `.gate` in every second block of a stage, `.mlp`;
`norms.S` at the ends of the stages.

Shapes: B images, L row-major tokens, C channels, G heads, D their width.
"""

import torch
from torch import Tensor, nn

from masklet.model.config import HybridConfig
from masklet.model.kernels import attend
from masklet.model.layers import MLP, DropPath, LayerNorm, Linear
from masklet.model.positions import rotate
from masklet.model.trunks.token_map import TokenMap

# Turns that differ within the 16 to 64 tokens that a side has; 10,000, as in text, hardly would.
_TEMPERATURE = 100.0
# oneDNN has a fast gradient of depthwise kernels for 3 x 3 alone: with 5 x 5 a step of training took
# 62 ms a picture of 256 pixels instead of 44 (one thread of AMD Zen 5, bfloat16, torch 2.13).
_KERNEL = 3
_EXPANSION = 3


class Hybrid(nn.Module):
    """Images to feature maps at strides 4, 8, 16 and 32, all in row-major order."""

    def __init__(self, config: HybridConfig, drop_path: float = 0.0) -> None:
        super().__init__()
        _check(config)
        self.patch_embed = _Stem(config.widths[0])
        self.blocks = nn.ModuleList()
        self.norms = nn.ModuleList(LayerNorm(width, eps=1e-6) for width in config.widths)
        depth = sum(config.stages)
        self._stage_ends = tuple(sum(config.stages[: n + 1]) - 1 for n in range(4))
        for stage, blocks in enumerate(config.stages):
            for block in range(blocks):
                number = len(self.blocks)
                self.blocks.append(
                    Block(
                        config.widths[stage],
                        merged=config.widths[stage - 1] if stage > 0 and block == 0 else 0,
                        heads=config.num_heads if number in config.global_blocks else 0,
                        gated=block % 2 == 1,
                        drop_path=drop_path * number / max(depth - 1, 1),
                    )
                )

    def forward(self, images_B3SS: Tensor) -> tuple[TokenMap, TokenMap, TokenMap, TokenMap]:
        """Normalised images, sides multiples of 32, to the normalised ends of the four stages."""
        x: TokenMap = self.patch_embed(images_B3SS)
        ends: list[TokenMap] = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self._stage_ends:
                x = TokenMap(self.norms[len(ends)](x.tokens_BLC), x.grid)
                ends.append(x)
        first, second, third, fourth = ends
        return first, second, third, fourth


class Block(nn.Module):
    """One block; the first of a stage makes one token of 2 x 2, global ones attend to all."""

    def __init__(  # the numbers that tell two blocks of this trunk apart
        self, width: int, *, merged: int, heads: int, gated: bool, drop_path: float
    ) -> None:
        super().__init__()
        self.merge = Linear(4 * merged, width) if merged else None
        self.norm1 = LayerNorm(width, eps=1e-6) if heads else None
        self.attn = GlobalAttention(width, heads) if heads else None
        self.dwconv = nn.Conv2d(width, width, _KERNEL, padding=_KERNEL // 2, groups=width)
        self.norm2 = LayerNorm(width, eps=1e-6)
        self.gate = MLP((width, width // 4, width), activation="relu") if gated else None
        self.mlp = MLP((width, _EXPANSION * width, width), activation="gelu")
        self.drop_path = DropPath(drop_path)

    def forward(self, x: TokenMap) -> TokenMap:
        """Attention and convolution, each added to its input; tokens stay in row-major order."""
        if self.merge is not None:
            cells = x.ordered(2).tokens_BLC.unflatten(1, (-1, 4)).flatten(2)
            x = TokenMap(self.merge(cells).float(), (x.grid[0] // 2, x.grid[1] // 2))
        tokens = x.tokens_BLC
        if self.attn is not None and self.norm1 is not None:
            tokens = tokens + self.drop_path(self.attn(self.norm1(tokens), x.grid))
        # Channels-last memory seen as an image, and back: no copies.
        image_BCHW = tokens.unflatten(1, x.grid).permute(0, 3, 1, 2)
        mixed = self.norm2(self.dwconv(image_BCHW).permute(0, 2, 3, 1).flatten(1, 2))
        if self.gate is not None:
            mixed = mixed * self.gate(mixed.mean(dim=1, keepdim=True)).float().sigmoid()
        tokens = tokens + self.drop_path(self.mlp(mixed))
        return TokenMap(tokens, x.grid)


class GlobalAttention(nn.Module):
    """Self-attention over all tokens of an image, whose queries and keys turn with their place."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = Linear(width, 3 * width)
        self.proj = Linear(width, width)

    def forward(self, x_BLC: Tensor, grid: tuple[int, int]) -> Tensor:
        """`(B, L, C)` to the same, in the precision of the weights."""
        q_BLC, k_BLC, v_BLC = self.qkv(x_BLC).chunk(3, dim=-1)
        cos_LE, sin_LE = _turns(grid, x_BLC.shape[-1] // self.heads, x_BLC.device)
        # The same turns for every head, which lie side by side in the channels.
        table = (cos_LE.repeat(1, self.heads), sin_LE.repeat(1, self.heads))
        q, k, v = (
            x.unflatten(-1, (self.heads, -1))
            for x in (rotate(q_BLC, table), rotate(k_BLC, table), v_BLC)
        )
        out: Tensor = self.proj(attend(q, k, v).flatten(2))
        return out


class _Stem(nn.Module):
    """Two convolutions of stride 2: overlapping patches at stride 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width // 2, kernel_size=3, stride=2, padding=1)
        self.proj = nn.Conv2d(width // 2, width, kernel_size=3, stride=2, padding=1)
        self.norm = LayerNorm(width, eps=1e-6)

    def forward(self, images_B3SS: Tensor) -> TokenMap:
        images = images_B3SS.to(self.stem.weight.dtype, memory_format=torch.channels_last)
        x_BCHW: Tensor = self.proj(self.stem(images).relu_())
        grid = (x_BCHW.shape[2], x_BCHW.shape[3])
        return TokenMap(self.norm(x_BCHW.permute(0, 2, 3, 1).flatten(1, 2)), grid)


def _turns(grid: tuple[int, int], head_width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines for `rotate`, `(L, D / 2)` each: half of the pairs turn with x, half with y.

    They are made anew each time, which costs nothing beside the attention that they serve.
    """
    height, width = grid
    pairs = head_width // 4
    steps = torch.arange(pairs, dtype=torch.float32, device=device)
    frequencies = _TEMPERATURE ** (-steps / pairs)
    y_H1E = torch.arange(height, dtype=torch.float32, device=device)[:, None, None] * frequencies
    x_1WE = torch.arange(width, dtype=torch.float32, device=device)[None, :, None] * frequencies
    axes = (x_1WE.expand(height, -1, -1), y_H1E.expand(-1, width, -1))
    angles = torch.cat(axes, dim=2).flatten(0, 1)
    return angles.cos(), angles.sin()


def _check(config: HybridConfig) -> None:
    if min(config.stages) < 1:
        raise ValueError(
            f"the stages have {config.stages} blocks; expected one at least in each, which brings "
            "the image to the size of its stage. Give every stage a block."
        )
    widths = [
        w for w, blocks in zip(config.widths, config.stages, strict=True) for _ in range(blocks)
    ]
    for number in config.global_blocks:
        if number not in range(len(widths)):
            raise ValueError(
                f"block {number} is to be global; expected numbers of the {len(widths)} blocks, from "
                "0. Choose others."
            )
        if config.num_heads < 1 or widths[number] % (4 * config.num_heads) != 0:
            raise ValueError(
                f"block {number} has {config.num_heads} heads for {widths[number]} channels; "
                "expected heads of equal width, a multiple of 4. Choose another number of heads."
            )
