"""What is freed is kept, where the C library is glibc and nobody has told it otherwise."""

import os
import platform
import subprocess
import sys

import pytest

CHOOSING = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
IS_GLIBC = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
# Two hundred megabytes in blocks, freed and wanted again ten times.
PROGRAM = """
import resource
import torch
import masklet.model.kernels
from masklet.model.heap import keep_freed_memory

def work():
    return [torch.ones(6_000_000) for _ in range(8)]

for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    work()
print(keep_freed_memory(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 8 * 24_000_000 // 4096


def faults(**environment):
    """Whether it is kept, and how often a page was wanted anew."""
    unchosen = {name: value for name, value in os.environ.items() if name not in CHOOSING}
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=unchosen | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    is_kept, count = told.stdout.split()
    return is_kept == "True", int(count)


@pytest.mark.skipif(not IS_GLIBC, reason="glibc's own settings")
def test_freed_memory_is_not_wanted_anew_from_the_system():
    is_kept, count = faults()
    assert is_kept
    assert count < PAGES


@pytest.mark.skipif(not IS_GLIBC, reason="glibc's own settings")
@pytest.mark.parametrize(
    ("name", "value"),
    [*zip(CHOOSING, ("131072", "131072", "glibc.malloc.trim_threshold=131072"), strict=True)],
)
def test_what_the_environment_says_of_it_holds(name, value):
    is_kept, count = faults(**{name: value})
    assert not is_kept
    assert count > 5 * PAGES
