"""The command as a whole: help comes at once, bad input is one line."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import masklet
from masklet.cli import main as cli
from masklet.cli import options
from masklet.io.images import DEFAULT_MAX_PIXELS
from masklet.weights.zoo import BUNDLED

ROOT = Path(__file__).parents[2]

AFTER_HELP = """
import sys
from masklet.cli.main import main
sys.argv = ["masklet", *sys.argv[1:]]
try:
    main()
finally:
    print(*sorted({"torch", "numpy", "PIL", "safetensors", "masklet.types"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("-h",),
        ("segment", "--help"),
        ("track", "--help"),
        ("demo", "--help"),
        ("bench", "--help"),
        ("data", "--help"),
        ("eval", "--help"),
        ("eval", "run", "--help"),
        ("models", "--help"),
    ],
    ids=" ".join,
)
def test_help_loads_neither_torch_nor_numpy(words):
    done = subprocess.run(
        [sys.executable, "-c", AFTER_HELP, *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == ""
    assert "Usage: " in done.stdout


def test_help_lists_every_command(run):
    done = run("--help")
    assert done.code == 0
    for command in ("segment", "track", "demo", "bench", "data", "eval", "models"):
        assert f"│ {command} " in done.out


def test_no_arguments_at_all_show_the_help(run):
    assert "Usage: " in run().out


def test_the_version_is_said(run):
    done = run("--version")
    assert done.out == f"masklet {masklet.__version__}\n"
    assert done.code == 0


def test_the_module_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "masklet", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"masklet {masklet.__version__}\n"


def test_the_installed_command_is_the_one_that_reports_errors():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"masklet": "masklet.cli.main:main"}


def test_bad_input_is_one_line_on_standard_error_and_code_2(run, folder):
    done = run("segment", "gone.png", "--point", "1,2")
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("masklet: there is no file gone.png; expected a picture.")
    assert done.err.count("\n") == 1


def test_a_file_name_cannot_break_the_line_or_command_the_terminal(run, folder):
    done = run("segment", "a\nb\x1bc.png", "--point", "1,2")
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err
    assert "there is no file a b c.png" in done.err


def test_errors_of_models_are_reported_in_the_same_way(run):
    done = run("models", "download", "sam2.1-hiera-tinny")
    assert done.code == 2
    assert done.err.startswith("masklet: no model is called 'sam2.1-hiera-tinny'")
    assert done.err.count("\n") == 1


def test_an_unknown_option_is_code_2_and_points_to_the_help(run):
    done = run("segment", "--nonsense")
    assert done.code == 2
    assert "--nonsense" in done.err
    assert "Traceback" not in done.err


def test_a_bug_of_ours_shows_its_traceback(monkeypatch):
    def stumble():
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", stumble)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_the_defaults_shown_in_the_help_are_those_of_the_library():
    assert options.DEFAULT_MODEL == BUNDLED
    assert options.DEFAULT_MAX_PIXELS == DEFAULT_MAX_PIXELS
