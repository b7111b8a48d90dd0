"""What the page on videos shows works as it stands there."""

import contextlib
import io
import json
import re
import shlex
import sys
from itertools import islice
from pathlib import Path

import pytest

from masklet.cli.formats import Format
from masklet.cli.main import main
from masklet.cli.tracking_summary import UNSURE_BELOW
from masklet.cli.video_prompts import recorded_prompts
from masklet.io.encode import write_video
from masklet.types import VideoInfo
from masklet.viz.sample_clip import sample_clip

PAGE = Path(__file__).parents[2] / "docs" / "video.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("video")
    write_video(made / "clip.mp4", (each.image for each in islice(sample_clip(), 6)), 16)
    return made


def in_shell(text, monkeypatch):
    for line in text.splitlines():
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code


def in_python(text, names):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(text, names)
    return out.getvalue()


def test_every_block_runs_and_prints_what_it_says(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names, printed = {}, ""
    for language, text in BLOCKS:
        if language == "sh":
            in_shell(text, monkeypatch)
        elif language == "python":
            printed = in_python(text, names)
        elif language == "text":
            assert printed == text
    assert names["mask"].shape == (320, 480)
    names["video"].close()


def test_the_prompts_that_are_written_by_hand_are_read(tmp_path):
    (text,) = (text for language, text in BLOCKS if language == "json")
    (tmp_path / "mine.json").write_text(text)
    video = VideoInfo("clip.mp4", size=(320, 480), num_frames=6, fps=16.0)
    prompts = recorded_prompts(tmp_path / "mine.json", video)
    assert len(json.loads(text)["prompts"]) == sum(len(each) for each in prompts.values())


def test_it_names_every_format_and_the_limit_of_unsure():
    page = PAGE.read_text()
    assert [str(each) for each in Format if f"`{each}`" not in page] == []
    assert f"below {UNSURE_BELOW:g}" in page
