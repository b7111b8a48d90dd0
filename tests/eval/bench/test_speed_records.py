"""Figures of speed: percentiles, and the way to a file and back."""

import json
from dataclasses import replace

import numpy as np
import pytest

from masklet.errors import OutputError, StateError
from masklet.eval.bench.memory_peak import Peak
from masklet.eval.bench.speed_records import (
    Cell,
    Floor,
    Measured,
    Scored,
    Setup,
    describe_bench,
    read_bench,
    timing,
    write_bench,
)
from masklet.eval.records import Interval
from tests.eval.figures import bench, failed, measured


def test_percentiles_are_in_order_and_lie_among_the_times():
    seconds = np.random.default_rng(0).exponential(size=57).tolist()
    found = timing(seconds)
    assert found.count == 57
    assert min(seconds) <= found.p50 <= found.p90 <= found.p95 <= found.p99 <= max(seconds)
    assert found.mean == pytest.approx(sum(seconds) / 57)


def test_one_time_is_all_percentiles():
    found = timing([0.25])
    assert {found.mean, found.p50, found.p90, found.p95, found.p99} == {0.25}


def test_frames_a_second_come_from_whole_frames():
    assert measured(objects=4).frames_per_second == pytest.approx(2.5)
    assert failed().frames_per_second is None


def test_a_cell_tells_what_differs():
    assert str(Cell(Setup("tiny", "cpu", "bfloat16"), 256, 1)) == "256 bfloat16, 1 object"
    assert str(failed(16).cell) == "512 float32, 16 objects"
    compiled = Setup("tiny", "cpu", "float32", compiled=True)
    assert str(Cell(compiled, 512, 2)) == "512 float32, compiled, 2 objects"
    assert str(Cell(compiled, 512, 2, "foveated")).endswith(", compiled, foveated, 2 objects")
    peer = Setup("tiny", "cpu", "float32", library="sam2")
    assert str(Cell(peer, 512, 2)) == "512 float32, sam2, 2 objects"


def test_the_share_of_the_floor_is_its_time_over_that_of_the_median_frame():
    row = replace(measured(objects=4), floor=Floor(30, 300.0))
    assert row.share_of_floor == pytest.approx(0.1 / 0.4)
    assert measured().share_of_floor is None
    assert replace(failed(), floor=Floor(30, 300.0)).share_of_floor is None


def test_what_is_written_is_read_again(tmp_path):
    without_memory = Measured(failed(9).cell, measured().parts)
    figures = bench(measured(), measured(4), failed(), without_memory)
    write_bench(tmp_path / "bench.json", figures)
    assert read_bench(tmp_path / "bench.json") == figures


def test_compiled_rows_with_floor_and_accuracy_are_read_again(tmp_path):
    row = replace(
        measured(),
        cell=Cell(Setup("tiny", "cuda:0", "float16", compiled=True), 512, 64, "pooled"),
        floor=Floor(3 * 10**11, 2.5e14),
        accuracy=Interval(0.5, 0.25, 0.75, 61),
    )
    figures = replace(bench(row, measured()), scored=Scored("davis-2017 val", 30))
    write_bench(tmp_path / "bench.json", figures)
    assert read_bench(tmp_path / "bench.json") == figures


def test_rows_of_peers_are_read_again_with_their_versions(tmp_path):
    peer = replace(measured(), cell=Cell(Setup("tiny", "cpu", "float32", library="sam2"), 512, 1))
    figures = replace(bench(measured(), peer), peers={"sam2": "1.1.0"})
    write_bench(tmp_path / "bench.json", figures)
    assert read_bench(tmp_path / "bench.json") == figures


@pytest.mark.parametrize(
    ("version", "newer", "newer_of_rows"),
    [
        (2, ["peers"], ["memories", "library"]),
        (1, ["peers", "scored"], ["memories", "library", "compiled", "floor", "accuracy"]),
    ],
    ids=["2", "1"],
)
def test_figures_of_older_versions_are_read(tmp_path, version, newer, newer_of_rows):
    document = describe_bench(bench(measured()))
    document["format_version"] = version
    for name in newer:
        del document[name]
    for name in newer_of_rows:
        del document["rows"][0][name]
    (tmp_path / "bench.json").write_text(json.dumps(document))
    assert read_bench(tmp_path / "bench.json") == bench(measured())


def test_every_kind_of_peak_is_read_again(tmp_path):
    for kind in ("device", "process", "process since its start"):
        row = Measured(failed().cell, {}, Peak(5, kind))
        write_bench(tmp_path / "bench.json", bench(row))
        assert read_bench(tmp_path / "bench.json").rows == (row,)


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        write_bench(tmp_path / "gone" / "bench.json", bench())


def damaged(change):
    """The file of one row, after `change` was made to its JSON."""
    document = describe_bench(bench(measured()))
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format="masklet-run"), "has the format 'masklet-run'; expected 'mask"),
        (lambda d: d.update(format_version=4), "has version 4 of its format; expected at most 3"),
        (lambda d: d.update(scored={"dataset": "x"}), "scored says None for 'clips'"),
        (
            lambda d: d["rows"][0].update(compiled="no"),
            "says 'no' for 'compiled'; expected true or",
        ),
        (
            lambda d: d["rows"][0].update(memories="half"),
            r"rows\[0\] says 'half' for 'memories'; expected one of full, pooled, foveated",
        ),
        (lambda d: d["rows"][0].update(library=3), r"rows\[0\] says 3 for 'library'"),
        (lambda d: d.update(peers={"sam2": 1}), "peers says 1 for 'sam2'"),
        (lambda d: d["rows"][0].update(floor={"flops": 1.5}), "floor says 1.5 for 'flops'"),
        (lambda d: d["rows"][0].update(accuracy={"mean": 1}), "accuracy says None for 'low'"),
        (lambda d: d.update(frame_size=[720]), r"says \[720\] for 'frame_size'; expected \[height"),
        (lambda d: d["rows"][0].update(peak={"num_bytes": 1, "kind": "guess"}), "kind 'guess'"),
        (lambda d: d["rows"][0].update(objects="4"), r"rows\[0\] says '4' for 'objects'"),
        (lambda d: d["rows"][0]["parts"]["frame"].pop("p95"), r"frame says None for 'p95'"),
        (lambda d: d["environment"].pop("cpu"), "environment says None for 'cpu'"),
        (lambda d: d["environment"]["devices"][0].update(name=1), r"devices\[0\] says 1 for 'name"),
    ],
)
def test_a_damaged_file_is_told_with_its_place(tmp_path, change, message):
    (tmp_path / "bench.json").write_text(damaged(change))
    with pytest.raises(StateError, match=message):
        read_bench(tmp_path / "bench.json")
