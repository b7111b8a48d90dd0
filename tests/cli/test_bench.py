"""`masklet bench`: what is measured, shown and written, and what is told before any work."""

import json
import re
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import replace

import pytest
import torch
import typer
from typer.testing import CliRunner

from masklet.cli import benching
from masklet.cli.bench import bench
from masklet.cli.bench_plan import (
    Wish,
    check_compiler,
    chosen_threads,
    make_plan,
    open_labelled,
    setups_of,
)
from masklet.cli.bench_screen import bench_table
from masklet.data.davis_writer import tiny_dataset
from masklet.errors import (
    CheckpointError,
    DatasetError,
    ImageError,
    MissingExtra,
    OutputError,
    PromptError,
    VideoError,
)
from masklet.eval.bench.page_tables import read_page
from masklet.eval.bench.speed_records import PARTS, Floor, Setup, read_bench
from masklet.eval.bench.speed_table import bench_markdown
from masklet.eval.records import Interval
from masklet.eval.run_json import read_run
from masklet.io.encode import write_video
from tests.cli.conftest import clip_pictures
from tests.cli.made_photos import write_photos
from tests.eval.figures import measured

APP = typer.Typer()
APP.command()(bench)
PAGE = "# Speed\n\n<!-- begin bench -->\nold\n<!-- end bench -->\n\nMore.\n"


FAST = ("--device", "cpu", "--frames", "1", "--threads", "1", "--dtype", "float32")


def invoked(*words):
    return CliRunner().invoke(APP, [str(word) for word in words], env={"COLUMNS": "80"})


@pytest.fixture(scope="module")
def ran(tmp_path_factory, model_path):
    """A whole matrix, measured once; and its folder, from which it was called."""
    here = tmp_path_factory.mktemp("bench")
    write_video(here / "clip.mp4", clip_pictures(3), 10)
    words = ("--objects", "1,16", "--dtype", "float32,bfloat16", "--frames", 2, "--device", "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        return invoked("--model", model_path, "--clip", "clip.mp4", *words), here / "masklet-out"


@pytest.fixture
def measure(folder, model_path):
    """`measure("--objects", "1")` is `masklet bench --objects 1` of a small model, kept short."""
    return lambda *words: invoked("--model", model_path, *FAST, *words)


def test_the_whole_matrix_is_measured_and_written(ran):
    done, out = ran
    assert done.exit_code == 0
    figures = read_bench(out / "bench.json")
    assert [(str(row.cell.setup.dtype), row.cell.objects) for row in figures.rows] == [
        ("float32", 1),
        ("float32", 16),
        ("bfloat16", 1),
        ("bfloat16", 16),
    ]
    for row in figures.rows:
        assert set(row.parts) == set(PARTS)
        assert {part.count for part in row.parts.values()} == {2}
    assert (out / "bench.md").read_text() == bench_markdown(figures)
    assert (out / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_frames_come_from_the_clip_and_unless_given_the_size_is_the_models_own(ran):
    figures = read_bench(ran[1] / "bench.json")
    assert figures.frame_size == (48, 64)
    assert {row.cell.size for row in figures.rows} == {64}


def test_the_table_fits_a_terminal_and_says_what_is_written(ran):
    lines = ran[0].stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[:3] for line in lines if line.startswith(("float", "bfloat"))] == [
        ["float32", "64", "1"],
        ["float32", "64", "16"],
        ["bfloat16", "64", "1"],
        ["bfloat16", "64", "16"],
    ]
    out = "masklet-out/bench"
    assert lines[-1] == f"written: {out}.json, {out}.md, {out}.png"


def headings_shown(row, width):
    return {str(column.header).replace("\n", " ") for column in bench_table([row], width).columns}


def test_a_narrow_terminal_is_spared_parts_before_anything_else():
    row = replace(measured(16), floor=Floor(30, 300.0), accuracy=Interval(0.5, 0.4, 0.6, 9))
    row = replace(row, cell=replace(row.cell, setup=Setup("m", "cpu", "bfloat16", compiled=True)))
    wide, usual, narrow = (headings_shown(row, width) for width in (120, 80, 20))
    parts = {"encode", "memory attention", "decoder", "memory encoder"}
    assert parts <= wide
    assert wide - usual == parts - {"encode"}
    assert wide - narrow == parts
    assert {"mode", "frames a second", "frame 95%", "of the floor", "J&F", "MiB"} <= narrow


def test_without_a_terminal_every_row_is_a_line_as_soon_as_it_is_done(ran):
    first, second, *_ = ran[0].stderr.splitlines()
    assert first.startswith("masklet: 64 float32, 1 object: ")
    assert first.endswith(" frames a second")
    assert second.startswith("masklet: 64 float32, 16 objects: ")


@pytest.mark.slow
def test_compiled_rows_stand_beside_eager_ones_with_the_same_accuracy(measure, folder, davis):
    words = ("--compile", "no,yes", "--size", "64", "--data", davis, "--limit", "1", "--no-plot")
    assert measure("--objects", "1,2", *words).exit_code == 0
    rows = read_bench(folder / "masklet-out" / "bench.json").rows
    settings = [(row.cell.setup.compiled, row.cell.objects) for row in rows]
    assert settings == [(False, 1), (False, 2), (True, 1), (True, 2)]
    assert rows[2].floor.flops == rows[0].floor.flops
    assert rows[2].accuracy.mean == pytest.approx(rows[0].accuracy.mean, abs=0.02)


def test_json_is_all_that_is_on_standard_output(measure, folder):
    done = measure("--objects", "1", "--json", "--out", "x", "--no-plot")
    document = json.loads(done.stdout)
    assert document == json.loads((folder / "x" / "bench.json").read_text())
    assert document["rows"][0]["device"] == "cpu"
    assert sorted(path.name for path in (folder / "x").iterdir()) == ["bench.json", "bench.md"]


@pytest.fixture(scope="module")
def davis(tmp_path_factory):
    """A tiny dataset in the DAVIS layout."""
    folder = tmp_path_factory.mktemp("datasets") / "tiny"
    tiny_dataset(folder)
    return folder


def test_masks_are_scored_beside_as_the_evaluation_does(measure, run, folder, davis, model_path):
    assert measure("--objects", "1,2", "--data", davis, "--no-plot").exit_code == 0
    figures = read_bench(folder / "masklet-out" / "bench.json")
    run("eval", davis, "--model", model_path, "--device", "cpu", "--out", "run", "--quiet")
    scores = read_run(folder / "run" / "scores.json")
    assert [row.accuracy for row in figures.rows] == [scores.summary["J&F"]] * 2
    assert figures.scored.dataset == scores.dataset
    assert "| J&F |" in (folder / "masklet-out" / "bench.md").read_text()


def test_no_more_clips_are_scored_than_asked_for(davis):
    everything, one = open_labelled(str(davis), None), open_labelled(str(davis), 1)
    assert len(everything.items) > len(one.items) == 1


def test_pictures_cannot_be_tracked_on(measure, folder, davis):
    write_photos(folder / "photos", davis)
    done = measure("--data", "photos/labels.json")
    assert isinstance(done.exception, PromptError)
    assert "--data photos/labels.json holds pictures; expected clips, because" in str(
        done.exception
    )
    assert not (folder / "masklet-out").exists()


def test_broken_data_are_told_before_the_work(measure, folder, davis):
    shutil.copytree(davis, folder / "broken")
    next((folder / "broken").rglob("*.png")).unlink()
    done = measure("--data", "broken")
    assert isinstance(done.exception, DatasetError)
    assert re.search(
        r"broken.* has \d+ problems, such as: .*`masklet data check`", str(done.exception)
    )
    assert not (folder / "masklet-out").exists()


def test_the_table_of_a_page_is_written_again(measure, folder):
    (folder / "page.md").write_text(PAGE)
    assert measure("--objects", "1", "--docs", "page.md", "--no-plot").exit_code == 0
    table = (folder / "masklet-out" / "bench.md").read_text()
    assert read_page("page.md") == PAGE.replace("old", f"\n{table}")


def test_threads_are_chosen_for_the_command_only(measure, folder):
    before = torch.get_num_threads()
    measure("--objects", "1", "--no-plot")
    assert read_bench(folder / "masklet-out" / "bench.json").environment.threads == 1
    assert torch.get_num_threads() == before


def test_threads_are_put_back_after_an_error():
    before = torch.get_num_threads()
    with suppress(ZeroDivisionError), chosen_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


def test_ctrl_c_keeps_what_is_done_and_no_page_is_changed(measure, folder, monkeypatch):
    (folder / "page.md").write_text(PAGE)
    write = benching.write_bench

    def write_then_interrupt(path, figures):
        write(path, figures)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(benching, "write_bench", write_then_interrupt)
    done = measure("--objects", "1,2", "--docs", "page.md", "--no-plot")
    assert done.exit_code == 130
    assert "masklet: interrupted after 1 of 2 rows" in done.stderr
    figures = read_bench(folder / "masklet-out" / "bench.json")
    assert len(figures.rows) == 1
    assert (folder / "masklet-out" / "bench.md").read_text() == bench_markdown(figures)
    assert (folder / "page.md").read_text() == PAGE


def test_results_that_exist_are_replaced_only_when_asked(measure, folder):
    existing = folder / "masklet-out" / "bench.json"
    existing.parent.mkdir()
    existing.write_text("mine")
    done = measure("--objects", "1", "--no-plot")
    assert isinstance(done.exception, OutputError)
    assert str(done.exception).startswith("masklet-out/bench.json exists; expected to write new")
    assert existing.read_text() == "mine"
    assert measure("--objects", "1", "--no-plot", "--overwrite").exit_code == 0
    assert len(read_bench(existing).rows) == 1


def test_on_a_terminal_the_table_grows_over_a_bar_with_the_time_left(measure, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = measure("--objects", "1,2", "--no-plot")
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.stderr)
    assert "100%" in shown
    assert re.search(r"\d+% (-|\d+):", shown)
    assert "float32    64       2" in shown
    assert "masklet:" not in shown
    # Drawn after every repetition: two parts of two cells, warm-up included.
    assert shown.count("%") >= 2 * 2 * 3


@pytest.fixture
def no_matplotlib(monkeypatch):
    for name in {name for name in sys.modules if name.startswith("matplotlib")} | {"matplotlib"}:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("bench.speed_plot", "reports.plot_style"):
        monkeypatch.delitem(sys.modules, f"masklet.eval.{name}", raising=False)


def test_without_matplotlib_the_plot_is_missed_before_the_work(measure, folder, no_matplotlib):
    done = measure("--objects", "1")
    assert isinstance(done.exception, MissingExtra)
    assert str(done.exception).endswith("pip install 'masklet[eval]'")
    assert not (folder / "masklet-out").exists()


def test_without_matplotlib_all_but_the_plot_can_be_had(measure, folder, no_matplotlib):
    assert measure("--objects", "1", "--no-plot").exit_code == 0
    written = sorted(path.name for path in (folder / "masklet-out").iterdir())
    assert written == ["bench.json", "bench.md"]


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (("--objects", "1,0"), PromptError, "--objects '1,0' is no list of numbers; expected"),
        (("--objects", "two"), PromptError, "--objects 'two' is no list of numbers"),
        (("--objects", "1,,4"), PromptError, "--objects '1,,4' has an empty or a repeated part"),
        (("--size", "64,64"), PromptError, "--size '64,64' has an empty or a repeated part"),
        (("--size", "100"), ImageError, "the network's input size is 100 x 100"),
        (("--dtype", "float64"), PromptError, "--dtype 'float64' is unknown; expected float32, b"),
        (("--dtype", "int8", "--compile", "yes"), CheckpointError, "eight bits"),
        (
            ("--compile", "maybe"),
            PromptError,
            "--compile 'maybe' is unknown; expected no, yes. Put",
        ),
        (("--compile", "no,no"), PromptError, "--compile 'no,no' has an empty or a repeated part"),
        (("--memories", "half"), PromptError, "--memories 'half' is unknown; expected full, poo"),
        (("--data", "nowhere"), DatasetError, "nowhere"),
        (("--limit", "3"), PromptError, "--limit 3 was given without --data; expected a dataset"),
        (("--clip", "gone.mp4"), VideoError, "gone.mp4"),
        (("--docs", "gone.md"), OutputError, "the page gone.md cannot be read: No such file"),
        (("--docs", "bare.md"), OutputError, "bare.md has no place for the table 'bench'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input_is_told_before_the_work(measure, folder, words, error, message):
    (folder / "bare.md").write_text("# Speed\n")
    done = measure(*words)
    assert isinstance(done.exception, error)
    assert message in str(done.exception)
    assert not (folder / "masklet-out").exists()


def test_an_official_network_without_training_is_measured_and_called_so(folder):
    words = (
        "--model",
        "untrained:sam2.1-hiera-tiny",
        "--size",
        "64",
        "--objects",
        "1",
        "--no-plot",
    )
    assert invoked(*words, *FAST).exit_code == 0
    (row,) = read_bench(folder / "masklet-out" / "bench.json").rows
    assert row.cell.setup.model == "untrained:sam2.1-hiera-tiny"
    table = (folder / "masklet-out" / "bench.md").read_text()
    assert table.startswith("`untrained:sam2.1-hiera-tiny` on cpu")


def test_masks_of_random_weights_are_not_scored(folder, davis):
    done = invoked("--model", "untrained:sam2.1-hiera-tiny", "--data", davis, *FAST)
    assert isinstance(done.exception, PromptError)
    assert "was given for untrained:sam2.1-hiera-tiny; expected a model that was trained" in str(
        done.exception
    )
    assert not (folder / "masklet-out").exists()


def test_every_model_and_precision_is_combined(model_path, lively_path):
    wish = Wish(
        models=f"{model_path},{lively_path}",
        objects="1,4",
        sizes="64",
        dtypes="float32,bfloat16",
        modes="no",
        memories="full,pooled",
        devices="cpu",
        frames=7,
        threads=None,
        clip=None,
        data=None,
        limit=None,
    )
    plan = make_plan(wish)
    assert list(dict.fromkeys(cell.setup for cell in plan.cells)) == [
        Setup(str(path), "cpu", dtype)
        for path in (model_path, lively_path)
        for dtype in ("float32", "bfloat16")
    ]
    assert len(plan.cells) == 16
    assert [cell.memories for cell in plan.cells[:4]] == ["full", "full", "pooled", "pooled"]
    assert plan.repeats == 7
    assert plan.labelled is None
    assert plan.clip[0].shape == (720, 1280, 3)


def test_eager_and_compiled_take_turns():
    assert setups_of("m", "cpu", ["float32", "bfloat16"], [False, True]) == (
        Setup("m", "cpu", "float32"),
        Setup("m", "cpu", "float32", compiled=True),
        Setup("m", "cpu", "bfloat16"),
        Setup("m", "cpu", "bfloat16", compiled=True),
    )


def test_without_a_compiler_compiled_rows_are_refused():
    cpu = torch.device("cpu")
    check_compiler(cpu, None)
    with pytest.raises(CheckpointError) as told:
        check_compiler(cpu, "InvalidCxxCompiler: no g++")
    assert str(told.value) == (
        "--compile yes was given, but torch.compile does not work here for cpu: "
        "InvalidCxxCompiler: no g++. Expected a C++ compiler for cpu, Triton for cuda. Install it, "
        "or leave --compile out."
    )
