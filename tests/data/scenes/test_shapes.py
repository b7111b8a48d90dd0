"""Outlines: who is inside, how far, and how far they reach."""

import numpy as np
import pytest

from masklet.data.scenes.dice import Dice
from masklet.data.scenes.outlines import (
    draw_beast,
    draw_bird,
    draw_compact,
    draw_fish,
    draw_fork,
    draw_person,
    draw_ring,
    draw_rod,
    draw_shape,
    draw_soft,
    draw_stone,
    draw_wire,
    is_upright,
)
from masklet.data.scenes.shapes import Blob, Limb, Limbs, Ring, Slab, Wire

DRAWN = {
    "beast": draw_beast,
    "bird": draw_bird,
    "compact": draw_compact,
    "fish": draw_fish,
    "person": draw_person,
    "shape": draw_shape,
    "soft": draw_soft,
    "stone": draw_stone,
    "ring": lambda dice: draw_ring(dice, 0.05),
    "wire": lambda dice: draw_wire(dice, 0.05),
    "rod": lambda dice: draw_rod(dice, 0.05),
    "fork": lambda dice: draw_fork(dice, 0.05),
}
Y, X = np.mgrid[-3:3:241j, -3:3:241j]
FAR = np.sqrt(X * X + Y * Y)


def at(shape, x, y, bend=0.0):
    return shape.distance(np.array([x]), np.array([y]), bend)[0]


def test_a_blob_without_waves_is_the_unit_circle():
    np.testing.assert_allclose(Blob().distance(X, Y, 0.0), FAR - 1, atol=1e-12)


def test_the_waves_of_a_blob_are_added_to_its_radius():
    blob = Blob(((0.2, 0.0), (0.0, 0.1)))
    for angle in np.linspace(0, 6, 13):
        radius = 1 + 0.2 * np.cos(2 * angle) + 0.1 * np.sin(3 * angle)
        x, y = radius * np.cos(angle), radius * np.sin(angle)
        assert at(blob, x, y) == pytest.approx(0, abs=1e-12)
        assert at(blob, 0.99 * x, 0.99 * y) < 0 < at(blob, 1.01 * x, 1.01 * y)


def test_a_bent_blob_has_its_other_waves():
    blob = Blob(((0.2, 0.0),), bent=((0.0, 0.3),))
    assert at(blob, 1.2, 0.0) == pytest.approx(0)
    assert at(blob, 1.0, 0.0, bend=1.0) == pytest.approx(0)
    assert at(blob, 1.1, 0.0, bend=0.5) == pytest.approx(0)


def test_the_core_of_a_blob_is_inside_whatever_it_bends():
    for number in range(20):
        blob = draw_soft(Dice(f"core {number}"))
        within = blob.core >= FAR
        assert all((blob.distance(X, Y, bend) <= 0)[within].all() for bend in (0.0, 0.4, 1.0))


def test_a_slab_is_a_rectangle_with_round_corners():
    slab = Slab(2.0, 1.0, 0.5)
    assert at(slab, 2.0, 0.0) == at(slab, 0.0, -1.0) == 0
    assert at(slab, 2.0, 1.0) == pytest.approx(0.5 * (np.sqrt(2) - 1))
    assert at(slab, 5.0, 0.0) == 3


def test_a_bent_slab_sags_at_its_ends():
    slab = Slab(1.0, 0.1)
    assert at(slab, 1.0, 0.3, bend=1.0) <= 0 < at(slab, 1.0, 0.3)


def test_a_ring_has_a_hole():
    ring = Ring(Blob(), 0.1)
    assert at(ring, 0.0, 0.0) == pytest.approx(0.9)
    assert at(ring, 0.0, 1.0) == pytest.approx(-0.1)
    assert at(ring, 1.3, 0.0) == pytest.approx(0.2)


def test_a_limb_swings_about_its_first_end():
    limbs = Limbs((Limb((0.0, 0.0), (1.0, 0.0), 0.1, 0.1, swing=np.pi / 2),))
    assert at(limbs, 1.0, 0.0) == pytest.approx(-0.1)
    assert at(limbs, 0.0, 1.0, bend=1.0) == pytest.approx(-0.1)
    assert at(limbs, 0.0, -1.0, bend=-1.0) == pytest.approx(-0.1)


def test_limbs_grow_together_where_they_meet():
    two = (Limb((0.0, 0.0), (1.0, 0.0), 0.1, 0.1), Limb((0.0, 0.0), (0.0, 1.0), 0.1, 0.1))
    assert at(Limbs(two), 0.13, 0.13) > 0 > at(Limbs(two, softness=0.3), 0.13, 0.13)
    assert at(Limbs(two, softness=0.3), 1.0, 0.0) == pytest.approx(at(Limbs(two), 1.0, 0.0))


def test_a_wire_follows_its_points_and_bends_to_others():
    wire = Wire(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)), ((0.0, 0.0), (1.0, 0.0), (2.0, 0.0)), 0.05)
    assert at(wire, 1.0, 0.5) == pytest.approx(-0.05)
    assert at(wire, 1.0, 0.5, bend=1.0) == pytest.approx(0.45)


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_seen_and_lies_within_its_reach(name):
    for number in range(12):
        shape = DRAWN[name](Dice(f"{name} {number}"))
        beyond = shape.reach < FAR
        for bend in (-1.0, 0.0, 0.6, 1.0) if is_upright(shape) else (0.0, 0.6, 1.0):
            inside = shape.distance(X, Y, bend) <= 0
            assert inside.any()
            assert not inside[beyond].any()


@pytest.mark.parametrize("name", DRAWN)
def test_distances_are_nearly_euclidean_at_the_outline(name):
    # A soft edge is as wide as it says where the distance changes by 1 per unit.
    for number in range(4):
        shape = DRAWN[name](Dice(f"{name} {number}"))
        distance = shape.distance(X, Y, 0.3)
        down, right = np.gradient(distance, 0.025)
        steepness = np.sqrt(down**2 + right**2)[np.abs(distance) < 0.02]
        assert np.median(steepness) == pytest.approx(1, abs=0.1)


def test_girth_is_about_how_deep_inside_a_shape_is_thickest():
    for number in range(40):
        shape = draw_shape(Dice(f"girth {number}"))
        deepest = -shape.distance(X, Y, 0.0).min()
        assert 0.3 * deepest <= shape.girth <= 1.6 * deepest


def test_shapes_of_many_families_are_drawn():
    families = {type(draw_shape(Dice(f"family {number}"))) for number in range(40)}
    assert families == {Blob, Slab, Limbs}
