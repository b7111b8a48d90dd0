"""Files of tensors and a document appear whole, and say when they are not."""

import pytest
import torch
from safetensors.torch import save_file

from masklet.errors import OutputError
from masklet.train.tensor_files import read_document, read_tensors, write_tensors
from tests.tiny import noise
from tests.weights.test_save import small_disk


def test_tensors_of_any_kind_come_back(tmp_path):
    tensors = {
        "part": noise(4, 6)[:, ::2],
        "bool": torch.tensor([True, False]),
        "number": torch.tensor(7),
        "narrow": noise(3).bfloat16(),
        "nothing": torch.empty(0),
        "gradient": noise(2).requires_grad_(),
    }
    write_tensors(tmp_path / "a.safetensors", tensors, {"names": ["Ångström"], "at": None})
    document, read = read_tensors(tmp_path / "a.safetensors")
    assert document == {"names": ["Ångström"], "at": None}
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())
    assert read.keys() == tensors.keys()


def test_others_may_read_what_the_umask_lets_them(tmp_path):
    (tmp_path / "plain").touch()
    write_tensors(tmp_path / "a.safetensors", {}, {})
    usual, ours = ((tmp_path / name).stat().st_mode for name in ("plain", "a.safetensors"))
    assert ours == usual


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {}, {"step": 1})
    with small_disk(1_000), pytest.raises(OutputError, match=r"could not be written: .* Free some"):
        write_tensors(path, {"x": torch.zeros(9_000)}, {"step": 2})
    assert read_document(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("target", ["gone/a.safetensors", "file/a.safetensors"])
def test_a_place_that_is_none_is_an_output_error(target, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"could not be written: .*; expected a folder with room"):
        write_tensors(tmp_path / target, {}, {})


@pytest.mark.parametrize("content", [b"", b"damaged", b"\xff" * 100])
def test_damage_is_a_value_error(content, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        read_tensors(path)


def test_a_file_of_others_is_a_value_error(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="nothing in it says that masklet wrote it"):
        read_document(tmp_path / "a.safetensors")
