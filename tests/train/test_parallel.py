"""Two processes that train together do what one does alone; a crew agrees, or says what it lacks."""

import json
import os
import subprocess
import sys

import pytest
import torch

from masklet.errors import TrainingError
from masklet.train.diary import read_diary
from masklet.train.parallel import Crew, joined_crew
from tests.train.crew_work import WHOLE, stepped
from tests.train.made_run import ALONE

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A folder in which two processes did the work of `crew_work`."""
    folder = tmp_path_factory.mktemp("crew")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    words = ["--nproc-per-node=2", "-m", "tests.train.crew_work", str(folder), "1"]
    subprocess.run([*torchrun, *words], env=environment, check=True, timeout=300)
    return folder


def told(folder, rank):
    return json.loads((folder / f"told-{rank}.json").read_text())


def weights(folder, name):
    return [torch.load(folder / f"{name}-{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_two_processes_learn_what_one_learns_from_all_their_data(two, tmp_path):
    model, alone = stepped(ALONE, WHOLE, tmp_path)
    first, second = weights(two, "weights")
    for name, value in model.state_dict().items():
        assert torch.equal(first[name], second[name])
        # Sums over halves round differently, and AdamW's first steps are as long for any gradient.
        torch.testing.assert_close(first[name], value, rtol=1e-3, atol=2e-4)
    assert told(two, 0)["losses"] == pytest.approx([each.loss for each in alone], rel=1e-4)
    assert told(two, 0)["losses"] == told(two, 1)["losses"]


def test_all_processes_stop_together_and_go_on_together(two):
    first, second = told(two, 0), told(two, 1)
    assert (first["begun"], second["begun"]) == (2, 2)
    assert (first["ended"], second["ended"]) == (4, 4)
    assert first["frames"] == second["frames"]
    one, other = weights(two, "trained")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_first_process_alone_writes(two):
    records = read_diary(two / "run" / "metrics.jsonl")
    assert [record["step"] for record in records] == [1, 2, 3, 4]
    assert len(list((two / "run" / "checkpoints").iterdir())) == 2


def test_a_process_alone_agrees_with_itself():
    crew = Crew(CPU)
    assert crew.first_says([1.0, 2.5]) == [1.0, 2.5]
    assert crew.mean(torch.tensor([1.0, 3.0])).tolist() == [1.0, 3.0]
    module = torch.nn.Linear(2, 2)
    module(torch.ones(1, 2)).sum().backward()
    crew.average_gradients(list(module.parameters()))
    assert module.weight.grad.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_without_torchrun_a_process_is_alone(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with joined_crew(CPU) as crew:
        assert (crew.rank, crew.size, crew.is_first) == (0, 1, True)


def test_half_of_what_torchrun_sets_is_refused(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(TrainingError, match="only RANK is set; expected all"), joined_crew(CPU):
        pytest.fail("nobody may train so")


def test_more_processes_than_gpus_are_refused(monkeypatch):
    for name, value in {"RANK": 9, "LOCAL_RANK": 99, "WORLD_SIZE": 100}.items():
        monkeypatch.setenv(name, str(value))
    with (
        pytest.raises(
            TrainingError, match=r"process 99 of this computer has no GPU.*nproc-per-node"
        ),
        joined_crew(torch.device("cuda")),
    ):
        pytest.fail("nobody may train so")
