"""The renderer draws solids where geometry says they are."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from masklet.viz.raymarch import Floats, Solid, Stage, render

STAGE = Stage(
    eye=(0, 1, 8),
    target=(0, 1, 0),
    zoom=4.0,
    light=(0, 1, 0.2),
    table=lambda p: np.full_like(p, 0.4),
    wall=lambda rays: np.full_like(rays, 0.2),
)


def ball(x: float, y: float, z: float, radius: float, level: float = 0.5) -> Solid:
    centre = np.array([[x], [y], [z]], np.float32)

    def distance(p: Floats) -> Floats:
        apart: Floats = np.sqrt(((p - centre) ** 2).sum(0)) - np.float32(radius)
        return apart

    return Solid((x, y, z), radius * 1.01, distance, lambda p: np.full_like(p, level))


def disc(size: int, radius: float) -> npt.NDArray[np.bool_]:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    inside: npt.NDArray[np.bool_] = np.hypot(x, y) < radius
    return inside


def test_a_ball_is_seen_as_the_disc_that_perspective_makes_of_it() -> None:
    _, masks = render([ball(0, 1, 0, 1)], STAGE, (101, 101))
    # Seen from 8 away, a ball of radius 1 fills the angle whose sine is 1/8.
    radius = 50.5 * 4.0 * np.tan(np.arcsin(1 / 8))
    assert (masks[0] ^ disc(101, radius)).sum() < 12


def test_the_nearer_solid_hides_the_other_whatever_their_order() -> None:
    near, far = ball(0, 1, 2, 0.5), ball(0, 1, -2, 0.5)
    _, masks = render([near, far], STAGE, (60, 60))
    _, turned = render([far, near], STAGE, (60, 60))
    np.testing.assert_array_equal(masks, turned[::-1])
    assert masks[0].any()
    assert not masks[1].any()


def test_what_stands_before_another_takes_its_pixels() -> None:
    masks = render([ball(0, 1, 2, 0.5), ball(0.5, 1, -2, 0.8)], STAGE, (60, 60))[1]
    assert masks.any(axis=(1, 2)).all()
    assert not masks.all(axis=0).any()


def test_a_solid_that_is_not_in_view_has_no_pixels() -> None:
    assert not render([ball(30, 1, 0, 1)], STAGE, (20, 20))[1].any()
    assert not render([ball(0, 1, 20, 1)], STAGE, (20, 20))[1].any()


def test_a_ball_shades_the_table_below_it() -> None:
    with_ball = render([ball(0, 1.0, 0, 0.5)], STAGE, (80, 80))
    alone = render([ball(90, 1.0, 0, 0.5)], STAGE, (80, 80))
    darker = with_ball[0].astype(int).sum(axis=2) < alone[0].astype(int).sum(axis=2) - 60
    assert (darker & ~with_ball[1][0]).sum() > 50


def test_edges_are_smooth_and_masks_are_not_widened_by_it() -> None:
    image, masks = render([ball(0, 1, 0, 1, level=3.0)], STAGE, (101, 101))
    around = image[50, :, 0].astype(int)
    left = int(np.flatnonzero(masks[0][50])[0])
    assert around[left - 3] < max(around[left - 1], around[left]) <= around[left + 3]


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (40, 3)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    image, masks = render([ball(0, 1, 0, 1)], STAGE, size)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert masks.shape == (1, *size)


def test_a_brighter_surface_is_brighter_in_the_picture() -> None:
    levels = [
        render([replace(ball(0, 1, 0, 1, level))], STAGE, (21, 21))[0][8, 10]
        for level in (0.1, 0.6)
    ]
    assert (levels[0] < levels[1]).all()
