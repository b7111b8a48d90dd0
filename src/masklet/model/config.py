"""What differs between real checkpoints, as frozen records with a JSON round trip.

The eight released models of SAM 2 differ in six numbers of the trunk and one switch, 2.0 or 2.1; the
other trunk, the width and the number of layers exist for smaller models trained with this package.
Everything else is a constant and stays a literal where it is used.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Version(StrEnum):
    """The generation of a model: it decides two parameters and the meaning of pointer times."""

    V2_0 = "2.0"
    """Object pointers carry no time; absence leaves no mark on a memory."""
    V2_1 = "2.1"
    """Pointers carry signed times, projected; an absent object's memory gets its own embedding."""


@dataclass(frozen=True, slots=True)
class HieraConfig:
    """The trunk, Hiera (arXiv 2306.00989), as used by SAM 2 (arXiv 2408.00714, appendix D.2)."""

    embed_dim: int
    """Channels of stage 1; they double with every stage."""
    num_heads: int
    """Attention heads of stage 1; they double with every stage, so the head width stays."""
    stages: tuple[int, int, int, int]
    """Blocks per stage, at strides 4, 8, 16 and 32."""
    global_blocks: tuple[int, ...]
    """Blocks, counted through the trunk, that attend to the whole image."""
    window_sizes: tuple[int, int, int, int]
    """Window side of every stage, in tokens of that stage."""
    position_grid: int
    """Side of the learned background grid of positions, interpolated to the image."""

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels at the end of every stage."""
        return self.embed_dim, 2 * self.embed_dim, 4 * self.embed_dim, 8 * self.embed_dim


@dataclass(frozen=True, slots=True)
class HybridConfig:
    """The small trunk of convolutions with attention in a few blocks, `trunks.hybrid`."""

    widths: tuple[int, int, int, int]
    """Channels of every stage, at strides 4, 8, 16 and 32."""
    stages: tuple[int, int, int, int]
    """Blocks per stage."""
    global_blocks: tuple[int, ...]
    """Blocks, counted through the trunk, that attend to the whole image."""
    num_heads: int
    """Attention heads of a global block."""


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """How past frames are remembered and read."""

    version: Version
    layers: int = 4
    """Memory attention layers."""
    width: int = 64
    """Channels of a spatial memory; a divisor of the model's width."""
    attention_width: int | None = None
    """Channels of queries and keys of memory attention, a multiple of 4; the model's width unless
    given."""
    expansion: int = 8
    """Hidden channels of memory attention's feed-forward layer, in widths of the model."""
    encoder_width: int | None = None
    """Channels in which a mask and the features under it are mixed; the model's width unless given."""
    mask_stride: int = 1
    """Pixels of the input that one pixel of a mask covers when it is remembered: 1, or 4 as in the
    grid of logits."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model. Two models differ exactly where their configs differ."""

    trunk: HieraConfig | HybridConfig
    memory: MemoryConfig
    width: int = 256
    """Channels of the stride-16 features, of prompts and of object pointers; a multiple of 8."""
    image_size: int = 1024
    """Side in pixels of the square that pictures are resized to, unless a caller asks otherwise."""

    def to_json(self) -> str:
        """The config as one line of JSON, for the metadata of a checkpoint."""
        document = dataclasses.asdict(self)
        # What all models once had in common is not said of them: older releases read it.
        if isinstance(self.trunk, HybridConfig):
            document["trunk"]["kind"] = _HYBRID
        for field in dataclasses.fields(MemoryConfig):
            if field.name in _LATER and document["memory"][field.name] == field.default:
                del document["memory"][field.name]
        return json.dumps(document)

    @staticmethod
    def from_json(text: str) -> "ModelConfig":
        """The config that `to_json` wrote. Raises `ValueError` or `TypeError` on anything else."""
        fields: dict[str, Any] = json.loads(text)  # Any: JSON
        trunk, memory = _trunk(dict(fields.pop("trunk"))), dict(fields.pop("memory"))
        memory["version"] = Version(memory["version"])
        return ModelConfig(trunk=trunk, memory=MemoryConfig(**memory), **fields)


_HYBRID = "hybrid"
_LATER = ("attention_width", "expansion", "encoder_width", "mask_stride")


def _trunk(fields: dict[str, Any]) -> HieraConfig | HybridConfig:  # Any: JSON
    kind = fields.pop("kind", None)
    if kind not in (None, _HYBRID):
        raise ValueError(f"the trunk is of kind {kind!r}; expected {_HYBRID!r}, or none for Hiera")
    lists = ("widths", "stages") if kind == _HYBRID else ("stages", "window_sizes")
    for name in (*lists, "global_blocks"):
        fields[name] = tuple(fields[name])
    return HybridConfig(**fields) if kind == _HYBRID else HieraConfig(**fields)


_TINY = HieraConfig(
    embed_dim=96,
    num_heads=1,
    stages=(1, 2, 7, 2),
    global_blocks=(5, 7, 9),
    window_sizes=(8, 4, 14, 7),
    position_grid=7,
)
_SMALL = HieraConfig(
    embed_dim=96,
    num_heads=1,
    stages=(1, 2, 11, 2),
    global_blocks=(7, 10, 13),
    window_sizes=(8, 4, 14, 7),
    position_grid=7,
)
_BASE_PLUS = HieraConfig(
    embed_dim=112,
    num_heads=2,
    stages=(2, 3, 16, 3),
    global_blocks=(12, 16, 20),
    window_sizes=(8, 4, 14, 7),
    position_grid=14,
)
_LARGE = HieraConfig(
    embed_dim=144,
    num_heads=2,
    stages=(2, 6, 36, 4),
    global_blocks=(23, 33, 43),
    window_sizes=(8, 4, 16, 8),
    position_grid=7,
)

SAM2_0_TINY = ModelConfig(trunk=_TINY, memory=MemoryConfig(version=Version.V2_0))
SAM2_0_SMALL = ModelConfig(trunk=_SMALL, memory=MemoryConfig(version=Version.V2_0))
SAM2_0_BASE_PLUS = ModelConfig(trunk=_BASE_PLUS, memory=MemoryConfig(version=Version.V2_0))
SAM2_0_LARGE = ModelConfig(trunk=_LARGE, memory=MemoryConfig(version=Version.V2_0))
SAM2_1_TINY = ModelConfig(trunk=_TINY, memory=MemoryConfig(version=Version.V2_1))
SAM2_1_SMALL = ModelConfig(trunk=_SMALL, memory=MemoryConfig(version=Version.V2_1))
SAM2_1_BASE_PLUS = ModelConfig(trunk=_BASE_PLUS, memory=MemoryConfig(version=Version.V2_1))
SAM2_1_LARGE = ModelConfig(trunk=_LARGE, memory=MemoryConfig(version=Version.V2_1))

VARIANTS: Mapping[str, ModelConfig] = MappingProxyType(
    {
        "sam2-hiera-tiny": SAM2_0_TINY,
        "sam2-hiera-small": SAM2_0_SMALL,
        "sam2-hiera-base-plus": SAM2_0_BASE_PLUS,
        "sam2-hiera-large": SAM2_0_LARGE,
        "sam2.1-hiera-tiny": SAM2_1_TINY,
        "sam2.1-hiera-small": SAM2_1_SMALL,
        "sam2.1-hiera-base-plus": SAM2_1_BASE_PLUS,
        "sam2.1-hiera-large": SAM2_1_LARGE,
    }
)
"""The released models by name."""

# After seven minutes of training on one core (256 pixels, encoder frozen, one run each) one layer gave
# a J&F of 0.561 on seven validation clips and two gave 0.518; it costs less than half. The other
# numbers bring a tracked frame with sixteen objects at 512 pixels from 1279 to 750 ms, beside those of SAM 2
# (two threads of AMD EPYC, float32).
_SMALL_MEMORY = MemoryConfig(
    version=Version.V2_1,
    layers=1,
    width=48,
    attention_width=96,
    expansion=2,
    encoder_width=96,
    mask_stride=4,
)

MASKLET_SMALL_HIERA = ModelConfig(
    trunk=HieraConfig(
        embed_dim=40,
        num_heads=1,
        stages=(1, 2, 6, 2),
        global_blocks=(5, 8),
        window_sizes=(8, 4, 8, 4),
        position_grid=7,
    ),
    memory=_SMALL_MEMORY,
    width=192,
    image_size=512,
)
MASKLET_SMALL_HYBRID = ModelConfig(
    trunk=HybridConfig(
        widths=(48, 96, 192, 320), stages=(2, 2, 9, 2), global_blocks=(8, 12), num_heads=3
    ),
    memory=_SMALL_MEMORY,
    width=192,
    image_size=512,
)
"""Our own small model with either trunk, of equal arithmetic: 9.7 GFLOP a picture of 512 pixels."""
