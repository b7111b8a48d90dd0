"""Build a model by the name of an official config file."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch

from masklet.compat.config_names import config_named
from masklet.compat.overrides import settings
from masklet.compat.sam2.modeling.sam2_base import SAM2Base
from masklet.errors import CheckpointError
from masklet.model.config import ModelConfig
from masklet.model.sam2 import SAM2
from masklet.weights.load import load
from masklet.weights.recognise import describe

# Equal to "cuda", and another object than the "cuda" that a caller writes: a program that names no
# device is told apart from one that insists.
_DEFAULT_DEVICE: Final = str(b"cuda", "ascii")

_logger = logging.getLogger(__name__)


def build_sam2(
    config_file: str,
    ckpt_path: str | Path | None = None,
    device: str | torch.device = _DEFAULT_DEVICE,
    mode: str = "eval",
    hydra_overrides_extra: Sequence[str] = (),
    apply_postprocessing: bool = True,
    **kwargs: Any,  # Any: ignored, as in the reference
) -> SAM2Base:
    """The model of an official config.

    Args:
        config_file: such as "configs/sam2.1/sam2.1_hiera_l.yaml" or "sam2_hiera_l.yaml".
        ckpt_path: a checkpoint of that very model; `None` leaves the weights random.
        device: where to; when it is not given and CUDA is missing, the CPU.
        mode: "eval", or anything else to leave the model in training mode.
        hydra_overrides_extra: see `masklet.compat.overrides.settings`.
        apply_postprocessing: whether an unstable single mask is replaced by a better candidate.
        kwargs: ignored.

    Raises:
        CheckpointError: the config or an override is unknown, or the checkpoint cannot be used or
            belongs to another model.
        RuntimeError: the device was asked for and is not there.

    >>> build_sam2("sam2.1_hiera_t.yaml", device="cpu").image_size
    1024
    """
    config = config_named(config_file)
    network = SAM2(config) if ckpt_path is None else _load_as(config, config_file, Path(ckpt_path))
    return _finished(
        network,
        device=device,
        mode=mode,
        hydra_overrides_extra=hydra_overrides_extra,
        apply_postprocessing=apply_postprocessing,
    )


def build_sam2_hf(model_id: str, **kwargs: Any) -> SAM2Base:  # Any: as of build_sam2
    """A model by its id on the model hub, such as "facebook/sam2.1-hiera-large".

    The weights are fetched once into masklet's cache; a checkpoint file, or a folder that
    transformers wrote, is read where it is.

    Args:
        model_id: the id or the path.
        kwargs: `device`, `mode`, `hydra_overrides_extra` and `apply_postprocessing` as of
            `build_sam2`; others are ignored.

    Raises:
        CheckpointError: the id is unknown or the weights cannot be used.
        DownloadError: the weights cannot be fetched.
        RuntimeError: the device was asked for and is not there.

    >>> model = build_sam2_hf("facebook/sam2.1-hiera-tiny", device="cpu")  # doctest: +SKIP
    """
    return _finished(_load(model_id), **kwargs)


def _finished(
    network: SAM2,
    *,
    device: str | torch.device = _DEFAULT_DEVICE,
    mode: str = "eval",
    hydra_overrides_extra: Sequence[str] = (),
    apply_postprocessing: bool = True,
    **_ignored: Any,  # Any: whatever programs pass to several functions at once
) -> SAM2Base:
    chosen = settings(
        hydra_overrides_extra,
        image_size=network.config.image_size,
        apply_postprocessing=apply_postprocessing,
    )
    model = SAM2Base(network, image_size=chosen.image_size, fallback=chosen.fallback)
    return model.to(_place(device)).train(mode != "eval")


def _load(source: str | Path) -> SAM2:
    # As the reference: float32 everywhere, and autocast is the caller's business.
    return load(source, device="cpu", dtype=torch.float32)


def _load_as(config: ModelConfig, config_file: str, path: Path) -> SAM2:
    network = _load(path)
    # Side of the input is a choice of the caller, no property of the weights.
    if replace(network.config, image_size=config.image_size) != config:
        raise CheckpointError(
            f"{path} looks like {describe(network.config)}, the config {config_file} is "
            f"{describe(config)}; expected a checkpoint of that model. "
            "Name the config that belongs to the checkpoint."
        )
    return network


def _place(device: str | torch.device) -> torch.device:
    wanted = torch.device(device)
    if wanted.type != "cuda" or torch.cuda.is_available():
        return wanted
    if device is _DEFAULT_DEVICE:
        _logger.info("no device was named and CUDA is not available: using the CPU")
        return torch.device("cpu")
    raise RuntimeError(
        f"device {str(device)!r} was asked for, and this torch finds no CUDA device; expected a GPU "
        "and a torch built for it. Leave the device out or pass device='cpu'."
    )
