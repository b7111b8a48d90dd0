"""Condition a frame on what past frames left behind.

The reference projects each 64-channel memory to 256-channel values and attends with those. Attention
weights sum to one, so attending with the raw memory and projecting the result gives the same
(`A (M W + b) = (A M) W + b`), with a quarter of the value arithmetic; the projection and the output
projection then compose into one.

Source: SAM 2 (arXiv 2408.00714, appendix D.1). Shapes as in `tensors`; S keys, the spatial ones in
front and K4 pointer tokens behind.
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from masklet.model.config import MemoryConfig
from masklet.model.kernels import attend, key_padding, linear
from masklet.model.layers import LayerNorm, Linear
from masklet.model.positions import rotary_places, rotary_table, rotate, sine_grid
from masklet.model.tensors import KeyCells

Keys: TypeAlias = tuple[Tensor, Tensor]
"""Tokens and what is added to them to make keys, `(B, S, D)` each."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """What `KeyCells` mean to every layer."""

    table: tuple[Tensor, Tensor]
    bias_BS: Tensor
    """Of all keys, pointers and padding included."""


class MemoryAttention(nn.Module):
    """Layers of self-attention over the frame and cross-attention to its memories."""

    def __init__(self, width: int, memory: MemoryConfig) -> None:
        super().__init__()
        self.attention_width = memory.attention_width or width
        self.layers = nn.ModuleList(
            _MemoryAttentionLayer(width, memory) for _ in range(memory.layers)
        )
        self.norm = LayerNorm(width)

    def forward(
        self,
        embedding_BLC: Tensor,
        memories: Keys,
        pointers: Keys,
        *,
        grid: tuple[int, int],
        frame_positions: Tensor | None = None,
        cells: KeyCells | None = None,
    ) -> Tensor:
        """The conditioned frame, `(B, L, C)`.

        Args:
            embedding_BLC: one frame for all rows or one per row; until the first cross-attention
                nothing depends on the row, so a shared frame is computed once.
            memories: spatial memories as tokens, all frames after each other.
            pointers: pointers as tokens, which do not turn.
            grid: `(H, W)` of a frame and of each spatial memory.
            frame_positions: `(L, C)` or `(B, L, C)`; the sine grid unless given.
            cells: where the tokens of `memories` lie and how much they count; unless given they
                are those of whole frames.
        """
        if frame_positions is None:
            frame_positions = sine_grid(grid, embedding_BLC.shape[-1], embedding_BLC.device)
        x = embedding_BLC.float() + 0.1 * frame_positions
        table = rotary_table(grid, self.attention_width, embedding_BLC.device)
        # Two tensors tell how many keys turn: a number would be compiled anew for each.
        memory_BSD, positions_BSD = (
            torch.cat(both, dim=1) for both in zip(memories, pointers, strict=True)
        )
        pointer_tokens = pointers[0].shape[1]
        padding = key_padding(memory_BSD.shape[1])
        memory_BSD = F.pad(memory_BSD, (0, 0, 0, padding))
        keys_BSD = memory_BSD + F.pad(positions_BSD, (0, 0, 0, padding))
        placed = None
        if cells is not None:
            places = rotary_places(cells.places_BS2, self.attention_width)
            placed = _Cells(places, F.pad(cells.log_counts_BS, (0, pointer_tokens + padding)))
        for layer in self.layers:
            x = layer(x, memory_BSD, keys_BSD, table, pointer_tokens, padding, placed)
        conditioned: Tensor = self.norm(x)
        return conditioned


class _MemoryAttentionLayer(nn.Module):
    def __init__(self, width: int, memory: MemoryConfig) -> None:
        super().__init__()
        inner = memory.attention_width or width
        self.self_attn = RotaryAttention(width, width, inner)
        self.cross_attn_image = RotaryAttention(width, memory.width, inner)
        self.linear1 = Linear(width, memory.expansion * width)
        self.linear2 = Linear(memory.expansion * width, width)
        self.norm1 = LayerNorm(width)
        self.norm2 = LayerNorm(width)
        self.norm3 = LayerNorm(width)
        self.dropout = nn.Dropout(0.1)

    def forward(
        self,
        x_BLC: Tensor,
        memory_BSD: Tensor,
        keys_BSD: Tensor,
        table: tuple[Tensor, Tensor],
        pointer_tokens: int,
        padding: int,
        cells: _Cells | None,
    ) -> Tensor:
        normed = self.norm1(x_BLC)
        x = x_BLC + self.dropout(self.self_attn(normed, normed, normed, table))
        read = self.cross_attn_image(
            self.norm2(x), keys_BSD, memory_BSD, table, pointer_tokens, padding, cells
        )
        x = x + self.dropout(read)
        hidden = self.dropout(self.linear1(self.norm3(x), "relu"))
        return x + self.dropout(self.linear2(hidden))


class RotaryAttention(nn.Module):
    """Single-head attention whose queries and spatial keys turn with their place."""

    def __init__(self, width: int, key_width: int, inner: int) -> None:
        super().__init__()
        self.q_proj = Linear(width, inner)
        self.k_proj = Linear(key_width, inner)
        self.v_proj = Linear(key_width, inner)
        self.out_proj = Linear(inner, width)

    def forward(
        self,
        q_BLC: Tensor,
        k_BSD: Tensor,
        v_BSD: Tensor,
        table: tuple[Tensor, Tensor],
        unturned_keys: int = 0,
        padding: int = 0,
        cells: _Cells | None = None,
    ) -> Tensor:
        """`(B, L, C)`; the last `unturned_keys` keys have no place in the image.

        Behind them are `padding` keys and values that count for nothing. Queries turn by the table,
        and so do keys, unless `cells` say otherwise.
        """
        q_BLC = rotate(self.q_proj(q_BLC), table)
        k_BSC = self.k_proj(k_BSD)
        turned = k_BSC.shape[1] - unturned_keys - padding
        k_BSC[:, :turned] = rotate(k_BSC[:, :turned], table if cells is None else cells.table)
        rows = len(k_BSC)
        q_BLC = q_BLC.expand(rows, -1, -1)
        values_BSD = v_BSD.to(k_BSC.dtype)
        attended = attend(
            q_BLC[:, :, None],
            k_BSC[:, :, None],
            values_BSD[:, :, None],
            padding,
            None if cells is None else cells.bias_BS,
        )[:, :, 0]
        weight = self.out_proj.weight @ self.v_proj.weight
        bias = self.out_proj.weight @ self.v_proj.bias + self.out_proj.bias
        return linear(attended, weight, bias)
