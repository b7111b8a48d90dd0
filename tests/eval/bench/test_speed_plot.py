"""The plot of speed is a picture of every line there is."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from masklet.eval.bench.speed_plot import draw_speed, steps_around
from tests.eval.figures import bench, failed, measured


def drawn(*rows):
    with Image.open(io.BytesIO(draw_speed(bench(*rows)))) as picture:
        return np.asarray(picture.convert("RGB"))


def has_colour(picture, colour):
    return bool((np.abs(picture.astype(int) - colour).sum(axis=2) < 12).any())


BLUE, RED = (30, 136, 255), (238, 39, 55)


def test_every_size_has_a_colour_of_its_own():
    one = drawn(measured(1), measured(4))
    two = drawn(measured(1), measured(4), measured(1, size=1024), measured(4, size=1024))
    assert has_colour(one, BLUE)
    assert not has_colour(one, RED)
    assert has_colour(two, BLUE)
    assert has_colour(two, RED)


def test_precisions_share_the_colour_of_their_size():
    both = drawn(measured(1), measured(4), measured(1, dtype="bfloat16"))
    assert has_colour(both, BLUE)
    assert not has_colour(both, RED)


def blue_pixels(*rows):
    return int((np.abs(drawn(*rows).astype(int) - BLUE).sum(axis=2) < 12).sum())


def as_compiled(objects):
    row = measured(objects)
    return replace(row, cell=replace(row.cell, setup=replace(row.cell.setup, compiled=True)))


def test_what_is_compiled_is_dashed():
    eager, compiled = (measured(1), measured(64)), (as_compiled(1), as_compiled(64))
    assert blue_pixels(*compiled) < 0.85 * blue_pixels(*eager)


def test_markers_of_narrow_precisions_are_hollow():
    # A disc of 14 pixels across has 150; the entry in the key is blue too.
    assert blue_pixels(measured(1)) - blue_pixels(measured(1, dtype="bfloat16")) > 40


def test_eight_bits_have_a_marker_of_their_own():
    narrow, eight = (drawn(measured(1, dtype=dtype)) for dtype in ("bfloat16", "int8"))
    assert not np.array_equal(narrow, eight)


def test_models_and_devices_have_colours_of_their_own():
    assert has_colour(drawn(measured(), measured(model="large")), RED)
    assert has_colour(drawn(measured(), measured(device="cuda:0")), RED)


def test_forms_of_memories_and_libraries_have_colours_of_their_own():
    row = measured()
    small = replace(row, cell=replace(row.cell, memories="pooled"))
    peer = replace(row, cell=replace(row.cell, setup=replace(row.cell.setup, library="sam2")))
    assert has_colour(drawn(row, small), RED)
    assert has_colour(drawn(row, peer), RED)


def test_rows_that_failed_are_left_out():
    np.testing.assert_array_equal(drawn(measured(), failed()), drawn(measured()))
    assert not has_colour(drawn(failed()), BLUE)


@pytest.mark.parametrize("values", [[1.0], [0.031, 470.0], [9.99, 10.0], [2e-4], [5.0, 5.0]])
def test_steps_lie_around_all_values_and_are_round(values):
    steps = steps_around(values)
    assert steps[0] <= min(values)
    assert steps[-1] > max(values)
    assert all(f"{step:e}"[:8] in ("1.000000", "2.000000", "5.000000") for step in steps)
    assert steps == sorted(set(steps))
