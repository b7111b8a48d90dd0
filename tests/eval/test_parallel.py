"""Items are done here or in other processes, and can be left at any time."""

import os

import pytest
import torch

from masklet.eval.parallel import apply


def described(number):
    """What a worker says of itself."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number, os.getpid(), torch.get_num_threads()


def test_one_worker_is_this_process_and_keeps_the_order():
    assert [found[:2] for found in apply(described, [3, 1, 2])] == [
        (number, os.getpid()) for number in (3, 1, 2)
    ]


def test_several_workers_do_every_item_once_elsewhere_and_share_the_cores():
    found = list(apply(described, range(5), workers=2))
    assert sorted(number for number, _, _ in found) == [0, 1, 2, 3, 4]
    assert os.getpid() not in {process for _, process, _ in found}
    assert {threads for _, _, threads in found} == {max((os.cpu_count() or 1) // 2, 1)}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_ends_it(workers):
    with pytest.raises(ValueError, match="-1 is negative"):
        list(apply(described, [-1, 1, 2], workers=workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_new_is_begun_once_it_is_to_stop(workers):
    done = []
    for number, _, _ in apply(described, range(50), workers=workers, stop=lambda: bool(done)):
        done.append(number)  # `stop` looks at it meanwhile
    # All that were begun at first may be done together, and are replaced before one is handed over.
    assert 1 <= len(done) <= 2 * (workers + 1)
