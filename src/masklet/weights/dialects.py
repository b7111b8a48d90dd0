"""Names that foreign checkpoints use for SAM 2's tensors: those of Hugging Face's transformers.

Each row of the table is one tensor or a family of them, `{}` standing for a number; it reads both
ways. Two things are more than names: transformers stacks the four point embeddings into one tensor,
and holds the Fourier matrix of positions twice.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from masklet.errors import CheckpointError

Rows: TypeAlias = tuple[tuple[str, str], ...]


def _attention(official: str, foreign: str) -> Rows:
    projections = (("q", "q"), ("k", "k"), ("v", "v"), ("out", "o"))
    return tuple(
        (f"{official}.{ours}_proj", f"{foreign}.{hers}_proj") for ours, hers in projections
    )


def _two_layers(official: str, foreign: str) -> Rows:
    return (
        (f"{official}.layers.0", f"{foreign}.proj_in"),
        (f"{official}.layers.1", f"{foreign}.proj_out"),
    )


def _three_layers(official: str, foreign: str) -> Rows:
    return (
        (f"{official}.layers.0", f"{foreign}.proj_in"),
        (f"{official}.layers.1", f"{foreign}.layers.0"),
        (f"{official}.layers.2", f"{foreign}.proj_out"),
    )


_IMAGE_ENCODER: Rows = (
    ("image_encoder.trunk.pos_embed", "vision_encoder.backbone.pos_embed"),
    ("image_encoder.trunk.pos_embed_window", "vision_encoder.backbone.pos_embed_window"),
    ("image_encoder.trunk.patch_embed.proj", "vision_encoder.backbone.patch_embed.projection"),
    ("image_encoder.trunk.blocks.{}.norm{}", "vision_encoder.backbone.blocks.{}.layer_norm{}"),
    ("image_encoder.trunk.blocks.{}.attn.qkv", "vision_encoder.backbone.blocks.{}.attn.qkv"),
    ("image_encoder.trunk.blocks.{}.attn.proj", "vision_encoder.backbone.blocks.{}.attn.proj"),
    *_two_layers("image_encoder.trunk.blocks.{}.mlp", "vision_encoder.backbone.blocks.{}.mlp"),
    ("image_encoder.trunk.blocks.{}.proj", "vision_encoder.backbone.blocks.{}.proj"),
    ("image_encoder.neck.convs.{}.conv", "vision_encoder.neck.convs.{}"),
)
_MEMORY: Rows = (
    ("maskmem_tpos_enc", "memory_temporal_positional_encoding"),
    ("no_mem_embed", "no_memory_embedding"),
    ("no_mem_pos_enc", "no_memory_positional_encoding"),
    ("no_obj_ptr", "no_object_pointer"),
    ("no_obj_embed_spatial", "occlusion_spatial_embedding_parameter"),
    ("mask_downsample", "mask_downsample"),
    *_three_layers("obj_ptr_proj", "object_pointer_proj"),
    ("obj_ptr_tpos_proj", "temporal_positional_encoding_projection_layer"),
    *_attention("memory_attention.layers.{}.self_attn", "memory_attention.layers.{}.self_attn"),
    *_attention(
        "memory_attention.layers.{}.cross_attn_image", "memory_attention.layers.{}.cross_attn_image"
    ),
    ("memory_attention.layers.{}.linear{}", "memory_attention.layers.{}.linear{}"),
    ("memory_attention.layers.{}.norm{}", "memory_attention.layers.{}.layer_norm{}"),
    ("memory_attention.norm", "memory_attention.layer_norm"),
    *(
        (
            f"memory_encoder.mask_downsampler.encoder.{3 * step + place}",
            f"memory_encoder.mask_downsampler.layers.{step}.{part}",
        )
        for step in range(4)
        for place, part in enumerate(("conv", "layer_norm"))
    ),
    (
        "memory_encoder.mask_downsampler.encoder.12",
        "memory_encoder.mask_downsampler.final_conv",
    ),
    ("memory_encoder.pix_feat_proj", "memory_encoder.feature_projection"),
    ("memory_encoder.fuser.layers.{}.gamma", "memory_encoder.memory_fuser.layers.{}.scale"),
    (
        "memory_encoder.fuser.layers.{}.dwconv",
        "memory_encoder.memory_fuser.layers.{}.depthwise_conv",
    ),
    ("memory_encoder.fuser.layers.{}.norm", "memory_encoder.memory_fuser.layers.{}.layer_norm"),
    (
        "memory_encoder.fuser.layers.{}.pwconv{}",
        "memory_encoder.memory_fuser.layers.{}.pointwise_conv{}",
    ),
    ("memory_encoder.out_proj", "memory_encoder.projection"),
)
_PROMPTS: Rows = (
    (
        "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
        "prompt_encoder.shared_embedding.positional_embedding",
    ),
    ("sam_prompt_encoder.not_a_point_embed", "prompt_encoder.not_a_point_embed"),
    ("sam_prompt_encoder.no_mask_embed", "prompt_encoder.no_mask_embed"),
    ("sam_prompt_encoder.mask_downscaling.0", "prompt_encoder.mask_embed.conv1"),
    ("sam_prompt_encoder.mask_downscaling.1", "prompt_encoder.mask_embed.layer_norm1"),
    ("sam_prompt_encoder.mask_downscaling.3", "prompt_encoder.mask_embed.conv2"),
    ("sam_prompt_encoder.mask_downscaling.4", "prompt_encoder.mask_embed.layer_norm2"),
    ("sam_prompt_encoder.mask_downscaling.6", "prompt_encoder.mask_embed.conv3"),
)
_LAYER = ("sam_mask_decoder.transformer.layers.{}", "mask_decoder.transformer.layers.{}")
_MASK_DECODER: Rows = (
    *_attention(f"{_LAYER[0]}.self_attn", f"{_LAYER[1]}.self_attn"),
    *_attention(f"{_LAYER[0]}.cross_attn_token_to_image", f"{_LAYER[1]}.cross_attn_token_to_image"),
    *_attention(f"{_LAYER[0]}.cross_attn_image_to_token", f"{_LAYER[1]}.cross_attn_image_to_token"),
    *_two_layers(f"{_LAYER[0]}.mlp", f"{_LAYER[1]}.mlp"),
    (f"{_LAYER[0]}.norm{{}}", f"{_LAYER[1]}.layer_norm{{}}"),
    *_attention(
        "sam_mask_decoder.transformer.final_attn_token_to_image",
        "mask_decoder.transformer.final_attn_token_to_image",
    ),
    (
        "sam_mask_decoder.transformer.norm_final_attn",
        "mask_decoder.transformer.layer_norm_final_attn",
    ),
    ("sam_mask_decoder.iou_token", "mask_decoder.iou_token"),
    ("sam_mask_decoder.mask_tokens", "mask_decoder.mask_tokens"),
    ("sam_mask_decoder.obj_score_token", "mask_decoder.obj_score_token"),
    ("sam_mask_decoder.output_upscaling.0", "mask_decoder.upscale_conv1"),
    ("sam_mask_decoder.output_upscaling.1", "mask_decoder.upscale_layer_norm"),
    ("sam_mask_decoder.output_upscaling.3", "mask_decoder.upscale_conv2"),
    ("sam_mask_decoder.conv_s{}", "mask_decoder.conv_s{}"),
    *_three_layers(
        "sam_mask_decoder.output_hypernetworks_mlps.{}",
        "mask_decoder.output_hypernetworks_mlps.{}",
    ),
    *_three_layers("sam_mask_decoder.iou_prediction_head", "mask_decoder.iou_prediction_head"),
    *_three_layers("sam_mask_decoder.pred_obj_score_head", "mask_decoder.pred_obj_score_head"),
)
_TABLE: Rows = _IMAGE_ENCODER + _MEMORY + _PROMPTS + _MASK_DECODER

_POINTS = "sam_prompt_encoder.point_embeddings.{}.weight"
_STACKED_POINTS = "prompt_encoder.point_embed.weight"
_POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"
_POSITIONS_AGAIN = "shared_image_embedding.positional_embedding"


def _rules(rows: Rows) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Patterns of whole names, and what each becomes."""
    return tuple(
        (re.compile(re.escape(known).replace(r"\{\}", r"(\d+)") + r"(|\.weight|\.bias)"), wanted)
        for known, wanted in rows
    )


_TO_HUGGINGFACE = _rules(_TABLE)
_TO_OFFICIAL = _rules(tuple((foreign, official) for official, foreign in _TABLE))


def is_huggingface(names: Mapping[str, object]) -> bool:
    """Whether these are names of transformers' Sam2VideoModel or Sam2Model."""
    return any(name.startswith("vision_encoder.") for name in names)


def huggingface_name(official: str) -> str | None:
    """The name in transformers, `None` for a name that is not SAM 2's.

    >>> huggingface_name("image_encoder.trunk.blocks.3.norm1.weight")
    'vision_encoder.backbone.blocks.3.layer_norm1.weight'
    """
    if re.fullmatch(_POINTS.replace("{}", "[0-3]"), official):
        return _STACKED_POINTS
    return _translate(official, _TO_HUGGINGFACE)


def official_name(foreign: str) -> str | None:
    """The official name, `None` for a name that is not transformers' or is four tensors of ours.

    >>> official_name("memory_attention.layers.0.self_attn.o_proj.bias")
    'memory_attention.layers.0.self_attn.out_proj.bias'
    """
    return _translate(_POSITIONS if foreign == _POSITIONS_AGAIN else foreign, _TO_OFFICIAL)


def official_tensors(foreign: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of transformers under official names, without copies.

    A tensor with an unknown name keeps it, so that a strict check reports it.

    Raises:
        CheckpointError: the two Fourier matrices differ.
    """
    copies = [foreign[name] for name in (_POSITIONS, _POSITIONS_AGAIN) if name in foreign]
    if len(copies) == 2 and not torch.equal(*copies):
        raise CheckpointError(
            f"{_POSITIONS} and {_POSITIONS_AGAIN} differ; expected the same matrix twice, as the "
            "model has one. The file is damaged: fetch or export it again."
        )
    official: dict[str, Tensor] = {}
    for name, tensor in foreign.items():
        if name == _STACKED_POINTS and tensor.dim() == 2:
            official |= {_POINTS.format(row): tensor[row : row + 1] for row in range(len(tensor))}
        else:
            official[official_name(name) or name] = tensor
    return official


def huggingface_tensors(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A complete official state dict under the names of transformers' Sam2VideoModel."""
    foreign: dict[str, Tensor] = {}
    for name, tensor in official.items():
        renamed = huggingface_name(name)
        assert renamed is not None, name
        foreign[renamed] = tensor
    foreign[_STACKED_POINTS] = torch.cat([official[_POINTS.format(row)] for row in range(4)])
    # A file of safetensors takes no two names for the same memory.
    foreign[_POSITIONS_AGAIN] = foreign[_POSITIONS].clone()
    return foreign


def _translate(name: str, rules: tuple[tuple[re.Pattern[str], str], ...]) -> str | None:
    for pattern, wanted in rules:
        if match := pattern.fullmatch(name):
            *numbers, leaf = match.groups()
            return wanted.format(*numbers) + leaf
    return None
