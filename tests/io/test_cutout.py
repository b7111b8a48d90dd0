"""Cut-outs show the objects and nothing else."""

import numpy as np
import pytest

from masklet.errors import OutputError
from masklet.io.cutout import cut_out
from tests.io.made import SIZE, frames, square

GRAY = np.full((*SIZE, 3), 90, np.uint8)


def test_pictures_keep_their_colours_inside_and_are_clear_outside():
    second = list(cut_out([GRAY] * 5, frames()))[1]
    inside = square(2, 1) | square(12, 19)
    np.testing.assert_array_equal(second[..., 3], inside * 255)
    np.testing.assert_array_equal(second[..., 0], inside * 90)


def test_only_the_objects_that_were_asked_for_are_shown():
    pictures = list(cut_out([GRAY] * 5, frames(), object_ids=[3]))
    assert not pictures[0].any()
    np.testing.assert_array_equal(pictures[1][..., 3] > 0, square(12, 19))


def test_one_picture_is_taken_at_a_time():
    taken = []
    cut = cut_out((taken.append(index) or GRAY for index in range(5)), frames())
    next(cut)
    assert taken == [0]


def test_pictures_of_another_size_are_refused():
    with pytest.raises(OutputError, match=r"the mask of object 1 is 30x20, its picture 31x20; exp"):
        next(cut_out([np.zeros((20, 31, 3), np.uint8)], frames()))


def test_as_many_pictures_as_frames_are_needed():
    with pytest.raises(ValueError, match="longer"):
        list(cut_out([GRAY], frames()))
