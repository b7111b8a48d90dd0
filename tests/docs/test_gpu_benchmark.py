"""The script for a GPU: its rehearsal measures and judges, and time that is over loses nothing."""

import sys
from dataclasses import replace

import pytest
import torch
from benchmarks import gpu, tables

from masklet.eval.bench.page_tables import read_page
from masklet.eval.bench.speed_records import Cell, Floor, Setup, read_bench
from masklet.weights.zoo import ZOO
from tests.eval.figures import bench, failed, measured


def row_of(goal, rate, *, side=1024, **setup):
    """What would be measured if a frame took one over that rate."""
    row = measured()
    parts = {"frame": replace(row.parts["frame"], mean=1 / rate)}
    model = f"untrained:sam2.1-hiera-{goal.size}"
    at = Setup(model, "cuda:0", "bfloat16", **setup)
    cell = Cell(at, side, goal.objects, goal.memories)
    return replace(row, cell=cell, parts=parts, floor=Floor(10**9, 7.9e14))


def verdicts(*rows, side=1024):
    lines = gpu.report(bench(*rows), side).splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("| network")) + 2
    return [line.split("|")[-2].strip() for line in lines[first : first + len(gpu.GOALS)]]


def test_a_goal_is_met_by_the_faster_of_eager_and_compiled():
    first, second, third, *_ = gpu.GOALS
    rows = [
        row_of(first, 349),
        row_of(first, 351, compiled=True),
        row_of(second, 1),
        row_of(third, 500, side=512),
        row_of(third, 500, library="sam2"),
        failed(),
    ]
    assert verdicts(*rows) == ["met, compiled", "not met, eager", *["not measured"] * 4]
    assert gpu.report(bench(*rows), 1024).startswith("790 TFLOP/s in large bfloat16 products")


def test_every_goal_is_measured_by_a_part_of_eager_and_one_of_compiled_networks():
    for goal in gpu.GOALS:
        modes = {
            part.modes
            for part in gpu.PARTS
            if part.size == goal.size
            and goal.objects in part.objects
            and goal.memories in part.memories.split(",")
        }
        assert modes == {"no", "yes"}, goal


def test_parts_have_names_of_their_own_and_networks_that_exist():
    assert len({part.name for part in gpu.PARTS}) == len(gpu.PARTS)
    for part in gpu.PARTS:
        assert f"sam2.1-hiera-{part.size}" in ZOO


def test_what_is_measured_again_takes_the_place_of_what_was_there():
    goal = gpu.GOALS[0]
    before = bench(row_of(goal, 10), row_of(goal, 20, compiled=True))
    after = replace(bench(row_of(goal, 30), row_of(goal, 5, library="sam2")), peers={"sam2": "1"})
    together = gpu.merged(before, after)
    assert [round(row.frames_per_second) for row in together.rows] == [30, 20, 5]
    assert together.peers == {"sam2": "1"}
    assert gpu.merged(None, after) is after


@pytest.fixture
def rehearse(monkeypatch, tmp_path):
    """`rehearse("--parts", "tiny")` runs the script; the folder with its results."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["gpu.py", "--rehearse", "--out", str(tmp_path), *words])
        gpu.main()
        return tmp_path

    return run


def test_a_part_is_rehearsed_on_the_processor(rehearse, capsys):
    out = rehearse("--parts", "tiny")
    figures = read_bench(out / "gpu.json")
    assert {str(row.cell) for row in figures.rows} == {
        "64 bfloat16, 1 object",
        "64 bfloat16, 2 objects",
        "64 bfloat16, foveated, 1 object",
        "64 bfloat16, foveated, 2 objects",
    }
    told = (out / "gpu.md").read_text()
    assert told in capsys.readouterr().out
    assert told.count("not met, eager") == 1
    assert told.count("not measured") == 5


def test_without_time_left_nothing_is_begun(rehearse, tmp_path):
    with pytest.raises(SystemExit, match="nothing was measured"):
        rehearse("--minutes", "0.1")
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_takes_too_long_is_stopped(tmp_path, capsys):
    gpu._run(gpu.words(gpu.PARTS[0], gpu.REHEARSAL, tmp_path / "part"), 0.5)
    assert "stopped: the time is over" in capsys.readouterr().out
    assert not (tmp_path / "part").exists()


def test_an_unknown_part_is_told(rehearse):
    with pytest.raises(SystemExit, match="there is no part huge; there are tiny, tiny-compiled"):
        rehearse("--parts", "huge")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_rehearsal_is_advised(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit, match="torch sees no GPU here; --rehearse tries"):
        gpu.main()


def test_the_page_has_the_goals_of_the_script():
    for goal in gpu.GOALS:
        line = f"| {goal.size} | {goal.objects} | {goal.memories} | {goal.frames_per_second:g} |\n"
        assert read_page(tables.PAGE).count(line) == 1
