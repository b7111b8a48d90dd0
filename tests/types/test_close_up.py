"""A closer look takes the place of a part of a mask, and of nothing else."""

import numpy as np
import pytest
import torch

from masklet.ops.resize import resize_logits, resize_mask
from masklet.types import CloseUp, MaskSet

SIZE = (40, 60)
BOX = (10, 4, 40, 34)
# Three of the thirty pixels of a side fade at each end.
CORE = slice(7, 31), slice(13, 37)
COARSE = torch.linspace(-8, 8, 60).expand(SIZE)
FINE = torch.arange(16 * 16).reshape(16, 16).float() - 100


def answer(close_ups, **options):
    """Three masks on a grid of 10 x 15, far from what is seen close by."""
    logits = resize_mask(COARSE[None], (10, 15)) * torch.tensor([1.0, -1.0, 0.5])[:, None, None]
    return MaskSet(
        logits, torch.ones(3), torch.zeros(3), SIZE, (0, 1, 2), close_ups=close_ups, **options
    )


def test_inside_the_fine_logits_stand_outside_the_old_ones_and_between_they_fade():
    seen = CloseUp(torch.full((16, 16), 3.0), BOX).pasted(torch.full(SIZE, -2.0))
    torch.testing.assert_close(seen[CORE], torch.full((24, 24), 3.0))
    outside = torch.ones(SIZE, dtype=torch.bool)
    outside[4:34, 10:40] = False
    assert (seen[outside] == -2).all()
    across = seen[20, 10:14]
    torch.testing.assert_close(across, -2 + 5 * torch.tensor([1, 3, 5, 6]) / 6)
    torch.testing.assert_close(seen[20, 36:40], across.flip(0))
    torch.testing.assert_close(seen[4:8, 20], across)


def test_the_fine_logits_are_drawn_at_the_size_of_their_part():
    seen = CloseUp(FINE, BOX).pasted(COARSE)
    expected = resize_logits(FINE[None], (30, 30))[0]
    assert torch.equal(seen[CORE], expected[3:27, 3:27])


@pytest.mark.parametrize(
    ("box", "touched"),
    [
        ((0, 0, 30, 20), (0, 0)),
        ((30, 20, 60, 40), (39, 59)),
        ((0, 20, 30, 40), (39, 0)),
        ((0, 0, 60, 40), (slice(None), slice(None))),
    ],
    ids=["top left", "bottom right", "bottom left", "everything"],
)
def test_nothing_fades_at_the_border_of_the_image(box, touched):
    seen = CloseUp(torch.full((16, 16), 3.0), box).pasted(torch.full(SIZE, -2.0))
    torch.testing.assert_close(seen[touched], torch.full_like(seen[touched], 3.0))


def test_the_smallest_part_is_one_pixel():
    seen = CloseUp(FINE, (5, 6, 6, 7)).pasted(torch.full(SIZE, -2.0))
    assert (seen != -2).nonzero().tolist() == [[6, 5]]


def test_what_it_is_pasted_on_stays_as_it_was():
    coarse = torch.zeros(SIZE)
    CloseUp(FINE, BOX).pasted(coarse)
    assert not coarse.any()


def test_everything_that_is_read_of_a_mask_shows_its_close_up():
    plain, seen = answer({}), answer({1: CloseUp(torch.full((16, 16), 9.0), BOX)})
    full = plain.full_logits()
    full[1] = CloseUp(torch.full((16, 16), 9.0), BOX).pasted(torch.from_numpy(full[1])).numpy()
    np.testing.assert_array_equal(seen.full_logits(), full)
    np.testing.assert_array_equal(seen.masks(), full > 0)
    assert seen.areas().tolist() == (full > 0).sum(axis=(1, 2)).tolist()
    assert seen.areas()[1] > plain.areas()[1]
    assert seen.stability()[1] != plain.stability()[1]
    assert (seen.stability() == plain.stability()).tolist() == [True, False, True]


def test_cleaning_and_exclusion_see_close_ups_too():
    hole = torch.full((16, 16), 9.0)
    hole[7:9, 7:9] = -9.0
    pierced = answer({0: CloseUp(hole, BOX)})
    filled = answer({0: CloseUp(hole, BOX)}, max_hole_area=30)
    assert filled.areas()[0] > pierced.areas()[0]
    shared = answer({1: CloseUp(torch.full((16, 16), 9.0), BOX)}, exclusive=True).masks()
    assert (shared.sum(axis=0) <= 1).all()
    assert shared[1][CORE].all()


@pytest.mark.parametrize(
    ("index", "rows"),
    [(1, [1]), (0, [0]), ([2, 1, 1], [2, 1, 1]), (slice(None, None, -1), [2, 1, 0]), ([], [])],
    ids=str,
)
def test_a_close_up_stays_with_its_mask(index, rows):
    whole = answer({1: CloseUp(FINE, BOX)})
    chosen = whole[index]
    assert sorted(chosen.close_ups) == [new for new, row in enumerate(rows) if row == 1]
    np.testing.assert_array_equal(chosen.masks(), whole.masks()[rows])


def test_the_best_mask_keeps_its_close_up():
    assert answer({2: CloseUp(FINE, BOX)}).best().close_ups.keys() == {2}


def test_logits_on_the_grid_are_the_models_own_with_what_was_seen_close_by():
    plain, seen = answer({}), answer({1: CloseUp(FINE, BOX)})
    assert torch.equal(plain.grid_logits(), plain.logits)
    drawn = seen.grid_logits()
    assert torch.equal(drawn[[0, 2]], seen.logits[[0, 2]])
    torch.testing.assert_close(drawn[1], resize_mask(seen.full_logits_of(1)[None], (10, 15))[0])
    assert torch.equal(seen.logits, plain.logits)
