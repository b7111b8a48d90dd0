"""What a resident store gives is what is in the data, by the law of sampling."""

from collections import Counter

import pytest
import torch

from masklet.data.batches import areas
from masklet.data.readings import contents_of, origin_of, read_clip
from masklet.data.resident import ResidentStore, StoreOptions
from masklet.data.sampling import SamplingOptions
from masklet.errors import DatasetError
from tests.data.coded_clips import generator
from tests.data.made_sets import picture_pack, tiny_dataset


def store_of(*datasets, side=32, **sampling):
    options = StoreOptions(side=side, sampling=SamplingOptions(**sampling))
    return ResidentStore.build(datasets, options, device="cpu")


def test_a_clip_of_the_store_is_a_stretch_of_the_video():
    tiny = tiny_dataset()
    clips = store_of(tiny).sample(12, objects=3, length=4, generator=generator())
    by_name = {item.name: item for item in tiny.items}
    for number, name in enumerate(clips.names):
        item = by_name[name]
        contents = contents_of(item, origin_of(item, "tiny"), side=32, smallest=1)
        everything = read_clip(
            item,
            contents,
            frames=range(len(contents.frames)),
            objects=range(len(contents.kinds)),
            side=32,
        )
        frames = everything.frames_VT3HW[0]
        (start,) = (
            start
            for start in range(len(frames) - 3)
            if torch.equal(frames[start : start + 4], clips.frames_VT3HW[number])
        )
        truth = everything.masks_VTKHW[0, start : start + 4]
        known = clips.known_VTK[number].all(dim=0)
        assert torch.equal(known, clips.known_VTK[number].any(dim=0))
        for mask in clips.masks_VTKHW[number].unbind(1)[: int(known.sum())]:
            assert any(torch.equal(mask, drawn) for drawn in truth.unbind(1))
            assert mask[0].any()
        assert not clips.masks_VTKHW[number][:, ~known].any()
    assert len(set(clips.names)) == 3


def test_pictures_come_from_pictures_and_videos_alike(tmp_path):
    store = store_of(picture_pack(tmp_path), tiny_dataset())
    assert (store.longest, store.device.type) == (12, "cpu")
    names = Counter(store.sample(600, objects=1, generator=generator()).names)
    assert len(names) == 13
    # Sources of 8, 2 and 3 items by the roots of these numbers.
    few = (names["000008"] + names["000009"]) / 600
    assert abs(few - 2**0.5 / (8**0.5 + 2**0.5 + 3**0.5)) < 0.06
    videos = store.sample(50, objects=1, length=9, generator=generator())
    assert set(videos.names) == {"behind", "late"}


def test_objects_are_drawn_by_size_and_kind(tmp_path):
    store = store_of(picture_pack(tmp_path), parent_chance=0.0, source_power=1.0)
    clips = store.sample(800, objects=1, generator=generator())
    is_many = torch.tensor([name < "000008" for name in clips.names])
    sizes = Counter(areas(clips.masks_VTKHW[:, 0, 0])[is_many].tolist())
    shares = {size: count / is_many.sum().item() for size, count in sizes.items()}
    # The whole and the region have an octave of their own each, as has the part.
    assert sorted(shares) == pytest.approx([63, 480, 676])
    part, region, whole = (shares[size] for size in sorted(shares))
    assert abs(region - 1 / 7) < 0.05
    assert abs(part - 3 / 7) < 0.06
    assert abs(whole - 3 / 7) < 0.06


def test_parents_are_asked_for_with_their_parts(tmp_path):
    store = store_of(picture_pack(tmp_path), parent_chance=1.0)
    clips = store.sample(300, objects=2, generator=generator())
    first, second = areas(clips.masks_VTKHW[:, 0]).unbind(1)
    leads_part = first < 100
    assert leads_part.any()
    assert (second[leads_part] > 600).all()


def test_the_generator_decides(tmp_path):
    store = store_of(picture_pack(tmp_path))
    first, again, other = (
        store.sample(5, objects=2, generator=generator(seed)) for seed in (1, 1, 2)
    )
    assert first.names == again.names
    assert torch.equal(first.masks_VTKHW, again.masks_VTKHW)
    assert first.names != other.names


def test_a_cache_is_written_once_and_then_read(tmp_path):
    pack, cache = picture_pack(tmp_path), tmp_path / "cache.safetensors"
    told = []

    def build(side):
        return ResidentStore.build(
            [pack],
            StoreOptions(side=side),
            device="cpu",
            cache=cache,
            progress=lambda done, total: told.append(done),
        )

    first = build(32)
    assert told == list(range(1, 11))
    again = build(32)
    assert told == list(range(1, 11))
    assert again.bytes == first.bytes
    same = [store.sample(6, objects=2, generator=generator(3)) for store in (first, again)]
    assert torch.equal(same[0].masks_VTKHW, same[1].masks_VTKHW)
    build(40)
    assert len(told) == 20


def test_clips_that_are_too_long_are_refused():
    store = store_of(tiny_dataset())
    with pytest.raises(DatasetError, match=r"clips of 13 frames were .* has 12\. Ask for shorter"):
        store.sample(1, objects=1, length=13, generator=generator())
