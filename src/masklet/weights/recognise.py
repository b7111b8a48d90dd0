"""Which model a set of tensors belongs to, and a strict comparison with that model.

Names and shapes show the widths, the depths and the version, and nothing of attention heads, windows
and global blocks: those come from the released model with the same visible facts, unless the file
itself carries its config, as all models of this package do. Both trunks call their blocks alike.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TypeAlias

from masklet.errors import CheckpointError
from masklet.model.config import VARIANTS, HieraConfig, ModelConfig, Version

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]

_BLOCK = re.compile(r"image_encoder\.trunk\.blocks\.(\d+)\.norm2\.weight")
_LAYER = re.compile(r"memory_attention\.layers\.(\d+)\.norm1\.weight")
_LISTED = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What names and shapes tell of a model; `None` where the telling tensor is missing."""

    embed_dim: int | None
    blocks: tuple[int, ...]
    """How many blocks there are of each width, narrow to wide."""
    position_grid: int | None
    width: int | None
    memory_layers: int
    memory_width: int | None
    version: Version


def facts_of(shapes: Shapes) -> Facts:
    """Read the facts off a state dict with official names."""
    widths = Counter(shape[0] for name, shape in shapes.items() if _BLOCK.fullmatch(name) and shape)
    is_2_1 = any(name.startswith(("no_obj_embed_spatial", "obj_ptr_tpos_proj")) for name in shapes)
    return Facts(
        embed_dim=_side(shapes, "image_encoder.trunk.patch_embed.proj.bias", 0),
        blocks=tuple(widths[width] for width in sorted(widths)),
        position_grid=_side(shapes, "image_encoder.trunk.pos_embed", -1),
        width=_side(shapes, "no_mem_embed", -1),
        memory_layers=sum(_LAYER.fullmatch(name) is not None for name in shapes),
        memory_width=_side(shapes, "maskmem_tpos_enc", -1),
        version=Version.V2_1 if is_2_1 else Version.V2_0,
    )


def facts_of_config(config: ModelConfig) -> Facts:
    """The facts that a state dict of this model shows."""
    trunk = config.trunk
    blocks: Counter[int] = Counter()
    for width, number in zip(trunk.widths, trunk.stages, strict=True):
        blocks[width] += number
    return Facts(
        embed_dim=trunk.widths[0],
        blocks=tuple(blocks[width] for width in sorted(blocks)),
        position_grid=trunk.position_grid if isinstance(trunk, HieraConfig) else None,
        width=config.width,
        memory_layers=config.memory.layers,
        memory_width=config.memory.width,
        version=config.memory.version,
    )


def nearest_variant(shapes: Shapes) -> ModelConfig:
    """The released model that agrees with most facts: with all of them, for one that is whole."""
    seen = astuple(facts_of(shapes))

    def agreement(config: ModelConfig) -> int:
        theirs = astuple(facts_of_config(config))
        return sum(mine == its for mine, its in zip(seen, theirs, strict=True))

    return max(VARIANTS.values(), key=agreement)


def describe(config: ModelConfig) -> str:
    """The name of a released model, or a few numbers of another one."""
    for name, variant in VARIANTS.items():
        if variant == config:
            return name
    stages = "-".join(str(blocks) for blocks in config.trunk.stages)
    return f"a model of {stages} blocks, {config.trunk.widths[0]} channels, width {config.width}"


def check(found: Shapes, expected: Shapes, *, path: Path, config: ModelConfig) -> None:
    """Raise `CheckpointError` unless both have the same names and shapes.

    Args:
        found: what the file holds, under official names.
        expected: what the model of `config` needs.
        path: of the file, for the message.
        config: of the model, for the message.
    """
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    misshaped = [
        f"{name} {list(found[name])}, expected {list(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    if not (missing or unexpected or misshaped):
        return
    if len(missing) == len(expected):
        raise CheckpointError(
            f"{path} is no SAM 2 checkpoint: none of its {len(found)} tensors is known "
            f"({_some(list(found))}); expected names such as {next(iter(expected))}. "
            "Give a checkpoint of SAM 2 or 2.1."
        )
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": misshaped}
    differences = "; ".join(
        f"{len(names)} {kind}: {_some(names)}" for kind, names in kinds.items() if names
    )
    raise CheckpointError(
        f"{path} looks like {describe(config)} and does not fit it: {differences}. Expected exactly "
        f"the {len(expected)} tensors of that model. {_advice(missing, unexpected, misshaped)}"
    )


def _side(shapes: Shapes, name: str, dimension: int) -> int | None:
    shape = shapes.get(name)
    return shape[dimension] if shape else None


def _some(names: list[str]) -> str:
    more = ", ..." if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _advice(missing: list[str], unexpected: list[str], misshaped: list[str]) -> str:
    is_image_part = not any(
        name.startswith(("image_encoder.", "sam_prompt_encoder.", "sam_mask_decoder."))
        for name in missing
    )
    if missing and is_image_part and not unexpected and not misshaped:
        return (
            "It is the image part alone, as transformers' Sam2Model saves it, without the memory: "
            "export the Sam2VideoModel instead."
        )
    return "Fetch or export the file again, or give the model it was made for."
