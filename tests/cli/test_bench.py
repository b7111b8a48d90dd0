"""`masklet bench`: what is measured, shown and written, and what is told before any work."""

import json
import re
import signal
import sys
from contextlib import suppress

import pytest
import torch
import typer
from typer.testing import CliRunner

from masklet.cli import benching
from masklet.cli.bench import bench
from masklet.cli.bench_plan import Wish, chosen_threads, make_plan
from masklet.errors import ImageError, MissingExtra, OutputError, PromptError, VideoError
from masklet.eval.bench.page_tables import read_page
from masklet.eval.bench.speed_records import PARTS, read_bench
from masklet.eval.bench.speed_table import bench_markdown
from masklet.io.encode import write_video
from tests.cli.conftest import clip_pictures

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


def test_without_a_terminal_every_row_is_a_line_as_soon_as_it_is_done(ran):
    first, second, *_ = ran[0].stderr.splitlines()
    assert first.startswith("masklet: 64 float32, 1 object: ")
    assert first.endswith(" frames a second")
    assert second.startswith("masklet: 64 float32, 16 objects: ")


def test_json_is_all_that_is_on_standard_output(measure, folder):
    done = measure("--objects", "1", "--json", "--out", "x", "--no-plot")
    document = json.loads(done.stdout)
    assert document == json.loads((folder / "x" / "bench.json").read_text())
    assert document["rows"][0]["device"] == "cpu"
    assert sorted(path.name for path in (folder / "x").iterdir()) == ["bench.json", "bench.md"]


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


def test_every_model_device_and_precision_is_combined(model_path, lively_path):
    wish = Wish(
        models=f"{model_path},{lively_path}",
        objects="1,4",
        sizes="64",
        dtypes="float32,bfloat16",
        devices="cpu",
        frames=7,
        threads=None,
        clip=None,
    )
    plan = make_plan(wish)
    setups = dict.fromkeys((cell.setup.model, cell.setup.dtype) for cell in plan.cells)
    assert list(setups) == [
        (str(model_path), "float32"),
        (str(model_path), "bfloat16"),
        (str(lively_path), "float32"),
        (str(lively_path), "bfloat16"),
    ]
    assert len(plan.cells) == 8
    assert plan.repeats == 7
    assert plan.clip[0].shape == (720, 1280, 3)
