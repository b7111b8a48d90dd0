"""What the page on training shows works as it stands there."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.main import get_command

from masklet.cli.main import app, main
from masklet.data.davis_writer import tiny_dataset
from masklet.recipes.catalog import RECIPES, recipe
from masklet.train.settings import with_settings
from tests.cli.made_photos import write_painted

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL)
# What the commands of the page get so that they end soon.
STAGES = json.dumps([{"side": 64, "pictures": 2, "clips": 2, "frames": 2}])
SHORT = f" --steps 1 --quiet --set 'stages={STAGES}' --set data.prompts=2 --set data.objects=1"


def run(line, monkeypatch):
    monkeypatch.setattr(sys, "argv", shlex.split(line, comments=True))
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, line


def test_every_block_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_painted(tmp_path / "photos")
    tiny_dataset(tmp_path / "packs")
    for language, text in BLOCKS:
        if language == "python":
            (tmp_path / "mine.py").write_text(text)
            continue
        for line in text.splitlines():
            if line.startswith("masklet "):
                run(line + SHORT if line.startswith("masklet train") else line, monkeypatch)
    for name in ("run", "gently", "warm", "image", "video", "rehearsal"):
        assert (tmp_path / name / "weights.safetensors").exists()
    made = {path.name for path in (tmp_path / "run").iterdir() if "-" not in path.name}
    named = set(re.findall(r"`([\w/.]+)`", PAGE))
    assert {name if "." in name else f"{name}/" for name in made - {"before"}} <= named


def test_every_option_and_recipe_that_it_names_exists():
    command = get_command(app).commands["train"]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    lines = re.findall(r"masklet train[^`\n]*", PAGE)
    options = {name for line in lines for name in re.findall(r"--[a-z][a-z-]+", line)}
    assert options <= known
    assert {"--dry-run", "--resume"} <= options
    named = {word for line in lines for word in line.split()[2:3]}
    assert {name for name in named if re.fullmatch(r"[a-z_]+", name)} <= set(RECIPES)


def test_every_setting_that_it_changes_exists():
    changed = re.findall(r"--set ([\w.]+=[\w.]+)", PAGE)
    assert len(changed) > 5
    for setting in changed:
        # Only a recipe from random numbers says what the network is like.
        name = "small_image" if setting.startswith("model.architecture") else "finetune"
        with_settings(recipe(name), ["unroll.freezes_encoder=true", setting])


def test_every_setting_that_it_names_exists():
    for name in re.findall(r"`((?:data|stages|optim|run|lora|unroll)\.[\w.]+)`", PAGE):
        place = recipe("finetune")
        for part in name.split("."):
            place = place[int(part)] if part.isdigit() else getattr(place, part)


def test_its_pictures_are_there():
    for name in re.findall(r"\]\((\S+\.(?:png|jpg))\)", PAGE):
        with Image.open(Path(__file__).parents[2] / "docs" / name) as picture:
            assert picture.width > 500
