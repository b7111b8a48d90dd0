"""A memory that finds things again from the first step of training on.

Learning to match frames from random numbers takes longer than we have, so the memory starts as a
plain rule: a memory token holds the main components of the frame's features and whether the cell
lies inside the mask; a cell of a new frame looks for cells that look alike and lie near, and hears
how far inside they were, said as a mask prompt would say it. Everything is learned from there.

Shapes as in `masklet.model.tensors`; N tokens of many frames, A components.
"""

import torch
from torch import Tensor, nn

from masklet.model.memory_attention import RotaryAttention
from masklet.model.memory_encoder import MemoryEncoder
from masklet.model.sam2 import SAM2

# Components of a memory token; the other channels say whether the cell is inside.
_COMPONENTS = 28
# Pairs of channels of the rotation that hardly turn over a frame, and those that tell cells apart.
_STILL, _TURNING = slice(36, 64), range(9)
# How sharply cells look for what looks alike and for what lies near.
_APPEARANCE, _NEARNESS = 1.6, 1.2
# In memory channels: components and mask alike, large beside the sines added to them.
_SCALE = 2.0


@torch.no_grad()
def start_memory(model: SAM2, embedding_FLC: Tensor) -> None:
    """Set the weights of the memory, in place, by the features of some frames."""
    tokens_NC = embedding_FLC.float().flatten(0, 1)
    mean_C = tokens_NC.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.cov(tokens_NC.t()))
    whitening_CA = (vectors / values.clamp(min=1e-6).sqrt()).flip(1)[:, :_COMPONENTS]
    _start_encoder(model.memory_encoder, mean_C, whitening_CA)
    normed_NC = (tokens_NC - tokens_NC.mean(1, keepdim=True)) / tokens_NC.std(1, keepdim=True)
    asked_NA = (tokens_NC - mean_C) @ whitening_CA
    query = _fitted(normed_NC, asked_NA)
    inside_C, outside_C = _mask_directions(model)
    step_C, middle_C = (inside_C - outside_C) / 2, (inside_C + outside_C) / 2
    layers = model.memory_attention.layers
    for layer in layers:
        _start_matching(layer.cross_attn_image, *query)
        _start_answer(layer.cross_attn_image, step_C / len(layers), middle_C / len(layers))
        layer.self_attn.out_proj.weight *= 0.1
        layer.linear2.weight *= 0.1
        layer.self_attn.out_proj.bias.zero_()
        layer.linear2.bias.zero_()
    _start_norm(model, tokens_NC, step_C, middle_C)
    # A mask prompt of 0 and 1 becomes logits of -10 and 10, a quarter as wide.
    model.mask_downsample.weight.fill_(20.0 / 16)
    model.mask_downsample.bias.fill_(-10.0)


def _start_encoder(encoder: MemoryEncoder, mean_C: Tensor, whitening_CA: Tensor) -> None:
    count = whitening_CA.shape[1]
    features, mask, out = (
        encoder.pix_feat_proj,
        encoder.mask_downsampler.encoder[-1],
        encoder.out_proj,
    )
    features.weight[:count] = whitening_CA.t()[..., None, None]
    features.bias[:count] = -mean_C @ whitening_CA
    features.weight[-4:] = 0.0
    features.bias[-4:] = 0.0
    inside, outside = (_hidden(encoder, value) for value in (10.0, -10.0))
    step = inside - outside
    weight = 2 * step / step.square().sum()
    mask.weight[:count] = 0.0
    mask.bias[:count] = 0.0
    mask.weight[-4:] = weight[:, None, None]
    mask.bias[-4:] = 1 - weight @ inside
    out.weight *= 0.1
    out.bias.zero_()
    for channel in range(len(out.weight)):
        source = channel if channel < count else len(mean_C) - 1
        out.weight[channel, source] = _SCALE
    for block in encoder.fuser.layers:
        block.gamma.fill_(0.05)


def _hidden(encoder: MemoryEncoder, value: float) -> Tensor:
    """What the last layer of the mask's downsampling hears amid a mask of that value."""
    last = encoder.mask_downsampler.encoder[-1]
    heard: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    encoder.mask_downsampler(torch.full((1, 96, 96), value))
    handle.remove()
    return heard[0][0, 14]


def _mask_directions(model: SAM2) -> tuple[Tensor, Tensor]:
    """What a mask prompt adds to a cell inside it and to one outside, beside no prompt at all."""
    encoder = model.sam_prompt_encoder
    nothing_C = encoder.no_mask_embed.weight[0]
    inside, outside = (
        encoder.embed_mask(torch.full((1, 16, 16), v))[0].mean(0) for v in (6.0, -6.0)
    )
    return inside - nothing_C, outside - nothing_C


def _fitted(inputs_NC: Tensor, wanted_NA: Tensor) -> tuple[Tensor, Tensor]:
    """Weight `(A, C)` and bias of the linear map that comes nearest."""
    ones = torch.ones_like(inputs_NC[:, :1])
    solution = torch.linalg.lstsq(torch.cat([inputs_NC, ones], dim=1), wanted_NA).solution
    return solution[:-1].t(), solution[-1]


def _start_matching(attention: RotaryAttention, weight_AC: Tensor, bias_A: Tensor) -> None:
    query, key = attention.q_proj, attention.k_proj
    for projection in (query, key):
        projection.weight *= 0.1
        projection.bias.zero_()
    query.weight[_STILL] = _APPEARANCE * weight_AC
    query.bias[_STILL] = _APPEARANCE * bias_A
    key.weight[_STILL] = 0.0
    key.weight[_STILL, : len(weight_AC)] = _APPEARANCE / _SCALE * torch.eye(len(weight_AC))
    half = len(query.bias) // 2
    for pair in _TURNING:
        for channel in (2 * pair, half + 2 * pair):
            query.bias[channel] = key.bias[channel] = _NEARNESS


def _start_answer(attention: RotaryAttention, step_C: Tensor, middle_C: Tensor) -> None:
    value, out = attention.v_proj, attention.out_proj
    nn.init.orthogonal_(value.weight)
    value.bias.zero_()
    mask_C = value.weight[:, _COMPONENTS:].sum(dim=1)
    mask_C /= mask_C.square().sum() * _SCALE
    out.weight *= 0.1
    out.weight += step_C[:, None] * mask_C
    out.bias.copy_(middle_C)


def _start_norm(model: SAM2, tokens_NC: Tensor, step_C: Tensor, middle_C: Tensor) -> None:
    """Undo the last norm on average: the decoder knows features that have none."""
    sides_N1 = torch.where(torch.rand(len(tokens_NC), 1) < 0.3, 1.0, -1.0)
    conditioned_NC = tokens_NC + middle_C + sides_N1 * step_C
    normed_NC = nn.functional.layer_norm(conditioned_NC, conditioned_NC.shape[1:])
    wanted_NC = conditioned_NC + model.no_mem_embed[0, 0]
    centred = normed_NC - normed_NC.mean(dim=0)
    weight_C = (centred * wanted_NC).mean(dim=0) / centred.square().mean(dim=0)
    model.memory_attention.norm.weight.copy_(weight_C)
    model.memory_attention.norm.bias.copy_(wanted_NC.mean(0) - weight_C * normed_NC.mean(0))
