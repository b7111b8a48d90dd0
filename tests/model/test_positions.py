"""Positions are what their formulas say, in float64 and complex numbers."""

import itertools
import math

import pytest
import torch

from masklet.model.positions import (
    FourierPositions,
    rotary_places,
    rotary_table,
    rotate,
    rotate_real,
    sine_grid,
    sine_places,
    sine_times,
)
from tests.tiny import noise

CPU = torch.device("cpu")
GRIDS = [(4, 4), (3, 5), (1, 7)]


def circle(place, count):
    """Sines and cosines, alternating, of two frequencies of one place among many."""
    angle = (place + 1) / (count + 1e-6) * 2 * math.pi
    turned = [angle / 10_000 ** (2 * pair / 4) for pair in range(2)]
    return [value for angle in turned for value in (math.sin(angle), math.cos(angle))]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_sine_grid_holds_rows_then_columns_sines_and_cosines_alternating(grid):
    places = itertools.product(range(grid[0]), range(grid[1]))
    expected = [circle(row, grid[0]) + circle(column, grid[1]) for row, column in places]
    table = sine_grid(grid, 8, CPU)
    torch.testing.assert_close(table, torch.tensor(expected), atol=1e-6, rtol=1e-5)


def test_times_are_sines_then_cosines_and_odd_in_their_sign():
    table = sine_times(torch.tensor([0.0, 0.5, -0.5]), 8)
    torch.testing.assert_close(table[0], torch.tensor([0.0] * 4 + [1.0] * 4))
    angles = [0.5, 0.5, 0.5 / 100, 0.5 / 100]
    expected = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
    torch.testing.assert_close(table[1], torch.tensor(expected))
    torch.testing.assert_close(table[2, :4], -table[1, :4])
    torch.testing.assert_close(table[2, 4:], table[1, 4:])


@pytest.mark.parametrize("form", [rotate, rotate_real])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_rotation_is_multiplication_by_complex_numbers_of_length_one(grid, form):
    height, width = grid
    x = noise(2, height * width, 16)
    frequencies = 10_000.0 ** (-torch.arange(0, 16, 4)[:4].double() / 16)
    y, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    angles = torch.cat([column.reshape(-1, 1) * frequencies, y.reshape(-1, 1) * frequencies], dim=1)
    as_complex = torch.view_as_complex(x.double().reshape(2, -1, 8, 2))
    expected = torch.view_as_real(as_complex * torch.polar(torch.ones_like(angles), angles))
    turned = form(x, rotary_table(grid, 16, CPU))
    torch.testing.assert_close(turned.double(), expected.flatten(2), atol=1e-5, rtol=1e-5)


def test_a_product_of_turned_tokens_depends_on_their_offset_alone():
    grid = (5, 6)
    table = rotary_table(grid, 16, CPU)
    q, k = noise(1, 1, 16).expand(1, 30, 16), noise(1, 1, 16, seed=1).expand(1, 30, 16)
    products = (rotate(q, table)[0] @ rotate(k, table)[0].T).reshape(*grid, *grid)
    torch.testing.assert_close(products[0, 0, 2, 3], products[2, 1, 4, 4], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(products[3, 5, 1, 2], products[4, 4, 2, 1], atol=1e-5, rtol=1e-5)
    assert (products[0, 0, 2, 3] - products[0, 0, 3, 2]).abs() > 1e-2


def test_tokens_of_several_frames_turn_by_their_place_in_their_own_frame():
    table = rotary_table((2, 3), 8, CPU)
    frame = noise(1, 6, 8)
    both = rotate(torch.cat([frame, frame], dim=1), table)
    assert torch.equal(both[:, :6], rotate(frame, table))
    assert torch.equal(both[:, 6:], both[:, :6])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("frames", [0, 1, 3])
def test_both_forms_of_rotation_give_the_same(frames, dtype):
    table = rotary_table((2, 3), 8, CPU)
    # A part of wider tokens, as queries and keys of one product are.
    x = noise(2, 6 * frames, 24).to(dtype)[:, :, 8:16]
    turned = rotate(x, table)
    assert turned.dtype == dtype
    # One of them may round once where the other rounds twice.
    torch.testing.assert_close(turned, rotate_real(x, table))


def test_both_forms_of_rotation_have_the_same_gradient():
    table = rotary_table((2, 3), 8, CPU)
    gradients = []
    for form in (rotate, rotate_real):
        x = noise(2, 12, 8).requires_grad_()
        (form(x, table) * noise(2, 12, 8, seed=1)).sum().backward()
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_at_the_tokens_of_a_grid_places_have_its_tables(grid):
    y, x = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    places = torch.stack([x, y], dim=-1).reshape(-1, 2).float()
    assert torch.equal(sine_places(places, grid, 8), sine_grid(grid, 8, CPU))
    cos, sin = rotary_places(torch.stack([places, places + 0.5]), 8)
    table = rotary_table(grid, 8, CPU)
    assert torch.equal(cos[0], table[0])
    assert torch.equal(sin[0], table[1])
    assert not torch.equal(sin[1], table[1])


def test_between_tokens_sines_are_those_of_the_place_between():
    expected = circle(0.5, 3) + circle(1.25, 5)
    ours = sine_places(torch.tensor([1.25, 0.5]), (3, 5), 8)
    torch.testing.assert_close(ours, torch.tensor(expected), atol=1e-6, rtol=1e-5)


def test_tokens_of_different_rows_turn_each_by_its_own_place():
    places = torch.tensor([[[0.0, 0.0], [1.5, 2.0]], [[4.0, 1.0], [0.5, 0.5]]])
    x = noise(2, 2, 8)
    together = rotate(x, rotary_places(places, 8))
    for row in range(2):
        for token in range(2):
            alone = rotary_places(places[row, token : token + 1], 8)
            only = slice(token, token + 1)
            expected = rotate(x[row : row + 1, only], alone)[0]
            torch.testing.assert_close(together[row, only], expected)


def test_fourier_positions_of_a_grid_are_those_of_the_centres_of_its_cells():
    positions = FourierPositions(12)
    table = positions.grid((3, 4))
    centre = torch.tensor([(2 + 0.5) / 4, (1 + 0.5) / 3])
    torch.testing.assert_close(table[1 * 4 + 2], positions(centre))
    projected = (2 * centre - 1) @ positions.positional_encoding_gaussian_matrix * 2 * math.pi
    torch.testing.assert_close(positions(centre), torch.cat([projected.sin(), projected.cos()]))


@pytest.mark.parametrize("make", [sine_grid, rotary_table], ids=lambda make: make.__name__)
def test_a_table_made_during_inference_serves_training(make):
    with torch.inference_mode():
        # Of a size that nothing else asks for: it is not kept yet.
        made = make((2, 13), 8, CPU)
    tables = made if isinstance(made, tuple) else (made,)
    for table in tables:
        weight = torch.ones_like(table, requires_grad=True)
        (weight * table).sum().backward()
        assert torch.equal(weight.grad, table)


def test_weights_made_in_inference_mode_have_positions_too():
    with torch.inference_mode():
        made = FourierPositions(16)
        first = made.grid((2, 3))
    assert torch.equal(made.grid((2, 3)), first)
