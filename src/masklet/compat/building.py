"""What all builders share: weights of a config or a hub id, and a device for them."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch

from masklet.errors import CheckpointError
from masklet.model.config import ModelConfig
from masklet.model.sam2 import SAM2
from masklet.weights.load import load
from masklet.weights.recognise import describe

# Equal to "cuda", and another object than the "cuda" that a caller writes: a program that names no
# device is told apart from one that insists.
DEFAULT_DEVICE: Final = str(b"cuda", "ascii")

_logger = logging.getLogger(__name__)


def load_network(source: str | Path) -> SAM2:
    """The network of a checkpoint, a folder or a hub id, in float32 on the CPU."""
    # As the reference: float32 everywhere, and autocast is the caller's business.
    return load(source, device="cpu", dtype=torch.float32)


def network_of(config: ModelConfig, config_file: str, ckpt_path: str | Path | None) -> SAM2:
    """The network of a config, with the weights of a checkpoint if one is named.

    Raises:
        CheckpointError: the checkpoint cannot be used or belongs to another model.
    """
    if ckpt_path is None:
        return SAM2(config)
    network = load_network(Path(ckpt_path))
    # Side of the input is a choice of the caller, no property of the weights.
    if replace(network.config, image_size=config.image_size) != config:
        raise CheckpointError(
            f"{ckpt_path} looks like {describe(network.config)}, the config {config_file} is "
            f"{describe(config)}; expected a checkpoint of that model. "
            "Name the config that belongs to the checkpoint."
        )
    return network


def place(device: str | torch.device) -> torch.device:
    """The device; the CPU where none was named and CUDA is missing.

    Raises:
        RuntimeError: the device was asked for and is not there.
    """
    wanted = torch.device(device)
    if wanted.type != "cuda" or torch.cuda.is_available():
        return wanted
    if device is DEFAULT_DEVICE:
        _logger.info("no device was named and CUDA is not available: using the CPU")
        return torch.device("cpu")
    raise RuntimeError(
        f"device {str(device)!r} was asked for, and this torch finds no CUDA device; expected a GPU "
        "and a torch built for it. Leave the device out or pass device='cpu'."
    )
