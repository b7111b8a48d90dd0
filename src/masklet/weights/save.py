"""Models as files of three layouts: the official one, ours, and a folder of transformers.

All appear whole or not at all: they are written under a temporary name beside their place, reach the
disk and are renamed.
"""

import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from masklet.errors import OutputError
from masklet.model.config import VARIANTS
from masklet.model.sam2 import SAM2
from masklet.weights.dialects import huggingface_tensors
from masklet.weights.huggingface import to_document
from masklet.weights.read import CONFIG_KEY


def save_official(model: SAM2, path: str | Path) -> None:
    """Write the layout of the official checkpoints, which the official package loads.

    A model that is not one of the released ones has its config beside the weights, for `load`.

    Raises:
        OutputError: the file cannot be written; one that was there before is untouched.
    """
    document: dict[str, object] = {"model": _tensors(model)}
    if model.config not in VARIANTS.values():
        document[CONFIG_KEY] = model.config.to_json()

    def write(temporary: Path) -> None:
        with temporary.open("xb") as file:
            torch.save(document, file)

    _write(Path(path), write)


def save_safetensors(model: SAM2, path: str | Path, *, name: str = "", licence: str = "") -> None:
    """Write our own layout: official names in a safetensors file that carries its config.

    Args:
        model: with weights of any precision, which is kept.
        path: what to write; a file that is there is replaced.
        name: of the model, as the zoo has it; empty for one without a name.
        licence: of a named model's weights, an SPDX name.

    Raises:
        OutputError: the file cannot be written; one that was there before is untouched.
    """
    known = {"name": name, "licence": licence} if name else {}
    described = {"format": "pt", "config": model.config.to_json(), "masklet": _version()} | known
    _write(Path(path), lambda temporary: _save_tensors(_tensors(model), temporary, described))


def save_huggingface(model: SAM2, folder: str | Path) -> None:
    """Write a folder that transformers' `Sam2VideoModel.from_pretrained` loads.

    Raises:
        OutputError: the folder exists or cannot be written, or transformers has no such model.
    """
    target = Path(folder)
    config = json.dumps(to_document(model.config), indent=2) + "\n"
    if target.exists():
        raise OutputError(
            f"{target} exists; expected the name of a new folder, so that files of two models never "
            "mix. Remove it or choose another name."
        )

    def write(temporary: Path) -> None:
        temporary.mkdir()
        tensors = huggingface_tensors(_tensors(model))
        _save_tensors(tensors, temporary / "model.safetensors", {"format": "pt"})
        (temporary / "config.json").write_text(config, encoding="utf-8")

    _write(target, write)


def _version() -> str:
    try:
        return metadata.version("masklet")
    except metadata.PackageNotFoundError:
        # A source tree that was put on the path instead of being installed.
        return "0+source"


def _tensors(model: SAM2) -> dict[str, Tensor]:
    return {name: _alone(tensor) for name, tensor in model.state_dict().items()}


def _alone(tensor: Tensor) -> Tensor:
    """On the host, contiguous, and without the rest of the memory it may be a part of."""
    tensor = tensor.detach().cpu().contiguous()
    is_part = tensor.untyped_storage().nbytes() != tensor.nbytes
    return tensor.clone() if is_part else tensor


def _save_tensors(tensors: dict[str, Tensor], path: Path, described: dict[str, str]) -> None:
    # safetensors makes files that only their owner may read; ours follow the umask, as others do.
    path.touch(exist_ok=False)
    mode = stat.S_IMODE(path.stat().st_mode)
    save_file(tensors, path, metadata=described)
    path.chmod(mode)


def _write(target: Path, write: Callable[[Path], None]) -> None:
    temporary = target.with_name(f".masklet-{secrets.token_hex(8)}.tmp")
    try:
        try:
            write(temporary)
            for path in temporary.iterdir() if temporary.is_dir() else (temporary,):
                _sync(path)
            temporary.replace(target)
        finally:
            _remove(temporary)
    except (OSError, RuntimeError, SafetensorError) as error:
        # torch reports a failed write as a RuntimeError and keeps what the system said as context.
        said = error.__context__ if isinstance(error.__context__, OSError) else error
        why = getattr(said, "strerror", None) or said
        raise OutputError(
            f"{target} could not be written: {why}; expected a folder with room, in which you may "
            "write. Free some space or choose another place."
        ) from error


def _sync(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
