"""What every test may rely on: fixed seeds and threads, Ctrl-C, an own cache, no network."""

import ipaddress
import os
import random
import signal
import socket

# Idle threads of torch wait instead of spinning: on a busy machine that is ten times faster. It is
# read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
import torch
from hypothesis import settings

# More threads than cores, or than a small test can use, only cost time.
torch.set_num_threads(min(4, os.cpu_count() or 1))

# The same examples in every run: a change must not fail by the luck of the draw.
settings.register_profile("masklet", deadline=None, derandomize=True, database=None)
settings.load_profile("masklet")


def pytest_configure(config):
    # pytest-randomly shuffles the tests; the seed it would also set differs from run to run.
    config.option.randomly_reset_seed = False


@pytest.fixture(autouse=True)
def fixed_seeds():
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the global state that other packages draw from
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def interrupts_are_heard():
    """Also where the tests were started in the background, by a shell that ignores them there."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Downloads land in a folder of the test run, never in the user's cache."""
    monkeypatch.setenv("MASKLET_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.delenv("MASKLET_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Connections leave for this machine only; anything else is a failure of the test."""
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    monkeypatch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))


class NetworkUsedError(RuntimeError):
    """Not an OSError, so that no code under test takes it for a network that is down."""


def _guarded(call):
    def guarded(self, *arguments):
        address = arguments[-1]
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            raise NetworkUsedError(f"a test tried to reach {address[0]}; serve it on 127.0.0.1")
        return call(self, *arguments)

    return guarded


def _guarded_lookup(call):
    def guarded(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_loopback(name):
            raise NetworkUsedError(f"a test tried to look up {name}; serve it on 127.0.0.1")
        return call(host, *arguments, **options)

    return guarded


def _is_loopback(host):
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
