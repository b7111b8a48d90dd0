"""Hiera written down plainly: images of tokens, padded windows, nothing cached or reordered.

Shapes: B images, H W the grid, C channels.
"""

import torch
import torch.nn.functional as F


def trunk(model, images):
    """The ends of the four stages of `masklet.model.trunks.hiera.Hiera`, `(B, H, W, C)`."""
    embed = model.patch_embed.proj
    x = F.conv2d(images, embed.weight, embed.bias, stride=4, padding=3).permute(0, 2, 3, 1)
    x = x + positions(model, x.shape[1:3])
    ends = []
    for number, one in enumerate(model.blocks):
        x = block(one, x)
        if number in model._stage_ends:
            ends.append(x)
    return ends


def positions(model, grid):
    """Background, interpolated to the grid, and the tile repeated over it."""
    background = F.interpolate(model.pos_embed, size=tuple(grid), mode="bicubic")
    side = model.pos_embed_window.shape[-1]
    tiles = model.pos_embed_window.repeat(1, 1, grid[0] // side, grid[1] // side)
    return (background + tiles).permute(0, 2, 3, 1)


def block(one, x):
    """Attention in padded windows and an MLP, each with its residual."""
    height, width = x.shape[1:3]
    normed = norm(one.norm1, x)
    shortcut = x
    if one.proj is not None:
        shortcut = F.linear(normed, one.proj.weight, one.proj.bias)
    if one.pools:
        shortcut = pooled(shortcut)
    side = one.window or max(height, width)
    rows = -(-height // side) if one.window else 1
    columns = -(-width // side) if one.window else 1
    tall, wide = (rows * side, columns * side) if one.window else (height, width)
    padded = F.pad(normed, (0, 0, 0, wide - width, 0, tall - height))
    out = None
    for row in range(rows):
        for column in range(columns):
            down = slice(row * tall // rows, (row + 1) * tall // rows)
            across = slice(column * wide // columns, (column + 1) * wide // columns)
            attended = attention(one, padded[:, down, across])
            if out is None:
                size = (rows * attended.shape[1], columns * attended.shape[2])
                out = attended.new_zeros(len(x), *size, attended.shape[-1])
            h, w = attended.shape[1:3]
            out[:, row * h : (row + 1) * h, column * w : (column + 1) * w] = attended
    x = shortcut + out[:, : shortcut.shape[1], : shortcut.shape[2]]
    first, second = one.mlp.layers
    hidden = F.gelu(F.linear(norm(one.norm2, x), first.weight, first.bias))
    return x + F.linear(hidden, second.weight, second.bias)


def attention(one, window):
    """Attention of all tokens of a window with each other; the queries may be pooled."""
    layer = one.attn
    q, k, v = F.linear(window, layer.qkv.weight, layer.qkv.bias).chunk(3, dim=-1)
    if one.pools:
        q = pooled(q)
    heads = []
    for head_q, head_k, head_v in zip(
        *(x.chunk(layer.heads, dim=-1) for x in (q, k, v)), strict=True
    ):
        scores = head_q.flatten(1, 2) @ head_k.flatten(1, 2).transpose(1, 2)
        weights = (scores / head_q.shape[-1] ** 0.5).softmax(dim=-1)
        heads.append((weights @ head_v.flatten(1, 2)).reshape(head_q.shape))
    return F.linear(torch.cat(heads, dim=-1), layer.proj.weight, layer.proj.bias)


def pooled(x):
    """The maximum over 2 x 2 tokens."""
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


def norm(layer, x):
    """Layer norm over channels."""
    return F.layer_norm(x, x.shape[-1:], layer.weight, layer.bias, layer.eps)
