"""Hiera, the trunk of SAM 2: window attention with a few global blocks, four stages.

Source: arXiv 2306.00989 and SAM 2 (arXiv 2408.00714, appendix D). Four rewrites keep the result and
save work: tokens stay in the order of their windows for as long as windows fit the grid, and a few
rows of windows at a time, which fit into the cache, go through all blocks that look no further; where
windows do not fit, only real tokens are projected and the padding is filled with the projection of
zero; the position table is made once per image size.

Shapes: B images, L tokens in some order, C channels, U tokens of one window, V windows of a batch,
G heads, D their width.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from masklet.model.config import HieraConfig
from masklet.model.kernels import attend, rows_in_cache
from masklet.model.layers import MLP, DropPath, LayerNorm, Linear
from masklet.model.positions import LearnedTable
from masklet.model.trunks.token_map import TokenMap, fits, joined


class Hiera(nn.Module):
    """Images to feature maps at strides 4, 8, 16 and 32."""

    def __init__(self, config: HieraConfig, drop_path: float = 0.0) -> None:
        super().__init__()
        if any(window % 2 for window in config.window_sizes[:3]):
            raise ValueError(
                f"windows are {config.window_sizes} tokens wide; expected even ones in the first "
                "three stages, whose windows the next stage pools by two. Choose even sizes."
            )
        width, heads = config.embed_dim, config.num_heads
        self.patch_embed = _PatchEmbed(width)
        self.pos_embed = nn.Parameter(
            torch.zeros(1, width, config.position_grid, config.position_grid)
        )
        # The tile repeated under the background grid: one window of stage 1.
        self.pos_embed_window = nn.Parameter(
            torch.zeros(1, width, config.window_sizes[0], config.window_sizes[0])
        )
        self.blocks = nn.ModuleList()
        depth = sum(config.stages)
        self._stage_ends = tuple(sum(config.stages[: n + 1]) - 1 for n in range(4))
        for stage, blocks in enumerate(config.stages):
            for block in range(blocks):
                number = len(self.blocks)
                enters_stage = stage > 0 and block == 0
                # The first block of a stage still attends in the windows of the one before.
                window = config.window_sizes[stage - 1 if enters_stage else stage]
                self.blocks.append(
                    Block(
                        width,
                        width * 2 if enters_stage else width,
                        heads * 2 if enters_stage else heads,
                        window=0 if number in config.global_blocks else window,
                        pools=enters_stage,
                        drop_path=drop_path * number / max(depth - 1, 1),
                    )
                )
                if enters_stage:
                    width, heads = width * 2, heads * 2
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        nn.init.trunc_normal_(self.pos_embed_window, std=0.02)
        self._positions = LearnedTable()

    def forward(self, images_B3SS: Tensor) -> tuple[TokenMap, TokenMap, TokenMap, TokenMap]:
        """Normalised images, sides multiples of 32, to the ends of the four stages."""
        x_BHWC = self.patch_embed(images_B3SS)
        grid = (x_BHWC.shape[1], x_BHWC.shape[2])
        tokens = (x_BHWC + self.positions(grid)).flatten(1, 2)
        x = TokenMap(tokens, grid)
        ends: list[TokenMap] = []
        for numbers in self._stretches(grid):
            block = self._block(numbers[0])
            x = x.ordered(_order_for(block, x.grid, x.window))
            kept = [n for n in numbers if n in self._stage_ends or n == numbers[-1]]
            passed = [self._pass(band, numbers, kept) for band in _bands(x, block.window)]
            maps = [joined(parts, len(tokens)) for parts in zip(*passed, strict=True)]
            ends += [x for number, x in zip(kept, maps, strict=True) if number in self._stage_ends]
            x = maps[-1]
        first, second, third, fourth = ends
        return first, second, third, fourth

    def _block(self, number: int) -> "Block":
        block = self.blocks[number]
        assert isinstance(block, Block)
        return block

    def _stretches(self, grid: tuple[int, int]) -> list[list[int]]:
        """The numbers of all blocks, those in one list that need no token outside its own window."""
        stretches: list[list[int]] = []
        window, was_within = 0, False
        for number in range(len(self.blocks)):
            block = self._block(number)
            order = _order_for(block, grid, window)
            is_within = order != 0 and order == block.window
            if was_within and is_within and order == window:
                stretches[-1].append(number)
            else:
                stretches.append([number])
            if block.pools:
                grid, order = (grid[0] // 2, grid[1] // 2), order // 2
            window, was_within = order, is_within
        return stretches

    def _pass(self, x: TokenMap, numbers: list[int], kept: list[int]) -> list[TokenMap]:
        """What comes out of `kept` on the way through the blocks `numbers`."""
        out = []
        for number in numbers:
            x = self.blocks[number](x)
            if number in kept:
                out.append(x)
        return out

    def positions(self, grid: tuple[int, int]) -> Tensor:
        """The position of every stride-4 token, `(1, H, W, C)`: background grid plus tiles."""
        weights = (self.pos_embed, self.pos_embed_window)
        # Interpolating costs 50 ms at 1024 pixels.
        return self._positions.table(grid, weights, lambda: self._positions_of(grid))

    def _positions_of(self, grid: tuple[int, int]) -> Tensor:
        height, width = grid
        side = self.pos_embed_window.shape[-1]
        background = F.interpolate(self.pos_embed, size=grid, mode="bicubic")
        tiles = self.pos_embed_window.tile(1, 1, height // side, width // side)
        return (background + tiles).permute(0, 2, 3, 1).contiguous()


class Block(nn.Module):
    """One transformer block; the first of a stage doubles the width and halves the grid."""

    def __init__(  # the six numbers that tell two blocks of this trunk apart
        self,
        width: int,
        width_out: int,
        heads: int,
        *,
        window: int,
        pools: bool,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.window = window
        self.pools = pools
        self.norm1 = LayerNorm(width, eps=1e-6)
        self.attn = WindowAttention(width, width_out, heads, pools=pools)
        self.norm2 = LayerNorm(width_out, eps=1e-6)
        self.mlp = MLP((width_out, 4 * width_out, width_out), activation="gelu")
        self.proj = Linear(width, width_out) if width != width_out else None
        self.drop_path = DropPath(drop_path)

    def forward(self, x: TokenMap) -> TokenMap:
        """Attention then MLP, each added to its input; the order of tokens may change."""
        x = x.ordered(_order_for(self, x.grid, x.window))
        normed = TokenMap(self.norm1(x.tokens_BLC), x.grid, x.window)
        attended = self.attn(normed, self.window)
        shortcut = x.tokens_BLC
        if self.proj is not None:
            # The projection sees the normalised input, as in the reference.
            shortcut = self.proj(normed.tokens_BLC).float()
        if self.pools:
            shortcut = pool(TokenMap(shortcut, x.grid, x.window)).tokens_BLC
        tokens = shortcut + self.drop_path(attended.tokens_BLC)
        tokens = tokens + self.drop_path(self.mlp(self.norm2(tokens)))
        return TokenMap(tokens, attended.grid, attended.window)


class WindowAttention(nn.Module):
    """Self-attention inside windows, or over all tokens where the window is 0."""

    def __init__(self, width: int, width_out: int, heads: int, *, pools: bool) -> None:
        super().__init__()
        self.heads = heads
        self.pools = pools
        self.qkv = Linear(width, 3 * width_out)
        self.proj = Linear(width_out, width_out)

    def forward(self, x: TokenMap, window: int) -> TokenMap:
        """`x` normalised, to the attended tokens in the same order, pooled if the block pools."""
        qkv = TokenMap(self.qkv(x.tokens_BLC), x.grid, x.window)
        width = qkv.tokens_BLC.shape[-1] // 3
        q = TokenMap(qkv.tokens_BLC[..., :width], x.grid, x.window)
        kv_BLC = qkv.tokens_BLC[..., width:]
        if self.pools:
            q = pool(q)
        if window in (0, x.window):
            batch = len(kv_BLC) if window == 0 else len(kv_BLC) * kv_BLC.shape[1] // window**2
            attended = self._attend(q.tokens_BLC, kv_BLC, windows=batch)
        else:
            attended = self._attend_padded(q, TokenMap(kv_BLC, x.grid), window)
        return TokenMap(self.proj(attended), q.grid, q.window)

    def _attend(self, q_BLC: Tensor, kv_BLC: Tensor, windows: int) -> Tensor:
        q_VUGD = q_BLC.reshape(windows, -1, self.heads, q_BLC.shape[-1] // self.heads)
        k_VUGD, v_VUGD = kv_BLC.reshape(
            windows, -1, 2, self.heads, q_BLC.shape[-1] // self.heads
        ).unbind(dim=2)
        return attend(q_VUGD, k_VUGD, v_VUGD).reshape(q_BLC.shape)

    def _attend_padded(self, q: TokenMap, kv: TokenMap, window: int) -> Tensor:
        """Windows that hang over the right and bottom edges: padded tokens do take part."""
        side = window // 2 if self.pools else window
        kv_places, kv_padding, _ = window_places(kv.grid, window, kv.tokens_BLC.device)
        q_places, _, back = window_places(q.grid, side, q.tokens_BLC.device)
        batch, _, width = q.tokens_BLC.shape
        kv_windows = kv.tokens_BLC[:, kv_places]
        # Padding comes after the norm, so a padded token is zero and projects to the bias.
        kv_windows[:, kv_padding] = self.qkv.bias[width:].to(kv_windows.dtype)
        q_windows = q.tokens_BLC[:, q_places]
        windows = batch * len(kv_places) // window**2
        return self._attend(q_windows, kv_windows, windows)[:, back]


class _PatchEmbed(nn.Module):
    """Overlapping patches of 7 x 7 pixels at stride 4."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=7, stride=4, padding=3)

    def forward(self, images_B3SS: Tensor) -> Tensor:
        """`(B, H, W, C)`."""
        images = images_B3SS.to(self.proj.weight.dtype, memory_format=torch.channels_last)
        x_BCHW: Tensor = self.proj(images)
        return x_BCHW.permute(0, 2, 3, 1)


def pool(x: TokenMap) -> TokenMap:
    """The maximum over 2 x 2 tokens; windows shrink to half their side."""
    height, width = x.grid
    batch, _, channels = x.tokens_BLC.shape
    side = x.window or width
    # A window is a small image; in row-major order the whole map is one.
    cells = x.tokens_BLC.reshape(batch, -1, 2, side // 2, 2, channels)
    # Three element-wise maxima: `amax` over two inner dimensions is ten times slower on a CPU.
    top = torch.maximum(cells[:, :, 0, :, 0], cells[:, :, 0, :, 1])
    bottom = torch.maximum(cells[:, :, 1, :, 0], cells[:, :, 1, :, 1])
    pooled = torch.maximum(top, bottom).reshape(batch, -1, channels)
    return TokenMap(pooled, (height // 2, width // 2), x.window // 2)


def _bands(x: TokenMap, window: int) -> list[TokenMap]:
    """Rows of windows of each picture, as many as fit into the cache.

    The whole map where blocks look further than their tokens are grouped.
    """
    if window == 0 or window != x.window:
        return [x]
    height, width = x.grid
    rows, tokens = height // x.window, x.window * width
    # Twice and half as many take as long, 8 rows of `sam2.1-hiera-tiny` at 1024 pixels; one row a
    # twentieth longer.
    at_once = rows_in_cache(rows, tokens * x.tokens_BLC.shape[2], x.tokens_BLC.device)
    if at_once == rows:
        return [x]
    return [
        TokenMap(part_1LC, (part_1LC.shape[1] // width, width), x.window)
        for image_1LC in x.tokens_BLC.split(1)
        for part_1LC in image_1LC.split(at_once * tokens, dim=1)
    ]


def _order_for(block: Block, grid: tuple[int, int], window: int) -> int:
    """The order of tokens a block works in, with as few changes as possible."""
    order = window
    if block.window:
        order = block.window if fits(grid, block.window) else 0
    # 2 x 2 cells lie inside a window only where its side is even.
    return 0 if block.pools and order % 2 else order


def window_places(
    grid: tuple[int, int], window: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """How row-major tokens go into padded windows and back.

    Returns the token for every place of every window (any token where the place is padding), the
    places that are padding, and the place of every token.
    """
    return _window_places(grid, window, device)


@lru_cache(maxsize=32)
def _window_places(
    grid: tuple[int, int], window: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    height, width = grid
    rows, columns = -(-height // window), -(-width // window)
    with torch.inference_mode(mode=False):
        token = torch.full((rows * window, columns * window), -1, dtype=torch.int64)
        token[:height, :width] = torch.arange(height * width).reshape(height, width)
        places = token.reshape(rows, window, columns, window).transpose(1, 2).flatten()
        padding = (places < 0).nonzero()[:, 0]
        back = torch.empty(height * width, dtype=torch.int64)
        inside = (places >= 0).nonzero()[:, 0]
        back[places[inside]] = inside
        return places.clamp(min=0).to(device), padding.to(device), back.to(device)
