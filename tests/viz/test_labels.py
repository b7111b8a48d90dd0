"""Numbers on masks stand where their object is and in its colour."""

import numpy as np
import pytest

from masklet.viz.labels import draw_labels
from masklet.viz.palette import colour_of

PICTURE = np.zeros((120, 160, 3), np.uint8)


def mask(top, left, height=30, width=40):
    inside = np.zeros((120, 160), bool)
    inside[top : top + height, left : left + width] = True
    return inside


def has_colour(picture, object_id):
    return (picture == colour_of(object_id)).all(axis=2)


def test_a_number_stands_above_its_mask_in_the_colour_of_its_object():
    drawn = draw_labels(PICTURE, mask(60, 50)[None], ids=[3])
    rows, columns = np.nonzero(has_colour(drawn, 3))
    assert rows.max() < 60
    assert rows.min() > 30
    assert 60 < columns.mean() < 80


def test_every_object_gets_its_own():
    drawn = draw_labels(PICTURE, np.stack([mask(60, 5), mask(60, 100)]), ids=[1, 2])
    for object_id, left, right in ((1, 5, 45), (2, 100, 140)):
        columns = np.nonzero(has_colour(drawn, object_id))[1]
        assert left <= columns.mean() <= right


@pytest.mark.parametrize(("top", "left"), [(0, 0), (0, 120), (90, 0)])
def test_at_the_edge_the_whole_number_is_in_the_picture(top, left):
    alone = draw_labels(PICTURE, mask(60, 50)[None], ids=[7])
    drawn = draw_labels(PICTURE, mask(top, left)[None], ids=[7])
    assert abs(int(has_colour(drawn, 7).sum()) - int(has_colour(alone, 7).sum())) <= 20


def test_nothing_is_written_for_an_empty_mask_and_the_picture_is_not_changed():
    empty = np.zeros((1, 120, 160), bool)
    np.testing.assert_array_equal(draw_labels(PICTURE, empty, ids=[1]), PICTURE)
    draw_labels(PICTURE, mask(60, 50)[None], ids=[1])
    assert not PICTURE.any()


@pytest.mark.parametrize("size", [(1, 1), (4, 9)])
def test_tiny_pictures_are_no_obstacle(size):
    drawn = draw_labels(np.zeros((*size, 3), np.uint8), np.ones((1, *size), bool), ids=[88])
    assert drawn.shape == (*size, 3)
