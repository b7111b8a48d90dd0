"""A small model with made-up weights on disk, pictures, and the command run in this process."""

import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from masklet.cli.main import main
from masklet.io.encode import write_video
from masklet.model.config import HieraConfig, MemoryConfig, ModelConfig, Version
from masklet.model.sam2 import SAM2
from masklet.weights.save import save_safetensors
from tests.tiny import tiny_model

TRUNK = HieraConfig(
    embed_dim=16,
    num_heads=1,
    stages=(1, 1, 1, 1),
    global_blocks=(2,),
    window_sizes=(8, 4, 4, 2),
    position_grid=7,
)
MEMORY = MemoryConfig(version=Version.V2_1, layers=1, width=8)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def model_path(tmp_path_factory):
    torch.manual_seed(4)
    model = SAM2(ModelConfig(TRUNK, MEMORY, width=16, image_size=64)).eval()
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_safetensors(model, path)
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    """`run("segment", "a.png", ...)` is `masklet segment a.png ...` in a shell."""

    def run_command(*words):
        monkeypatch.setattr(sys, "argv", ["masklet", *(str(word) for word in words)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run_command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def make_picture():
    """`make_picture(path, height, width)` writes a picture of two slopes, with its folder."""

    def make(path, height=40, width=60):
        y, x = np.mgrid[:height, :width]
        levels = np.stack([x * 4, y * 6, 255 - x * 4], axis=2) % 256
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(levels.astype(np.uint8)).save(path)
        return path

    return make


@pytest.fixture
def picture(folder, make_picture):
    """A picture of 60 x 40 pixels in that folder."""
    return make_picture(folder / "photo.png")


@pytest.fixture(scope="session")
def lively_path(tmp_path_factory):
    """A small model whose masks change from frame to frame."""
    path = tmp_path_factory.mktemp("model") / "lively.safetensors"
    save_safetensors(tiny_model(seed=2), path)
    return path


def clip_pictures(count=12):
    """A red square that moves to the right before two slopes, 64 x 48 pixels."""
    y, x = np.mgrid[:48, :64]
    for number in range(count):
        picture = np.stack([x * 4, y * 5, 255 - x * 4], axis=2).astype(np.uint8)
        picture[10:26, 4 + 3 * number : 20 + 3 * number] = (230, 60, 40)
        yield picture


@pytest.fixture
def clip(folder):
    """A video of 12 such pictures, 10 a second, in the folder of the command."""
    write_video(folder / "clip.mp4", clip_pictures(), 10)
    return folder / "clip.mp4"
