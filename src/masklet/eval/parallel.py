"""Apply a function to many items, in this process or in several, and hand over what is done."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def _never() -> bool:
    return False


def apply(
    function: Callable[[T], R],
    items: Sequence[T],
    *,
    workers: int = 1,
    stop: Callable[[], bool] = _never,
) -> Iterator[R]:
    """The results, in the order in which they are ready.

    With several workers the cores are shared out among them. An exception of the function ends the
    iteration, as does leaving it; what runs then is finished first, but nothing new is begun.

    Args:
        function: what is done with an item; with several workers it and the items are sent to
            other processes, so it is a function of a module or a partial of one.
        items: what it is done with.
        workers: processes; with 1 it is done here.
        stop: asked before an item is begun; True ends the iteration once what runs is done.

    >>> list(apply(abs, [-1, -2]))
    [1, 2]
    """
    if workers <= 1:
        for item in items:
            if stop():
                return
            yield function(item)
        return
    # Spawned, because a fork of a process in which torch has begun threads may hang.
    pool = ProcessPoolExecutor(
        min(workers, max(len(items), 1)),
        multiprocessing.get_context("spawn"),
        initializer=_prepare,
        initargs=(max((os.cpu_count() or 1) // workers, 1),),
    )
    try:
        yield from _in_pool(pool, function, items, workers, stop)
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _in_pool(
    pool: ProcessPoolExecutor,
    function: Callable[[T], R],
    items: Sequence[T],
    workers: int,
    stop: Callable[[], bool],
) -> Iterator[R]:
    waiting = iter(items)
    # One more than can run: a worker that is done finds the next item at once.
    running = {pool.submit(function, item) for item in islice(waiting, workers + 1)}
    while running:
        done: set[Future[R]]
        done, running = wait(running, return_when=FIRST_COMPLETED)
        if not stop():
            running |= {pool.submit(function, item) for item in islice(waiting, len(done))}
        for future in done:
            yield future.result()


def _prepare(threads: int) -> None:
    """Ctrl-C is for the process that counts; it ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
