"""One file from which a training goes on as if it had never stopped, and which cannot run code.

A safetensors file: the tensors of model, optimisers and average, and in its header, as JSON, their
numbers, all random states, the place in the data, the step and the recipe. On one process an
interrupted training equals an uninterrupted one to the last bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from masklet.errors import StateError
from masklet.train.ema import Average
from masklet.train.random_state import random_state, restore_random_state
from masklet.train.recipe_changes import recipe_changes
from masklet.train.tensor_files import read_tensors, write_tensors

_FORMAT = "masklet training"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What changes while a model trains; the parts are those of the running training."""

    model: nn.Module
    optimizers: Sequence[Optimizer]
    average: Average | None = None
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)
    """What data, prompts and augmentation are drawn with, by name."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training has come, and what it is. All of it is what JSON can hold."""

    step: int
    """Steps that are done."""
    recipe: Mapping[str, Any]
    """Everything that decides how training goes on; nothing that may change, such as a folder."""
    position: Any = None
    """The place in the data, as whoever feeds them understands it."""
    score: float | None = None
    """What validation said of the weights at this step, the higher the better; None if not asked."""


def save_checkpoint(path: Path, state: TrainingState, progress: Progress) -> None:
    """Write the whole training, in one step: a full disk leaves what was there before.

    Raises:
        OutputError: the file cannot be written.

    >>> import tempfile
    >>> from masklet.train.optim import OptimOptions, make_optimizers
    >>> model = nn.Linear(2, 2)
    >>> state = TrainingState(model, make_optimizers(model, OptimOptions()))
    >>> path = Path(tempfile.mkdtemp()) / "example.safetensors"
    >>> save_checkpoint(path, state, Progress(step=7, recipe={"rate": 0.1}))
    >>> load_checkpoint(path, state, {"rate": 0.1}).step
    7
    """
    document, tensors = _contents(state)
    document |= {
        "format": _FORMAT,
        "version": _VERSION,
        "step": progress.step,
        "score": progress.score,
        "position": progress.position,
        "recipe": progress.recipe,
    }
    write_tensors(path, tensors, document)


def load_checkpoint(path: Path, state: TrainingState, recipe: Mapping[str, Any]) -> Progress:
    """Put a saved training into `state`, which was built from the same recipe, and tell its progress.

    Raises:
        StateError: the file is missing, damaged or no checkpoint of a training, or it is of another
            recipe, whose differences are listed, or of another model.
    """
    document, tensors = _read(path)
    if changes := recipe_changes(document["recipe"], recipe):
        raise StateError(
            f"{path} is of a training with another recipe: {'; '.join(changes)}; expected the same "
            "recipe, to go on as if it had never stopped. Change it back, or start a new training "
            "from the weights that this one exported."
        )
    saved, own = _shape_of(document, tensors), _shape_of(*_contents(state))
    if told := _first_difference(saved, own):
        raise StateError(
            f"{path} does not fit this training: {told}; expected the parts and sizes that its "
            "recipe makes. Go on with the version of masklet that saved it."
        )
    _restore(state, document, tensors)
    return Progress(document["step"], recipe, document["position"], document["score"])


def _contents(state: TrainingState) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The JSON, without progress, and the tensors; the tensors are those of the training."""
    tensors = {f"model/{name}": value for name, value in state.model.state_dict().items()}
    optimizers = []
    for number, optimizer in enumerate(state.optimizers):
        saved = optimizer.state_dict()
        kept = {
            f"{index}/{key}": value
            for index, values in saved["state"].items()
            for key, value in values.items()
        }
        found = {name: value for name, value in kept.items() if isinstance(value, Tensor)}
        numbers = {name: value for name, value in kept.items() if name not in found}
        tensors |= {f"optimizer/{number}/{name}": tensor for name, tensor in found.items()}
        optimizers.append({"groups": saved["param_groups"], "numbers": numbers})
    if state.average is not None:
        averages = state.average.tensors()
        tensors |= {f"average/{name}": tensor for name, tensor in averages.items()}
    updates = None if state.average is None else state.average.updates
    document = {
        "optimizers": optimizers,
        "average": updates,
        "random": random_state(state.generators),
    }
    return document, tensors


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        document, tensors = read_tensors(path)
    except OSError as error:
        raise StateError(
            f"{path} cannot be read: {error.strerror or error}; expected a checkpoint of a "
            "training. Check the path."
        ) from error
    except ValueError as error:
        raise StateError(
            f"{path} is damaged or no checkpoint of a training: {error}; expected a file that "
            "training wrote, whole. Go on from the one before."
        ) from error
    kind = (document.get("format"), document.get("version"))
    if kind != (_FORMAT, _VERSION):
        raise StateError(
            f"{path} is {kind[0]!r} version {kind[1]!r}; this masklet goes on from {_FORMAT!r} "
            f"version {_VERSION}. Update masklet if the version is a later one."
        )
    return document, tensors


def _shape_of(document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """What must be the same in two trainings for one to go on from the other, by name.

    Not what an optimiser keeps of each parameter: there is none before the first step.
    """
    shape: dict[str, object] = {
        name: list(tensor.shape)
        for name, tensor in tensors.items()
        if not name.startswith("optimizer/")
    }
    for number, optimizer in enumerate(document["optimizers"]):
        sizes = [len(group["params"]) for group in optimizer["groups"]]
        shape[f"groups of optimizer {number}"] = sizes
    shape["an average"] = document["average"] is not None
    shape["random generators"] = sorted(document["random"]["generators"])
    return shape


def _first_difference(saved: Mapping[str, object], own: Mapping[str, object]) -> str:
    for name in dict.fromkeys([*saved, *own]):
        there, here = saved.get(name, "absent"), own.get(name, "absent")
        if there != here:
            return f"{name} is {there} there and {here} here"
    return ""


def _restore(
    state: TrainingState, document: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    state.model.load_state_dict(_below("model/", tensors))
    if state.average is not None:
        state.average.load(_below("average/", tensors), document["average"])
    for number, optimizer in enumerate(state.optimizers):
        kept = _below(f"optimizer/{number}/", tensors)
        _restore_optimizer(optimizer, document["optimizers"][number], kept)
    restore_random_state(document["random"], state.generators)


def _restore_optimizer(
    optimizer: Optimizer, document: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for name, value in [*document["numbers"].items(), *tensors.items()]:
        index, _, key = name.partition("/")
        like = parameters[int(index)]
        kept = _laid_out_as(like, value) if isinstance(value, Tensor) else value
        state.setdefault(int(index), {})[key] = kept
    groups = [
        {key: _as_it_was(value, mine.get(key)) for key, value in group.items()}
        for group, mine in zip(document["groups"], optimizer.param_groups, strict=True)
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _laid_out_as(parameter: Tensor, tensor: Tensor) -> Tensor:
    """A copy in the parameter's memory format: fused kernels go through both in one order."""
    if tensor.shape != parameter.shape:
        return tensor.clone()
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def _as_it_was(value: Any, mine: Any) -> Any:  # Any: numbers and the like of a group
    """JSON has no tuples, which betas are."""
    return tuple(value) if isinstance(mine, tuple) else value


def _below(start: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
