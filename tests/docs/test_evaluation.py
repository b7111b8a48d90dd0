"""What the page on evaluation shows works as it stands there."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from masklet.cli.evaluate import app
from masklet.cli.main import main
from masklet.data.davis_writer import tiny_dataset
from masklet.eval.reports.score_words import _MEANINGS
from tests.cli.made_photos import write_photos

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


def run(line, monkeypatch):
    monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, line


def test_every_block_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny_dataset(tmp_path / "DAVIS")
    write_photos(tmp_path / "photos", tmp_path / "DAVIS")
    for language, text in BLOCKS:
        if language == "python":
            exec(text, {})
            assert "'J&F'" in capsys.readouterr().out
            continue
        for line in text.splitlines():
            if line.startswith("masklet "):
                run(line, monkeypatch)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "clicks",
        "copy",
        "online",
        "photos",
        "robustness",
        "scored",
        "small",
    ]
    made = {path.name for path in (tmp_path / "runs" / "small").iterdir()}
    named = set(re.findall(r"`([\w/.]+)`", PAGE.read_text()))
    assert {f"{name}/" if "." not in name else name for name in made} - {"run.json"} <= named


def test_every_option_that_it_names_exists():
    commands = get_command(app).commands.values()
    known = {
        name
        for command in commands
        for option in command.params
        for name in (*option.opts, *option.secondary_opts)
    }
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text()))
    assert named <= known
    assert {"--task", "--prompt", "--policy"} <= named


def test_every_score_is_explained():
    page = PAGE.read_text()
    short = {"F recall": "J recall", "F decay": "J decay", "calibration bias": "calibration error"}
    short |= {"predicted IoU box": "predicted IoU@", "predicted IoU mask": "predicted IoU@"}
    for name in _MEANINGS:
        if not name.endswith((" seen", " unseen")):  # parts of G
            assert re.search(rf"\| .*{re.escape(short.get(name, name))}.* \|", page), name
