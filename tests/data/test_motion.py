"""Pictures set in motion: masks are exactly what is visible, and things hide and have twins."""

import pytest
import torch

from masklet.data.batches import areas
from masklet.data.motion import MotionOptions, animate
from masklet.errors import DatasetError
from tests.data.coded_clips import blobs, coded, generator

QUIET = {"elsewhere": 0.0, "twin": 0.0, "occluder": 0.0, "smear": 0.0, "drift": 0.0}


def animated(raw, length=5, seed=0, **options):
    return animate(raw, length=length, options=MotionOptions(**options), generator=generator(seed))


def small_blobs(clips=12):
    """Three things side by side, the third within the first."""
    masks = torch.zeros(clips, 1, 3, 64, 64, dtype=torch.bool)
    masks[:, :, 0, 12:36, 10:30] = True
    masks[:, :, 1, 38:54, 40:56] = True
    masks[:, :, 2, 18:28, 14:24] = True
    return masks


@pytest.mark.parametrize("leaving", [0.0, 1.0])
@pytest.mark.parametrize("mover", [0.0, 1.0])
def test_masks_are_what_has_the_colour_of_the_object(mover, leaving):
    clips = animated(coded(small_blobs()), **QUIET, mover=mover, leaving=leaving)
    colours = clips.frames_VT3HW.float() / 255
    masks = clips.masks_VTKHW[:, :, :3]
    # Where the part moves, nothing is known of the whole.
    assert clips.known_VTK[:, :, 0].float().mean() > 0.6
    known = clips.known_VTK[:, :, :3, None, None]
    # Edges are soft: half of the colour at half of a pixel. The mover covers what it passes.
    assert (colours[masks] > 0.2).all()
    assert not ((colours > 0.75) & known & ~masks).any()
    assert masks[:, 0].any(dim=(2, 3)).float().mean() > 0.8


def test_a_still_camera_and_no_mover_show_the_same_again_and_again():
    still = {"way": 0.0, "turn": 0.0, "growth": 0.0, "camera_way": 0.0, "tilt": 0.0, "bend": 0.0}
    clips = animated(coded(small_blobs()), **QUIET, **still, mover=0.0)
    assert torch.equal(clips.frames_VT3HW[:, 0], clips.frames_VT3HW[:, 4])
    assert torch.equal(clips.masks_VTKHW[:, 0], clips.masks_VTKHW[:, 4])


def test_a_thing_that_leaves_is_hidden_in_the_middle_and_comes_back():
    clips = animated(coded(small_blobs()[:, :, :1]), **QUIET, length=7, mover=1.0, leaving=1.0)
    visible = areas(clips.masks_VTKHW[:, :, 0])
    assert (visible[:, 3] == 0).all()
    assert (visible[:, [0, 6]] > 0).all()
    assert clips.known_VTK[:, :, 0].all()


def test_things_of_other_pictures_pass_and_hide():
    raw = coded(blobs(clips=24, length=1, objects=1))
    options = QUIET | {"occluder": 1.0}
    clips = animated(raw, **options, length=6, mover=0.0, camera_way=0.0)
    thing, passing = clips.masks_VTKHW[:, :, 0], clips.masks_VTKHW[:, :, 2]
    assert clips.known_VTK[:, :, 2].all()
    assert not clips.known_VTK[:, :, 1].any()
    assert not (thing & passing).any()
    share = areas(thing).amin(dim=1) / areas(thing).amax(dim=1)
    assert (share < 0.5).float().mean() > 0.5
    assert (areas(thing) == 0).any()
    is_red = clips.frames_VT3HW[:, :, 0] > 190
    assert not (is_red & ~thing & ~passing).any()


def test_twins_look_alike_but_have_other_colours():
    raw = coded(blobs(clips=24, length=1, objects=1))
    clips = animated(raw, **(QUIET | {"twin": 1.0}), mover=1.0, leaving=0.0)
    twin = clips.masks_VTKHW[:, :, 1]
    assert clips.known_VTK[:, :, 1].all()
    assert twin.any(dim=(2, 3)).float().mean() > 0.6
    assert not (twin & clips.masks_VTKHW[:, :, 0]).any()
    redness = clips.frames_VT3HW[:, :, 0].float()
    assert redness[twin].mean() < 0.6 * redness[clips.masks_VTKHW[:, :, 0]].mean()


def test_a_thing_that_overlaps_with_the_mover_is_not_known_and_has_no_mask():
    masks = small_blobs()[:, :, :2]
    masks[:, :, 1] = False
    masks[:, :, 1, 20:50, 20:50] = True
    clips = animated(coded(masks), **QUIET, mover=1.0)
    known = clips.known_VTK[:, :, :2]
    assert torch.equal(known.sum(dim=2), torch.ones(12, 5, dtype=torch.int64))
    assert not (clips.masks_VTKHW[:, :, :2] & ~known[..., None, None]).any()


def test_everything_at_once_stays_consistent():
    raw = coded(blobs(clips=16, length=1))
    clips = animated(raw, mover=0.8, elsewhere=0.5, twin=0.5, leaving=0.3, occluder=0.5, smear=0.5)
    assert clips.masks_VTKHW.shape == (16, 5, 5, 48, 48)
    assert clips.names == raw.names
    assert not (clips.masks_VTKHW & ~clips.known_VTK[..., None, None]).any()
    twin, passing = clips.masks_VTKHW[:, :, 3], clips.masks_VTKHW[:, :, 4]
    assert not (clips.masks_VTKHW[:, :, :4] & passing[:, :, None]).any()
    assert twin.any()
    assert passing.any()


def test_the_same_generator_gives_the_same_clips():
    raw = coded(blobs(clips=4, length=1))
    first, again, other = (animated(raw, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.frames_VT3HW, again.frames_VT3HW)
    assert torch.equal(first.masks_VTKHW, again.masks_VTKHW)
    assert not torch.equal(first.frames_VT3HW, other.frames_VT3HW)


def test_the_light_drifts():
    grey = coded(blobs(clips=6, length=1))
    grey.frames_VT3HW[:] = 100
    options = QUIET | {"drift": 1.0}
    brightness = animated(grey, **options, mover=0.0).frames_VT3HW.float().mean(dim=(2, 3, 4))
    assert (brightness[:, 4] / brightness[:, 0]).log2().abs().max() > 0.2


def test_a_length_of_one_and_pictures_that_are_not_square_work():
    raw = coded(torch.nn.functional.pad(blobs(clips=2, length=1), (0, 16)))
    clips = animated(raw, length=1)
    assert clips.frames_VT3HW.shape == (2, 1, 3, 48, 64)


def test_clips_of_several_frames_are_refused():
    with pytest.raises(DatasetError, match=r"clips of 2 frames were .*expected pictures, .*length"):
        animated(coded(blobs()))
