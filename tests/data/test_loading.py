"""A loader goes on where it stopped, passes over what is broken, and follows the law of sampling."""

import logging
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
import torch

from masklet.data.batches import areas
from masklet.data.loading import ClipLoader, LoadingOptions, Position
from masklet.data.records import Dataset
from masklet.data.resident import ResidentStore, StoreOptions
from masklet.data.sampling import SamplingOptions
from masklet.errors import DatasetError
from tests.data.coded_clips import generator
from tests.data.made_sets import odd_dataset, picture_pack, tiny_dataset, video_pack


def loader_of(*datasets, position=None, **changes):
    options = {"side": 32, "batch": 3, "objects": 2} | changes
    return ClipLoader(datasets, LoadingOptions(**options), position=position)


def taken(loader, count):
    return list(islice(loader, count))


def assert_equal(some, others):
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        assert one.names == other.names
        assert torch.equal(one.frames_VT3HW, other.frames_VT3HW)
        assert torch.equal(one.masks_VTKHW, other.masks_VTKHW)
        assert torch.equal(one.known_VTK, other.known_VTK)


def test_batches_have_the_asked_shape_and_missing_objects_are_not_known(tmp_path):
    (batch,) = taken(loader_of(picture_pack(tmp_path), objects=4), 1)
    assert batch.frames_VT3HW.shape == (3, 1, 3, 32, 32)
    assert batch.masks_VTKHW.shape == (3, 1, 4, 32, 32)
    assert not batch.known_VTK[..., 3].any()
    clips = taken(loader_of(tiny_dataset(), length=5), 1)[0]
    assert clips.frames_VT3HW.shape == (3, 5, 3, 32, 32)


def test_a_run_that_goes_on_sees_what_the_first_one_would_have_seen(tmp_path):
    datasets = picture_pack(tmp_path), tiny_dataset()
    whole = loader_of(*datasets, batch=4)
    assert whole.steps_per_epoch == 3
    batches, positions = [], []
    for batch in islice(whole, 8):
        batches.append(batch)
        positions.append(whole.position)
    assert positions[:4] == [Position(0, 1), Position(0, 2), Position(1, 0), Position(1, 1)]
    resumed = loader_of(*datasets, batch=4, position=positions[3])
    assert_equal(taken(resumed, 4), batches[4:])
    assert resumed.position == positions[-1]
    # Iterating again goes on, too.
    assert_equal(taken(whole, 1), taken(loader_of(*datasets, batch=4, position=positions[-1]), 1))


def test_epochs_and_seeds_and_ranks_differ(tmp_path):
    pack = picture_pack(tmp_path)
    runs = [
        taken(loader_of(pack, batch=8, **changes), 1)[0].names
        for changes in ({}, {"seed": 1}, {"rank": 1, "ranks": 2}, {"position": Position(1, 0)})
    ]
    assert len(set(runs)) == 4
    assert loader_of(pack, batch=2, ranks=2).steps_per_epoch == 2


def test_processes_that_read_ahead_change_nothing(tmp_path):
    pack = picture_pack(tmp_path, damaged=("000002",))
    alone, helped = loader_of(pack, batch=2), loader_of(pack, batch=2, workers=1)
    assert_equal(taken(alone, 5), taken(helped, 5))
    assert helped.position == alone.position
    assert helped.skipped == alone.skipped


def test_an_item_that_cannot_be_decoded_is_passed_over_counted_and_told(tmp_path, caplog):
    damaged = ("000001", "000004")
    pack = picture_pack(tmp_path, damaged=damaged)
    with caplog.at_level(logging.WARNING, "masklet.data.loading"):
        loader = loader_of(pack, batch=5)
        batches = taken(loader, 12)
    names = Counter(name for batch in batches for name in batch.names)
    assert sum(names.values()) == 60
    assert not names.keys() & set(damaged)
    assert set(loader.problems) == {f"train: {key}" for key in damaged}
    assert loader.skipped > 2
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert all("left out of training" in line and "cannot be read" in line for line in told)
    again = loader_of(pack, batch=5)
    assert_equal(taken(again, 12), batches)


def test_only_the_places_of_broken_items_are_filled_anew(tmp_path):
    (tmp_path / "b").mkdir()
    sound = taken(loader_of(picture_pack(tmp_path), batch=6), 3)
    broken = taken(loader_of(picture_pack(tmp_path / "b", damaged=("000001",)), batch=6), 3)
    before = [name for batch in sound for name in batch.names]
    after = [name for batch in broken for name in batch.names]
    changed = {one for one, other in zip(before, after, strict=True) if one != other}
    assert changed == {"000001"}


def test_specks_are_counted_by_item(tmp_path):
    loader = loader_of(picture_pack(tmp_path), smallest=250.0, batch=16)
    taken(loader, 4)
    assert loader.specks == {f"train: {number:06d}": 1 for number in range(8)}


def test_clips_that_are_too_short_are_not_drawn_or_told():
    loader = loader_of(tiny_dataset(), length=11, batch=2)
    assert set(taken(loader, 3)[2].names) == {"late"}
    with pytest.raises(
        DatasetError, match=r"none of 3 items has 13 annotated frames; expected one"
    ):
        loader_of(tiny_dataset(), length=13)


class Gappy:
    """A clip whose object is annotated for two frames only."""

    def __init__(self, clip):
        self.name, self.annotated, self._clip = "gappy", clip.annotated, clip

    def truth(self, frame_index):
        from masklet.data.records import FrameTruth

        return self._clip.truth(frame_index) if frame_index < 2 else FrameTruth({})

    def open(self):
        return self._clip.open()


def test_a_clip_that_is_annotated_too_shortly_is_passed_over():
    clips = tiny_dataset().items
    dataset = Dataset("tiny", Path(), "generated", (clips[0], Gappy(clips[0])))
    loader = loader_of(dataset, length=4, batch=4)
    assert {name for batch in taken(loader, 3) for name in batch.names} == {"alone"}
    assert "object of gappy is annotated has 2 frames; expected 4" in str(
        loader.problems["tiny: gappy"]
    )


def test_data_none_of_which_can_be_used_end_the_run():
    loader = loader_of(odd_dataset())
    with pytest.raises(
        DatasetError,
        match=r"100 items in a row .*a mask of it 30x20.*\); expected data .*data check`",
    ):
        taken(loader, 1)
    assert loader.skipped == 300


def test_pictures_whose_annotations_are_broken_belong_to_the_dataset(tmp_path):
    pack = picture_pack(tmp_path)
    path = pack.items[0].annotations.path
    data = path.read_bytes()
    offset = pack.items[0].annotations.offset
    path.write_bytes(data[:offset] + b"}" + data[offset + 1 :])
    loader = loader_of(pack, batch=8)
    names = {name for batch in taken(loader, 4) for name in batch.names}
    assert "000000" not in names
    assert "train: 000000" in loader.problems


def statistics(batches):
    """Names, and the mean area, number and kind of objects (told by their sizes)."""
    names = Counter(name for batch in batches for name in batch.names)
    total = sum(names.values())
    masks = torch.cat([batch.masks_VTKHW.flatten(0, 1) for batch in batches])
    known = torch.cat([batch.known_VTK.flatten(0, 1) for batch in batches])
    sizes = areas(masks)
    lead = sizes[:, 0]
    return {
        "area": float(sizes[known].mean()) / 1000,
        "lead area": float(lead.mean()) / 1000,
        "objects": float(known.float().mean()),
        "few": (names["000008"] + names["000009"]) / total,
        "videos": names["dog"] / total,
        "parts": float((lead < 100).float().mean()),
        "regions": float(((lead > 400) & (lead < 550)).float().mean()),
    }


def test_the_store_and_the_loader_give_the_same_statistics(tmp_path):
    datasets = picture_pack(tmp_path), video_pack(tmp_path)
    sampling = SamplingOptions(parent_chance=0.3)
    loader = loader_of(*datasets, batch=900, objects=2, sampling=sampling)
    store = ResidentStore.build(datasets, StoreOptions(side=32, sampling=sampling), device="cpu")
    loaded = statistics(taken(loader, 1))
    resident = statistics([store.sample(900, objects=2, generator=generator())])
    assert loaded == pytest.approx(resident, abs=0.06)
    assert loaded["few"] > 0.15
    assert loaded["regions"] > 0.03


def test_store_and_loader_give_the_same_clips_of_a_video(tmp_path):
    pack = video_pack(tmp_path)
    loader = loader_of(pack, batch=150, objects=1, length=3)
    store = ResidentStore.build([pack], StoreOptions(side=32), device="cpu")
    loaded, resident = (
        taken(loader, 1)[0],
        store.sample(150, objects=1, length=3, generator=generator()),
    )
    visible = [areas(clips.masks_VTKHW)[:, :, 0].mean(dim=0) for clips in (loaded, resident)]
    torch.testing.assert_close(visible[0], visible[1], rtol=0.15, atol=0)
