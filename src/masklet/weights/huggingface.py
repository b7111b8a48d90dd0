"""`config.json` of transformers' Sam2VideoModel, from a `ModelConfig` and back.

Only what differs between models is written and read; transformers' own defaults, which are those of
the 2.1 tiny model, stand for the rest.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from masklet.errors import CheckpointError, OutputError
from masklet.model.config import HieraConfig, MemoryConfig, ModelConfig, Version

Document: TypeAlias = Mapping[str, Any]
"""JSON as transformers writes it; every value is checked where it is read."""

_MODEL_TYPES = ("sam2_video", "sam2")
# The width of all released models, and the only one whose layout transformers was checked to read.
_WIDTH = 256


def to_document(config: ModelConfig) -> dict[str, Any]:
    """What `Sam2VideoModel.from_pretrained` needs to build the model of `config`.

    Raises:
        OutputError: transformers has no such model.
    """
    if config.width != _WIDTH:
        raise OutputError(
            f"the model is {config.width} channels wide; a folder for transformers is written for "
            f"models of {_WIDTH} channels only, as all released ones are. Write safetensors instead."
        )
    side, trunk, is_2_1 = config.image_size, config.trunk, config.memory.version is Version.V2_1
    if not isinstance(trunk, HieraConfig):
        raise OutputError(
            "the model has a hybrid trunk; a folder for transformers is written for models with "
            "Hiera only, the trunk that transformers knows. Write safetensors instead."
        )
    channels = [trunk.embed_dim * 2**stage for stage in range(4)]
    return {
        "architectures": ["Sam2VideoModel"],
        "model_type": "sam2_video",
        "image_size": side,
        "vision_config": {
            "model_type": "sam2_vision_model",
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "image_size": [side, side],
                "hidden_size": trunk.embed_dim,
                "num_attention_heads": trunk.num_heads,
                "embed_dim_per_stage": channels,
                "num_attention_heads_per_stage": [trunk.num_heads * 2**stage for stage in range(4)],
                "blocks_per_stage": list(trunk.stages),
                "global_attention_blocks": list(trunk.global_blocks),
                "window_size_per_stage": list(trunk.window_sizes),
                "window_positional_embedding_background_size": [trunk.position_grid] * 2,
            },
            "backbone_channel_list": channels[::-1],
            "backbone_feature_sizes": [[side // stride] * 2 for stride in (4, 8, 16)],
        },
        "prompt_encoder_config": {"model_type": "sam2_video_prompt_encoder", "image_size": side},
        "mask_decoder_config": {"model_type": "sam2_video_mask_decoder"},
        "enable_occlusion_spatial_embedding": is_2_1,
        "enable_temporal_pos_encoding_for_object_pointers": is_2_1,
        "memory_attention_num_layers": config.memory.layers,
        "memory_attention_rope_feat_sizes": [side // 16, side // 16],
        "memory_encoder_output_channels": config.memory.width,
    }


def from_document(document: Document) -> ModelConfig:
    """The model that a `config.json` describes.

    Raises:
        CheckpointError: it describes no SAM 2, or a variety of it that this package lacks.
    """
    kind = document.get("model_type")
    if kind not in _MODEL_TYPES:
        raise CheckpointError(
            f"config.json has model_type {kind!r}; expected {' or '.join(_MODEL_TYPES)}, as of "
            "transformers' Sam2VideoModel. Give the folder of a SAM 2 model."
        )
    try:
        trunk = _trunk(document.get("vision_config", {}).get("backbone_config", {}))
        is_2_1 = bool(document.get("enable_occlusion_spatial_embedding", True))
        return ModelConfig(
            trunk=trunk,
            memory=MemoryConfig(
                version=Version.V2_1 if is_2_1 else Version.V2_0,
                layers=int(document.get("memory_attention_num_layers", 4)),
                width=int(document.get("memory_encoder_output_channels", 64)),
            ),
            width=int(document.get("vision_config", {}).get("fpn_hidden_size", _WIDTH)),
            image_size=int(document.get("image_size", 1024)),
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"config.json does not describe a SAM 2 model of the known kind: {error}; expected what "
            "transformers' save_pretrained writes. Export the model again."
        ) from error


def _trunk(backbone: Document) -> HieraConfig:
    embed_dim = int(backbone.get("hidden_size", 96))
    heads = int(backbone.get("num_attention_heads", 1))
    channels = backbone.get("embed_dim_per_stage", [embed_dim * 2**stage for stage in range(4)])
    heads_of = backbone.get(
        "num_attention_heads_per_stage", [heads * 2**stage for stage in range(4)]
    )
    for first, values in ((embed_dim, channels), (heads, heads_of)):
        if list(values) != [first * 2**stage for stage in range(4)]:
            raise ValueError(f"{values} does not double from {first} over four stages")
    rows, columns = backbone.get("window_positional_embedding_background_size", (7, 7))
    if rows != columns:
        raise ValueError(f"a background of {rows} x {columns} positions is not square")
    return HieraConfig(
        embed_dim=embed_dim,
        num_heads=heads,
        stages=_four(backbone.get("blocks_per_stage", (1, 2, 7, 2))),
        global_blocks=tuple(int(b) for b in backbone.get("global_attention_blocks", (5, 7, 9))),
        window_sizes=_four(backbone.get("window_size_per_stage", (8, 4, 14, 7))),
        position_grid=int(rows),
    )


def _four(values: list[int]) -> tuple[int, int, int, int]:
    first, second, third, fourth = (int(value) for value in values)
    return first, second, third, fourth
