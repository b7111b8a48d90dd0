"""Build a model, or a video predictor, by the name of an official config file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from masklet.compat.building import DEFAULT_DEVICE, load_network, network_of, place
from masklet.compat.config_names import config_named
from masklet.compat.overrides import settings
from masklet.compat.sam2.modeling.sam2_base import SAM2Base
from masklet.compat.sam2.sam2_video_predictor import SAM2VideoPredictor, predictor_of
from masklet.model.sam2 import SAM2


def build_sam2(
    config_file: str,
    ckpt_path: str | Path | None = None,
    device: str | torch.device = DEFAULT_DEVICE,
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
    return _finished(
        network_of(config_named(config_file), config_file, ckpt_path),
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
    return _finished(load_network(model_id), **kwargs)


def build_sam2_video_predictor(
    config_file: str,
    ckpt_path: str | Path | None = None,
    device: str | torch.device = DEFAULT_DEVICE,
    mode: str = "eval",
    hydra_overrides_extra: Sequence[str] = (),
    apply_postprocessing: bool = True,
    vos_optimized: bool = False,
    **kwargs: Any,  # Any: whatever programs pass to several functions at once
) -> SAM2VideoPredictor:
    """The video predictor of an official config.

    Args:
        config_file: as of `build_sam2`.
        ckpt_path: as of `build_sam2`.
        device: as of `build_sam2`.
        mode: as of `build_sam2`.
        hydra_overrides_extra: see `masklet.compat.overrides.video_settings`.
        apply_postprocessing: whether an unstable single mask is replaced by a better candidate,
            masks of prompts are remembered as 0 and 1, and holes of up to 8 low-resolution pixels
            are filled.
        vos_optimized: in the reference, whether parts are compiled. The answers are the same, and
            nothing is compiled here: call `.compile()` on the parts that you want compiled.
        kwargs: `memory_dtype` as of `SAM2VideoPredictor`; others are ignored.

    Raises:
        CheckpointError: as of `build_sam2`.
        RuntimeError: as of `build_sam2`.

    >>> build_sam2_video_predictor("sam2.1_hiera_t.yaml", device="cpu").fill_hole_area
    8
    """
    return predictor_of(
        network_of(config_named(config_file), config_file, ckpt_path),
        device=device,
        mode=mode,
        hydra_overrides_extra=hydra_overrides_extra,
        apply_postprocessing=apply_postprocessing,
        **kwargs,
    )


def build_sam2_video_predictor_hf(
    model_id: str, **kwargs: Any
) -> SAM2VideoPredictor:  # Any: as above
    """A video predictor by the id of its model on the model hub; see `build_sam2_hf`.

    Args:
        model_id: the id or the path.
        kwargs: as of `build_sam2_video_predictor`.

    Raises:
        CheckpointError: as of `build_sam2_hf`.
        DownloadError: as of `build_sam2_hf`.
        RuntimeError: as of `build_sam2_hf`.

    >>> build_sam2_video_predictor_hf("facebook/sam2.1-hiera-tiny")  # doctest: +SKIP
    """
    return SAM2VideoPredictor.from_pretrained(model_id, **kwargs)


def _finished(
    network: SAM2,
    *,
    device: str | torch.device = DEFAULT_DEVICE,
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
    return model.to(place(device)).train(mode != "eval")
