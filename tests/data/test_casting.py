"""Who moves, with what, and what is known of the others."""

import torch

from masklet.data.casting import MotionOptions, draw_cast
from tests.data.coded_clips import blobs, coded, draws

ALONE = MotionOptions(mover=1.0, elsewhere=0.0, twin=0.0, occluder=0.0)


def scene(count=1):
    """A large square, a small one within it, one beside it, and one that overlaps it."""
    masks = torch.zeros(count, 1, 4, 40, 40, dtype=torch.bool)
    masks[:, 0, 0, 4:24, 4:24] = True
    masks[:, 0, 1, 8:12, 8:12] = True
    masks[:, 0, 2, 30:38, 30:38] = True
    masks[:, 0, 3, 10:20, 20:32] = True
    return masks


def only(objects, **options):
    """The cast of many pictures whose objects are some of the scene."""
    raw = coded(scene(20)[:, :, objects])
    return draw_cast(raw, MotionOptions(**{"mover": 1.0, "elsewhere": 0.0} | options), draws())


def test_parts_move_with_a_thing_and_others_stay():
    cast = only([0, 1, 2])
    leads_large = cast.mover_VCHW[:, 4].sum(dim=(1, 2)) == 400
    assert 8 < leads_large.sum() < 20
    assert cast.known_VK[leads_large].all()
    riders = cast.mover_VCHW[leads_large, 5:].sum(dim=(2, 3))
    assert riders.unique(dim=0).tolist() == [[400.0, 16.0, 0.0]]
    standing = cast.background_VCHW[leads_large, 3:].sum(dim=(2, 3))
    assert standing.unique(dim=0).tolist() == [[0.0, 0.0, 64.0]]


def test_what_overlaps_with_a_mover_is_not_known():
    cast = only([0, 3])
    large = cast.mover_VCHW[:, 4].sum(dim=(1, 2)) == 400
    assert cast.known_VK[large].unique(dim=0).tolist() == [[True, False]]
    assert cast.known_VK[~large].unique(dim=0).tolist() == [[False, True]]


def test_a_part_seldom_leads():
    leads = only([0, 1]).mover_VCHW[:, 4].sum(dim=(1, 2))
    assert (leads == 400).float().mean() > 0.7


def test_before_another_picture_nothing_else_is_known():
    cast = only([0, 1, 2], elsewhere=1.0)
    large = cast.mover_VCHW[:, 4].sum(dim=(1, 2)) == 400
    assert cast.known_VK[large].unique(dim=0).tolist() == [[True, True, False]]
    assert cast.background_VCHW[:, 3:].sum() == 0


def test_nothing_leads_that_is_too_small_or_not_known():
    raw = coded(scene()[:, :, [1]])
    assert not draw_cast(
        raw, MotionOptions(mover=1.0, sizes=(0.02, 0.5)), draws()
    ).has_mover_V.any()
    raw.known_VTK[:] = False
    cast = draw_cast(raw, ALONE, draws())
    assert not cast.has_mover_V.any()
    assert not cast.known_VK.any()
    assert torch.equal(cast.background_VCHW[:, 3:] > 0.5, raw.masks_VTKHW[:, 0])


def test_a_single_picture_has_no_others():
    raw = coded(blobs(clips=1, length=1))
    everything = MotionOptions(mover=1.0, elsewhere=1.0, twin=1.0, occluder=1.0)
    cast = draw_cast(raw, everything, draws())
    assert cast.has_twin_V.all()
    assert not cast.has_occluder_V.any()
    assert cast.background_VCHW[:, :3].sum() < raw.frames_VT3HW.sum() / 255


def test_shares_of_what_happens_are_those_of_the_options():
    raw = coded(blobs(clips=300, length=1))
    cast = draw_cast(raw, MotionOptions(mover=0.5, twin=0.5, occluder=0.25), draws())
    assert 0.4 < cast.has_mover_V.float().mean() < 0.6
    assert 0.18 < cast.has_twin_V.float().mean() < 0.32
    assert 0.18 < cast.has_occluder_V.float().mean() < 0.32
    assert not (cast.has_twin_V & ~cast.has_mover_V).any()
