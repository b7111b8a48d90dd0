"""How the C library treats memory that a process has freed."""

import ctypes
import os
import sys

# Bytes. Blocks of this size and more glibc takes from the system, each by itself; no more can be chosen.
SYSTEM_BLOCK = 2**25
# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Keys of seven memories of 1024 pixels, a packed copy of them and a tile of their scores take 29 MB each;
# half of this was enough for the smallest official network.
_KEPT = 2**28
_CHOSEN_BY = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed for what comes next; returns whether it does.

    glibc hands free memory at the end of its heap back to the system when there is more of it than
    twice the largest block that it has freed, and the system clears each page anew when it is next
    wanted. A network frees and wants the same hundred megabytes again and again: in a frame of
    1024 pixels pages were wanted up to 100,000 times, which took 4% of the time. Now the
    end of the heap may keep 256 MiB, for the whole process. Its peak is no higher.

    Other C libraries are left as they are, and so is glibc where the environment tells it what to
    do (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_` or `GLIBC_TUNABLES`).
    """
    is_chosen = any(name in os.environ for name in _CHOSEN_BY)
    if is_chosen or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, SYSTEM_BLOCK) and mallopt(_M_TRIM_THRESHOLD, _KEPT))
