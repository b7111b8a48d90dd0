"""The simulated user clicks where the reference's does: distances are scipy's, draws are even."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masklet.ops import clicks
from masklet.ops.clicks import centre_clicks, interior_distance, jittered_boxes, random_clicks

ndimage = pytest.importorskip("scipy.ndimage")

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=20)
SPARSE = hnp.arrays(np.bool_, SHAPES, fill=st.just(False))
DENSE = hnp.arrays(np.bool_, SHAPES, fill=st.just(True))
BATCHES = hnp.arrays(np.bool_, SHAPES) | SPARSE | DENSE
PAIRS = SHAPES.flatmap(
    lambda shape: st.tuples(hnp.arrays(np.bool_, shape), hnp.arrays(np.bool_, shape))
)


def scipys_distance(mask):
    return ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]


def naive_squares(mask):
    """Every pixel inside against every one outside, those around the picture among them."""
    padded = np.pad(mask, 1)
    outside = np.argwhere(~padded)
    squares = np.zeros(mask.shape, np.int64)
    for y, x in np.argwhere(mask):
        squares[y, x] = ((outside - (y + 1, x + 1)) ** 2).sum(axis=1).min()
    return squares


def naive_centre_click(said, truth):
    """Point, label and whether there is an error, as the specification words it."""
    missed, too_much = naive_squares(truth & ~said), naive_squares(said & ~truth)
    adds = missed.max() > too_much.max()
    y, x = np.unravel_index((missed if adds else too_much).argmax(), truth.shape)
    return [float(x), float(y)], int(adds), bool((said != truth).any())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def tensors(*arrays):
    return tuple(torch.from_numpy(np.asarray(array)) for array in arrays)


def disk(height, width, y, x, radius):
    rows, columns = np.ogrid[:height, :width]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


@given(BATCHES)
def test_distances_are_scipys(masks):
    found = interior_distance(torch.from_numpy(masks))
    assert found.dtype == torch.float32
    expected = np.stack([scipys_distance(mask) for mask in masks])
    # torch's square root is off by one in the last place for some whole numbers.
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-7)


@given(BATCHES)
def test_squared_distances_are_those_of_every_pair_of_pixels(masks):
    found = clicks._squared_distances(torch.from_numpy(masks))
    np.testing.assert_array_equal(found.numpy(), np.stack([naive_squares(mask) for mask in masks]))


@given(BATCHES)
def test_without_a_look_at_the_values_the_distances_are_the_same(masks):
    # The way of accelerators: no crop, and as many shifts as the shape alone calls for.
    whole = torch.from_numpy(masks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clicks, "_reach", lambda within_row: (within_row.shape[1] + 1) // 2)
        blind = clicks._squared_by_shifts(whole)
    assert torch.equal(blind, clicks._squared_distances(whole))


def test_distances_in_a_large_picture_are_scipys():
    blob = disk(300, 420, 150, 200, 140) & ~disk(300, 420, 120, 260, 17) | disk(300, 420, 5, 5, 9)
    found = interior_distance(torch.from_numpy(blob)[None])[0]
    np.testing.assert_allclose(found.numpy(), scipys_distance(blob), rtol=2e-7)


@pytest.mark.parametrize("shape", [(0, 4, 4), (2, 0, 4), (2, 4, 0)], ids=str)
def test_distances_of_nothing_are_nothing(shape):
    assert interior_distance(torch.ones(shape, dtype=torch.bool)).shape == shape


@given(PAIRS)
def test_a_centre_click_is_in_the_middle_of_the_largest_error(pair):
    clicked = centre_clicks(*tensors(*pair))
    found = zip(
        clicked.points_B2.tolist(),
        clicked.labels_B.tolist(),
        clicked.has_error_B.tolist(),
        strict=True,
    )
    assert list(found) == [naive_centre_click(*each) for each in zip(*pair, strict=True)]


def test_the_first_click_is_in_the_middle_of_the_object():
    truth = disk(60, 80, 25, 41, 13)
    clicked = centre_clicks(*tensors(np.zeros((1, 60, 80), bool), truth[None]))
    assert clicked.points_B2.tolist() == [[41.0, 25.0]]
    assert clicked.labels_B.tolist() == [1]


def test_of_errors_of_one_depth_the_one_that_is_too_much_is_clicked():
    said, truth = np.zeros((2, 1, 20, 40), bool)
    said[0, 5:12, 5:12] = True
    truth[0, 5:12, 25:32] = True
    clicked = centre_clicks(*tensors(said, truth))
    assert (clicked.points_B2.tolist(), clicked.labels_B.tolist()) == ([[8.0, 8.0]], [0])
    truth[0, 4:13, 24:33] = True
    clicked = centre_clicks(*tensors(said, truth))
    assert (clicked.points_B2.tolist(), clicked.labels_B.tolist()) == ([[28.0, 8.0]], [1])


def test_where_nothing_is_wrong_a_centre_click_says_so():
    truth = disk(20, 20, 9, 9, 5)[None]
    clicked = centre_clicks(*tensors(truth, truth))
    assert clicked.has_error_B.tolist() == [False]
    assert (clicked.points_B2.tolist(), clicked.labels_B.tolist()) == ([[0.0, 0.0]], [0])


@given(PAIRS, st.integers(0, 9))
def test_a_random_click_is_on_an_error_and_its_label_mends_it(pair, seed):
    said, truth = pair
    clicked = random_clicks(*tensors(said, truth), generator=generator(seed))
    assert clicked.has_error_B.tolist() == (said != truth).any(axis=(1, 2)).tolist()
    for row, (x, y) in enumerate(clicked.points_B2.int().tolist()):
        label = int(clicked.labels_B[row])
        if clicked.has_error_B[row]:
            assert said[row, y, x] != truth[row, y, x]
            assert label == truth[row, y, x]
        else:
            assert label == 0
            assert truth[row].all() or not truth[row, y, x]


def test_all_errors_are_equally_likely_to_be_clicked():
    said, truth = np.zeros((2, 4, 5), bool)
    said[0, 1], truth[3, 2], said[2, 2:4] = True, True, True
    count = 8000
    copies = (torch.from_numpy(mask).expand(count, -1, -1) for mask in (said, truth))
    x, y = random_clicks(*copies, generator=generator()).points_B2.long().T
    drawn = np.bincount(y * 5 + x, minlength=20).reshape(4, 5)
    wrong = said != truth
    assert wrong.sum() == 4
    assert drawn[~wrong].sum() == 0
    # Of 8000 draws a quarter is 2000; chance moves it by 39, one standard deviation.
    assert (abs(drawn[wrong] - 2000) < 4 * 39).all()


def test_random_clicks_repeat_with_their_seed():
    truth = torch.from_numpy(np.stack([disk(50, 50, 25, 25, 20)] * 3))
    nothing = torch.zeros_like(truth)
    first, again, other = (
        random_clicks(nothing, truth, generator=generator(seed)).points_B2 for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(first.unique(dim=0)) == 3


def test_a_full_picture_that_is_answered_perfectly_is_clicked_at_its_corner_to_take_away():
    full = torch.ones(1, 3, 4, dtype=torch.bool)
    clicked = random_clicks(full, full, generator=generator())
    assert (clicked.points_B2.tolist(), clicked.labels_B.tolist()) == ([[0.0, 0.0]], [0])


def test_a_random_click_of_a_perfect_answer_is_anywhere_outside():
    truth = torch.zeros(500, 2, 3, dtype=torch.bool)
    truth[:, 0, :2] = True
    clicked = random_clicks(truth, truth, generator=generator())
    places = {tuple(point) for point in clicked.points_B2.int().tolist()}
    assert places == {(2, 0), (0, 1), (1, 1), (2, 1)}
    assert not clicked.labels_B.any()


@given(BATCHES, st.integers(0, 9))
def test_a_drawn_box_is_off_by_at_most_a_tenth_of_its_sides(masks, seed):
    boxes = jittered_boxes(torch.from_numpy(masks), generator=generator(seed)).numpy()
    assert boxes.dtype == np.float32
    for mask, box in zip(masks, boxes, strict=True):
        if not mask.any():
            assert not box.any()
            continue
        rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
        tight = np.array([columns[0], rows[0], columns[-1], rows[-1]])
        allowed = 0.1 * np.tile(tight[2:] - tight[:2], 2) + 1e-5
        assert (abs(box - tight) <= allowed).all()
        assert (box >= 0).all()
        assert (box <= np.array(mask.shape[::-1] * 2) - 1).all()


def test_the_corners_of_a_large_box_are_off_by_up_to_20_pixels_and_stay_within_the_picture():
    mask = torch.zeros(400, 700, 900, dtype=torch.bool)
    mask[:, 100:, 200:900] = True
    boxes = jittered_boxes(mask, generator=generator()) - torch.tensor([200, 100, 899, 699])
    # 400 draws come within a quarter of a pixel of both ends, except where the picture ends.
    assert (boxes.amin(dim=0) + 20).abs().max() < 0.25
    assert (boxes.amax(dim=0) - torch.tensor([20.0, 20.0, 0.0, 0.0])).abs().max() < 0.25
    assert (boxes.amax(dim=0)[2:] == 0).all()
