"""The models that can be loaded by name."""

import re
import subprocess
import sys

import pytest

from masklet.errors import CheckpointError
from masklet.model.config import VARIANTS
from masklet.weights.zoo import BUNDLED, ZOO, find, get


def test_the_zoo_is_the_bundled_model_and_every_released_one():
    assert set(ZOO) == {BUNDLED, *VARIANTS}


@pytest.mark.parametrize("name", VARIANTS)
def test_an_official_model_can_be_fetched_and_verified(name):
    entry = ZOO[name]
    release = "092824" if name.startswith("sam2.1") else "072824"
    stem = name.replace("-", "_")
    official, hub = entry.remote.urls
    assert official == f"https://dl.fbaipublicfiles.com/segment_anything_2/{release}/{stem}.pt"
    assert hub == f"https://huggingface.co/facebook/{name}/resolve/main/{stem}.pt"
    assert entry.remote.file_name == f"{stem}.pt"
    assert re.fullmatch("[0-9a-f]{64}", entry.remote.sha256)
    assert entry.licence == "Apache-2.0"
    assert 70 < entry.scores.mose_val < entry.scores.lvos_v2 < 81
    # Four bytes a number; what is left are names and places.
    size = entry.size_bytes or 4 * entry.parameters
    assert 0 <= size - 4 * entry.parameters < 400_000


def test_no_two_models_share_a_file():
    entries = [entry for entry in ZOO.values() if entry.remote]
    assert len({entry.remote.sha256 for entry in entries}) == len(entries)
    assert len({entry.path() for entry in entries}) == len(entries)


@pytest.mark.parametrize(
    "name", ["sam2.1-hiera-base-plus", "sam2.1_hiera_base_plus", "facebook/sam2.1-hiera-base-plus"]
)
def test_a_model_is_found_under_the_names_it_has_elsewhere(name):
    assert find(name) is ZOO["sam2.1-hiera-base-plus"]
    assert get(name) is find(name)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("sam2.1-tiny", "sam2.1-hiera-tiny"),
        ("sam2_hiera_larg", "sam2-hiera-large"),
        ("SAM2.1-HIERA-SMALL", "sam2.1-hiera-small"),
        ("facebook/sam2.1-hiera-tin", "sam2.1-hiera-tiny"),
        ("masklet", "masklet-small"),
    ],
)
def test_an_unknown_name_brings_the_nearest(name, suggestion):
    with pytest.raises(CheckpointError, match=f"Did you mean {re.escape(suggestion)}"):
        find(name)


def test_a_name_like_no_other_brings_no_suggestion():
    with pytest.raises(CheckpointError) as caught:
        find("qqq")
    assert str(caught.value) == (
        "no model is called 'qqq'; expected a name of the zoo, a file, a folder or an https "
        "address. `masklet models list` shows all names."
    )
    assert get("qqq") is None


def test_the_bundled_model_lies_in_the_package():
    path = ZOO[BUNDLED].path()
    assert path.parts[-4:] == ("masklet", "weights", "bundled", "masklet-small.safetensors")


def test_the_zoo_needs_no_torch():
    command = "import sys, masklet.weights.zoo; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
