"""What the README shows works as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from masklet.viz.sample import sample_picture

README = Path(__file__).parents[2] / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("readme")
    (made / "photos").mkdir()
    for name in ("photo.jpg", "photos/one.jpg"):
        Image.fromarray(sample_picture().image).save(made / name)
    return made


def test_the_python_example_runs_and_gives_one_mask(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    exec(blocks("python")[0], names)
    height, width = names["features"].size
    assert names["masks"].best().masks().shape == (1, height, width)


def commands():
    lines = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(".venv/bin/masklet")]


@pytest.mark.parametrize("line", commands())
def test_the_commands_run(line, folder):
    arguments = shlex.split(line)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "masklet", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_WAIT_POLICY": "passive"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_every_file_it_points_to_is_there():
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text())
    assert linked
    assert [name for name in linked if not (README.parent / name).exists()] == []
