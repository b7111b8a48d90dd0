"""A shelf as one safetensors file, from which it is there again in seconds."""

import hashlib
import json
import stat
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from masklet.data.readings import AnyDataset
from masklet.data.records import Problem
from masklet.data.shelf import Shelf
from masklet.io.streamed import failure_told, replacing

# Increased whenever what is in a file changes; older files are then made anew.
_FORMAT = 1
_KEY = "masklet"


def request_of(datasets: Sequence[AnyDataset], *, side: int, smallest: float) -> str:
    """What a shelf is made of and how, as a short text; equal texts mean equal shelves.

    It covers where the items lie, what they are called and how large their files are, as far as that
    is known without reading them; not what is in the files.
    """
    digest = hashlib.sha256(f"{_FORMAT} {side} {smallest}".encode())
    for dataset in datasets:
        digest.update(f"\n{dataset.name} {dataset.layout}".encode())
        for item in dataset.items:
            digest.update(f"\n{item!r}".encode())
    return digest.hexdigest()


def save_shelf(shelf: Shelf, path: Path, request: str) -> None:
    """Write a shelf in one step. Raises `OutputError`, and then a file that was there is untouched."""
    described = {
        "request": request,
        "names": shelf.names,
        "sources": shelf.sources,
        "problems": [astuple(problem) for problem in shelf.problems],
        "specks": shelf.specks,
    }
    tensors = {name: value.cpu().contiguous() for name, value in shelf.tensors().items()}
    with replacing(path) as temporary, failure_told(path):
        # safetensors makes files that only their owner may read; ours follow the umask.
        temporary.touch(exist_ok=False)
        mode = stat.S_IMODE(temporary.stat().st_mode)
        try:
            save_file(tensors, temporary, metadata={_KEY: json.dumps(described)})
        except SafetensorError as error:
            raise OSError(str(error)) from error
        temporary.chmod(mode)


def load_shelf(path: Path, request: str, device: torch.device) -> Shelf | None:
    """Read a shelf; None where there is no whole file, or one of something else."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            described = _described(file.metadata(), request)
            if described is None:
                return None
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError):
        return None
    return Shelf(
        **tensors,
        names=tuple(described["names"]),
        sources=tuple(described["sources"]),
        problems=tuple(Problem(*problem) for problem in described["problems"]),
        specks=described["specks"],
    )


def _described(metadata: dict[str, str] | None, request: str) -> dict[str, Any] | None:  # Any: JSON
    """What is written beside the tensors, if it is what was asked for."""
    try:
        described = json.loads((metadata or {}).get(_KEY, ""))
    except ValueError:
        return None
    is_ours = isinstance(described, dict) and described.get("request") == request
    return described if is_ours else None
