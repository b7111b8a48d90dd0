"""What is laid on a scene lies where its pose says, with soft edges, and masks lie as colours do."""

import numpy as np
import pytest

from masklet.data.cutout_layers import Pose, full_area, laid_colours, laid_mask, laid_parts
from masklet.data.packed_cutouts import Cutout, CutoutPart
from masklet.ops import rle
from tests.data.made_packs import box, rgba

SIDE = 64
WHOLE = box(0, 0, 20, 30)


def cutout(*parts, mask=WHOLE):
    """Parts are masks and the places of their parents."""
    described = [CutoutPart(rle.encode(each), int(each.sum()), parent) for each, parent in parts]
    return Cutout(rgba(mask), tuple(described))


def extent(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


@pytest.mark.parametrize(
    ("pose", "expected"),
    [
        (Pose(32, 32, 30), (17, 22, 47, 42)),
        (Pose(20, 40, 30), (5, 30, 35, 50)),
        (Pose(32, 32, 60), (2, 12, 62, 52)),
        (Pose(32, 32, 15), (24, 27, 39, 37)),
        (Pose(32, 32, 30, turn=90), (22, 17, 42, 47)),
        (Pose(60, 60, 30), (45, 50, 64, 64)),
        (Pose(0, 32, 30, turn=180), (0, 22, 15, 42)),
    ],
)
def test_a_thing_lies_where_its_pose_says(pose, expected):
    mask = laid_mask(cutout(), pose, SIDE)
    assert np.abs(np.subtract(extent(mask), expected)).max() <= 1
    inside = min(expected[2], SIDE) - expected[0], min(expected[3], SIDE) - expected[1]
    assert mask.sum() == pytest.approx(inside[0] * inside[1], rel=0.08)


def test_turns_are_clockwise_and_mirroring_comes_first():
    left = cutout((box(0, 0, 20, 10), None))
    poses = (
        Pose(32, 32, 60),
        Pose(32, 32, 60, turn=90),
        Pose(32, 32, 60, is_mirrored=True),
        Pose(32, 32, 60, turn=90, is_mirrored=True),
    )
    middles = []
    for pose in poses:
        (part,) = laid_parts(left, pose, SIDE)
        y, x = np.argwhere(part.mask).mean(axis=0) + 0.5
        middles.append((round(x), round(y)))
    assert middles == [(12, 32), (32, 12), (52, 32), (32, 52)]


def test_colours_and_mask_lie_alike_and_edges_are_soft():
    thing = cutout(mask=box(3, 4, 17, 26))
    pose = Pose(31.3, 29.8, 50, turn=23, is_mirrored=True)
    colours = laid_colours(thing.pixels, pose, SIDE).astype(int)
    opacity = colours[..., 3]
    np.testing.assert_array_equal(opacity > 127, laid_mask(thing, pose, SIDE))
    assert ((opacity > 20) & (opacity < 235)).sum() > 60
    # Of the green beneath what is transparent nothing shows: all is the red of the thing.
    expected = opacity[..., None] * np.array([200, 60, 40]) / 255
    assert np.abs(colours[..., :3] - expected).max() <= 3


def test_edges_of_the_picture_are_soft_too():
    opacity = laid_colours(cutout().pixels, Pose(32, 32, 40, turn=30), SIDE)[..., 3]
    assert ((opacity > 20) & (opacity < 235)).sum() > 60


def test_a_part_stays_within_what_it_was_in():
    inner, outer = box(5, 5, 15, 14), box(4, 4, 16, 15)
    thing = cutout((outer, None), (inner, 0))
    for number in range(24):
        pose = Pose(30 + number / 7, 33, 20 + 2 * number, 15.0 * number, number % 2 == 0)
        first, second = laid_parts(thing, pose, SIDE)
        assert not (second.mask & ~first.mask).any()
        assert not (first.mask & ~laid_mask(thing, pose, SIDE)).any()
        assert first.mask.sum() == pytest.approx(first.full_area, rel=0.15)


def test_specks_and_what_is_nearly_all_are_no_parts():
    speck, nearly = box(0, 0, 1, 11), box(0, 0, 20, 28)
    small, large = box(0, 0, 1, 13), box(0, 0, 20, 26)
    thing = cutout((speck, None), (nearly, None), (small, None), (large, None))
    assert [part.place for part in laid_parts(thing, Pose(32, 32, 60), SIDE)] == [2, 3]


def test_the_full_area_counts_what_the_scene_cuts_off():
    assert full_area(cutout(), Pose(0, 0, 60)) == 2400
    assert laid_mask(cutout(), Pose(0, 0, 60), SIDE).sum() == pytest.approx(600, rel=0.05)
