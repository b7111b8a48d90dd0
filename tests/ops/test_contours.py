"""Outlines: exact along pixel edges, and no farther from them than asked when simplified."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masklet.ops.contours import polygons, signed_area

ndimage = pytest.importorskip("scipy.ndimage")

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def filled(rings, shape):
    """Pixels whose centre lies in an odd number of rings."""
    inside = np.zeros(shape, bool)
    rows, columns = np.indices(shape) + 0.5
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            crosses = (y0 <= rows) != (y1 <= rows)
            slope = (x1 - x0) / (y1 - y0) if y0 != y1 else 0.0
            inside ^= crosses & (columns < x0 + (rows - y0) * slope)
    return inside


def distance_to_ring(point, ring):
    """From a point to the nearest place on a closed ring."""
    start, along = ring, np.roll(ring, -1, axis=0) - ring
    share = ((point - start) * along).sum(axis=1) / (along**2).sum(axis=1)
    nearest = start + np.clip(share, 0, 1)[:, None] * along
    return np.hypot(*(point - nearest).T).min()


@given(MASKS)
def test_filling_the_outlines_gives_the_mask_back(mask):
    np.testing.assert_array_equal(filled(polygons(mask), mask.shape), mask)


@given(MASKS)
def test_there_is_one_outer_ring_per_region_and_the_areas_add_up(mask):
    areas = [signed_area(ring) for ring in polygons(mask)]
    _, count = ndimage.label(mask)
    assert sum(areas) == mask.sum()
    assert sum(area > 0 for area in areas) == count
    # Outside is 8-connected where inside is 4-connected; one outside region is no hole.
    outside = ndimage.label(np.pad(~mask, 1, constant_values=True), np.ones((3, 3)))[1]
    assert sum(area < 0 for area in areas) == outside - 1


@given(MASKS)
def test_every_point_is_a_corner(mask):
    for ring in polygons(mask):
        steps = np.roll(ring, -1, axis=0) - ring
        assert ((steps != 0).sum(axis=1) == 1).all()
        assert ((steps != 0) != (np.roll(steps, 1, axis=0) != 0)).all()


@given(MASKS, st.sampled_from([0.5, 1.0, 2.5]))
def test_a_simplified_outline_strays_no_farther_than_its_tolerance(mask, tolerance):
    exact, simple = polygons(mask), polygons(mask, tolerance=tolerance)
    assert len(exact) == len(simple)
    for ring, fewer in zip(exact, simple, strict=True):
        assert 3 <= len(fewer) <= len(ring)
        assert {tuple(point) for point in fewer} <= {tuple(point) for point in ring}
        for point in ring.astype(np.float64):
            assert distance_to_ring(point, fewer.astype(np.float64)) <= tolerance + 1e-6


def test_an_outer_ring_runs_clockwise_on_the_screen_and_its_hole_the_other_way():
    mask = np.ones((3, 4), bool)
    mask[1, 1] = False
    outer, hole = polygons(mask)
    assert outer.tolist() == [[0, 0], [4, 0], [4, 3], [0, 3]]
    assert hole.tolist() == [[2, 1], [1, 1], [1, 2], [2, 2]]
    assert outer.dtype == np.float32
    assert (signed_area(outer), signed_area(hole)) == (12, -1)


@pytest.mark.parametrize("mirrored", [False, True])
def test_regions_that_meet_at_a_corner_are_separate_rings(mirrored):
    mask = np.eye(2, dtype=bool)[:: -1 if mirrored else 1]
    assert [signed_area(ring) for ring in polygons(mask)] == [1, 1]


def test_holes_that_meet_at_a_corner_are_one_ring():
    mask = np.ones((4, 4), bool)
    mask[1, 1] = mask[2, 2] = False
    assert sorted(signed_area(ring) for ring in polygons(mask)) == [-2, 16]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (5, 7)])
def test_an_empty_mask_has_no_outlines(shape):
    assert polygons(np.zeros(shape, bool)) == ()


def test_a_staircase_becomes_a_straight_line():
    rows, columns = np.indices((40, 40))
    (triangle,) = polygons(columns <= rows, tolerance=1.0)
    assert len(triangle) <= 5


def test_a_ring_too_small_to_simplify_keeps_its_corners():
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True
    (ring,) = polygons(mask, tolerance=10)
    assert ring.tolist() == [[2, 2], [3, 2], [3, 3], [2, 3]]


@pytest.mark.parametrize(
    "mask", [np.zeros((2, 2)), np.zeros((1, 2, 2), bool)], ids=["floats", "three dimensions"]
)
def test_only_bool_masks_of_two_dimensions_are_outlined(mask):
    with pytest.raises(ValueError, match=r"expected bool of shape \(height, width\)"):
        polygons(mask)


@pytest.mark.parametrize("tolerance", [-1.0, float("nan")])
def test_a_tolerance_below_zero_is_refused(tolerance):
    with pytest.raises(ValueError, match="expected pixels, 0 or more"):
        polygons(np.ones((2, 2), bool), tolerance=tolerance)
