"""A mosaic shows a clip four times and means one of them."""

import torch

from masklet.data.mosaic import Mosaic, draw_mosaic, folded, is_meant
from masklet.data.warps import plain_grid, sampled
from tests.data.coded_clips import draws


def mosaic(is_tiled, is_mirrored=(False, False, False, False), kept=0):
    return Mosaic(torch.tensor([is_tiled]), torch.tensor([is_mirrored]), torch.tensor([kept]))


def shown(layers, made):
    grid = folded(plain_grid(1, (8, 8), layers.device), made)
    return sampled(layers, grid, torch.ones(1), 1.0)


def test_each_cell_shows_the_whole_clip_mirrored_or_not():
    layers = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    tiled = shown(layers, mosaic(True, is_mirrored=(False, True, False, True)))
    upper, lower = tiled.chunk(2, dim=2)
    for row in (upper, lower):
        left, right = row.chunk(2, dim=3)
        torch.testing.assert_close(left, layers)
        torch.testing.assert_close(right, layers.flip(3))


def test_one_cell_is_meant_and_all_of_a_clip_that_is_shown_once():
    grid = plain_grid(1, (8, 8), torch.device("cpu"))
    for kept, corner in enumerate([(0, 0), (0, 4), (4, 0), (4, 4)]):
        meant = is_meant(grid, mosaic(True, kept=kept))[0]
        assert meant.sum() == 16
        assert meant[corner[0] : corner[0] + 4, corner[1] : corner[1] + 4].all()
    assert is_meant(grid, mosaic(False)).all()
    assert torch.equal(folded(grid, mosaic(False)), grid)


def test_some_clips_become_mosaics():
    drawn = draw_mosaic(draws(), 400, chance=0.25)
    assert 60 < drawn.is_tiled_V.sum() < 140
    assert sorted(set(drawn.kept_V.tolist())) == [0, 1, 2, 3]
    assert not draw_mosaic(draws(), 50, chance=0.0).is_tiled_V.any()
