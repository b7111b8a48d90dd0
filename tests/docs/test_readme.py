"""What the README shows works as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
from PIL import Image

from masklet.io.encode import write_video
from masklet.viz.sample import sample_picture
from masklet.viz.sample_clip import sample_clip

README = Path(__file__).parents[2] / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("readme")
    (made / "photos").mkdir()
    for name in ("photo.jpg", "photos/one.jpg"):
        Image.fromarray(sample_picture().image).save(made / name)
    write_video(made / "clip.mp4", (each.image for each in islice(sample_clip(), 3)), 16)
    return made


def test_the_python_example_runs_and_gives_one_mask(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    exec(blocks("python")[0], names)
    height, width = names["features"].size
    assert names["masks"].best().masks().shape == (1, height, width)


def test_the_video_example_runs_and_gives_a_mask_per_frame(folder, monkeypatch):
    import masklet

    monkeypatch.chdir(folder)
    names = {"masklet": masklet}
    exec(blocks("python")[1], names)
    assert names["result"].frame_index == 2
    assert names["result"].masks.masks().shape == (1, 320, 480)
    assert names["session"].num_frames == 3


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
