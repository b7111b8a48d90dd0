"""Surfaces repeat without a seam, and are looked up in whole numbers."""

import numpy as np
import pytest

from masklet.data.scenes.backdrops import PLACES, Backdrop, backdrop_tile, seen_through
from masklet.data.scenes.dice import Dice
from masklet.data.scenes.motion import Camera, View, still
from masklet.data.scenes.painter import Sun
from masklet.data.scenes.textures import (
    PATTERNS,
    Look,
    cells,
    clouds,
    enlarged,
    sampled,
    sharpened,
    surface,
    tile_of,
    waves,
)

SUN = Sun(-0.5, -0.8)


def colours(tile):
    """All of a tile, `(S, S, 3)`."""
    x, y = np.meshgrid(np.arange(float(tile.side)), np.arange(float(tile.side)))
    return sampled(tile, x, y).astype(int)


def seam(picture):
    """The step from the last row or column to the first, beside the largest one within."""
    shares = []
    for axis in (0, 1):
        rows = np.moveaxis(picture, axis, 0)
        within = np.abs(np.diff(rows, axis=0)).reshape(len(rows) - 1, -1).mean(axis=1)
        shares.append(np.abs(rows[0] - rows[-1]).mean() / within.max())
    return max(shares)


def test_a_tile_gives_back_its_colours_rounded_and_clipped():
    given = np.arange(48.0).reshape(4, 4, 3) * 7.3 - 20
    np.testing.assert_array_equal(colours(tile_of(given)), np.clip(np.rint(given), 0, 255))


def test_a_tile_repeats_on_all_sides():
    tile = tile_of(Dice("tile").many(8, 8, 3) * 255)
    x, y = np.array([3.0, 0.25, 7.5]), np.array([1.0, 6.75, 7.5])
    np.testing.assert_array_equal(sampled(tile, x, y), sampled(tile, x - 16, y + 8))


def test_between_pixels_colours_are_mixed_as_far_as_they_are_near():
    dark = np.zeros((4, 4, 3))
    dark[1, 2] = (255, 160, 32)
    halfway = sampled(tile_of(dark), np.array([2.25, 2.5]), np.array([1.0, 1.5]))
    assert halfway.tolist() == [[191, 120, 24], [63, 40, 8]]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_has_two_colours_and_no_seam(pattern):
    look = Look(pattern, (220, 190, 120), (60, 80, 110), "a")
    picture = colours(surface(look))
    assert seam(picture) < 1.2
    red_over_blue = picture[..., 0] - picture[..., 2]
    assert np.percentile(red_over_blue, 97) > 30
    assert np.percentile(red_over_blue, 3) < 0
    other = colours(surface(Look(pattern, (220, 190, 120), (60, 80, 110), "b")))
    assert np.abs(picture - other).mean() > 5


def test_clouds_are_about_a_half_everywhere_and_the_same_every_time():
    noise = clouds(Dice("sky"), 64, 4, octaves=4)
    assert 0 <= noise.min() < 0.35
    assert 0.65 < noise.max() <= 1
    assert noise.mean() == pytest.approx(0.5, abs=0.1)
    assert seam(noise) < 1.2
    assert seam(noise[:40]) > 1.2
    np.testing.assert_array_equal(noise, clouds(Dice("sky"), 64, 4, octaves=4))


def test_enlarging_keeps_the_numbers_and_rounds_the_ways_between_them():
    large = enlarged(np.array([[0.0, 4.0], [8.0, 0.0]]), 8)
    assert large[0, [0, 2, 4, 6]].tolist() == [0, 2, 4, 2]
    assert large[4, 0] == 8


def test_cells_say_which_point_is_nearest():
    pieces = cells(Dice("cells"), 64, 4, jitter=0.0)
    # Without jitter, points are in the middle of the pieces.
    assert pieces.nearest_SS[8, 8] == 0
    assert pieces.second_SS[8, 8] == 1
    assert pieces.nearest_SS[0, 0] == pytest.approx(np.sqrt(0.5))
    assert (pieces.nearest_SS <= pieces.second_SS).all()
    assert len(np.unique(pieces.tone_SS)) == 16


def test_waves_and_sharpening():
    assert waves(np.array([0.0, 0.25, 0.5, -1.0])).tolist() == [1, 0.5, 0, 1]
    assert sharpened(np.array([0.1, 0.5, 0.6, 0.9]), 2.0).tolist() == [0, 0.5, 0.7, 1]


@pytest.mark.parametrize("place", PLACES)
def test_every_place_is_a_picture_of_many_colours_wherever_the_camera_looks(place):
    backdrop = Backdrop(place, (150, 100, 80), (220, 210, 190), (50, 60, 70), "a")
    tile = backdrop_tile(backdrop, (48, 64), SUN)
    assert tile.side == 128
    here = seen_through(tile, View(0.0, 0.0, 1.0, 1.0, 0.0), (48, 64)).astype(int)
    there = seen_through(tile, View(20.0, -10.0, 1.0, 1.0, 0.0), (48, 64)).astype(int)
    assert len(np.unique(here.reshape(-1, 3), axis=0)) > 200
    assert here.std() > 5
    np.testing.assert_array_equal(there[10:, :-20], here[:-10, 20:])


def test_the_picture_turns_with_the_camera():
    backdrop = Backdrop("wall", (150, 100, 80), (220, 210, 190), (50, 60, 70), "a")
    tile = backdrop_tile(backdrop, (49, 49), SUN)
    upright = seen_through(tile, Camera().view(0), (49, 49))
    turned = seen_through(tile, Camera(roll=still(np.pi / 2)).view(0), (49, 49))
    np.testing.assert_array_equal(turned, np.rot90(upright, -1))
