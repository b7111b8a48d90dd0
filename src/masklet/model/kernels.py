"""The two operations that carry the network, each through the fastest exact kernel at hand.

Everything here equals its plain PyTorch form up to rounding. Two facts measured on AVX-512 CPUs
decide the branches (AMD Zen 5, torch 2.13, two threads): float32 `linear` runs on MKL at 100 to 125
GFLOP/s but on oneDNN at 210 to 260; and `scaled_dot_product_attention` runs bfloat16 no faster than
float32 (about 190), while plain bfloat16 products with a softmax between them reach 400.

Shapes: B batch, L queries, S keys, G heads, D width of a head, E width of a value.
"""

import time
from collections.abc import Callable
from functools import cache, partial
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from masklet.model.heap import SYSTEM_BLOCK, keep_freed_memory

Activation: TypeAlias = Literal["none", "relu", "gelu"]

# Rows of queries whose scores are held at once: more make products faster, until the scores are a block
# whose pages are wanted anew every time. On two threads of AMD Zen 4, milliseconds for 128, 256 and 512 rows:
# 2330, 2290 and 2580 with 28,736 keys of 256 numbers in float32 (four layers), 1380, 1330 and 1290 in
# bfloat16; for 256, 512 and 1024 rows 358, 346 and 334 with 7,232 keys of 96 (sixteen objects).
_TILE = 1024
# Below this many scores per head, starting a tile costs more than it saves.
_TILED_FROM = 1024 * 1024
# Four megabytes of float32.
_CACHED = 1024 * 1024
# Sixteen pointers of four tokens; below a frame's worth of keys, buffers are too small to matter.
_PADDED_TO, _PADDED_FROM = 64, 4096
# A frame of 1024 pixels and four memories of it: what is fastest there is not far from it elsewhere.
_TRIED_QUERIES, _TRIED_KEYS, _TRIES = 4096, 4 * 4096, 5


def linear(
    x: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation = "none"
) -> Tensor:
    """`activation(x @ weight.T + bias)` in the precision of `weight`; GELU is the exact one."""
    x = x.to(weight.dtype)
    if _onednn_linear is not None and _takes_onednn(x, weight, bias):
        algorithm = "none" if activation == "gelu" else ""
        product: Tensor = _onednn_linear(x, weight, bias, activation, [], algorithm)
        return product
    y = F.linear(x, weight, bias)
    match activation:
        case "none":
            return y
        case "relu":
            return F.relu(y)
        case "gelu":
            return F.gelu(y)


def attend(
    q_BLGD: Tensor,
    k_BSGD: Tensor,
    v_BSGE: Tensor,
    padding: int = 0,
    bias_BS: Tensor | None = None,
) -> Tensor:
    """Scaled dot-product attention, `(B, L, G, E)`; values may be narrower than keys.

    The last `padding` keys and values count for nothing; the values must be finite. `bias_BS` is
    added to the scores of each key: the logarithm of how many keys it stands for, -inf for none.
    """
    takes_onednn = _takes_onednn(q_BLGD, k_BSGD, v_BSGE)
    if bias_BS is not None:
        bias_BS = bias_BS.to(q_BLGD.dtype)
    # In this order: what is compiled must not depend on the number of keys.
    if takes_onednn and q_BLGD.shape[1] * k_BSGD.shape[1] >= _TILED_FROM:
        return _attend_in_tiles(q_BLGD, k_BSGD, v_BSGE, padding, bias_BS)
    if padding:
        k_BSGD, v_BSGE = k_BSGD[:, :-padding], v_BSGE[:, :-padding]
        bias_BS = None if bias_BS is None else bias_BS[:, :-padding]
    bias_B11S = None if bias_BS is None else bias_BS[:, None, None]
    if takes_onednn and q_BLGD.dtype == torch.bfloat16:
        return _attend_plainly(q_BLGD, k_BSGD, v_BSGE, bias_B11S)
    is_widened = (
        q_BLGD.device.type == "cuda"
        and v_BSGE.shape[3] < k_BSGD.shape[3]
        and not _needs_gradient(q_BLGD, k_BSGD, v_BSGE)
        and widening_pays(
            q_BLGD.device, q_BLGD.dtype, k_BSGD.shape[3], v_BSGE.shape[3], bias_BS is not None
        )
    )
    return _attend_fused(q_BLGD, k_BSGD, v_BSGE, bias_B11S, is_widened=is_widened)


def widening_pays(
    device: torch.device, dtype: torch.dtype, width: int, value_width: int, has_bias: bool
) -> bool:
    """Whether attention is faster on a device if values are made as wide as keys.

    torch has several fused kernels. Those that take narrow values are not its fastest everywhere, and
    its fastest take none. It is measured, once a process for each kind of operands, and not while a
    CUDA graph is recorded: nothing could be waited for.
    """
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        return False
    return _measured_widening(device, dtype, width, value_width, has_bias)


def key_padding(keys: int) -> int:
    """How many empty keys to add to `keys`, so that large buffers keep their size.

    A tracker has a few more keys on every frame, until all its pointers are there. Buffers that
    grow by a little each time fit nowhere where the last ones were, and the C library's heap keeps
    all those holes: a gigabyte at 1024 pixels, of which less than half is in use. Compiled code manages
    its buffers itself.
    """
    if torch.compiler.is_compiling():
        return 0
    return -keys % _PADDED_TO if keys >= _PADDED_FROM else 0


def rows_in_cache(rows: int, values_per_row: int, device: torch.device) -> int:
    """How many of some rows to compute at once, if each makes so many float32 values on its way.

    On a CPU what fits into its cache, and one at least: a batch that does not goes to memory and
    back between two operations, and each time into pages that the system has to clear first. All of
    them elsewhere, and where gradients are wanted or code is compiled.
    """
    if not minds_the_cache(device):
        return rows
    return min(rows, max(1, _CACHED // values_per_row))


def minds_the_cache(device: torch.device) -> bool:
    """Whether anything is computed in parts that fit into a cache."""
    is_plain = not torch.is_grad_enabled() and not torch.compiler.is_compiling()
    return device.type == "cpu" and is_plain


def _takes_onednn(x: Tensor, *others: Tensor | None) -> bool:
    """Whether oneDNN can be called directly: its fast entry has no gradient and is CPU only."""
    return (
        x.device.type == "cpu"
        and (x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and HAS_BFLOAT16))
        and _HAS_ONEDNN
        and not _needs_gradient(x, *others)
        and not torch.compiler.is_compiling()
    )


def _needs_gradient(*operands: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(
        operand is not None and operand.requires_grad for operand in operands
    )


def _attend_plainly(
    q_BLGD: Tensor, k_BSGD: Tensor, v_BSGE: Tensor, bias_B11S: Tensor | None
) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q_BLGD, k_BSGD, v_BSGE))
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if bias_B11S is not None:
        scores = scores + bias_B11S
    return (scores.softmax(dim=-1) @ v).transpose(1, 2)


def _attend_fused(
    q_BLGD: Tensor,
    k_BSGD: Tensor,
    v_BSGE: Tensor,
    bias_B11S: Tensor | None,
    *,
    is_widened: bool,
) -> Tensor:
    """torch's own choice of a kernel, for values as they are or for zeros beside them."""
    value_width = v_BSGE.shape[3]
    if is_widened:
        v_BSGE = F.pad(v_BSGE, (0, k_BSGD.shape[3] - value_width))
    q, k, v = (x.transpose(1, 2) for x in (q_BLGD, k_BSGD, v_BSGE))
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias_B11S)
    return attended[..., :value_width].transpose(1, 2)


@cache
def _measured_widening(
    device: torch.device, dtype: torch.dtype, width: int, value_width: int, has_bias: bool
) -> bool:
    q, k, v = (
        torch.ones((1, count, 1, channels), device=device, dtype=dtype)
        for count, channels in (
            (_TRIED_QUERIES, width),
            (_TRIED_KEYS, width),
            (_TRIED_KEYS, value_width),
        )
    )
    bias = torch.zeros((1, 1, 1, _TRIED_KEYS), device=device, dtype=dtype) if has_bias else None
    narrow, widened = (
        _least_seconds(partial(_attend_fused, q, k, v, bias, is_widened=is_widened), device)
        for is_widened in (False, True)
    )
    return widened < narrow


def _least_seconds(work: Callable[[], object], device: torch.device) -> float:
    wait = torch.get_device_module(device).synchronize
    took = []
    # The first call also loads the kernel.
    for _ in range(1 + _TRIES):
        wait()
        started = time.perf_counter()
        work()
        wait()
        took.append(time.perf_counter() - started)
    return min(took[1:])


def _attend_in_tiles(
    q_BLGD: Tensor, k_BSGD: Tensor, v_BSGE: Tensor, padding: int, bias_BS: Tensor | None
) -> Tensor:
    batch, length, heads, width = q_BLGD.shape
    tile_rows = _tile_rows(k_BSGD.shape[1] * q_BLGD.element_size())
    out_BLGE = q_BLGD.new_empty((batch, length, heads, v_BSGE.shape[-1]))
    for row in range(batch):
        bias_S = None if bias_BS is None else bias_BS[row]
        for head in range(heads):
            q_LD = q_BLGD[row, :, head] * width**-0.5
            k_SD = k_BSGD[row, :, head].contiguous()
            v_ES = v_BSGE[row, :, head].contiguous().t()
            keys = len(k_SD)
            if length > tile_rows and _onednn_linear is not None and _onednn_packed is not None:
                # Or oneDNN would put them into its own order anew for every tile.
                k_SD, v_ES = _onednn_packed(k_SD, tile_rows), _onednn_packed(v_ES, tile_rows)
            for start in range(0, length, tile_rows):
                tile = slice(start, start + tile_rows)
                scores_lS = linear(q_LD[tile], k_SD, bias_S)
                scores_lS[:, keys - padding :] = -torch.inf
                torch.softmax(scores_lS, dim=-1, out=scores_lS)
                out_BLGE[row, tile, head] = linear(scores_lS, v_ES, None)
    return out_BLGE


def _tile_rows(bytes_per_row: int) -> int:
    """`_TILE`, halved until its scores are no block that comes from the system."""
    rows = _TILE
    while rows > 1 and rows * bytes_per_row >= SYSTEM_BLOCK:
        rows //= 2
    return rows


keep_freed_memory()

# The entry that torch.compile itself uses on CPUs; where a build lacks it, plain torch serves.
_onednn_linear = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
_onednn_packed = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and _onednn_linear is not None
HAS_BFLOAT16 = _HAS_ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001
