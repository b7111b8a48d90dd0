"""Tests reach nothing but this machine, and start from the same seeds."""

import socket
import threading

import numpy as np
import pytest
import torch


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0)])
def test_a_connection_to_another_machine_is_refused(address):
    family = socket.AF_INET if len(address) == 2 else socket.AF_INET6
    with socket.socket(family) as client:
        for call in (client.connect, client.connect_ex):
            with pytest.raises(RuntimeError, match="a test tried to reach"):
                call(address)


@pytest.mark.parametrize("name", ["example.org", b"example.org"])
def test_a_name_is_not_looked_up(name):
    with pytest.raises(RuntimeError, match=r"a test tried to look up example\.org"):
        socket.getaddrinfo(name, 443)


def test_a_server_on_this_machine_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        greeter = threading.Thread(target=_greet, args=(server,))
        greeter.start()
        with socket.create_connection(("localhost", server.getsockname()[1])) as client:
            assert client.recv(5) == b"hello"
        greeter.join()


@pytest.mark.parametrize("run", range(2))
def test_every_test_draws_the_same_numbers(run):
    assert torch.randint(100, (3,)).tolist() == [44, 39, 33]
    assert np.random.randint(0, 100, 3).tolist() == [44, 47, 64]  # noqa: NPY002


def _greet(server):
    with server.accept()[0] as connection:
        connection.sendall(b"hello")
