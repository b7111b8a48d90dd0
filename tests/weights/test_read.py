"""Files of every accepted kind, and of many others."""

import io
import json
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from masklet.errors import CheckpointError
from masklet.weights.dialects import huggingface_tensors
from masklet.weights.read import CONFIG_KEY, read

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}


def saved(folder, document):
    path = folder / "model.pt"
    torch.save(document, path)
    return path


@pytest.mark.parametrize(
    "document",
    [
        {"model": TENSORS},
        TENSORS,
        {"model": TENSORS, "optimizer": {"state": {}, "lr": 0.1}, "epoch": 3, "scaler": None},
    ],
    ids=["official", "bare", "training"],
)
def test_a_torch_file_gives_its_tensors(document, tmp_path, same_tensors):
    checkpoint = read(saved(tmp_path, document))
    assert same_tensors(dict(checkpoint.tensors), TENSORS)
    assert checkpoint.config is None


def test_a_safetensors_file_gives_its_tensors(tmp_path, same_tensors):
    save_file(TENSORS, tmp_path / "model.safetensors")
    assert same_tensors(dict(read(tmp_path / "model.safetensors").tensors), TENSORS)


def test_the_content_decides_and_not_the_suffix(tmp_path, same_tensors):
    save_file(TENSORS, tmp_path / "model.pt")
    assert same_tensors(dict(read(tmp_path / "model.pt").tensors), TENSORS)


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_writing_into_tensors_leaves_the_file_alone(suffix, tmp_path):
    path = tmp_path / f"model.{suffix}"
    torch.save(TENSORS, path) if suffix == "pt" else save_file(TENSORS, path)
    before = path.read_bytes()
    read(path).tensors["a"].zero_()
    assert path.read_bytes() == before


def test_our_own_files_carry_their_config(small, tmp_path):
    text = small.config.to_json()
    save_file(TENSORS, tmp_path / "model.safetensors", metadata={"config": text})
    assert read(tmp_path / "model.safetensors").config == small.config
    assert read(saved(tmp_path, {"model": TENSORS, CONFIG_KEY: text})).config == small.config


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "{}", '{"trunk": {}, "memory": {}}', '{"trunk": 1, "memory": 2}']
)
def test_a_config_that_cannot_be_understood_is_refused(text, tmp_path):
    save_file(TENSORS, tmp_path / "model.safetensors", metadata={"config": text})
    with pytest.raises(
        CheckpointError, match=r"carries a config that cannot be understood: .*Update"
    ):
        read(tmp_path / "model.safetensors")


class Payload:
    """Pickles into a call that makes a file."""

    def __init__(self, made):
        self.made = made

    def __reduce__(self):
        return open, (str(self.made), "w")


def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path):
    made = tmp_path / "made by the payload"
    pickle.loads(pickle.dumps(Payload(made))).close()
    assert made.exists(), "the payload must work, or the test shows nothing"
    made.unlink()
    path = saved(tmp_path, {"model": TENSORS, "extra": Payload(made)})
    with pytest.raises(
        CheckpointError, match=r"was refused: .*it asks for io.open, .*could run code"
    ):
        read(path)
    assert not made.exists()


def test_a_malicious_bare_pickle_is_refused_and_does_not_run(tmp_path):
    made = tmp_path / "made by the payload"
    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps({"model": Payload(made)}))
    with pytest.raises(CheckpointError, match="It is a bare pickle, which may run anything"):
        read(path)
    assert not made.exists()


def test_a_malicious_pickle_inside_a_made_up_archive_does_not_run(tmp_path):
    made = tmp_path / "made by the payload"
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(Payload(made), protocol=2))
        archive.writestr("model/version", "3\n")
        archive.writestr("model/byteorder", "little")
    with pytest.raises(CheckpointError, match="was refused"):
        read(path)
    assert not made.exists()


def test_a_path_without_a_file_is_named(tmp_path):
    with pytest.raises(
        CheckpointError, match=r"none\.pt cannot be read: No such file .*Check the path"
    ):
        read(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty; expected a checkpoint. Was its download broken off"),
        (b"hello, I am a text", r"is no checkpoint: it starts with b'hello, .*Check the path"),
        (b"\xff\xd8\xff\xe0", "expected a .pt file as torch has written it since version 1.6"),
        (b"version https://git-lfs.github.com/spec/v1", "It is a pointer of Git LFS"),
        (b"\n<!DOCTYPE html><html>", "It is a web page: give the address of the file itself"),
        (b"PK\x03\x04 and then nothing", "is truncated or damaged: .*Fetch or export it again"),
        (b"\x40\0\0\0\0\0\0\0{", "is truncated or damaged: .*whole safetensors file"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff{", "is truncated or damaged"),
        (b"\x02\0\0\0\0\0\0\0{}extra", "is truncated or damaged"),
    ],
    ids=["empty", "text", "jpeg", "lfs", "html", "zip", "safetensors", "huge header", "longer"],
)
def test_what_is_no_checkpoint_is_refused(content, expected, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=expected):
        read(path)


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(suffix, kept, tmp_path):
    path = tmp_path / f"model.{suffix}"
    tensors = {"a": torch.zeros(1000), "b": torch.zeros(1000)}
    torch.save({"model": tensors}, path) if suffix == "pt" else save_file(tensors, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(CheckpointError, match="is truncated or damaged"):
        read(path)


def test_an_archive_whose_pickle_is_damaged_is_refused(tmp_path):
    whole = io.BytesIO()
    torch.save(TENSORS, whole)
    with zipfile.ZipFile(whole) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, b"\x80\x02]q\x00." if name.endswith("pkl") else content)
    with pytest.raises(CheckpointError, match="holds a list; expected"):
        read(path)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([1, 2], r'holds a list; expected {"model": weights} or the weights themselves'),
        ({}, "holds a dict of nothing"),
        ({"model": {}}, "holds a dict of 'model'"),
        ({"state": 1, "step": 2}, "holds 'state', which is int; expected names of floating-point"),
        ({"a": torch.zeros(2), "step": 2}, "holds 'step', which is int"),
        ({"a": torch.zeros(2, dtype=torch.int64)}, "holds 'a', which is torch.int64"),
        ({3: torch.zeros(2)}, "holds 3, which is torch.float32"),
        ({"a": torch.zeros(2, 2).to_sparse()}, "holds 'a'"),
    ],
)
def test_a_document_without_weights_is_refused(document, expected, tmp_path):
    with pytest.raises(CheckpointError, match=expected):
        read(saved(tmp_path, document))


@pytest.fixture
def folder(small, tmp_path):
    """A model as transformers writes it, but for its config, which has no such width."""
    tensors = huggingface_tensors(small.state_dict())
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    return tmp_path


def shard(folder):
    """Split the folder's weights over two files."""
    whole = folder / "model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in read_raw(whole).items()}
    names = sorted(tensors)
    places = {
        name: f"model-0000{1 + (number % 2)}-of-00002.safetensors"
        for number, name in enumerate(names)
    }
    whole.unlink()
    for place in set(places.values()):
        save_file({name: tensors[name] for name in names if places[name] == place}, folder / place)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return index


def read_raw(path):
    from safetensors.torch import load_file

    return load_file(path)


def test_a_folder_gives_official_names(folder, small, same_tensors):
    checkpoint = read(folder)
    assert same_tensors(dict(checkpoint.tensors), small.state_dict())
    assert checkpoint.config is None


def test_a_file_with_foreign_names_gives_official_ones(folder, small, same_tensors):
    checkpoint = read(folder / "model.safetensors")
    assert same_tensors(dict(checkpoint.tensors), small.state_dict())


def test_a_folder_in_parts_gives_the_same(folder, small, same_tensors):
    shard(folder)
    assert same_tensors(dict(read(folder).tensors), small.state_dict())


def test_a_folder_says_what_it_is(folder):
    (folder / "config.json").write_text('{"model_type": "sam2_video", "image_size": 512}')
    assert read(folder).config.image_size == 512


def test_a_folder_with_a_missing_part_is_refused(folder):
    shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(
        CheckpointError, match=r"names model-00002-of-00002.safetensors, which is not"
    ):
        read(folder)


@pytest.mark.parametrize(
    "places", [{"a": "../elsewhere.safetensors"}, {"a": "/etc/passwd"}, {"a": 3}, [], None]
)
def test_an_index_cannot_lead_out_of_its_folder(places, folder):
    index = shard(folder)
    index.write_text(json.dumps({"weight_map": places}))
    with pytest.raises(CheckpointError, match="names no files beside it; expected a weight_map"):
        read(folder)


@pytest.mark.parametrize(
    ("text", "expected"), [("{", "is not JSON: "), ("[1]", "holds a list; expected a JSON object")]
)
def test_a_config_that_is_no_object_is_refused(text, expected, folder):
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=f"config.json {expected}"):
        read(folder)


def test_a_folder_of_anything_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"has neither model\.safetensors nor its index"):
        read(tmp_path)
