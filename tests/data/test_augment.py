"""A batch is what the clips show, changed as the options say, and nothing else."""

from dataclasses import replace

import pytest
import torch

from masklet.data.augment import FROM_SCRATCH, RELEASED, UNCHANGED, augment
from masklet.data.colour import ColourOptions, Jitter
from masklet.data.paste import PasteOptions
from masklet.data.views import ViewOptions
from tests.data.coded_clips import SIDE, blobs, coded, frames_by_clip, generator

PLAIN = ColourOptions(clip=Jitter(), frame=Jitter(), grey=0.0)


def test_without_changes_the_clips_come_out():
    raw = coded(blobs())
    batch = augment(raw, UNCHANGED, side=SIDE, generator=generator())
    torch.testing.assert_close(frames_by_clip(batch), raw.frames_VT3HW.float() / 255)
    assert torch.equal(batch.masks_TBSS, raw.masks_VTKHW.transpose(0, 1).flatten(1, 2))
    assert batch.row_to_frame_TB.tolist() == [
        [0, 0, 0, 2, 2, 2, 4, 4, 4],
        [1, 1, 1, 3, 3, 3, 5, 5, 5],
    ]
    assert batch.known_TB.all()
    assert batch.names == raw.names


@pytest.mark.parametrize("options", [RELEASED, FROM_SCRATCH], ids=["released", "from scratch"])
def test_the_same_generator_gives_the_same_batch(options):
    raw = coded(blobs(clips=4))
    first, again, other = (
        augment(raw, options, side=32, generator=generator(seed)) for seed in (1, 1, 2)
    )
    for field in ("frames_F3SS", "masks_TBSS", "known_TB", "row_to_frame_TB"):
        assert torch.equal(getattr(first, field), getattr(again, field))
    assert not torch.equal(first.frames_F3SS, other.frames_F3SS)
    assert first.frames_F3SS.min() >= 0
    assert first.frames_F3SS.max() <= 1


@pytest.mark.parametrize("options", [RELEASED, FROM_SCRATCH], ids=["released", "from scratch"])
def test_every_row_shows_the_colour_of_its_object(options):
    """Red on the first object of each clip and nothing else, whatever is done with the clip."""
    raw = coded(blobs(clips=8, objects=1))
    options = replace(options, colour=PLAIN, view=replace(options.view, fills_with_others=False))
    batch = augment(raw, options, side=64, generator=generator())
    assert batch.rows > 5
    shown = batch.frames_F3SS[:, 0][batch.row_to_frame_TB]
    # Half of the colour at an edge, and of that half where it is pasted.
    assert (shown[batch.masks_TBSS] > 0.25).all()
    is_red = frames_by_clip(batch)[:, :, 0] > 0.6
    said = torch.zeros_like(is_red)
    for row in range(batch.rows):
        said[batch.row_to_frame_TB[0, row] // 2] |= batch.masks_TBSS[:, row]
    # Copies in mosaics are red and meant by nobody, and what is left of tiny objects is no row.
    assert (said & is_red).sum() > 0.7 * is_red.sum()


def test_some_clips_run_backwards_with_their_masks_and_what_is_known():
    known = torch.ones(40, 3, 1, dtype=torch.bool)
    known[:, 1] = False
    moving = torch.zeros(40, 3, 1, SIDE, SIDE, dtype=torch.bool)
    for time in range(3):
        moving[:, time, :, :5, 10 * time : 10 * time + 5] = True
    raw = coded(moving, known=known)
    options = replace(UNCHANGED, reverse=0.5)
    batch = augment(raw, options, side=SIDE, generator=generator())
    begins_left = batch.masks_TBSS[0, :, 2, 2]
    assert 10 < begins_left.sum() < 30
    assert torch.equal(batch.masks_TBSS[2, :, 2, 22], begins_left)
    assert batch.known_TB.tolist() == [[True] * 40, [False] * 40, [True] * 40]
    assert torch.equal(frames_by_clip(batch)[:, 0, 0, 2, 2] > 0.5, begins_left)


def test_a_clip_whose_object_is_not_there_at_the_end_runs_forwards():
    gone = blobs(clips=10, objects=1)
    gone[:, 1] = False
    batch = augment(coded(gone), replace(UNCHANGED, reverse=1.0), side=SIDE, generator=generator())
    assert batch.masks_TBSS[0].any(dim=(1, 2)).all()
    assert not batch.masks_TBSS[1].any()


def misfits():
    """One clip: an object that fits, one hidden at first, one pixel, nearly all, one not known."""
    masks = torch.zeros(1, 2, 5, 20, 20, dtype=torch.bool)
    masks[:, :, 0, :8, :8] = True
    masks[:, 1, 1, :8, :8] = True
    masks[:, :, 2, 3, 3] = True
    masks[:, :, 3, 1:, :] = True
    known = torch.ones(1, 2, 5, dtype=torch.bool)
    known[:, 0, 4] = False
    return coded(masks[:, :, :3], known=known[:, :, :3]), masks, known


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({}, [0, 2, 3]),
        ({"smallest": 2}, [0, 3]),
        ({"largest": 0.9}, [0, 2]),
        ({"misfits": "keep"}, [0, 1, 2, 3]),
    ],
    ids=["visible", "no specks", "not all of it", "keep"],
)
def test_objects_that_do_not_fit_on_the_first_frame_are_dropped_or_kept(options, rows):
    raw, masks, known = misfits()
    raw = replace(raw, masks_VTKHW=masks, known_VTK=known)
    batch = augment(raw, replace(UNCHANGED, **options), side=20, generator=generator())
    assert torch.equal(batch.masks_TBSS, masks[0][:, rows])
    assert torch.equal(batch.known_TB, known[0][:, rows])


def test_there_may_be_no_rows():
    nothing = torch.zeros(2, 1, 1, 20, 20, dtype=torch.bool)
    for options in (RELEASED, FROM_SCRATCH):
        batch = augment(coded(nothing), options, side=32, generator=generator())
        assert (batch.rows, batch.clips) == (0, 2)


def test_pasted_objects_are_rows_too():
    raw = coded(blobs(clips=6, objects=1))
    options = replace(UNCHANGED, paste=PasteOptions(chance=1.0, most=2, sizes=(0.0, 1.0)))
    batch = augment(raw, options, side=SIDE, generator=generator())
    assert batch.rows > 8
    assert (batch.frames_F3SS[:, 0][batch.row_to_frame_TB][batch.masks_TBSS] > 0.4).all()


def test_pictures_of_another_shape_are_stretched_to_the_square():
    masks = torch.zeros(1, 1, 1, 24, 36, dtype=torch.bool)
    masks[..., :12, :12] = True
    batch = augment(coded(masks), UNCHANGED, side=48, generator=generator())
    assert batch.masks_TBSS[0, 0, :24, :16].all()
    assert batch.masks_TBSS.sum() == 24 * 16


def test_a_view_of_the_released_recipe_is_the_default():
    assert RELEASED.view == ViewOptions(mirror=0.5, turn=25.0, lean=20.0, scale=(1.0, 1.0))
    assert RELEASED.paste.chance == 0
