"""All three of COCO's ways to write a mask are read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from masklet.errors import StateError
from masklet.io.segmentations import any_segmentation, fill_polygons
from masklet.ops import rle
from masklet.ops.contours import polygons
from tests.io.made import SIZE, square

# pycocotools was not written for numpy 2.
quiet = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(
    "value",
    [
        dict(rle.encode(square(2, 3))),
        dict(rle.to_uncompressed(rle.encode(square(2, 3)))),
        [[3, 2, 9, 2, 9, 8, 3, 8]],
        [[3, 2, 9, 2, 9, 5, 3, 5], [3.0, 8.0, 9.0, 8.0, 9.0, 5.0, 3.0, 5.0]],
    ],
    ids=["compressed", "plain", "polygon", "two polygons"],
)
def test_the_same_mask_is_read_from_every_way(value):
    assert any_segmentation(value, SIZE, "it") == rle.encode(square(2, 3))


@given(st.integers(0, 10**6))
def test_outlines_are_filled_to_the_mask_that_they_are_of(seed):
    random = np.random.default_rng(seed)
    mask = random.random((9, 11)) > 0.4
    outlines = [ring.astype(np.float64) for ring in polygons(mask)]
    # Holes are outlines too, which a union would fill: so each is counted on its own.
    filled = np.sum([fill_polygons([ring], mask.shape) for ring in outlines], axis=0) % 2 == 1
    np.testing.assert_array_equal(filled, mask)


@quiet
@pytest.mark.parametrize("seed", range(5))
def test_polygons_are_filled_as_pycocotools_does_but_for_the_edge(seed):
    random = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    radii = random.uniform(15, 40, 12)
    corners = np.stack([50 + radii * np.cos(angles), 45 + radii * np.sin(angles)], axis=1)
    ours = fill_polygons([corners], (90, 100))
    theirs = coco.decode(coco.merge(coco.frPyObjects([corners.ravel().tolist()], 90, 100))) > 0
    shifts = [np.roll(theirs, step, axis) for axis in (0, 1) for step in (-1, 1)]
    inner = theirs & np.logical_and.reduce(shifts)
    outer = theirs | np.logical_or.reduce(shifts)
    assert inner.sum() > 1000
    assert not (inner & ~ours).any()
    assert not (ours & ~outer).any()


def test_what_lies_outside_of_the_picture_is_cut_off():
    around = np.array([[-5.0, -5], [50, -5], [50, 50], [-5, 50]])
    beside = np.array([[40.0, 2], [50, 2], [50, 9]])
    assert fill_polygons([around], SIZE).all()
    assert not fill_polygons([beside], SIZE).any()


@pytest.mark.parametrize("part", [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7], [[1, 2]], "a", [1e999] * 6])
def test_a_polygon_that_is_none_is_refused(part):
    with pytest.raises(StateError, match="it has a polygon that is none; expected at least three"):
        any_segmentation([part], SIZE, "it")


def test_damaged_runs_are_refused():
    with pytest.raises(
        StateError, match=r"it has damaged runs: the runs cover 3 pixels.* Expected"
    ):
        any_segmentation({"size": [20, 30], "counts": [1, 2]}, SIZE, "it")


def test_runs_of_another_size_are_refused():
    runs = {"size": [2, 2], "counts": [1, 3]}
    with pytest.raises(
        StateError, match=r"it has a mask of size \[2, 2\], its picture has \[20, 3"
    ):
        any_segmentation(runs, SIZE, "it")
