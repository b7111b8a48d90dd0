"""Low-rank adapters: a large model learns something new through a few small matrices.

A chosen linear map has the weight `W + scale * up @ down`, of which only `up` and `down` learn. It
is the weight itself that is replaced, not the map around it, because the network also multiplies
weights with each other before they meet the image. Source: LoRA (arXiv 2106.09685).

While prompts are decoded several times a step, `torch.nn.utils.parametrize.cached()` around the
step makes each such weight once.

Shapes: R rank, I inputs, O outputs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from masklet.errors import CheckpointError, TrainingError
from masklet.train.parts import names_matching
from masklet.train.tensor_files import read_tensors, write_tensors

_FORMAT = "masklet adapter"

ATTENTION = (
    "image_encoder.trunk.blocks.*.attn",
    "memory_attention.layers.*attn*",
    "sam_mask_decoder.transformer.*attn*",
)
"""The projections of attention in the trunk, in memory attention and in the mask decoder."""


@dataclass(frozen=True, slots=True)
class LoraOptions:
    """Which maps have adapters, and how large.

    Raises:
        TrainingError: the rank is not positive.
    """

    targets: tuple[str, ...] = ATTENTION
    """Patterns of names of linear maps."""
    rank: int = 8
    alpha: float = 16.0
    """What the adapter's product is multiplied with, times the rank."""

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise TrainingError(
                f"the rank of adapters is {self.rank}; expected at least 1. Change it in the recipe, "
                "or train without adapters."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """The two matrices of one map."""

    down_RI: Tensor
    up_OR: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """What was learned, apart from the model: factors by the names of linear maps."""

    factors: Mapping[str, Factors]
    scale: float


def add_lora(model: nn.Module, options: LoraOptions, *, generator: torch.Generator) -> int:
    """Freeze the model and give the chosen maps fresh adapters, which change nothing yet.

    Args:
        model: whose parameters are all frozen by this, except the adapters.
        options: which maps.
        generator: that draws one factor; the other one is zero.

    Returns:
        How many numbers learn now.

    Raises:
        TrainingError: a pattern means no linear map, or one that has an adapter.

    >>> model = nn.Sequential(nn.Linear(8, 8))
    >>> add_lora(model, LoraOptions(targets=("0",), rank=2), generator=torch.Generator())
    32
    """
    maps = {name: part for name, part in model.named_modules() if isinstance(part, nn.Linear)}
    names = names_matching(maps, options.targets, what="linear map")
    factors = {}
    for name in names:
        outputs, inputs = maps[name].weight.shape
        down_RI = torch.empty((options.rank, inputs), device=generator.device)
        down_RI.uniform_(-(inputs**-0.5), inputs**-0.5, generator=generator)
        factors[name] = Factors(down_RI, torch.zeros((outputs, options.rank)))
    attach_lora(model, Adapter(factors, options.alpha / options.rank))
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def attach_lora(model: nn.Module, adapter: Adapter) -> None:
    """Freeze the model and give it an adapter, to be used or trained further.

    Raises:
        TrainingError: a map has an adapter already.
        CheckpointError: the adapter is of another model.
    """
    modules = dict(model.named_modules())
    for name, factors in adapter.factors.items():
        _check_place(name, modules.get(name), factors)
    model.requires_grad_(False)
    for name, factors in adapter.factors.items():
        linear = modules[name]
        low_rank = _LowRank(factors, adapter.scale).to(linear.weight.device)
        parametrize.register_parametrization(linear, "weight", low_rank)


def adapter_of(model: nn.Module) -> Adapter:
    """A copy of the adapter that the model carries.

    Raises:
        TrainingError: it carries none.
    """
    factors, scale = {}, 1.0
    for name, _, low_rank in _adapted(model):
        scale = low_rank.scale
        down_RI, up_OR = low_rank.down.detach().clone(), low_rank.up.detach().clone()
        factors[name] = Factors(down_RI, up_OR)
    if not factors:
        raise TrainingError(
            "the model carries no adapter; expected one that was added or attached before. "
            "Was it merged already?"
        )
    return Adapter(factors, scale)


def merge_lora(model: nn.Module) -> Adapter:
    """Put the adapter into the weights: a plain model that answers the same; gives the adapter.

    All parameters are frozen still.

    Raises:
        TrainingError: it carries none.

    >>> model = nn.Sequential(nn.Linear(8, 8))
    >>> _ = add_lora(model, LoraOptions(targets=("0",), rank=2), generator=torch.Generator())
    >>> adapter = merge_lora(model)
    >>> sorted(model.state_dict())
    ['0.bias', '0.weight']
    """
    adapter = adapter_of(model)
    for _, linear, _ in list(_adapted(model)):
        parametrize.remove_parametrizations(linear, "weight", leave_parametrized=True)
    return adapter


def unmerge_lora(model: nn.Module, adapter: Adapter) -> None:
    """Take a merged adapter out of the weights, up to rounding, and attach it.

    Raises:
        TrainingError: a map has an adapter already.
        CheckpointError: the adapter is of another model.
    """
    attach_lora(model, adapter)
    with torch.no_grad():
        for _, linear, low_rank in _adapted(model):
            original = linear.get_parameter("parametrizations.weight.original")
            original.sub_(low_rank(original) - original)


def plain_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The state dict of the model with its adapter merged, under the plain names; it is unchanged.

    >>> list(plain_tensors(nn.Linear(2, 2)))
    ['weight', 'bias']
    """
    tensors: dict[str, Tensor] = model.state_dict()
    for name, linear, _ in _adapted(model):
        start = f"{name}.parametrizations.weight."
        for key in [key for key in tensors if key.startswith(start)]:
            del tensors[key]
        tensors[f"{name}.weight"] = linear.weight.detach()
    return tensors


def save_adapter(adapter: Adapter, path: str | Path) -> None:
    """Write an adapter, a hundredth of its model's size. Raises `OutputError`.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "adapter.safetensors"
    >>> factors = Factors(torch.zeros(2, 8), torch.zeros(8, 2))
    >>> save_adapter(Adapter({"neck": factors}, scale=2.0), path)
    >>> load_adapter(path).scale
    2.0
    """
    tensors: dict[str, Tensor] = {}
    for name, factors in adapter.factors.items():
        tensors |= {f"{name}.down": factors.down_RI, f"{name}.up": factors.up_OR}
    write_tensors(Path(path), tensors, {"format": _FORMAT, "scale": adapter.scale})


def load_adapter(path: str | Path) -> Adapter:
    """The adapter that `save_adapter` wrote, on the CPU.

    Raises:
        CheckpointError: the file is missing, damaged or no adapter.
    """
    try:
        document, tensors = read_tensors(Path(path))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read: {error}; expected an adapter that masklet wrote. Check the path."
        ) from error
    if document.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path} is {document.get('format')!r}; expected {_FORMAT!r}. Give the file that training "
            "with adapters wrote."
        )
    names = dict.fromkeys(name.rpartition(".")[0] for name in tensors)
    factors = {name: Factors(tensors[f"{name}.down"], tensors[f"{name}.up"]) for name in names}
    return Adapter(factors, document["scale"])


class _LowRank(nn.Module):
    """What is done to a weight."""

    def __init__(self, factors: Factors, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.down = nn.Parameter(factors.down_RI.clone())
        self.up = nn.Parameter(factors.up_OR.clone())

    def forward(self, weight_OI: Tensor) -> Tensor:
        """The weight with the adapter in it, in its own precision."""
        return weight_OI + (self.scale * (self.up @ self.down)).to(weight_OI.dtype)


def _adapted(model: nn.Module) -> Iterator[tuple[str, nn.Linear, _LowRank]]:
    for name, module in model.named_modules():
        if not (isinstance(module, nn.Linear) and parametrize.is_parametrized(module, "weight")):
            continue
        # Others may have changed the weight in ways of their own.
        for part in module.get_submodule("parametrizations.weight").children():
            if isinstance(part, _LowRank):
                yield name, module, part


def _check_place(name: str, module: nn.Module | None, factors: Factors) -> None:
    found = tuple(module.weight.shape) if isinstance(module, nn.Linear) else "no linear map"
    wanted = (factors.up_OR.shape[0], factors.down_RI.shape[1])
    if found != wanted:
        raise CheckpointError(
            f"the adapter changes {name!r} of shape {wanted}, where the model has {found}; expected "
            "the model that it was trained with. Load that model."
        )
    if module is not None and parametrize.is_parametrized(module, "weight"):
        raise TrainingError(
            f"{name!r} has an adapter already; expected a model without. Merge it first."
        )
