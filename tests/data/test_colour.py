"""Colours change as the options say, alike over a clip or frame by frame."""

import math

import pytest
import torch

from masklet.data.colour import ColourOptions, Jitter, blurred, hue_matrices, recoloured
from tests.data.coded_clips import draws

NONE = ColourOptions(clip=Jitter(), frame=Jitter(), grey=0.0)


def clips(count=4, length=3, side=16):
    """Neither dark nor light, so that nothing is cut off."""
    frames = torch.rand(count, length, 3, side, side, generator=torch.Generator().manual_seed(1))
    return 0.35 + 0.3 * frames


def ratios(**options):
    """How much brighter each frame has become."""
    changed = recoloured(
        clips(),
        ColourOptions(**{"clip": Jitter(), "frame": Jitter(), "grey": 0.0} | options),
        draws(),
    )
    return (changed / clips()).mean(dim=(2, 3, 4))


def test_no_options_change_nothing():
    torch.testing.assert_close(recoloured(clips(), NONE, draws()), clips())


def test_a_clip_gets_brighter_as_a_whole_or_frame_by_frame():
    whole = ratios(clip=Jitter(brightness=0.2))
    assert whole.std(dim=1).max() < 1e-5
    assert whole.std(dim=0).min() > 0.03
    single = ratios(frame=Jitter(brightness=0.2))
    assert single.std(dim=1).min() > 0.01
    assert 0.8 <= single.min() < single.max() <= 1.2


def test_contrast_keeps_the_mean_and_saturation_the_brightness():
    luma = torch.tensor([0.299, 0.587, 0.114])
    flatter = recoloured(
        clips(), ColourOptions(clip=Jitter(contrast=0.5), frame=Jitter(), grey=0.0), draws()
    )
    before, after = (torch.einsum("vtchw,c->vthw", frames, luma) for frames in (clips(), flatter))
    torch.testing.assert_close(after.mean(dim=(2, 3)), before.mean(dim=(2, 3)), atol=1e-3, rtol=0)
    assert ((after.std() - before.std()).abs()) > 1e-3
    duller = recoloured(
        clips(), ColourOptions(clip=Jitter(saturation=0.5), frame=Jitter(), grey=0.0), draws()
    )
    after = torch.einsum("vtchw,c->vthw", duller, luma)
    torch.testing.assert_close(after, before)
    assert (duller - clips()).abs().max() > 0.01


def test_grey_clips_have_no_colours():
    changed = recoloured(clips(400, 1, 4), ColourOptions(grey=0.25), draws())
    is_grey = (changed.amax(dim=2) - changed.amin(dim=2)).amax(dim=(1, 2, 3)) < 1e-4
    assert 60 < is_grey.sum() < 140


def test_the_light_drifts_steadily():
    stops = ratios(drift=1.0).log2()
    torch.testing.assert_close(stops[:, 1], torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(stops[:, 0], -stops[:, 2], atol=1e-5, rtol=0)
    assert 0.05 < stops.abs().max() <= 0.5


def test_a_turn_of_hue_keeps_greys_and_comes_back():
    matrix = hue_matrices(torch.tensor([0.7, -0.7]))
    grey = torch.full((3,), 0.4)
    torch.testing.assert_close(matrix[0] @ grey, grey)
    torch.testing.assert_close(matrix[0] @ matrix[1], torch.eye(3))
    assert not torch.allclose(matrix[0], torch.eye(3), atol=0.1)
    changed = recoloured(clips(), ColourOptions(Jitter(), Jitter(), hue=60.0, grey=0.0), draws())
    torch.testing.assert_close(changed.mean(dim=2), clips().mean(dim=2))
    assert (changed - clips()).abs().max() > 0.02


@pytest.mark.parametrize("deviation", [0.7, 1.5])
def test_a_blurred_point_is_a_bell_of_that_width(deviation):
    frames = torch.zeros(2, 1, 3, 25, 25)
    frames[..., 12, 12] = 1.0
    spread = blurred(frames, torch.tensor([deviation, 0.0]))
    torch.testing.assert_close(spread[1], frames[1])
    steps = torch.arange(25) - 12.0
    row = spread[0, 0, 0].sum(dim=0)
    assert math.isclose(float(row.sum()), 1.0, abs_tol=1e-5)
    assert math.isclose(float((row * steps**2).sum()), deviation**2, rel_tol=0.05)


def test_some_clips_are_blurred_and_some_noisy():
    frames = clips(200, 1, 8)
    for option in ("blur", "noise"):
        options = ColourOptions(Jitter(), Jitter(), grey=0.0, **{option: (0.3, 1.0)})
        changed = recoloured(frames, options, draws())
        is_changed = (changed - frames).abs().amax(dim=(1, 2, 3, 4)) > 0.004
        assert 30 < is_changed.sum() < 90, option
        assert 0 <= changed.min() <= changed.max() <= 1
