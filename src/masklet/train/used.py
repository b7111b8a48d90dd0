"""How much memory a training takes."""

import importlib
import sys

import torch


def used_mebibytes(device: torch.device) -> float | None:
    """The most so far, in MiB: of a CUDA device what tensors took there, else of this process.

    `None` where the system does not tell.

    >>> used = used_mebibytes(torch.device("cpu"))
    >>> used is None or used > 0
    True
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return None
    highest: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return highest / (2**20 if sys.platform == "darwin" else 2**10)
