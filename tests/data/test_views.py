"""Pictures and masks are looked at alike, and objects stay in view as far as they can."""

import pytest
import torch

from masklet.data.views import ViewOptions, draw_view, seen
from tests.data.coded_clips import blobs, coded, draws

STILL = ViewOptions(mirror=0.0, turn=0.0, lean=0.0)


def looked_at(raw, options, side=64, seed=0):
    drawn = draws(seed)
    view = draw_view(raw, options, side, drawn)
    return seen(raw, view, fills_with_others=options.fills_with_others, draws=drawn)


@pytest.mark.parametrize(
    "options",
    [
        STILL,
        ViewOptions(mirror=1.0, turn=0.0, lean=0.0),
        ViewOptions(),
        ViewOptions(scale=(0.3, 0.6)),
        ViewOptions(scale=(1.5, 2.0), staying=0.0),
    ],
    ids=["still", "mirror", "released", "small", "large"],
)
@pytest.mark.parametrize("side", [32, 48, 80])
def test_colours_and_masks_of_coded_clips_stay_together(options, side):
    scene = looked_at(coded(blobs()), options, side)
    assert torch.equal(scene.frames_VT3SS > 0.5, scene.masks_VTKSS)
    assert scene.masks_VTKSS.any(dim=(3, 4)).float().mean() > 0.5


def test_a_mosaic_shows_all_and_means_one():
    scene = looked_at(coded(blobs()), ViewOptions(mosaic=1.0), side=96)
    is_coloured = scene.frames_VT3SS > 0.5
    assert not (scene.masks_VTKSS & ~is_coloured).any()
    meant = scene.masks_VTKSS.sum().float() / is_coloured.sum()
    assert 0.2 < meant < 0.3
    halves = scene.masks_VTKSS[0].flatten(0, 1)
    corners = [half.any() for rows in halves.chunk(2, 1) for half in rows.chunk(2, 2)]
    assert sum(corners) == 1


def test_all_frames_of_a_clip_are_looked_at_alike():
    still = blobs(length=1).expand(-1, 4, -1, -1, -1)
    scene = looked_at(coded(still), ViewOptions(scale=(0.5, 1.5)))
    assert torch.equal(scene.frames_VT3SS[:, 0], scene.frames_VT3SS[:, 3])


def corner_object(count=64):
    masks = torch.zeros(count, 1, 1, 32, 32, dtype=torch.bool)
    masks[..., :4, :4] = True
    return coded(masks)


def test_a_view_without_the_objects_is_drawn_again_and_in_the_end_given_up():
    zoom = ViewOptions(turn=0.0, lean=0.0, scale=(2.0, 2.0))
    kept = looked_at(corner_object(), zoom).masks_VTKSS.any(dim=(2, 3, 4))
    assert kept.all()
    # With one try most clips are only mirrored, with many they are not.
    plain = []
    for tries in (1, 24):
        zoom = ViewOptions(turn=0.0, lean=0.0, scale=(1.25, 1.25), tries=tries)
        areas = looked_at(corner_object(), zoom).masks_VTKSS.sum(dim=(2, 3, 4))
        plain.append((areas == 64).float().mean())
    assert plain[0] > 0.7
    assert plain[1] < 0.3


def test_objects_that_need_not_stay_may_leave():
    zoom = ViewOptions(turn=0.0, lean=0.0, scale=(2.0, 2.0), staying=0.0)
    kept = looked_at(corner_object(), zoom).masks_VTKSS.any(dim=(2, 3, 4))
    assert kept.float().mean() < 0.6


def test_objects_that_nobody_annotated_need_not_stay():
    raw = corner_object()
    raw.known_VTK[:] = False
    zoom = ViewOptions(turn=0.0, lean=0.0, scale=(2.0, 2.0))
    assert looked_at(raw, zoom).masks_VTKSS.any(dim=(2, 3, 4)).float().mean() < 0.6


def test_around_a_small_picture_is_its_mean_colour_or_another_clip():
    masks = torch.zeros(2, 1, 1, 32, 32, dtype=torch.bool)
    masks[0] = True
    small = {"mirror": 0.0, "turn": 0.0, "lean": 0.0, "scale": (0.5, 0.5)}
    plain = looked_at(coded(masks), ViewOptions(**small)).frames_VT3SS[:, 0, 0]
    assert plain[0].min() > 0.99
    assert plain[1].max() < 0.01
    others = looked_at(coded(masks), ViewOptions(**small, fills_with_others=True))
    shares = others.frames_VT3SS[:, 0, 0].mean(dim=(1, 2))
    torch.testing.assert_close(shares, torch.tensor([0.25, 0.75]))
    assert others.masks_VTKSS[0].sum() == 32 * 32


def test_a_single_clip_is_filled_with_itself():
    small = ViewOptions(scale=(0.5, 0.5), fills_with_others=True)
    assert looked_at(coded(blobs(clips=1)), small).frames_VT3SS.shape == (1, 2, 3, 64, 64)
