"""Everything that can be used is stored, and what cannot be is told; a file brings it back."""

from pathlib import Path

import numpy as np
import pytest
import torch

from masklet.data.readings import contents_of, origin_of, read_clip
from masklet.data.records import Dataset, Problem
from masklet.data.shelf import KINDS, fill_shelf
from masklet.data.shelf_file import load_shelf, request_of, save_shelf
from masklet.errors import DatasetError, OutputError
from tests.data.made_sets import odd_dataset, picture_pack, tiny_dataset

CPU = torch.device("cpu")


def filled(datasets, side=32, smallest=1.0, workers=0, progress=lambda done, total: None):
    return fill_shelf(datasets, side=side, smallest=smallest, workers=workers, progress=progress)


def test_a_shelf_holds_pictures_and_clips_with_all_their_masks(tmp_path):
    pack, tiny = picture_pack(tmp_path), tiny_dataset()
    told = []
    shelf = filled([pack, tiny], progress=lambda *counts: told.append(counts))
    assert shelf.names[:2] + shelf.names[10:] == ("000000", "000001", "alone", "behind", "late")
    assert shelf.sources == ("many", "few", "tiny")
    assert shelf.length_I.tolist() == [1] * 10 + [8, 10, 12]
    assert shelf.objects_I.tolist() == [3] * 8 + [1] * 2 + [1, 2, 3]
    assert [KINDS[kind] for kind in shelf.kind_O[:3]] == ["instance", "part", "region"]
    assert shelf.parent_O[:4].tolist() == [-1, 0, -1, -1]
    assert told[0] == (1, 13)
    assert told[-1] == (13, 13)
    assert shelf.problems == ()
    # The second object of "behind", on its frame 5.
    clip = tiny.items[1]
    contents = contents_of(clip, origin_of(clip, "tiny"), side=32, smallest=1)
    read = read_clip(clip, contents, frames=[5], objects=[1], side=32)
    mask = shelf.first_mask_O[shelf.first_object_I[11] + 1] + 5
    bits = np.unpackbits(shelf.bits_MSC[mask].numpy(), axis=-1, bitorder="little")
    assert torch.equal(torch.from_numpy(bits).bool(), read.masks_VTKHW[0, 0, 0])
    frame = shelf.frames_P3SS[shelf.first_frame_I[11] + 5]
    assert torch.equal(frame, read.frames_VT3HW[0, 0])
    hidden = shelf.first_mask_O[shelf.first_object_I[11]] + 5
    assert shelf.known_M[hidden]
    assert not shelf.seen_M[hidden]


def test_its_bytes_are_those_of_its_tensors(tmp_path):
    shelf = filled([picture_pack(tmp_path)])
    pictures, masks = 10 * 3 * 32 * 32, 26 * 32 * 4
    assert pictures + masks < shelf.bytes < pictures + masks + 5000
    assert shelf.to("cpu").bytes == shelf.bytes


def test_other_processes_read_the_same(tmp_path):
    pack = picture_pack(tmp_path, damaged=("000003",))
    here, there = filled([pack]), filled([pack], workers=1)
    for name, value in here.tensors().items():
        assert torch.equal(value, there.tensors()[name]), name
    assert here.problems == there.problems
    assert here.names == there.names


def test_what_is_broken_is_left_out_and_told(tmp_path):
    pack = picture_pack(tmp_path, damaged=("000003", "000009"))
    shelf = filled([pack, odd_dataset()], smallest=250.0)
    assert "000003" not in shelf.names
    assert [(problem.item, problem.where) for problem in shelf.problems] == [
        ("000003", "train"),
        ("000009", "train"),
        ("odd", "odd ones"),
    ]
    assert "cannot be read as a picture" in shelf.problems[0].what
    assert "a mask of it 30x20" in shelf.problems[2].what
    # Of each of the seven pictures the part is too small.
    assert shelf.specks == 7


def test_data_without_masks_and_senseless_sides_are_refused(tmp_path):
    with pytest.raises(
        DatasetError, match=r"none of 1 items can be used \(odd: odd ones: .*\); expected pictures"
    ):
        filled([odd_dataset()])
    with pytest.raises(
        DatasetError, match=r"none of 0 items can be used; expected pict.* Check the"
    ):
        filled([Dataset("empty", Path(), "own", ())])
    with pytest.raises(
        DatasetError, match=r"with a side of 36; expected a multiple of 8, .*another"
    ):
        filled([picture_pack(tmp_path)], side=36)


def test_a_file_brings_everything_back(tmp_path):
    pack = picture_pack(tmp_path, damaged=("000003",))
    shelf, path = filled([pack]), tmp_path / "shelf.safetensors"
    save_shelf(shelf, path, "mine")
    back = load_shelf(path, "mine", CPU)
    for name, value in shelf.tensors().items():
        assert torch.equal(value, back.tensors()[name]), name
    assert (back.names, back.sources, back.specks) == (shelf.names, shelf.sources, shelf.specks)
    assert back.problems == shelf.problems
    assert isinstance(back.problems[0], Problem)


def test_a_file_of_something_else_or_none_is_nothing(tmp_path):
    path = tmp_path / "shelf.safetensors"
    assert load_shelf(path, "mine", CPU) is None
    save_shelf(filled([picture_pack(tmp_path)]), path, "mine")
    assert load_shelf(path, "another's", CPU) is None
    path.write_bytes(path.read_bytes()[:-100])
    assert load_shelf(path, "mine", CPU) is None
    path.write_bytes(b"no safetensors")
    assert load_shelf(path, "mine", CPU) is None


def test_files_of_other_programs_are_nothing(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "model.safetensors"
    for metadata in (None, {"masklet": "[1]"}, {"masklet": "no json"}):
        save_file({"a": torch.zeros(2)}, path, metadata=metadata)
        assert load_shelf(path, "mine", CPU) is None


def test_a_place_where_nothing_can_be_written_is_told(tmp_path):
    shelf = filled([picture_pack(tmp_path)])
    with pytest.raises(OutputError, match="could not be written"):
        save_shelf(shelf, tmp_path / "no folder" / "shelf.safetensors", "mine")


def test_requests_differ_with_everything_that_matters(tmp_path):
    (tmp_path / "b").mkdir()
    pack, other = picture_pack(tmp_path), picture_pack(tmp_path / "b", damaged=("000001",))
    requests = [
        request_of([pack], side=32, smallest=1.0),
        request_of([pack], side=40, smallest=1.0),
        request_of([pack], side=32, smallest=2.0),
        request_of([other], side=32, smallest=1.0),
        request_of([pack, tiny_dataset()], side=32, smallest=1.0),
    ]
    assert len(set(requests)) == 5
    assert request_of([picture_pack(tmp_path)], side=32, smallest=1.0) == requests[0]
