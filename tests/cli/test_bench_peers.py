"""What peers are given: the same weights in their own layout, at the size that is measured."""

import re

import pytest
import torch

from masklet.cli.bench_peers import plan_peers, save_for_peer
from masklet.eval.bench import peers
from masklet.eval.bench.speed import cells_of
from masklet.eval.bench.speed_records import Setup, read_bench
from masklet.weights.load import load
from masklet.weights.untrained import untrained

NAME = "untrained:sam2.1-hiera-tiny"


@pytest.mark.parametrize("library", ["transformers", "sam2"])
def test_a_peer_is_given_the_same_weights_at_the_size_that_is_measured(library, tmp_path):
    (cell,) = cells_of([Setup(NAME, "cpu", "bfloat16", library=library)], [96], [1])
    given = save_for_peer(cell, tmp_path)
    assert given.architecture == "sam2.1-hiera-tiny"
    read = load(given.path, device="cpu")
    expected = untrained("sam2.1-hiera-tiny", device="cpu").state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in read.state_dict().items())
    if library == "transformers":  # an official file does not say its size
        assert read.config.image_size == 96


def test_what_cannot_be_measured_is_remarked_and_the_rest_is_done(
    run, folder, model_path, monkeypatch
):
    monkeypatch.setitem(peers._NEEDS, "transformers", ("no_such_package",))
    words = (
        "--device",
        "cpu",
        "--objects",
        "1",
        "--frames",
        "1",
        "--dtype",
        "float32",
        "--no-plot",
    )
    done = run("bench", "--model", model_path, *words, "--peers")
    assert done.code == 0
    assert re.search(r"masklet: .*tiny.safetensors: no peer has this network\n", done.err)
    assert "masklet: transformers is not installed and not measured; `make peers`" in done.err
    figures = read_bench(folder / "masklet-out" / "bench.json")
    assert [row.cell.setup.library for row in figures.rows] == ["masklet"]
    assert figures.peers == {}


def test_without_peers_nothing_of_them_is_measured(monkeypatch):
    for name in peers.PEERS:
        monkeypatch.setitem(peers._NEEDS, name, ("no_such_package",))
    plan = plan_peers(cells_of([Setup(NAME, "cpu", "float32")], [64], [1]))
    assert plan.cells == ()
    assert plan.versions == {}
    assert [note.partition(" is not installed")[0] for note in plan.notes] == list(peers.PEERS)
