"""A network around the tensors of a checkpoint, without filling it with random numbers first."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from masklet.errors import CheckpointError
from masklet.model.config import HieraConfig, ModelConfig
from masklet.model.sam2 import SAM2
from masklet.weights.read import Checkpoint
from masklet.weights.recognise import Shapes, check, facts_of, facts_of_config, nearest_variant


def assemble(checkpoint: Checkpoint) -> SAM2:
    """The model of a checkpoint, with its very tensors, in evaluation mode.

    Raises:
        CheckpointError: a tensor is missing, unknown or of another shape.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in checkpoint.tensors.items()}
    config = checkpoint.config or nearest_variant(shapes)
    with _refusing_absurdity(checkpoint.path):
        facts = facts_of_config(config)
    if checkpoint.config and sum(facts.blocks) + facts.memory_layers > len(shapes):
        raise CheckpointError(
            f"{checkpoint.path} says that it has {sum(facts.blocks)} blocks and "
            f"{facts.memory_layers} memory layers, and holds {len(shapes)} tensors; expected "
            "several for each. It is damaged: fetch or export it again."
        )
    # Where the facts differ the shapes do, and the sizes that a file claims may be absurd: then the
    # model is built without memory, to be compared only.
    device = torch.device("cpu" if facts == facts_of(shapes) else "meta")
    with _refusing_absurdity(checkpoint.path):
        model = _build(config, device)
    check(shapes, shapes_of(model), path=checkpoint.path, config=config)
    model.load_state_dict(dict(checkpoint.tensors), strict=True, assign=True)
    return model.eval()


def shapes_of(model: SAM2) -> Shapes:
    """Official name to shape of all that a checkpoint of this model holds."""
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


@contextmanager
def _refusing_absurdity(path: Path) -> Iterator[None]:
    try:
        yield
    except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} carries a config that no model can have: {error}; expected one that "
            "this package or transformers wrote. Fetch or export it again."
        ) from error


def _build(config: ModelConfig, device: torch.device) -> SAM2:
    _check_the_unseen(config)
    # On the processor rather than on "meta": memory that nobody writes to costs nothing, and
    # operations on meta tensors make torch import a second's worth of Python.
    with torch.random.fork_rng(devices=[]), device, _LeaveMatricesUnfilled():
        return SAM2(config)


def _check_the_unseen(config: ModelConfig) -> None:
    """What no shape can prove wrong would only fail, or worse, in use."""
    trunk = config.trunk
    if isinstance(trunk, HieraConfig):
        if trunk.num_heads < 1 or trunk.embed_dim % trunk.num_heads != 0:
            raise ValueError(f"{trunk.num_heads} heads do not divide {trunk.embed_dim} channels")
        if min(trunk.window_sizes) < 1:
            raise ValueError(f"windows of {trunk.window_sizes} tokens")
    if config.image_size < 32 or config.image_size % 32 != 0:
        raise ValueError(f"an image of {config.image_size} pixels, not a multiple of 32")


class _LeaveMatricesUnfilled(TorchFunctionMode):
    """Skips the random fill of linear layers and convolutions, nearly all of a model's numbers."""

    def __torch_function__(
        self,
        func: Callable[..., Any],  # Any: whatever torch calls
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func is nn.init.kaiming_uniform_:
            return args[0] if args else given["tensor"]
        return func(*args, **given)
