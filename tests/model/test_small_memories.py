"""Memories of fewer tokens are read as if all tokens were there, as far as they can be."""

from dataclasses import replace

import pytest
import torch

from masklet.model import kernels
from masklet.model.config import MemoryConfig, Version
from masklet.model.memory_attention import MemoryAttention
from masklet.model.tensors import KeyCells, MemoryReadout
from tests.keys import placed_keys
from tests.tiny import noise, tiny_model, with_weights

GRID = (4, 4)
TOKENS = 16
WIDTH, MEMORY_WIDTH = 32, 8
MEMORY = MemoryConfig(version=Version.V2_1, width=MEMORY_WIDTH, layers=2)


def grid_places():
    y, x = torch.meshgrid(torch.arange(GRID[0]), torch.arange(GRID[1]), indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2).float()


def readout(rows=2, memories=3):
    return MemoryReadout(
        spatial_BNLD=noise(rows, memories, TOKENS, MEMORY_WIDTH, seed=5),
        slots_BN=torch.tensor([0, 5, 6])[:memories].expand(rows, -1),
        pointers_BKC=noise(rows, 2, WIDTH, seed=6),
        times_BK=torch.tensor([0.2, 0.4]).expand(rows, -1),
    )


def in_cells(whole, log_counts=0.0):
    """The same memories, every token with its place."""
    rows, memories = whole.slots_BN.shape
    places = grid_places().repeat(memories, 1).expand(rows, -1, -1)
    return replace(
        whole,
        spatial_BNLD=whole.spatial_BNLD.flatten(1, 2)[:, :, None],
        slots_BN=whole.slots_BN.repeat_interleave(TOKENS, dim=1),
        cells=KeyCells(places, torch.full(places.shape[:2], log_counts)),
    )


def chosen(small, tokens):
    """Of the cells those of some numbers, in any order."""
    cells = small.cells
    return replace(
        small,
        spatial_BNLD=small.spatial_BNLD[:, tokens],
        slots_BN=small.slots_BN[:, tokens],
        cells=KeyCells(cells.places_BS2[:, tokens], cells.log_counts_BS[:, tokens]),
    )


def read(model, remembered):
    with torch.inference_mode():
        features = model.encode_image(noise(1, 3, 64, 64))
        return model.condition(features, remembered)


def assert_same(ours, expected):
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tiled_from", [1, 10**9], ids=["tiles", "whole"])
@pytest.mark.parametrize("padded_from", [1, 10**9], ids=["padded", "as they are"])
def test_whole_memories_given_as_cells_are_read_alike(monkeypatch, tiled_from, padded_from):
    monkeypatch.setattr(kernels, "_TILED_FROM", tiled_from)
    monkeypatch.setattr(kernels, "_PADDED_FROM", padded_from)
    model, whole = tiny_model(), readout()
    assert_same(read(model, in_cells(whole)), read(model, whole))


def test_cells_may_come_in_any_order_and_from_different_places_in_each_row():
    model, small = tiny_model(), in_cells(readout())
    order = torch.randperm(3 * TOKENS, generator=torch.Generator().manual_seed(0))
    assert_same(read(model, chosen(small, order)), read(model, small))
    places = small.cells.places_BS2.clone()
    places[1] += 0.5
    moved = replace(small, cells=replace(small.cells, places_BS2=places))
    answers, before = read(model, moved), read(model, small)
    assert_same(answers[0], before[0])
    assert (answers[1] - before[1]).abs().max() > 1e-3


def test_a_cell_that_stands_for_no_token_is_not_read():
    model, small = tiny_model(), in_cells(readout())
    counts = small.cells.log_counts_BS.clone()
    counts[:, ::3] = -torch.inf
    without = replace(small, cells=replace(small.cells, log_counts_BS=counts))
    left = torch.tensor([n for n in range(3 * TOKENS) if n % 3])
    ours = read(model, without)
    assert ours.isfinite().all()
    assert_same(ours, read(model, chosen(small, left)))


def test_a_cell_that_stands_for_four_equal_tokens_is_read_as_they_are():
    model = tiny_model()
    four, one = in_cells(readout()), in_cells(readout())
    tokens = torch.arange(3 * TOKENS)
    repeated = chosen(four, torch.cat([tokens, *[tokens[:5]] * 3]))
    counts = one.cells.log_counts_BS.clone()
    counts[:, :5] = torch.tensor(4.0).log()
    counted = replace(one, cells=replace(one.cells, log_counts_BS=counts))
    assert_same(read(model, counted), read(model, repeated))
    assert (read(model, counted) - read(model, one)).abs().max() > 1e-4


@pytest.mark.parametrize("frames", [1, 2], ids=["one frame for all rows", "a frame per row"])
def test_cells_have_the_gradients_of_whole_memories(frames):
    gradients = []
    for cells in (KeyCells(grid_places().expand(2, -1, -1), torch.zeros(2, TOKENS)), None):
        attention = MemoryAttention(WIDTH, MEMORY).eval()
        with_weights(attention, prefix="memory_attention.")
        memory = noise(2, TOKENS, MEMORY_WIDTH, seed=1).requires_grad_()
        pointer = noise(2, 4, MEMORY_WIDTH, seed=2)
        answer = attention(
            noise(frames, TOKENS, WIDTH),
            placed_keys(memory, torch.zeros_like(memory)),
            (pointer, pointer),
            grid=GRID,
            cells=cells,
        )
        answer.square().sum().backward()
        taught = {name: weight.grad for name, weight in attention.named_parameters()}
        gradients.append({"memory": memory.grad, **taught})
    for name, expected in gradients[1].items():
        torch.testing.assert_close(gradients[0][name], expected, atol=1e-3, rtol=1e-3, msg=name)
