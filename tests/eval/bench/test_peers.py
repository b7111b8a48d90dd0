"""Which peers are there, and what they are told; what they do is tested in `tests/peers`."""

import pytest

from masklet.eval.bench import peers
from masklet.eval.bench.peers import installed_version, sam2_config
from masklet.model.config import VARIANTS


def test_a_peer_is_there_only_with_all_that_it_is_imported_with(monkeypatch):
    monkeypatch.setitem(peers._NEEDS, "pytest", ("pytest", "no_such_package"))
    assert installed_version("pytest") is None
    monkeypatch.setitem(peers._NEEDS, "pytest", ("pytest",))
    assert installed_version("pytest") == pytest.__version__


def test_every_released_network_has_a_configuration_of_its_own():
    found = {sam2_config(name) for name in VARIANTS}
    assert len(found) == len(VARIANTS)
    assert "configs/sam2/sam2_hiera_t.yaml" in found
    assert "configs/sam2.1/sam2.1_hiera_l.yaml" in found
