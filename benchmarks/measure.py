"""What every benchmark measures with: clocks, memory, the processor's rate, the environment."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def timed(call: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Medians of wall and processor time."""
    wall, processor = [], []
    for _ in range(repeats):
        started, used = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - started)
        processor.append(time.process_time() - used)
    return {"wall_s": statistics.median(wall), "cpu_s": statistics.median(processor)}


def matmul_rate() -> float:
    """GFLOP/s of a float32 matrix product of this process."""
    import torch  # noqa: PLC0415

    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    best = min(timed(lambda: a @ b, 1)["wall_s"] for _ in range(8))
    return float(2 * 2048**3 / best / 1e9)


def resident(field: str) -> float:
    """MiB of this process: "VmRSS" now, "VmHWM" at its highest since `forget_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"the kernel reports no {field}; this benchmark measures memory on Linux only")


def forget_peak() -> None:
    """Begin to watch for the peak of memory anew."""
    Path("/proc/self/clear_refs").write_text("5")


def environment(threads: int) -> dict[str, Any]:
    """What the figures depend on."""
    model_names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": model_names[0] if model_names else platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "sam2", "masklet")},
    }
