"""The highest memory: watched where the system can, since the start elsewhere."""

import sys

import numpy as np
import pytest
import torch

from masklet.eval.bench.memory_peak import PeakWatch

CPU = torch.device("cpu")
LARGE = 64 * 2**20


def grown_by():
    watch = PeakWatch(CPU)
    before = watch.peak()
    np.ones(LARGE, np.uint8)
    after = watch.peak()
    return before.kind, after.num_bytes - before.num_bytes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux begins anew")
def test_memory_that_was_given_back_counts_and_is_forgotten_by_the_next_watch():
    kind, first = grown_by()
    _, second = grown_by()
    assert kind == "process"
    # Half of it, should the system move other pages out meanwhile.
    assert first > LARGE / 2
    assert second > LARGE / 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_without_a_record_to_begin_anew_it_is_the_highest_since_the_start(tmp_path):
    peak = PeakWatch(CPU, proc=tmp_path / "gone").peak()
    assert peak.kind == "process since its start"
    # Torch alone takes that much, and less than all memory there is.
    assert 50 * 2**20 < peak.num_bytes < 2**44


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_a_record_without_the_figure_is_not_used(tmp_path):
    (tmp_path / "status").write_text("Name:\tpython\nVmRSS:\t  1024 kB\n")
    assert PeakWatch(CPU, proc=tmp_path).peak().kind == "process since its start"


def test_the_record_is_read_in_kibibytes(tmp_path):
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t  1024 kB\n")
    watch = PeakWatch(CPU, proc=tmp_path)
    assert (tmp_path / "clear_refs").read_text() == "5"
    assert watch.peak().num_bytes == 2**20
    assert watch.peak().kind == "process"


@pytest.mark.gpu
def test_of_a_cuda_device_its_own_memory_is_told():
    device = torch.device("cuda")
    watch = PeakWatch(device)
    torch.empty(LARGE, dtype=torch.uint8, device=device)
    assert watch.peak().kind == "device"
    assert watch.peak().num_bytes >= LARGE
