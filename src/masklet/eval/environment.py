"""What speed depends on: processor, devices, versions, and a rate that was measured."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from masklet.eval.bench.product_rate import product_rate

_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A place where models compute."""

    device: str
    """As torch names it: "cpu", "cuda:0", "mps"."""
    name: str
    """What it is called by its maker."""
    memory_bytes: int | None
    """Of its own; None where it shares the computer's, or nobody tells."""
    matmul_gflops: float
    """Billions of float32 operations a second in a large matrix product, measured."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The computer and its software; what cannot be found out is None."""

    cpu: str
    cores: int | None
    """Logical ones, of the whole computer."""
    threads: int
    """Those that torch uses for one operation."""
    memory_bytes: int | None
    system: str
    python: str
    torch: str
    masklet: str
    cuda: str | None
    """The version that torch was built for."""
    driver: str | None
    """The version of NVIDIA's driver."""
    devices: tuple[DeviceRecord, ...]

    def __str__(self) -> str:
        """One line for tables."""
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        parts = [f"{self.cpu}, {threads}"]
        parts += [each.name for each in self.devices if each.device != "cpu"]
        driver = f", driver {self.driver}" if self.driver else ""
        parts.append(f"torch {self.torch}{driver}, masklet {self.masklet}")
        return "; ".join(parts)


def environment(devices: Sequence[str] = ("cpu",)) -> Environment:
    """Look around, and measure the matrix product of each device, which takes a moment.

    >>> environment().devices[0].matmul_gflops > 0
    True
    """
    places = [torch.device(device) for device in devices]
    has_cuda = any(place.type == "cuda" for place in places)
    return Environment(
        cpu=cpu_name(),
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        memory_bytes=_memory_bytes(),
        system=platform.platform(),
        python=platform.python_version(),
        torch=torch.__version__,
        masklet=masklet_version(),
        cuda=torch.version.cuda if has_cuda else None,
        driver=_driver_version() if has_cuda else None,
        devices=tuple(_described(place) for place in places),
    )


def cpu_name(cpuinfo: Path = _CPUINFO) -> str:
    """What the processor calls itself, or at least its architecture.

    Args:
        cpuinfo: where Linux describes processors; elsewhere it does not exist.
    """
    return next(name for name in _cpu_names(cpuinfo) if name)


def matmul_gflops(device: torch.device) -> float:
    """Billions of float32 operations a second in torch's own large matrix product."""
    return product_rate(lambda left, right: left @ right.T, device, torch.float32) / 1e9


def _described(device: torch.device) -> DeviceRecord:
    name, memory_bytes = cpu_name(), None
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        name, memory_bytes = properties.name, properties.total_memory
    elif device.type != "cpu":
        name = f"{name}, {device.type}"
    return DeviceRecord(str(device), name, memory_bytes, matmul_gflops(device))


def _cpu_names(cpuinfo: Path) -> Iterator[str]:
    """Names, the best ones first; some are empty, the last one is not."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            yield line.partition(":")[2].strip()
    if sys.platform == "darwin":
        yield _first_line("sysctl", "-n", "machdep.cpu.brand_string") or ""
    yield platform.processor()
    yield platform.machine() or "unknown processor"


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows, or a system that does not tell
        return None


def masklet_version() -> str:
    """The version of this package; "0+source" where it runs without being installed."""
    try:
        return version("masklet")
    except PackageNotFoundError:
        return "0+source"  # as `masklet.__version__`


def _driver_version() -> str | None:
    return _first_line("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")


def _first_line(program: str, *arguments: str) -> str | None:
    """What another program prints first; None where it is missing or fails."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603  # fixed words
            [path, *arguments], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.splitlines()), None)
