"""`run.py` replays any scenario file, prints a report and tells by its exit code what happened."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.parity import run
from tests.parity.scenarios import COMMITTED, UnreadableError, build_model, read_scenario

SINE = {
    "name": "sine_pe_small",
    "inputs": {"num_pos_feats": 8, "h": 3, "w": 5},
    "outputs": {"pe": [1, 8, 3, 5]},
    "weights": None,
}
POINTS = {
    "name": "transform_coords",
    "inputs": {"coords": [[10.0, 20.0]], "hw": [480, 640]},
    "outputs": {"out": [1, 2]},
    "weights": None,
}


@pytest.fixture
def fixtures(tmp_path):
    """A folder with one scenario that passes, `mine`."""
    (tmp_path / "golden").mkdir()
    write(tmp_path, "mine", POINTS, {"transform_coords/out": np.array([16.0, 20 / 480 * 1024])})
    return tmp_path


def write(folder, name, case, arrays):
    scenario = {
        "kind": "modules",
        "files": {"float32": f"{name}.npz"},
        "cases": [case],
        "tolerances": {"float32": {"features": 1e-4}, "note": "absolute"},
    }
    (folder / "golden" / f"{name}.json").write_text(json.dumps(scenario))
    np.savez(folder / "golden" / f"{name}.npz", **arrays)


def change(folder, name, **fields):
    path = folder / "golden" / f"{name}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def said(capsys, *arguments):
    code = run.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out.splitlines()


def test_a_scenario_within_tolerance_exits_0(fixtures, capsys):
    code, lines = said(capsys, "mine", "--fixtures", fixtures, "--threads", 1)
    assert code == 0
    assert lines[0].startswith("mine: passed in ")
    assert lines[1] == "  1 arrays compared, 0 failures, 0 missing"
    assert lines[2].startswith("  worst transforms: ")
    assert lines[-1] == "1 passed, 0 failed"


@pytest.mark.parametrize("reference", ["mine", "mine.json", "golden/mine.json"])
def test_a_scenario_is_named_by_its_name_its_file_or_its_path(fixtures, capsys, reference):
    code, lines = said(capsys, fixtures / reference, "--fixtures", fixtures)
    assert (code, lines[-1]) == (0, "1 passed, 0 failed")


def test_a_golden_beside_its_scenario_is_found_without_a_folder_of_fixtures(fixtures, capsys):
    code, _ = said(capsys, fixtures / "golden" / "mine.json")
    assert code == 0


def test_a_scenario_beyond_tolerance_exits_1_and_says_where(fixtures, capsys):
    write(fixtures, "off", POINTS, {"transform_coords/out": np.array([16.1, 20 / 480 * 1024])})
    code, lines = said(capsys, "mine", "off", "--fixtures", fixtures)
    assert code == 1
    assert lines[-2] == "  FAILED transform_coords/out [transforms]: 0.1 is more than 1e-05"
    assert lines[-1] == "1 passed, 1 failed"


def test_arrays_that_were_not_recorded_are_listed(fixtures, capsys):
    arrays = {"sine_pe_small/pe": np.zeros(120), "sine_pe_small/secret": np.zeros(3)}
    write(fixtures, "more", SINE, arrays)
    code, lines = said(capsys, "more", "--fixtures", fixtures)
    assert code == 1
    assert "  missing: sine_pe_small/secret" in lines


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_video_scenario_is_replayed_with_memories_of_either_dtype(fixtures, capsys, dtype):
    fields = dict(read_scenario("v_t21_refine_512", COMMITTED).fields)
    fields["steps"] = fields["steps"][:1]
    golden = fields["files"][dtype]
    fields["files"] = {dtype: golden}
    (fixtures / "golden" / "mine.json").write_text(json.dumps(fields))
    with np.load(COMMITTED / "golden" / golden) as archive:
        first = {
            name: archive[name] for name in archive.files if name[:4] in ("s00/", "#thi", "#spa")
        }
    np.savez(fixtures / "golden" / golden, **first)
    code, lines = said(capsys, "mine", "--fixtures", fixtures, "--dtype", dtype)
    assert (code, lines[-1]) == (0, "1 passed, 0 failed")
    assert lines[1] == "  2 arrays compared, 0 failures, 0 missing"


def broken_json(folder):
    (folder / "golden" / "mine.json").write_text("{")


def another_kind(folder):
    change(folder, "mine", kind="losses")


def no_kind(folder):
    (folder / "golden" / "mine.json").write_text("[1, 2]")


def nothing_to_do(folder):
    path = folder / "golden" / "mine.json"
    fields = json.loads(path.read_text())
    del fields["cases"], fields["tolerances"]
    path.write_text(json.dumps(fields))


def half_a_case(folder):
    change(folder, "mine", cases=[{"name": "sine_pe_small"}])


def no_golden(folder):
    (folder / "golden" / "mine.npz").unlink()


def broken_golden(folder):
    (folder / "golden" / "mine.npz").write_text("no archive")


def cut_golden(folder):
    path = folder / "golden" / "mine.npz"
    path.write_bytes(path.read_bytes()[:60])


def unknown_model(folder):
    change(folder, "mine", cases=[{**SINE, "weights": {"config": "sam9_huge", "seed": 0}}])


def unknown_module(folder):
    change(folder, "mine", cases=[{**SINE, "name": "crystal_ball"}])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_json, "mine.json is not JSON"),
        (another_kind, "of kind 'losses'; expected one of image, modules, video"),
        (no_kind, "of kind None; expected one of image, modules, video"),
        (nothing_to_do, "mine.json lacks cases, tolerances, which modules scenarios need"),
        (half_a_case, "mine.json: an entry of cases lacks inputs, weights"),
        (no_golden, "there is no mine.npz in "),
        (broken_golden, "mine.npz is not an npz archive"),
        (cut_golden, "mine.npz is not an npz archive"),
        (unknown_model, "unknown model 'sam9_huge'; expected one of sam2-hiera-tiny"),
        (unknown_module, "there is no module fixture 'crystal_ball'"),
    ],
)
def test_what_cannot_be_read_exits_2_and_the_others_still_run(fixtures, capsys, damage, message):
    write(fixtures, "other", POINTS, {"transform_coords/out": np.array([16.0, 42.666668])})
    damage(fixtures)
    code, lines = said(capsys, "mine", "other", "--fixtures", fixtures)
    assert code == 2
    assert lines[0].startswith("mine: not run: ")
    assert message in lines[0]
    assert lines[-1] == "1 passed, 1 failed"


def test_a_scenario_that_is_nowhere_exits_2(fixtures, capsys):
    code, lines = said(capsys, "theirs", "--fixtures", fixtures)
    assert code == 2
    assert "there is no theirs.json in " in lines[0]


def test_module_fixtures_have_no_bfloat16_answer(fixtures, capsys):
    code, lines = said(capsys, "mine", "--fixtures", fixtures, "--dtype", "bfloat16")
    assert code == 2
    assert "mine has a golden for float32, none for bfloat16" in lines[0]


@pytest.mark.parametrize("option", [("--threads", "0"), ("--dtype", "float64"), ()])
def test_options_that_cannot_be_used_exit_2(option, capsys):
    with pytest.raises(SystemExit) as exit_:
        run.main([*(("mine",) if option else ()), *option])
    assert exit_.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_an_image_scenario_of_ones_own_needs_no_code(tmp_path):
    """As a program of its own, from another folder, with a table of shapes in the fixtures."""
    (tmp_path / "golden").mkdir()
    (tmp_path / "shapes").mkdir()
    fields = dict(read_scenario("i_t21_1024", COMMITTED).fields)
    fields.update(prompts=fields["prompts"][:1], files={"float32": "i_t21_1024.npz"})
    (tmp_path / "golden" / "own.json").write_text(json.dumps(fields))
    golden = (COMMITTED / "golden" / "i_t21_1024.npz").read_bytes()
    (tmp_path / "golden" / "i_t21_1024.npz").write_bytes(golden)
    state = build_model("sam2.1_hiera_tiny", 0).state_dict()
    shapes = {"shapes": {name: list(value.shape) for name, value in state.items()}}
    (tmp_path / "shapes" / "sam2.1_hiera_tiny.json").write_text(json.dumps(shapes))
    command = [sys.executable, Path(run.__file__).resolve(), "own", "--fixtures", tmp_path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[1].startswith("  12 arrays compared, 0 failures, 15 missing")
    assert lines[-1] == "1 passed, 0 failed"


def test_shapes_that_are_not_the_models_are_refused(tmp_path):
    path = tmp_path / "sam2.1_hiera_tiny.json"
    path.write_text(json.dumps({"shapes": {"no_mem_embed": [1, 1, 256]}}))
    with pytest.raises(UnreadableError, match=r"(?s)sam2.1_hiera_tiny.json is not .*Missing key"):
        build_model("sam2.1_hiera_tiny", 0, shapes_file=path)
