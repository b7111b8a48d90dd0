"""Ctrl-C asks for an end instead of tearing the work apart."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM")


class Interrupt:
    """Whether someone asked for an end; the work looks at it between its pieces."""

    def __init__(self) -> None:
        self.wanted = False


@contextmanager
def interrupts(piece: str) -> Iterator[Interrupt]:
    """While the block runs, Ctrl-C and SIGTERM ask for an end; the second one is not to be refused.

    A signal that is ignored stays so, as in jobs that a shell starts in the background.

    Args:
        piece: what is finished first, for the message.

    Raises:
        KeyboardInterrupt: a second signal came.

    >>> with interrupts("frame") as interrupt:
    ...     interrupt.wanted
    False
    """
    interrupt = Interrupt()

    def heard(_number: int, _frame: FrameType | None) -> None:
        if interrupt.wanted:
            raise KeyboardInterrupt
        interrupt.wanted = True
        # Straight to standard error: a signal may come while rich holds its lock.
        os.write(2, f"masklet: finishing this {piece}; again to stop at once\n".encode())

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    heeded = [number for number in numbers if before[number] is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, heard)
    try:
        yield interrupt
    finally:
        for number in heeded:
            signal.signal(number, before[number])
