"""Folders that transformers itself reads and writes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from masklet.errors import CheckpointError
from masklet.weights.dialects import official_tensors
from masklet.weights.load import load
from masklet.weights.save import save_huggingface

pytestmark = pytest.mark.peers

PROGRAM = Path(__file__).with_name("open_with_transformers.py")


@pytest.fixture
def opened(tmp_path):
    """Have transformers load a folder and save it again; what it said while loading."""

    def open_with_transformers(kind, source):
        target = tmp_path / "again"
        command = [sys.executable, str(PROGRAM), kind, str(source), str(target)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout.splitlines()[-1]), target

    return open_with_transformers


@pytest.fixture
def folder(wide, tmp_path):
    save_huggingface(wide, tmp_path / "folder")
    return tmp_path / "folder"


def test_transformers_finds_every_tensor_it_needs_and_no_other(opened, folder, wide, same_tensors):
    said, again = opened("Sam2VideoModel", folder)
    assert {name: keys for name, keys in said.items() if keys} == {}
    held = torch.load(again / "state_dict.pt", weights_only=True)
    assert same_tensors(official_tensors(held), wide.state_dict())


def test_what_transformers_saves_is_the_same_model(opened, folder, wide, same_tensors):
    _, again = opened("Sam2VideoModel", folder)
    model = load(again, device="cpu")
    assert model.config == wide.config
    assert same_tensors(model.state_dict(), wide.state_dict())


def test_the_image_part_alone_is_refused_with_what_is_missing(opened, folder):
    _, again = opened("Sam2Model", folder)
    with pytest.raises(CheckpointError) as caught:
        load(again, device="cpu")
    message = str(caught.value)
    assert "missing: maskmem_tpos_enc, " in message
    assert "It is the image part alone, as transformers' Sam2Model saves it" in message
