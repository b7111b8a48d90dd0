"""Pixels are found again where a map says they are, and shrunk pictures are averaged."""

import math

import pytest
import torch

from masklet.data.warps import (
    is_inside,
    leaning,
    mapped,
    mirroring,
    plain_grid,
    sampled,
    shrinking,
    turning,
    zooming,
)

ONE = torch.ones(1)


def looked_at(maps, layers, side, most=1.0):
    grid = mapped(maps, plain_grid(len(layers), (side, side), layers.device))
    return sampled(layers, grid, shrinking(maps, layers.shape[-2:], side), most)


def picture(height=6, width=6):
    return torch.rand(1, 2, height, width, generator=torch.Generator().manual_seed(1))


def test_the_map_that_changes_nothing_gives_the_picture():
    same = torch.eye(3)[None]
    torch.testing.assert_close(looked_at(same, picture(), 6), picture())
    # With smaller copies at hand the picture itself is still taken.
    torch.testing.assert_close(looked_at(same, picture(), 6, most=4.0), picture())


def test_a_quarter_turn_and_a_mirror_move_pixels_as_they_are_named():
    turned = looked_at(turning(ONE * math.pi / 2), picture(), 6)
    torch.testing.assert_close(turned, picture().rot90(-1, (2, 3)))
    mirrored = looked_at(mirroring(torch.tensor([True])), picture(), 6)
    torch.testing.assert_close(mirrored, picture().flip(3))


def test_a_zoom_shows_what_is_around_its_centre():
    layers = picture()
    shown = looked_at(zooming(ONE.expand(1, 2) * 2, torch.tensor([[0.5, -0.5]])), layers, 3)
    torch.testing.assert_close(shown, layers[..., :3, 3:])


def test_leaning_moves_the_upper_rows_against_the_lower_ones():
    corners = torch.tensor([[[0.0, -1.0], [0.0, 1.0]]])
    moved = mapped(leaning(ONE * math.pi / 4), corners)
    torch.testing.assert_close(moved, torch.tensor([[[-1.0, -1.0], [1.0, 1.0]]]))


def test_far_things_are_small_in_perspective():
    maps = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 1.0]]])
    places = mapped(maps, torch.tensor([[[0.5, 1.0], [0.5, -1.0]]]))
    torch.testing.assert_close(places, torch.tensor([[[1 / 3, 2 / 3], [1.0, -2.0]]]))


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_shrunk_picture_has_the_means_of_its_pixels(factor):
    side = 4 * factor
    layers = picture(side, side)
    same = torch.eye(3)[None]
    means = torch.nn.functional.avg_pool2d(layers, factor)
    torch.testing.assert_close(looked_at(same, layers, 4, most=float(factor)), means)


def test_every_clip_of_a_batch_has_the_copy_that_fits_it():
    layers = picture(16, 16).expand(2, -1, -1, -1)
    maps = torch.stack([torch.eye(3), zooming(ONE.expand(1, 2) * 0.5, torch.zeros(1, 2))[0]])
    shown = looked_at(maps, layers, 8, most=4.0)
    halves = torch.nn.functional.avg_pool2d(layers[:1], 2)
    torch.testing.assert_close(shown[:1], halves)
    quarters = torch.nn.functional.avg_pool2d(layers[:1], 4)
    torch.testing.assert_close(shown[1:, :, 2:6, 2:6], quarters)


def test_odd_sizes_are_shrunk_to_about_the_same():
    layers = torch.linspace(0, 1, 19).expand(1, 1, 21, 19)
    shown = looked_at(torch.eye(3)[None], layers, 5, most=4.0)
    expected = (torch.arange(5) + 0.5) / 5
    torch.testing.assert_close(shown[0, 0, 2], expected, atol=0.03, rtol=0)


def test_a_picture_goes_on_beyond_its_border_and_says_so():
    away = zooming(ONE.expand(1, 2) * 0.5, torch.zeros(1, 2))
    grid = mapped(away, plain_grid(1, (12, 12), torch.device("cpu")))
    inside = is_inside(grid)[0]
    assert inside.sum() == 36
    assert inside[3:9, 3:9].all()
    for most in (1.0, 4.0):
        shown = sampled(picture(), grid, ONE, most)
        torch.testing.assert_close(shown[..., 0, 0], picture()[..., 0, 0])
