"""Weights from files of every accepted kind, without ever running code that a file contains.

A `.pt` file is a zip archive with a pickle, and a pickle is a program: it is read by torch's
restricted unpickler, which knows tensors and plain containers, and there is no other way in.
Tensors are mapped, not copied: a file is read from the disk when its numbers are first used.
"""

import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from masklet.errors import CheckpointError
from masklet.model.config import ModelConfig
from masklet.weights import huggingface
from masklet.weights.dialects import is_huggingface, official_tensors

CONFIG_KEY = "masklet_config"
"""Where our own files keep `ModelConfig.to_json()`: in a `.pt`, beside "model"."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The tensors of one file or folder under official names, not yet compared with a model."""

    path: Path
    tensors: Mapping[str, Tensor]
    config: ModelConfig | None
    """What the file says of itself; official files say nothing."""


def read(path: Path) -> Checkpoint:
    """The checkpoint at `path`.

    Args:
        path: an official `.pt`, a safetensors file, one of either that this package wrote, or a
            folder that transformers wrote. The content decides, not the suffix.

    Raises:
        CheckpointError: there is nothing there, or nothing of these kinds, or it is damaged.
    """
    try:
        if path.is_dir():
            tensors, config = _read_folder(path)
        else:
            tensors, config = _read_file(path)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror or error}; expected a checkpoint. "
            "Check the path and its permissions."
        ) from error
    _check_kinds(path, tensors)
    if is_huggingface(tensors):
        tensors = official_tensors(tensors)
    return Checkpoint(path, tensors, config)


def _read_file(path: Path) -> tuple[dict[str, Tensor], ModelConfig | None]:
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(b"PK\x03\x04"):
        return _read_torch(path)
    # Eight bytes of length, then JSON.
    if start[8:9] == b"{":
        return _read_safetensors(path)
    if not start:
        raise CheckpointError(
            f"{path} is empty; expected a checkpoint. Was its download broken off? Fetch it again."
        )
    raise CheckpointError(
        f"{path} is no checkpoint: it starts with {start!r}; expected a .pt file as torch has "
        f"written it since version 1.6, or safetensors. {_guess(start)}"
    )


def _guess(start: bytes) -> str:
    if start.startswith(b"version https://"):
        return "It is a pointer of Git LFS: run `git lfs pull`."
    if start.lstrip().startswith(b"<"):
        return "It is a web page: give the address of the file itself."
    if start.startswith(b"\x80"):
        return "It is a bare pickle, which may run anything when read: save the weights again."
    return "Check the path."


def _read_torch(path: Path) -> tuple[dict[str, Tensor], ModelConfig | None]:
    try:
        # Mapped privately: what a program writes into these tensors never reaches the file.
        document = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise CheckpointError(
            f"{path} was refused: its pickle wants more than tensors and plain containers"
            f"{f', it asks for {wanted[1]}' if wanted else ''}, and reading that could run code. "
            'Expected {"model": weights}. If you trust where it is from, save only the weights '
            "with the program that wrote it."
        ) from error
    except Exception as error:  # A damaged archive fails in as many ways as bytes can be wrong.
        raise CheckpointError(
            f"{path} is truncated or damaged: {_first_line(error)}; expected a whole .pt "
            "file. Fetch or export it again."
        ) from error
    return _state_dict(path, document)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _state_dict(path: Path, document: object) -> tuple[dict[str, Tensor], ModelConfig | None]:
    weights = document
    config = None
    if isinstance(document, dict) and isinstance(document.get("model"), dict):
        # A training checkpoint has its optimizer and its step beside the model.
        weights = document["model"]
        if isinstance(text := document.get(CONFIG_KEY), str):
            config = _config(path, text)
    if not isinstance(weights, dict) or not weights:
        raise CheckpointError(
            f'{path} holds {_kind(document)}; expected {{"model": weights}} or the weights '
            "themselves, by name. Save a state dict."
        )
    return weights, config


def _kind(document: object) -> str:
    if isinstance(document, dict):
        return f"a dict of {', '.join(repr(key) for key in list(document)[:5]) or 'nothing'}"
    return f"a {type(document).__name__}"


def _check_kinds(path: Path, weights: Mapping[Any, Any]) -> None:  # Any: read from a file
    for name, value in weights.items():
        is_tensor = isinstance(value, Tensor) and value.layout is torch.strided
        if not (isinstance(name, str) and is_tensor and value.is_floating_point()):
            kind = str(value.dtype) if isinstance(value, Tensor) else type(value).__name__
            raise CheckpointError(
                f"{path} holds {name!r}, which is {kind}; expected names of floating-point tensors "
                'only. Save a state dict, or put it under "model".'
            )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], ModelConfig | None]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is truncated or damaged: {error}; expected a whole safetensors file. "
            "Fetch or export it again."
        ) from error
    return tensors, _config(path, metadata["config"]) if "config" in metadata else None


def _config(path: Path, text: str) -> ModelConfig:
    try:
        return ModelConfig.from_json(text)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{path} carries a config that cannot be understood: {error!r}; expected one that this "
            "package wrote. Was it written by a newer version? Update masklet."
        ) from error


def _read_folder(folder: Path) -> tuple[dict[str, Tensor], ModelConfig | None]:
    described = folder / "config.json"
    config = huggingface.from_document(_json(described)) if described.exists() else None
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.exists():
        return _read_safetensors(whole)[0], config
    if not index.exists():
        raise CheckpointError(
            f"the folder {folder} has neither model.safetensors nor its index; expected a model "
            "as transformers' save_pretrained writes it. Give the checkpoint file itself."
        )
    return _read_shards(index), config


def _read_shards(index: Path) -> dict[str, Tensor]:
    shards = _json(index).get("weight_map")
    if not isinstance(shards, dict) or not all(
        # A shard lies beside its index: no name may lead out of the folder.
        isinstance(name, str) and Path(name).name == name
        for name in shards.values()
    ):
        raise CheckpointError(
            f"{index} names no files beside it; expected a weight_map from tensors to file names. "
            "Fetch or export the model again."
        )
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(shards.values())):
        if not (index.parent / name).exists():
            raise CheckpointError(
                f"{index} names {name}, which is not there; expected all parts in one folder. "
                "Fetch the missing part."
            )
        tensors |= _read_safetensors(index.parent / name)[0]
    return tensors


def _json(path: Path) -> dict[str, Any]:  # Any: JSON
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not JSON: {error}; expected what transformers writes. "
            "Fetch or export the model again."
        ) from error
    if not isinstance(document, dict):
        raise CheckpointError(
            f"{path} holds a {type(document).__name__}; expected a JSON object. "
            "Fetch or export the model again."
        )
    return document
