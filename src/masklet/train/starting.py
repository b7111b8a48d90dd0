"""Beginnings that spare a training what takes random numbers longest: to find things by their place.

Two lessons of training small models on a CPU. With the usual start, tokens of prompts take thousands
of steps until they look at their own place in the picture, and memories until frames are compared at
all. Both begin as a plain rule here, and everything is learned from there.

Shapes as in `masklet.model.tensors`; N tokens of many frames, A components.
"""

import torch
from torch import Tensor, nn

from masklet.model.memory_attention import RotaryAttention
from masklet.model.memory_encoder import MemoryEncoder
from masklet.model.sam2 import SAM2
from masklet.model.two_way import Attention

# Neither what is the same everywhere nor fine detail may drown the positions of prompts at first.
_FAINT = {
    "image_encoder.neck.convs.0": 0.3,
    "image_encoder.neck.convs.1": 0.3,
    "sam_mask_decoder.conv_s": 0.1,
    "sam_prompt_encoder.no_mask_embed": 0.1,
    "sam_prompt_encoder.point_embeddings": 0.5,
}
# Channels of a memory token that say whether the cell is inside; the others are components.
_INSIDE = 4
# How sharply cells look for what looks alike and for what lies near, with queries of 192 channels.
_APPEARANCE, _NEARNESS, _CHANNELS = 1.6, 1.2, 192
# The share of the pairs of channels that tell cells apart, of those that turn with one axis.
_TURNING = 9 / 32
# In memory channels: components and mask alike, large beside the sines added to them.
_SCALE = 2.0


@torch.no_grad()
def start_prompts(model: SAM2, *, generator: torch.Generator) -> None:
    """Let prompts look at their own place from the first step on, and mark it; in place.

    Queries and keys of the decoder's attentions begin as one map, so a prompt and a cell of the
    picture are as similar as their positions, and values begin as they are, so the cell hears what
    kind of prompt it was.

    Args:
        model: that is new.
        generator: on the CPU, for what stays random.
    """
    for name, module in model.sam_mask_decoder.named_modules():
        if not isinstance(module, Attention) or name.endswith("layers.1.self_attn"):
            continue
        if name.endswith("self_attn"):
            _turn(module.q_proj.weight, generator, gain=1.3)
        else:
            module.q_proj.weight *= 2.5
        module.k_proj.weight.copy_(module.q_proj.weight)
        _turn(module.v_proj.weight, generator)
        module.out_proj.weight.copy_(module.v_proj.weight.t())
    for name, parameter in model.named_parameters():
        for start, factor in _FAINT.items():
            if name.startswith(start):
                parameter.mul_(factor)


@torch.no_grad()
def start_memory(model: SAM2, embedding_FLC: Tensor, *, generator: torch.Generator) -> None:
    """Let the memory find things again from the first step on; in place.

    A memory token holds the main components of the frame's features and whether the cell is inside
    the mask; a cell of a new frame looks for cells that look alike and lie near, and hears how far
    inside they were, said as a mask prompt would say it.

    Args:
        model: whose image encoder and mask prompts are learned already.
        embedding_FLC: features of some frames, with many more tokens than the model is wide.
        generator: on the CPU, for what stays random.
    """
    tokens_NC = embedding_FLC.float().flatten(0, 1)
    count = model.config.memory.width - _INSIDE
    mean_C = tokens_NC.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.cov(tokens_NC.t()))
    whitening_CA = (vectors / values.clamp(min=1e-6).sqrt()).flip(1)[:, :count]
    _start_encoder(model.memory_encoder, mean_C, whitening_CA)
    normed_NC = (tokens_NC - tokens_NC.mean(1, keepdim=True)) / tokens_NC.std(1, keepdim=True)
    query = _fitted(normed_NC, (tokens_NC - mean_C) @ whitening_CA)
    inside_C, outside_C = _mask_directions(model)
    step_C, middle_C = (inside_C - outside_C) / 2, (inside_C + outside_C) / 2
    layers = list(model.memory_attention.layers)
    for layer in layers:
        reading = layer.get_submodule("cross_attn_image")
        assert isinstance(reading, RotaryAttention)
        _start_matching(reading, *query)
        _turn(reading.v_proj.weight, generator)
        _start_answer(reading, step_C / len(layers), middle_C / len(layers))
        for quiet in ("self_attn.out_proj", "linear2"):
            layer.get_parameter(f"{quiet}.weight").mul_(0.1)
            layer.get_parameter(f"{quiet}.bias").zero_()
    _start_norm(model, tokens_NC, step_C, middle_C)
    # A mask prompt of 0 and 1 becomes logits of -10 and 10, a quarter as wide.
    model.get_parameter("mask_downsample.weight").fill_(20.0 / 16)
    model.get_parameter("mask_downsample.bias").fill_(-10.0)


def _start_encoder(encoder: MemoryEncoder, mean_C: Tensor, whitening_CA: Tensor) -> None:
    own, count = dict(encoder.named_parameters()), whitening_CA.shape[1]
    features, feature_bias = own["pix_feat_proj.weight"], own["pix_feat_proj.bias"]
    features[:count] = whitening_CA.t()[..., None, None]
    feature_bias[:count] = -mean_C @ whitening_CA
    features[-_INSIDE:] = 0.0
    feature_bias[-_INSIDE:] = 0.0
    inside, outside = (_hidden(encoder, value) for value in (10.0, -10.0))
    step = inside - outside
    weight = 2 * step / step.square().sum()
    mask, mask_bias = own[f"{_last(encoder)}.weight"], own[f"{_last(encoder)}.bias"]
    mask[:count] = 0.0
    mask_bias[:count] = 0.0
    mask[-_INSIDE:] = weight[:, None, None]
    mask_bias[-_INSIDE:] = 1 - weight @ inside
    out = own["out_proj.weight"].mul_(0.1)
    own["out_proj.bias"].zero_()
    for channel in range(len(out)):
        source = channel if channel < count else out.shape[1] - 1
        out[channel, source] = _SCALE
    for name, parameter in own.items():
        if name.endswith("gamma"):
            parameter.fill_(0.05)


def _hidden(encoder: MemoryEncoder, value: float) -> Tensor:
    """What the last layer of the mask's downsampling hears amid a mask of that value."""
    last = encoder.get_submodule(_last(encoder))
    heard: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    encoder.mask_downsampler(torch.full((1, 96, 96), value, device=encoder.out_proj.weight.device))
    handle.remove()
    return heard[0][0, 14]


def _last(encoder: MemoryEncoder) -> str:
    """The name of the last layer of the mask's downsampling."""
    return f"mask_downsampler.encoder.{len(encoder.mask_downsampler.encoder) - 1}"


def _mask_directions(model: SAM2) -> tuple[Tensor, Tensor]:
    """What a mask prompt adds to a cell inside it and to one outside, beside no prompt at all."""
    encoder = model.sam_prompt_encoder
    nothing_C = encoder.no_mask_embed.weight[0]
    inside, outside = (
        encoder.embed_mask(torch.full((1, 16, 16), value, device=model.device))[0].mean(0)
        for value in (6.0, -6.0)
    )
    return inside - nothing_C, outside - nothing_C


def _fitted(inputs_NC: Tensor, wanted_NA: Tensor) -> tuple[Tensor, Tensor]:
    """Weight `(A, C)` and bias of the linear map that comes nearest and is not large."""
    ones_N1 = torch.ones_like(inputs_NC[:, :1])
    full_ND = torch.cat([inputs_NC, ones_N1], dim=1)
    # Normalised inputs lie in a plane: without a little weight on small numbers many maps fit.
    ridge_DD = 1e-3 * len(full_ND) * torch.eye(full_ND.shape[1], device=full_ND.device)
    solution_DA = torch.linalg.solve(full_ND.t() @ full_ND + ridge_DD, full_ND.t() @ wanted_NA)
    return solution_DA[:-1].t(), solution_DA[-1]


def _start_matching(attention: RotaryAttention, weight_AC: Tensor, bias_A: Tensor) -> None:
    query, key = attention.q_proj, attention.k_proj
    for projection in (query, key):
        projection.weight *= 0.1
        projection.bias.zero_()
    # Scores are divided by the root of the channels, and queries and keys share what makes up for it.
    gain = (len(query.bias) / _CHANNELS) ** 0.25
    # Half of the channels turn with x, half with y, in each the slowest last, which hardly turn over
    # a frame: there the components are compared, the main ones in the slowest.
    half = len(query.bias) // 2
    turning = 2 * round(_TURNING * half / 2)
    count = min(len(weight_AC), 2 * (half - turning))
    component = torch.arange(count, device=key.weight.device)
    still = half * (1 + component % 2) - 1 - component // 2
    query.weight[still] = gain * _APPEARANCE * weight_AC[:count]
    query.bias[still] = gain * _APPEARANCE * bias_A[:count]
    key.weight[still] = 0.0
    key.weight[still, component] = gain * _APPEARANCE / _SCALE
    # Fewer channels turn, too, so each says more loudly what lies near.
    for start in (0, half):
        near = slice(start, start + turning, 2)
        query.bias[near] = key.bias[near] = _NEARNESS / gain


def _start_answer(attention: RotaryAttention, step_C: Tensor, middle_C: Tensor) -> None:
    value, out = attention.v_proj, attention.out_proj
    value.bias.zero_()
    mask_C = value.weight[:, -_INSIDE:].sum(dim=1)
    mask_C /= mask_C.square().sum() * _SCALE
    out.weight *= 0.1
    out.weight += step_C[:, None] * mask_C
    out.bias.copy_(middle_C)


def _start_norm(model: SAM2, tokens_NC: Tensor, step_C: Tensor, middle_C: Tensor) -> None:
    """Undo the last norm on average: the decoder knows features that have none."""
    # Every third token stands for a cell inside an object.
    is_inside_N = torch.arange(len(tokens_NC), device=tokens_NC.device) % 10 < 3
    sides_N1 = torch.where(is_inside_N[:, None], 1.0, -1.0)
    conditioned_NC = tokens_NC + middle_C + sides_N1 * step_C
    normed_NC = nn.functional.layer_norm(conditioned_NC, conditioned_NC.shape[1:])
    wanted_NC = conditioned_NC + model.no_mem_embed[0, 0]
    centred = normed_NC - normed_NC.mean(dim=0)
    weight_C = (centred * wanted_NC).mean(dim=0) / centred.square().mean(dim=0)
    model.memory_attention.norm.weight.copy_(weight_C)
    model.memory_attention.norm.bias.copy_(wanted_NC.mean(0) - weight_C * normed_NC.mean(0))


def _turn(weight: Tensor, generator: torch.Generator, gain: float = 1.0) -> None:
    """Make it random, but such that it keeps lengths and angles."""
    weight.copy_(nn.init.orthogonal_(torch.empty(weight.shape), gain, generator))
