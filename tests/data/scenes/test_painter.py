"""What is painted is what the truth says, pixel by pixel."""

import numpy as np
import pytest

from masklet.data.scenes.motion import Pose
from masklet.data.scenes.painter import Body, Sun, paint, silhouette, surfaces_of
from masklet.data.scenes.shapes import Blob, Ring, Slab
from masklet.data.scenes.textures import Look

SIZE = (60, 80)
NO_SHADOW = Sun(-0.6, -0.8, shadow=0.0)
WHITE = Look("clouds", (255, 255, 255), (255, 255, 255), "white")
Y, X = np.mgrid[: SIZE[0], : SIZE[1]]


def pose(x, y, scale, **others):
    return Pose(x, y, scale, 1.0, 0.0, **others)


def turned(x, y, scale, angle, **others):
    return Pose(x, y, scale, np.cos(angle), np.sin(angle), **others)


def painted(shape, poses, sun=NO_SHADOW, level=0):
    canvas = np.full((*SIZE, 3), level, np.uint8)
    body = Body(shape, WHITE, 10.0)
    paint(canvas, body, poses, surfaces_of(body), sun)
    return canvas.astype(int)


def covered(shape, poses):
    """The share of every pixel that a thing covers, as the picture shows it."""
    # White over white and over black differ by what shines through.
    return 1 - (painted(shape, poses, level=255) - painted(shape, poses))[..., 1] / 255


def soft_pixels(cover):
    return int(((cover > 0.1) & (cover < 0.9)).sum())


@pytest.mark.parametrize("radius", [0.5, 3.0, 7.3, 20.0, 60.0])
@pytest.mark.parametrize("middle", [(40.0, 30.0), (33.37, 18.81), (2.0, 58.5), (-4.0, -5.0)])
def test_a_disk_is_all_pixels_whose_middle_lies_within_its_radius(middle, radius):
    mask = silhouette(Blob(), pose(*middle, radius), SIZE)
    far = np.sqrt((X - middle[0]) ** 2 + (Y - middle[1]) ** 2)
    clear = np.abs(far - radius) > 1e-9
    np.testing.assert_array_equal(mask[clear], (far <= radius)[clear])


def test_the_area_of_a_disk_is_that_of_the_formula():
    for radius in (5.0, 12.5, 27.0):
        area = silhouette(Blob(), pose(40.2, 29.7, radius), SIZE).sum()
        assert area == pytest.approx(np.pi * radius**2, abs=2 * radius)


def test_a_turned_rectangle_holds_the_pixels_between_its_sides():
    angle = 0.4
    mask = silhouette(Slab(2.0, 1.0), turned(41.3, 28.9, 10.0, angle), SIZE)
    along = np.cos(angle) * (X - 41.3) + np.sin(angle) * (Y - 28.9)
    across = np.cos(angle) * (Y - 28.9) - np.sin(angle) * (X - 41.3)
    np.testing.assert_array_equal(mask, (np.abs(along) <= 20) & (np.abs(across) <= 10))


def test_stretching_lengthens_a_thing_and_keeps_its_area():
    round_one = silhouette(Blob(), pose(40.0, 30.0, 12.0), SIZE)
    long_one = silhouette(Blob(), pose(40.0, 30.0, 12.0, stretch=1.5), SIZE)
    assert np.ptp(np.nonzero(long_one)[1]) == 36
    assert np.ptp(np.nonzero(long_one)[0]) == 16
    assert long_one.sum() == pytest.approx(round_one.sum(), rel=0.03)


def test_a_mirrored_thing_is_mirrored():
    blob = Blob(((0.2, 0.1), (0.1, 0.15)))
    mask = silhouette(blob, pose(39.5, 30.0, 15.0), SIZE)
    mirrored = silhouette(blob, pose(39.5, 30.0, 15.0, facing=-1), SIZE)
    np.testing.assert_array_equal(mirrored, mask[:, ::-1])
    assert (mirrored != mask).any()


@pytest.mark.parametrize(
    "shape", [Blob(), Blob(((0.2, 0.0),)), Slab(1.0, 0.5, 0.2), Ring(Blob(), 0.15)]
)
def test_a_pixel_of_the_truth_is_covered_at_least_by_half_and_others_by_less(shape):
    where = turned(39.7, 30.4, 17.0, 0.7)
    mask = silhouette(shape, where, SIZE)
    cover = covered(shape, [where])
    # A level is 1 / 255.
    assert cover[mask].min() >= 0.498
    assert cover[~mask].max() <= 0.502
    assert soft_pixels(cover) > 40


def test_a_thing_blurred_by_less_than_its_length_keeps_its_mask():
    poses = [pose(40.3 + shift, 30.0, 12.0) for shift in np.linspace(-6, 6, 17)]
    mask = silhouette(Blob(), poses[8], SIZE)
    cover = covered(Blob(), poses)
    assert cover[mask].min() > 0.44
    assert cover[~mask].max() < 0.56
    assert soft_pixels(cover) > 3 * soft_pixels(covered(Blob(), poses[8:9]))


def test_things_are_round_and_brighter_towards_the_light():
    picture = painted(Blob(), [pose(40.0, 30.0, 20.0)])[..., 1]
    assert picture[30, 40] > picture[30, 57] + 20
    assert picture[20, 34] > picture[40, 46] + 20


def test_a_shadow_falls_away_from_the_light_and_darkens_what_is_beneath():
    sun = Sun(-1.0, 0.0, shadow=0.5, throw=6.0)
    picture = painted(Blob(), [pose(40.0, 30.0, 10.0)], sun, level=200)[..., 1]
    assert picture[30, 53] < 130
    assert picture[30, 27] > 190
    assert picture[5, 5] == 200


def test_a_thing_outside_of_the_picture_leaves_no_trace():
    where = pose(-60.0, 200.0, 10.0)
    assert not silhouette(Blob(), where, SIZE).any()
    assert (painted(Blob(), [where], Sun(-0.6, -0.8), level=77) == 77).all()


def test_an_old_thing_shows_the_surface_of_later():
    black = Look("clouds", (0, 0, 0), (0, 0, 0), "black")
    body = Body(Blob(), WHITE, 10.0, later=black)
    levels = []
    for age in (0.0, 0.5, 1.0):
        canvas = np.zeros((*SIZE, 3), np.uint8)
        where = [pose(40.0, 30.0, 20.0, age=age)]
        paint(canvas, body, where, surfaces_of(body), NO_SHADOW)
        levels.append(int(canvas[30, 40, 0]))
    assert levels[0] > 200
    assert levels[1] == pytest.approx(levels[0] / 2, abs=1)
    assert levels[2] == 0
