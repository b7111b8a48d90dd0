"""The most memory that a piece of work needs, as well as the computer can tell."""

import ctypes
import gc
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import torch

Kind: TypeAlias = Literal["device", "process", "process since its start"]
"""Of what the memory is: the device's, as torch hands it out; the process's, while it was watched;
or the process's since it was started, where nothing better can be had."""

_PROC = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest memory of some work, the model and everything else that was there included."""

    num_bytes: int
    kind: Kind


class PeakWatch:
    """Watches from when it is made; one at a time, as devices keep one record only.

    Args:
        device: where the work is done. Of a CUDA device its own memory is told, otherwise the
            process's.
        proc: where Linux tells about this process; elsewhere it does not exist.

    >>> peak = PeakWatch(torch.device("cpu")).peak()
    >>> peak is None or peak.num_bytes > 0
    True
    """

    def __init__(self, device: torch.device, *, proc: Path = _PROC) -> None:
        self._device = device
        self._proc = proc
        self._is_fresh = False
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            _give_back_freed()
            self._is_fresh = _forget_peak(proc)

    def peak(self) -> Peak | None:
        """The highest so far; None where the system does not tell."""
        if self._device.type == "cuda":
            return Peak(torch.cuda.max_memory_allocated(self._device), "device")
        resident = _highest_resident(self._proc) if self._is_fresh else None
        if resident is not None:
            return Peak(resident, "process")
        used = _highest_since_start()
        return None if used is None else Peak(used, "process since its start")


def _give_back_freed() -> None:
    """Let the system have what earlier work has freed, so that it is not counted again."""
    gc.collect()
    if sys.platform == "linux":
        # Of glibc only; measured: of 330 MiB that a large row leaves behind, it returns 230.
        with suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _forget_peak(proc: Path) -> bool:
    """Whether Linux begins anew to watch for the highest resident memory."""
    try:
        (proc / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _highest_resident(proc: Path) -> int | None:
    try:
        lines = (proc / "status").read_text().splitlines()
    except OSError:
        return None
    told = (line.split() for line in lines if line.startswith("VmHWM:"))
    return next((int(kibibytes) * 1024 for _, kibibytes, *_ in told), None)


def _highest_since_start() -> int | None:
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  # not there on Windows

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
