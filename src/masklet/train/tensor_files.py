"""Safetensors files of a training: tensors by name and one JSON document, whole or not at all."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from masklet.errors import OutputError
from masklet.io.streamed import failure_told, replacing

_KEY = "masklet"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], document: Any) -> None:  # Any: JSON
    """Write a file in one step: it reaches the disk under another name and is renamed.

    Args:
        path: what to write; a file that is there is replaced.
        tensors: on any device.
        document: what JSON can hold.

    Raises:
        OutputError: the file cannot be written; one that was there before is untouched.

    >>> import torch, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "example.safetensors"
    >>> write_tensors(path, {"x": torch.ones(2)}, {"step": 3})
    >>> read_tensors(path)
    ({'step': 3}, {'x': tensor([1., 1.])})
    """
    alone = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        with failure_told(path):
            temporary.touch(exist_ok=False)
            mode = stat.S_IMODE(temporary.stat().st_mode)
        try:
            save_file(alone, temporary, metadata={"format": "pt", _KEY: json.dumps(document)})
        except SafetensorError as error:
            raise OutputError(
                f"{path} could not be written: {error}; expected a folder with room, in which you "
                "may write. Free some space or choose another folder."
            ) from error
        with failure_told(path):
            # safetensors makes files that only their owner may read; ours follow the umask.
            temporary.chmod(mode)


def read_tensors(path: Path) -> tuple[Any, dict[str, Tensor]]:  # Any: JSON
    """The document and the tensors of such a file, on the CPU and mapped, not copied.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is damaged, or none of ours.
    """
    document = read_document(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return document, tensors


def read_document(path: Path) -> Any:  # Any: JSON
    """The document alone, without reading the tensors.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is damaged, or none of ours.

    >>> read_document(Path("gone.safetensors"))
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    with path.open("rb"):
        # For an error of the system where it cannot be opened.
        pass
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    if _KEY not in metadata:
        raise ValueError("nothing in it says that masklet wrote it")
    return json.loads(metadata[_KEY])
