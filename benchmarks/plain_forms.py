"""The plain form of every exact rewrite of the network: what one would write down first.

Each stands in for a function or method of the package, with the same arguments, so that all else stays
as it is. `swapped` puts them there for one call. Shapes as in the files they stand in for.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from masklet.model.kernels import attend, linear
from masklet.model.layers import PointwiseConv
from masklet.model.mask_decoder import MaskDecoder
from masklet.model.memory_attention import Reading, RotaryAttention
from masklet.model.memory_encoder import MemoryEncoder
from masklet.model.positions import rotate
from masklet.model.trunks.hiera import Block, WindowAttention
from masklet.model.trunks.token_map import TokenMap
from masklet.model.two_way import Attention


def swapped(call: Callable[[], Any], *changes: tuple[object, str, object]) -> Callable[[], Any]:
    """`call` while other values stand in the places `(owner, name, value)`."""

    def run() -> Any:
        with ExitStack() as stack:
            for owner, name, value in changes:
                stack.enter_context(patch.object(owner, name, value))
            return call()

    return run


def sdpa(q_BLGD: Tensor, k_BSGD: Tensor, v_BSGE: Tensor) -> Tensor:
    """Attention by torch's own function."""
    q, k, v = (x.transpose(1, 2) for x in (q_BLGD, k_BSGD, v_BSGE))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2)


def rotary_attention(layer: RotaryAttention, query_BLC: Tensor, read: Reading) -> Tensor:
    """Values are projected to the width of keys, attended with, and projected back."""
    assert read.bias_BS is None
    k_BSC = layer.k_proj(read.keys_BSD)
    turned = k_BSC.shape[1] - read.unturned - read.padding
    k_BSC[:, :turned] = rotate(k_BSC[:, :turned], read.table)
    q_BLC, v_BSC = query_BLC.expand(len(k_BSC), -1, -1), layer.v_proj(read.memory_BSD)
    attended = attend(q_BLC[:, :, None], k_BSC[:, :, None], v_BSC[:, :, None], read.padding)
    out: Tensor = layer.out_proj(attended[:, :, 0])
    return out


def all_rows(rows: int, values_per_row: int, device: torch.device) -> int:
    """However much they are."""
    return rows


_block, _window_attention = Block.forward, WindowAttention.forward
_read_image, _read_tokens = Attention.read_image, Attention.read_tokens


def row_major_block(block: Block, x: TokenMap) -> TokenMap:
    """Tokens go into windows in every block, and back at its end."""
    return _block(block, x).ordered(0)


def padded_window_attention(layer: WindowAttention, x: TokenMap, window: int) -> TokenMap:
    """Where windows do not fit, zeros are added before everything and cut off after it."""
    if window in (0, x.window):
        return _window_attention(layer, x, window)
    height, width = x.grid
    image = x.tokens_BLC.unflatten(1, x.grid)
    image = F.pad(image, (0, 0, 0, -width % window, 0, -height % window))
    padded = TokenMap(image.flatten(1, 2), (image.shape[1], image.shape[2])).ordered(window)
    out = _window_attention(layer, padded, window).ordered(0)
    pooled = 2 if layer.pools else 1
    kept = (height // pooled, width // pooled)
    cut = out.tokens_BLC.unflatten(1, out.grid)[:, : kept[0], : kept[1]]
    return TokenMap(cut.flatten(1, 2), kept)


def max_pool(x: TokenMap) -> TokenMap:
    """torch's pooling, on the map or on every window as an image."""
    height, width = x.grid
    batch, _, channels = x.tokens_BLC.shape
    size = (x.window, x.window) if x.window else x.grid
    images = x.tokens_BLC.reshape(-1, *size, channels).permute(0, 3, 1, 2)
    pooled = F.max_pool2d(images, 2).permute(0, 2, 3, 1).reshape(batch, -1, channels)
    return TokenMap(pooled, (height // 2, width // 2), x.window // 2)


def fine_map(neck: Any, stage: TokenMap, level: int, projection: PointwiseConv) -> TokenMap:
    """A map as wide as the neck, then its projection."""
    wide = neck.convs[3 - level].conv(stage.tokens_BLC)
    return TokenMap(projection(wide), stage.grid, stage.window)


def read_image(
    layer: Attention, tokens_BTC: Tensor, image_BLC: Tensor, positions_LC: Tensor
) -> Tensor:
    """An image of its own is projected to keys and values for every row."""
    if len(image_BLC) == 1:
        return _read_image(layer, tokens_BTC, image_BLC, positions_LC)
    return layer(tokens_BTC, image_BLC + positions_LC, image_BLC)  # type: ignore[no-any-return]


def read_tokens(
    layer: Attention,
    image_BLC: Tensor,
    positions_LC: Tensor,
    keys_BTC: Tensor,
    values_BTC: Tensor,
) -> Tensor:
    """An image of its own is projected to queries for every row, and what it reads back."""
    if len(image_BLC) == 1:
        return _read_tokens(layer, image_BLC, positions_LC, keys_BTC, values_BTC)
    return layer(image_BLC + positions_LC, keys_BTC, values_BTC)  # type: ignore[no-any-return]


def mask_logits(
    decoder: MaskDecoder,
    image_BLC: Tensor,
    tokens_BMC: Tensor,
    eighth_FCHW: Tensor,
    quarter_FCHW: Tensor,
) -> Tensor:
    """Two transposed convolutions of images, channels first; the fine maps are images too."""
    first, norm, _, second = decoder.output_upscaling
    grid = (eighth_FCHW.shape[2] // 2, eighth_FCHW.shape[3] // 2)
    x = image_BLC.transpose(1, 2).unflatten(2, grid).contiguous()
    x = F.conv_transpose2d(x, first.weight, first.bias, stride=2) + eighth_FCHW
    x = F.gelu(_channels_first_norm(norm, x))
    x = F.gelu(F.conv_transpose2d(x, second.weight, second.bias, stride=2) + quarter_FCHW)
    brushes = [
        network(tokens_BMC[:, number])
        for number, network in enumerate(decoder.output_hypernetworks_mlps)
    ]
    painted = torch.stack(brushes, dim=1) @ x.flatten(2)
    return painted.unflatten(2, (quarter_FCHW.shape[2], quarter_FCHW.shape[3]))


def memory_encoder(
    encoder: MemoryEncoder, embedding_BLC: Tensor, mask_BSS: Tensor, *, grid: tuple[int, int]
) -> Tensor:
    """All maps are images with channels first; tokens only for the fuser's linear layers."""
    downsampler = encoder.mask_downsampler
    x = F.avg_pool2d(mask_BSS[:, None], downsampler.mask_stride)
    for step in range(0, len(downsampler.encoder) - 1, 3):
        convolution, norm = downsampler.encoder[step], downsampler.encoder[step + 1]
        x = F.gelu(_channels_first_norm(norm, convolution(x)))
    features = embedding_BLC.transpose(1, 2).unflatten(2, grid).contiguous()
    x = _convolved(encoder.pix_feat_proj, features) + _convolved(downsampler.encoder[-1], x)
    for block in encoder.fuser.layers:
        normed = block.norm(block.dwconv(x).permute(0, 2, 3, 1))
        hidden = linear(normed, block.pwconv1.weight, block.pwconv1.bias, "gelu")
        branch = linear(hidden, block.pwconv2.weight, block.pwconv2.bias)
        x = x + (block.gamma * branch).permute(0, 3, 1, 2).contiguous()
    return _convolved(encoder.out_proj, x).flatten(2).transpose(1, 2)


def _convolved(layer: Any, x_BCHW: Tensor) -> Tensor:
    return F.conv2d(x_BCHW, layer.weight, layer.bias)


def _channels_first_norm(layer: Any, x_BCHW: Tensor) -> Tensor:
    """The norm over channels written out, since torch's wants them last."""
    centred = x_BCHW - x_BCHW.mean(dim=1, keepdim=True)
    normed = centred / (centred.square().mean(dim=1, keepdim=True) + layer.eps).sqrt()
    return normed * layer.weight[:, None, None] + layer.bias[:, None, None]
