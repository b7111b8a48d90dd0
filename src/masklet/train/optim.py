"""Which parameters learn how fast: groups by layer, part and kind, and the optimisers over them.

The rules are those of SAM 2's training: the trunk learns slower the nearer to the image, the image
encoder has a rate of its own, biases and norms of tokens do not decay. With Muon, hidden matrices
leave AdamW, which keeps embeddings, heads, norms and depthwise kernels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from re import compile as pattern_of
from typing import Any, Literal, TypeAlias

import torch
from torch import nn
from torch.optim import AdamW, Optimizer

from masklet.errors import TrainingError
from masklet.train.muon import Muon
from masklet.train.parts import freeze, names_matching

Method: TypeAlias = Literal["adamw", "muon"]

_ENCODER, _TRUNK = "image_encoder.", "image_encoder.trunk."
_BLOCK = pattern_of(r"image_encoder\.trunk\.blocks\.(\d+)\.")
# Norms over the channels of a map, LayerNorm2d in the reference, which decays their weights.
_MAP_NORMS = ("output_upscaling", "mask_downscaling", "mask_downsampler", "fuser")
# What gives the answers: Muon is for hidden layers.
_HEADS = ("iou_prediction_head", "pred_obj_score_head", "output_hypernetworks_mlps")
_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)


@dataclass(frozen=True, slots=True)
class OptimOptions:
    """How parameters learn; the rates are peaks, which a schedule multiplies.

    Raises:
        TrainingError: a number lies outside its range.
    """

    learning_rate: float = 1e-3
    """Of AdamW."""
    encoder_learning_rate: float | None = None
    """Of AdamW in the image encoder, unless it is the same; Muon's rate there has the same ratio."""
    layer_decay: float = 1.0
    """Each block of the trunk learns slower than the next one by this factor."""
    weight_decay: float = 0.1
    """Of AdamW, times the rate."""
    decays_gains: bool = True
    """Whether the weights of norms over maps and other scales decay too, as in the reference."""
    betas: tuple[float, float] = (0.9, 0.999)
    muon_learning_rate: float | None = None
    """Of Muon for hidden matrices; without it all parameters are AdamW's."""
    muon_weight_decay: float = 0.01
    muon_momentum: float = 0.95
    muon_takes_kernels: bool = False
    """Whether Muon also gets convolutions larger than 1 x 1."""
    muon_precision: Literal["bfloat16", "float32"] = "bfloat16"
    frozen: tuple[str, ...] = ()
    """Patterns of names of parameters that do not learn."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "encoder_learning_rate", "muon_learning_rate"):
            rate = getattr(self, name)
            _check(name, rate, rate is None or rate > 0, "a rate above 0")
        for name in ("weight_decay", "muon_weight_decay"):
            _check(name, getattr(self, name), getattr(self, name) >= 0, "a factor of at least 0")
        _check("layer_decay", self.layer_decay, 0 < self.layer_decay <= 1, "above 0, at most 1")
        shares = (*self.betas, self.muon_momentum)
        is_fine = all(0 <= share < 1 for share in shares)
        _check("betas and muon_momentum", shares, is_fine, "numbers from 0 to below 1")


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that learn alike."""

    method: Method
    learning_rate: float
    """The peak, with the layer's factor in it."""
    layer_factor: float
    weight_decay: float
    pieces: int
    """How many matrices Muon finds in each parameter; 1 for AdamW."""
    names: tuple[str, ...]


def parameter_groups(model: nn.Module, options: OptimOptions) -> tuple[Group, ...]:
    """All parameters that learn, in as few groups as their rates and decays allow.

    Args:
        model: a `SAM2` of any trunk; only names, shapes and kinds of layers are looked at, so it
            may be on the meta device. Parameters without `requires_grad` do not learn.
        options: how they learn.

    Raises:
        TrainingError: a frozen pattern means no parameter, or all of them are frozen.

    >>> from masklet.model.config import SAM2_1_TINY
    >>> from masklet.model.sam2 import SAM2
    >>> with torch.device("meta"):
    ...     model = SAM2(SAM2_1_TINY)
    >>> len(parameter_groups(model, OptimOptions(encoder_learning_rate=5e-4, layer_decay=0.9)))
    30
    """
    factors = layer_factors([name for name, _ in model.named_parameters()], options.layer_decay)
    frozen = set()
    if options.frozen:
        frozen = set(names_matching(factors, options.frozen, what="parameter"))
    together: dict[Group, list[str]] = {}
    for name, parameter, owner in _owned(model):
        if parameter.requires_grad and name not in frozen:
            key = _key(name, parameter, owner, factors[name], options)
            together.setdefault(key, []).append(name)
    if not together:
        raise TrainingError(
            f"all {len(factors)} parameters are frozen; expected some that learn. Freeze fewer."
        )
    return tuple(replace(key, names=tuple(names)) for key, names in together.items())


def layer_factors(names: Sequence[str], decay: float) -> dict[str, float]:
    """How much slower than the rest each parameter learns, for its place in the trunk.

    With L blocks, block i has `decay ** (L - i)`, what comes before the blocks `decay ** (L + 1)`.
    Everything else has 1, and so have learned positions.

    Args:
        names: of all parameters, in the order of the model.
        decay: the factor from one layer to the one before.

    >>> layer_factors(["image_encoder.trunk.stem.weight", "image_encoder.trunk.blocks.0.bias"], 0.5)
    {'image_encoder.trunk.stem.weight': 0.25, 'image_encoder.trunk.blocks.0.bias': 0.5}
    """
    numbers = {name: int(found[1]) for name in names if (found := _BLOCK.match(name))}
    depth = max(numbers.values(), default=-1) + 1
    factors: dict[str, float] = {}
    is_before = depth > 0
    for name in names:
        layer = depth + 1
        if name in numbers:
            is_before, layer = False, numbers[name] + 1
        elif name.startswith(_TRUNK) and is_before and "pos_embed" not in name:
            layer = 0
        factors[name] = decay ** (depth + 1 - layer)
    return factors


def make_optimizers(model: nn.Module, options: OptimOptions) -> tuple[Optimizer, ...]:
    """AdamW and, where it is wanted and has something to do, Muon over the parameters that learn.

    Each group keeps its peak rate as "peak_lr". Parameters that match `options.frozen` lose their
    `requires_grad`.

    Raises:
        TrainingError: a frozen pattern means no parameter, or all of them are frozen.

    >>> [type(optimizer).__name__ for optimizer in make_optimizers(nn.Linear(2, 2), OptimOptions())]
    ['AdamW']
    """
    groups = parameter_groups(model, options)
    freeze(model, options.frozen)
    parameters = dict(model.named_parameters())

    def given(method: Method) -> list[dict[str, Any]]:  # Any: torch's groups
        return [
            {
                "params": [parameters[name] for name in group.names],
                "lr": group.learning_rate,
                "peak_lr": group.learning_rate,
                "weight_decay": group.weight_decay,
            }
            | ({"pieces": group.pieces} if method == "muon" else {})
            for group in groups
            if group.method == method
        ]

    optimizers: list[Optimizer] = []
    if adamw := given("adamw"):
        # One kernel for all: on a CPU six times faster than torch's default.
        optimizers.append(AdamW(adamw, betas=options.betas, fused=True))
    if muon := given("muon"):
        precision = torch.bfloat16 if options.muon_precision == "bfloat16" else torch.float32
        optimizers.append(Muon(muon, momentum=options.muon_momentum, precision=precision))
    return tuple(optimizers)


def set_learning_rates(optimizers: Sequence[Optimizer], factor: float) -> None:
    """Give every group its peak rate times `factor`, which `schedules.factor_at` tells.

    >>> optimizers = make_optimizers(nn.Linear(2, 2), OptimOptions(learning_rate=0.5))
    >>> set_learning_rates(optimizers, 0.5)
    >>> optimizers[0].param_groups[0]["lr"]
    0.25
    """
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor


def _owned(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, nn.Module]]:
    modules = dict(model.named_modules())
    for name, parameter in model.named_parameters():
        yield name, parameter, modules[name.rpartition(".")[0]]


def _key(
    name: str,
    parameter: nn.Parameter,
    owner: nn.Module,
    layer_factor: float,
    options: OptimOptions,
) -> Group:
    """The group that a parameter belongs to, without names."""
    ratio = 1.0
    if options.encoder_learning_rate is not None and name.startswith(_ENCODER):
        ratio = options.encoder_learning_rate / options.learning_rate
    if options.muon_learning_rate is not None and _is_hidden_matrix(name, owner, options):
        pieces = 3 if name.endswith(".qkv.weight") else 1
        rate = options.muon_learning_rate * ratio * layer_factor
        return Group("muon", rate, layer_factor, options.muon_weight_decay, pieces, names=())
    decay = options.weight_decay if _decays(name, parameter, owner, options) else 0.0
    rate = options.learning_rate * ratio * layer_factor
    return Group("adamw", rate, layer_factor, decay, pieces=1, names=())


def _is_hidden_matrix(name: str, owner: nn.Module, options: OptimOptions) -> bool:
    if not name.endswith(".weight") or any(head in name for head in _HEADS):
        return False
    if isinstance(owner, nn.Conv2d):
        # Few inputs: a picture or a mask, which a first layer embeds.
        is_inner = owner.groups == 1 and owner.in_channels > 3
        return is_inner and (owner.kernel_size == (1, 1) or options.muon_takes_kernels)
    return isinstance(owner, nn.Linear)


def _decays(name: str, parameter: nn.Parameter, owner: nn.Module, options: OptimOptions) -> bool:
    if "bias" in name or (parameter.dim() < 2 and not options.decays_gains):
        return False
    return not isinstance(owner, _NORMS) or any(part in name for part in _MAP_NORMS)


def _check(name: str, value: object, is_fine: bool, expected: str) -> None:
    if not is_fine:
        raise TrainingError(
            f"{name} is {value}; expected {expected}. Change it in the recipe's optimiser."
        )
