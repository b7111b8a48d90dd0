"""Sources, objects and frames are drawn by the law that they should be drawn by."""

import pytest
import torch

from masklet.data.sampling import (
    SamplingOptions,
    Tables,
    draw_items,
    draw_windows,
    item_weights,
    object_weights,
    seed_of,
)
from tests.data.coded_clips import draws

PLAIN = SamplingOptions(parent_chance=0.0)


def tables(seen, weights=None, parents=None, last=None, count=400):
    """The same item many times; `seen` by object and frame."""
    seen = torch.tensor(seen, dtype=torch.bool)
    objects, frames = seen.shape
    weights = torch.tensor([1.0] * objects if weights is None else weights)
    parents = torch.tensor([-1] * objects if parents is None else parents)
    last = torch.tensor([frames - 1] * objects if last is None else last)
    return Tables(*(each.expand(count, *each.shape) for each in (weights, parents, seen, last)))


def drawn(made, length=1, objects=1, options=PLAIN):
    return draw_windows(made, length=length, objects=objects, options=options, draws=draws())


@pytest.mark.parametrize(("power", "share"), [(0.0, 0.5), (0.5, 1 / 3), (1.0, 0.2)])
def test_small_sources_are_drawn_more_often_than_in_proportion(power, share):
    source = torch.tensor([0] * 8 + [1] * 2)
    weights = item_weights(source, torch.ones(10, dtype=torch.bool), power)
    picked = draw_items(weights, 4000, draws())
    assert abs((picked >= 8).float().mean() - share) < 0.03
    assert len(picked.unique()) == 10


def test_items_that_cannot_be_drawn_count_for_nothing():
    source = torch.tensor([0, 0, 0, 0, 1])
    can = torch.tensor([True, False, False, False, True])
    weights = item_weights(source, can, 0.5)
    assert weights.tolist() == [1, 0, 0, 0, 1]
    assert set(draw_items(weights, 200, draws()).tolist()) == {0, 4}


def test_every_size_is_as_likely_and_regions_less_so():
    shares, kinds = [0.3, 0.01, 0.011, 0.012, 0.3], ["part"] * 4 + ["region"]
    weights = object_weights(shares, kinds, 1 / 3)
    assert weights == pytest.approx([1 / 2, 1 / 3, 1 / 3, 1 / 3, 1 / 6])
    window = drawn(tables([[True]] * 5, weights=weights))
    assert 0.2 < (window.objects_VK == 0).float().mean() < 0.4


def test_objects_are_different_and_missing_ones_are_told():
    window = drawn(tables([[True]] * 3), objects=5)
    assert (window.objects_VK[:, :3].sort(dim=1).values == torch.arange(3)).all()
    assert (window.objects_VK[:, 3:] == -1).all()
    assert (window.objects_VK[:, 0] >= 0).all()


def test_objects_of_no_weight_are_never_drawn():
    window = drawn(tables([[True]] * 3, weights=[1.0, 0.0, 1.0]), objects=3)
    assert not (window.objects_VK == 1).any()
    assert (window.objects_VK[:, 2] == -1).all()


def test_a_clip_begins_where_its_first_object_is_seen_and_ends_where_it_is_still_known():
    seen = [[False, True, False, True, True, True, False, False]]
    window = drawn(tables(seen, last=[5]), length=3)
    assert sorted(window.frames_VT[:, 0].unique().tolist()) == [1, 3]
    assert window.frames_VT.diff(dim=1).unique().tolist() == [1]


def test_other_objects_are_seen_on_the_first_frame_too():
    seen = [[True, True, True, True], [False, False, True, True]]
    window = drawn(tables(seen), length=2, objects=2)
    both = window.objects_VK[:, 1] >= 0
    assert torch.equal(both, window.frames_VT[:, 0] == 2)
    assert both.any()
    assert not both.all()


def test_strides_grow_as_far_as_there_is_room():
    options = SamplingOptions(parent_chance=0.0, most_stride=3)
    window = drawn(tables([[True] * 7]), length=3, options=options)
    strides = window.frames_VT.diff(dim=1)
    assert torch.equal(strides[:, 0], strides[:, 1])
    assert sorted(strides.unique().tolist()) == [1, 2, 3]
    assert window.frames_VT.max() == 6
    assert (window.frames_VT[strides[:, 0] == 3, 0] == 0).all()


def test_parents_come_with_their_parts():
    made = tables([[True]] * 4, weights=[1.0, 0.0, 1.0, 1.0], parents=[1, -1, -1, -1])
    window = drawn(made, objects=2, options=SamplingOptions(parent_chance=0.5))
    leads_part = window.objects_VK[:, 0] == 0
    with_parent = window.objects_VK[:, 1] == 1
    assert not (with_parent & ~leads_part).any()
    assert 0.3 < with_parent[leads_part].float().mean() < 0.7
    single = drawn(made, objects=1, options=SamplingOptions(parent_chance=1.0))
    assert not (single.objects_VK == 1).any()


def test_a_parent_is_not_drawn_twice_nor_where_it_is_hidden():
    always = SamplingOptions(parent_chance=1.0)
    twice = drawn(tables([[True]] * 2, parents=[1, -1]), objects=3, options=always)
    assert (twice.objects_VK.sort(dim=1).values == torch.tensor([-1, 0, 1])).all()
    hidden = drawn(tables([[True], [False]], parents=[1, -1]), objects=2, options=always)
    assert (hidden.objects_VK == torch.tensor([0, -1])).all()


def test_seeds_depend_on_every_number_and_their_order():
    seeds = {seed_of(*numbers) for numbers in [(0, 1), (1, 0), (0, 1, 0), (0, 2), (1, 1), (11,)]}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(3, 4) == seed_of(3, 4)
