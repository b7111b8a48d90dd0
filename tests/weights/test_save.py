"""Models as files of three layouts, whole or not at all."""

import json
from contextlib import contextmanager

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from masklet.errors import OutputError
from masklet.model.config import VARIANTS, ModelConfig
from masklet.model.sam2 import SAM2
from masklet.weights.load import load
from masklet.weights.save import save_huggingface, save_official, save_safetensors


@contextmanager
def small_disk(limit_bytes):
    """The system refuses to make any file longer than this, as if the disk were full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def raw(path):
    return torch.load(path, weights_only=True)


def test_the_official_layout_is_a_dict_with_a_model(small, tmp_path, same_tensors):
    save_official(small, tmp_path / "model.pt")
    document = raw(tmp_path / "model.pt")
    assert same_tensors(document["model"], small.state_dict())
    assert ModelConfig.from_json(document["masklet_config"]) == small.config


def test_a_released_model_is_saved_as_the_official_package_saves_it(tmp_path):
    with torch.device("meta"):
        shapes = SAM2(VARIANTS["sam2-hiera-tiny"])
    tiny = shapes.to_empty(device="cpu")
    save_official(tiny, tmp_path / "model.pt")
    assert list(raw(tmp_path / "model.pt")) == ["model"]


def test_official_to_ours_to_official_changes_no_bit(small, tmp_path, same_tensors):
    first, ours, second = (tmp_path / name for name in ("1.pt", "2.safetensors", "3.pt"))
    save_official(small, first)
    save_safetensors(load(first, device="cpu"), ours)
    save_official(load(ours, device="cpu"), second)
    assert same_tensors(raw(second)["model"], raw(first)["model"])
    assert list(raw(second)["model"]) == list(raw(first)["model"])


def test_official_to_transformers_to_official_changes_no_bit(wide, tmp_path, same_tensors):
    first, folder, second = tmp_path / "1.pt", tmp_path / "folder", tmp_path / "3.pt"
    save_official(wide, first)
    save_huggingface(load(first, device="cpu"), folder)
    again = load(folder, device="cpu")
    save_official(again, second)
    assert again.config == wide.config
    assert same_tensors(raw(second)["model"], raw(first)["model"])


def test_our_layout_says_what_it_is(small, tmp_path):
    save_safetensors(small, tmp_path / "m.safetensors", name="made-up", licence="CC0-1.0")
    with safe_open(tmp_path / "m.safetensors", framework="pt") as file:
        metadata = file.metadata()
    assert ModelConfig.from_json(metadata["config"]) == small.config
    assert (metadata["name"], metadata["licence"]) == ("made-up", "CC0-1.0")
    assert metadata["masklet"]


def test_a_nameless_model_claims_no_licence(small, tmp_path):
    save_safetensors(small, tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", framework="pt") as file:
        assert set(file.metadata()) == {"format", "config", "masklet"}


def test_a_folder_has_the_names_of_transformers(wide, tmp_path):
    save_huggingface(wide, tmp_path / "folder")
    tensors = load_file(tmp_path / "folder" / "model.safetensors")
    assert tensors["prompt_encoder.point_embed.weight"].shape == (4, 256)
    assert "shared_image_embedding.positional_embedding" in tensors
    config = json.loads((tmp_path / "folder" / "config.json").read_text())
    assert config["model_type"] == "sam2_video"


def test_mixed_precision_is_kept(small, tmp_path, same_tensors):
    save_safetensors(small, tmp_path / "m.safetensors")
    narrow = load(tmp_path / "m.safetensors", device="cpu", dtype="bfloat16")
    save_official(narrow, tmp_path / "narrow.pt")
    assert same_tensors(raw(tmp_path / "narrow.pt")["model"], narrow.state_dict())


def test_a_tensor_that_is_part_of_another_takes_no_more_room(small, tmp_path):
    whole = torch.zeros(1_000_000)
    model = SAM2(small.config)
    model.no_obj_ptr.data = whole[:16][None]
    save_official(small, tmp_path / "small.pt")
    save_official(model, tmp_path / "part.pt")
    assert (tmp_path / "part.pt").stat().st_size == (tmp_path / "small.pt").stat().st_size


@pytest.mark.parametrize("save", [save_official, save_safetensors])
def test_others_may_read_what_the_umask_lets_them(save, small, tmp_path):
    (tmp_path / "plain").touch()
    save(small, tmp_path / "model")
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_file_is_replaced_and_a_loaded_model_keeps_its_numbers(small, tmp_path, same_tensors):
    path = tmp_path / "model.pt"
    save_official(small, path)
    loaded = load(path, device="cpu")
    torch.manual_seed(9)
    save_official(SAM2(small.config), path)
    assert same_tensors(loaded.state_dict(), small.state_dict())
    assert not same_tensors(raw(path)["model"], small.state_dict())


def test_a_folder_is_never_replaced(wide, tmp_path):
    with pytest.raises(
        OutputError, match=r"exists; expected the name of a new folder, .* Remove it"
    ):
        save_huggingface(wide, tmp_path)


@pytest.mark.parametrize("save", [save_official, save_safetensors])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(save, small, tmp_path, same_tensors):
    path = tmp_path / "model"
    save(small, path)
    before = path.read_bytes()
    with small_disk(10_000), pytest.raises(OutputError, match=r"could not be written: .*Free some"):
        save(small, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_full_disk_leaves_no_folder(wide, tmp_path):
    with small_disk(10_000), pytest.raises(OutputError, match=r"could not be written: .*too large"):
        save_huggingface(wide, tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_is_named(small, tmp_path):
    target = tmp_path / "none" / "model.pt"
    with pytest.raises(OutputError, match=f"{target} could not be written: No such file"):
        save_official(small, target)
