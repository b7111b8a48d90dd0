"""Small memories say of every square what its tokens say on average, and forget none of them."""

import pytest
import torch

from masklet.memory.cells import Cells
from masklet.memory.smaller import foveated, pooled, whole
from tests.tiny import noise

CPU = torch.device("cpu")
GRIDS = [(8, 8), (5, 7), (4, 12), (2, 2), (1, 3)]


def disc(grid, radius, rows=1):
    """Logits of a disc in the middle, `radius` in tokens."""
    y, x = torch.meshgrid(torch.arange(4 * grid[0]), torch.arange(4 * grid[1]), indexing="ij")
    distance = ((y + 0.5 - 2 * grid[0]) ** 2 + (x + 0.5 - 2 * grid[1]) ** 2).sqrt()
    return (4 * radius - distance)[None].expand(rows, -1, -1)


def forms(grid, rows=3):
    memory = noise(rows, grid[0] * grid[1], 5, seed=1)
    logits = noise(rows, 4 * grid[0], 4 * grid[1], seed=2)
    return memory, (
        whole(memory, grid),
        pooled(memory, grid),
        foveated(memory, logits, grid),
        foveated(memory, torch.full_like(logits, -1024.0), grid),
        foveated(memory, torch.full_like(logits, 10.0), grid),
    )


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_counted_as_often_as_they_stand_for_tokens_they_have_the_sums_of_the_whole(grid):
    memory, smaller = forms(grid)
    places = Cells.whole(grid, CPU).places_S2.sum(dim=0).expand(3, -1)
    for small in smaller:
        counts = small.log_counts_BS.exp()[:, :, None]
        torch.testing.assert_close(counts.sum(dim=1), torch.full((3, 1), 1.0 * memory.shape[1]))
        torch.testing.assert_close((counts * small.spatial_BSD).sum(dim=1), memory.sum(dim=1))
        torch.testing.assert_close((counts * small.places_BS2).sum(dim=1), places)
        assert small.spatial_BSD.isfinite().all()
        assert small.places_BS2.isfinite().all()
        assert not small.log_counts_BS.isnan().any()


@pytest.mark.parametrize(
    ("grid", "sizes"),
    [((8, 8), (64, 16, 12)), ((5, 7), (35, 12, 8)), ((2, 2), (4, 1, 2))],
    ids=str,
)
def test_the_number_of_tokens_depends_on_the_grid_alone(grid, sizes):
    _, smaller = forms(grid)
    assert [small.spatial_BSD.shape[1] for small in smaller] == [*sizes, sizes[-1], sizes[-1]]


def test_whole_memories_lie_on_the_grid():
    small = whole(noise(2, 6, 5), (2, 3))
    places = [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]
    assert small.places_BS2.tolist() == [places, places]


def test_pooled_squares_lie_in_the_middle_of_their_tokens():
    memory = torch.arange(15.0).reshape(1, 15, 1)
    small = pooled(memory, (3, 5))
    expected = [[0.5, 0.5], [2.5, 0.5], [4, 0.5], [0.5, 2], [2.5, 2], [4, 2]]
    assert small.places_BS2[0].tolist() == expected
    assert small.spatial_BSD.flatten().tolist() == [3.0, 5.0, 6.5, 10.5, 12.5, 14.0]
    counts = [4.0, 4.0, 2.0, 2.0, 2.0, 1.0]
    torch.testing.assert_close(small.log_counts_BS[0].exp(), torch.tensor(counts))


def test_kept_tokens_are_those_of_the_memory_and_in_no_square():
    grid = (8, 8)
    memory = noise(2, 64, 5)
    small = foveated(memory, disc(grid, 2, rows=2), grid)
    x, y = small.places_BS2[0, :8].long().unbind(dim=1)
    assert torch.equal(small.spatial_BSD[:, :8], memory[:, y * 8 + x])
    assert (small.log_counts_BS[:, :8] == 0).all()
    kept = torch.zeros(8, 8, dtype=torch.bool)
    kept[y, x] = True
    left = memory[0].reshape(8, 8, 5)[:4, 4:][~kept[:4, 4:]]
    torch.testing.assert_close(small.spatial_BSD[0, 9], left.mean(dim=0))


def kept_of(grid, radius):
    """The distances from the middle at which tokens are kept."""
    small = foveated(torch.zeros(1, grid[0] * grid[1], 1), disc(grid, radius), grid)
    kept = small.places_BS2[0, : grid[0] * grid[1] // 8]
    middle = torch.tensor([grid[1] / 2 - 0.5, grid[0] / 2 - 0.5])
    return (kept - middle).norm(dim=1), kept - middle


def test_of_a_small_object_all_is_kept_and_what_lies_beside_it():
    distance, _ = kept_of((32, 32), radius=2)
    assert (distance <= 3).sum() == 32, "all tokens whose middle is so near"


def test_of_a_large_object_the_outline_is_kept_first_all_around():
    distance, offset = kept_of((32, 32), radius=12)
    assert ((distance - 12).abs() < 3).all()
    angles = torch.atan2(offset[:, 1], offset[:, 0]).sort().values
    assert angles.diff().max() < 0.2


def test_of_an_object_that_is_absent_tokens_all_over_the_frame_are_kept():
    small = foveated(torch.zeros(1, 1024, 1), torch.full((1, 128, 128), -1024.0), (32, 32))
    eighths = (small.places_BS2[0, :128] // 8).long()
    counts = (eighths[:, 1] * 4 + eighths[:, 0]).bincount(minlength=16)
    assert counts.min() >= 4
    assert counts.max() <= 16


def test_a_square_of_which_nothing_is_left_is_finite_and_counts_for_nothing():
    logits = torch.full((1, 160, 160), -9.0)
    logits[:, 64:80, 64:80] = 9.0
    small = foveated(noise(1, 1600, 3), logits, (40, 40))
    is_empty = small.log_counts_BS.isneginf()
    assert is_empty.sum() == 1, "the square of the object, of which all tokens are kept"
    assert (small.spatial_BSD[is_empty] == 0).all()


def test_memories_do_not_see_each_other_and_keep_their_precision():
    grid = (8, 8)
    memory, logits = noise(3, 64, 5).bfloat16(), noise(3, 32, 32, seed=2)
    for together, alone in (
        (pooled(memory, grid), pooled(memory[1:2], grid)),
        (foveated(memory, logits, grid), foveated(memory[1:2], logits[1:2], grid)),
    ):
        assert together.spatial_BSD.dtype == torch.bfloat16
        assert torch.equal(together.spatial_BSD[1], alone.spatial_BSD[0])
        assert torch.equal(together.cells(1).places_S2, alone.cells(0).places_S2)
        assert torch.equal(together.cells(1).log_counts_S, alone.cells(0).log_counts_S)
