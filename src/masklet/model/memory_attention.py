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
from masklet.model.kernels import (
    attend,
    key_padding,
    linear,
    minds_the_cache,
    rows_in_cache,
)
from masklet.model.layers import LayerNorm, Linear
from masklet.model.positions import rotary_places, rotary_table, rotate, sine_grid
from masklet.model.tensors import KeyCells

Keys: TypeAlias = tuple[Tensor, Tensor]
"""Tokens and what is added to them to make keys, `(B, S, D)` each."""

Table: TypeAlias = tuple[Tensor, Tensor]
"""Cosines and sines, as `rotary_table` gives them."""


@dataclass(frozen=True, slots=True)
class SpatialKeys:
    """Spatial memories, all frames after each other, and what makes keys of them, not yet added."""

    tokens_BSD: Tensor
    places_LD: Tensor
    """Where the tokens of a frame are; or `(B, S, D)` where memories have cells of their own."""
    slots_BS: Tensor
    """int64, when: rows of `times_ND`."""
    times_ND: Tensor

    def keys(self, rows: slice) -> Keys:
        """Those of some rows."""
        tokens_BSD = self.tokens_BSD[rows].float()
        if self.places_LD.dim() == 3:
            places = self.places_LD[rows]
        else:
            places = self.places_LD.repeat(tokens_BSD.shape[1] // len(self.places_LD), 1)
        return tokens_BSD, places + self.times_ND[self.slots_BS[rows]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What some rows attend to, the same for every layer."""

    memory_BSD: Tensor
    keys_BSD: Tensor
    unturned: int
    padding: int
    table: Table
    """Of the spatial keys."""
    bias_BS: Tensor | None
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
        memories: SpatialKeys,
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
            memories: spatial memories.
            pointers: pointers as tokens, which do not turn.
            grid: `(H, W)` of a frame and of each spatial memory.
            frame_positions: `(L, C)` or `(B, L, C)`; the sine grid unless given.
            cells: where the tokens of `memories` lie and how much they count; unless given they
                are those of whole frames.
        """
        if frame_positions is None:
            frame_positions = sine_grid(grid, embedding_BLC.shape[-1], embedding_BLC.device)
        table = rotary_table(grid, self.attention_width, embedding_BLC.device)
        first, *others = self._layers()
        seen_BLC = first.look(embedding_BLC.float() + 0.1 * frame_positions, table)
        query_BLC = first.ask(seen_BLC, table)
        rows, parts = len(memories.tokens_BSD), []
        at_once = rows_in_cache(rows, self._values_of_a_row(seen_BLC, memories), seen_BLC.device)
        for start in range(0, rows, at_once):
            some = slice(start, start + at_once)
            read = self._reading(some, memories, pointers, cells, table)
            x_BLC, asked_BLC = (x if len(x) == 1 else x[some] for x in (seen_BLC, query_BLC))
            x_BLC = first.answer(x_BLC, asked_BLC, read)
            for layer in others:
                x_BLC = layer.look(x_BLC, table)
                x_BLC = layer.answer(x_BLC, layer.ask(x_BLC, table), read)
            parts.append(self.norm(x_BLC))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _layers(self) -> "list[_MemoryAttentionLayer]":
        return [layer for layer in self.layers if isinstance(layer, _MemoryAttentionLayer)]

    def _values_of_a_row(self, seen_BLC: Tensor, memories: SpatialKeys) -> int:
        """About how many numbers a row makes and reads again between two products."""
        length, width = seen_BLC.shape[1:]
        _, tokens, memory_width = memories.tokens_BSD.shape
        hidden = self._layers()[0].linear1.out_features
        keys = tokens * (2 * memory_width + self.attention_width)
        return keys + length * (2 * width + hidden)

    def _reading(
        self,
        rows: slice,
        memories: SpatialKeys,
        pointers: Keys,
        cells: KeyCells | None,
        table: Table,
    ) -> Reading:
        # Two tensors tell how many keys turn: a number would be compiled anew for each.
        memory_BSD, positions_BSD = (
            torch.cat([spatial, pointer[rows]], dim=1)
            for spatial, pointer in zip(memories.keys(rows), pointers, strict=True)
        )
        unturned = pointers[0].shape[1]
        padding = key_padding(memory_BSD.shape[1])
        if padding:
            memory_BSD, positions_BSD = (
                F.pad(x, (0, 0, 0, padding)) for x in (memory_BSD, positions_BSD)
            )
        bias_BS = None
        if cells is not None:
            table = rotary_places(cells.places_BS2[rows], self.attention_width)
            bias_BS = F.pad(cells.log_counts_BS[rows], (0, unturned + padding))
        keys_BSD = memory_BSD + positions_BSD
        return Reading(memory_BSD, keys_BSD, unturned, padding, table, bias_BS)


class _MemoryAttentionLayer(nn.Module):
    """One layer in three steps, of which the first two know nothing of memories."""

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

    def look(self, x_BLC: Tensor, table: Table) -> Tensor:
        """The frame having looked at itself."""
        normed_BLC = self.norm1(x_BLC)
        query_BLC = self.self_attn.queries(normed_BLC, table)
        read = Reading(normed_BLC, normed_BLC, 0, 0, table, None)
        return x_BLC + self.dropout(self.self_attn(query_BLC, read))

    def ask(self, x_BLC: Tensor, table: Table) -> Tensor:
        """Its queries to memories."""
        return self.cross_attn_image.queries(self.norm2(x_BLC), table)

    def answer(self, x_BLC: Tensor, query_BLC: Tensor, read: Reading) -> Tensor:
        """The frame with what memories say."""
        x = x_BLC + self.dropout(self.cross_attn_image(query_BLC, read))
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

    def queries(self, x_BLC: Tensor, table: Table) -> Tensor:
        """Projected and turned."""
        return rotate(self.q_proj(x_BLC), table)

    def forward(self, query_BLC: Tensor, read: Reading) -> Tensor:
        """`(B, L, C)`; queries of one frame may serve all rows."""
        k_BSC = self.k_proj(read.keys_BSD)
        self._turn(k_BSC[:, : k_BSC.shape[1] - read.unturned - read.padding], read.table)
        values_BSD = read.memory_BSD.to(k_BSC.dtype)
        attended = attend(
            query_BLC.expand(len(k_BSC), -1, -1)[:, :, None],
            k_BSC[:, :, None],
            values_BSD[:, :, None],
            read.padding,
            read.bias_BS,
        )[:, :, 0]
        weight = self.out_proj.weight @ self.v_proj.weight
        bias = self.out_proj.weight @ self.v_proj.bias + self.out_proj.bias
        return linear(attended, weight, bias)

    def _turn(self, k_BSC: Tensor, table: Table) -> None:
        """Rotate the keys in place, as many frames at a time as fit into the cache."""
        if not minds_the_cache(k_BSC.device) or table[0].dim() == 3:
            k_BSC.copy_(rotate(k_BSC, table))
            return
        frame = len(table[0])
        frames = k_BSC.shape[1] // frame
        at_once = rows_in_cache(frames, frame * k_BSC.shape[2], k_BSC.device)
        for first in range(0, frames, max(at_once, 1)):
            some_BSC = k_BSC[:, first * frame : (first + at_once) * frame]
            some_BSC.copy_(rotate(some_BSC, table))
