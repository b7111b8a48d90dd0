"""J and F are those of the DAVIS toolkit, to the last digit."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masklet.eval.metrics import boundary_similarity, boundary_tolerance, region_similarity
from tests.parity.inputs import Figure, blob_mask

ndimage = pytest.importorskip("scipy.ndimage")

# Made once with the toolkit's own formulas; the masks follow from what is written there.
PAIRS = json.loads(Path(__file__).with_name("davis_metrics.json").read_text())["pairs"]

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24)
TWO = SHAPES.flatmap(
    lambda shape: st.tuples(hnp.arrays(np.bool_, shape), hnp.arrays(np.bool_, shape))
)


def made(described):
    size = described["h"], described["w"]
    match described:
        case {"kind": "blob", "seed": seed}:
            mask = blob_mask(*size, seed, described.get("thresh", 128))
        case {"kind": "shape", "shape": shape, "args": args}:
            mask = Figure(shape, *args).mask(*size)
        case {"kind": "pixel", "y": y, "x": x}:
            mask = np.zeros(size, bool)
            mask[y, x] = True
        case {"kind": kind}:
            mask = np.full(size, kind == "full")
    return np.roll(mask, described.get("shift", (0, 0)), axis=(0, 1))


def naive_outline(mask):
    """As the specification words it, a pixel at a time."""
    height, width = mask.shape
    edge = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            around = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            edge[y, x] = any(
                mask[y, x] != mask[a, b] for a, b in around if a < height and b < width
            )
    return edge


def naive_boundary(said, truth, reach):
    """Both outlines widened by a disk, over the whole picture."""
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = rows**2 + columns**2 <= reach**2
    edges = [naive_outline(mask) for mask in (said, truth)]
    wide = [ndimage.binary_dilation(edge, disk) for edge in edges]
    shares = [
        edge[near].sum() / edge.sum() if edge.any() else 1.0
        for edge, near in zip(edges, reversed(wide), strict=True)
    ]
    return 2 * np.prod(shares) / sum(shares) if sum(shares) else 0.0


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['pred']['kind']} {pair['J']:.3f}")
def test_both_measures_are_those_of_the_toolkit(pair):
    said, truth = made(pair["pred"]), made(pair["gt"])
    assert float(region_similarity(said, truth)) == pytest.approx(pair["J"], abs=1e-12, rel=0)
    assert float(boundary_similarity(said, truth)) == pytest.approx(pair["F"], abs=1e-12, rel=0)


@given(TWO)
def test_the_boundary_measure_is_that_of_widened_outlines(pair):
    said, truth = pair
    expected = naive_boundary(said, truth, boundary_tolerance(said.shape))
    assert float(boundary_similarity(said, truth)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_the_boundary_measure_reaches_as_far_in_larger_pictures(seed):
    said, truth = blob_mask(200, 330, seed), np.roll(blob_mask(200, 330, seed), (2, -3), (0, 1))
    assert boundary_tolerance(said.shape) == 4
    expected = naive_boundary(said, truth, reach=4)
    assert 0.3 < expected < 1
    assert float(boundary_similarity(said, truth)) == pytest.approx(expected, abs=1e-12)


@given(TWO)
def test_both_measures_are_symmetric_shares_and_1_for_the_truth(pair):
    for measure in (region_similarity, boundary_similarity):
        assert 0 <= float(measure(*pair)) <= 1
        assert float(measure(*pair)) == pytest.approx(float(measure(*reversed(pair))), abs=1e-15)
        assert float(measure(pair[1], pair[1])) == 1


@pytest.mark.parametrize(
    ("said", "truth", "region", "boundary"),
    [
        ("empty", "empty", 1, 1),
        ("empty", "dot", 0, 0),
        ("dot", "empty", 0, 0),
        # A picture that is full has no outline, as an empty one.
        ("full", "empty", 0, 1),
        ("full", "full", 1, 1),
        ("full", "dot", 1 / 300, 0),
    ],
)
def test_empty_and_full_masks(said, truth, region, boundary):
    masks = {"empty": np.zeros((15, 20), bool), "full": np.ones((15, 20), bool)}
    masks["dot"] = masks["empty"].copy()
    masks["dot"][7, 8] = True
    assert float(region_similarity(masks[said], masks[truth])) == pytest.approx(region)
    assert float(boundary_similarity(masks[said], masks[truth])) == boundary


def test_a_stack_of_frames_has_a_score_for_each():
    said = np.stack([blob_mask(40, 60, seed) for seed in range(6)])
    truth = np.roll(said, 1, axis=2)
    for measure in (region_similarity, boundary_similarity):
        each = [float(measure(*pair)) for pair in zip(said, truth, strict=True)]
        scores = measure(said, truth)
        assert scores.dtype == np.float64
        assert scores.tolist() == each
        assert measure(said.reshape(2, 3, 40, 60), truth.reshape(2, 3, 40, 60)).shape == (2, 3)
        assert measure(said[:0], truth[:0]).shape == (0,)


def test_pixels_that_nobody_judged_count_for_neither():
    said, truth, void = np.zeros((3, 40, 60), bool)
    said[10:30, 10:40] = True
    truth[10:30, 10:30] = True
    void[:, 30:] = True
    for measure in (region_similarity, boundary_similarity):
        assert float(measure(said, truth)) < 1
        assert float(measure(said, truth, void=void)) == 1
        assert float(measure(said, truth, void=~void)) == 0
        assert float(measure(said, truth, void=np.zeros_like(void))) == float(measure(said, truth))


@pytest.mark.parametrize(
    ("size", "tolerance"), [((480, 854), 8), ((1080, 1920), 18), ((100, 75), 1), ((20, 30), 1)]
)
def test_the_tolerance_is_eight_thousandths_of_the_diagonal_rounded_up(size, tolerance):
    assert boundary_tolerance(size) == tolerance


@pytest.mark.parametrize(
    ("said", "truth", "void"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool), None),
        (np.zeros((4, 4), bool), np.zeros((4, 5), bool), None),
        (np.zeros((4, 4), bool), np.zeros((4, 4), bool), np.zeros((1, 4), bool)),
        (np.zeros(4, bool), np.zeros(4, bool), None),
    ],
    ids=["numbers", "sizes", "void", "one row"],
)
def test_arrays_that_are_no_masks_of_one_size_are_refused(said, truth, void):
    for measure in (region_similarity, boundary_similarity):
        with pytest.raises(ValueError, match=r"the masks are .*; expected bool of one shape"):
            measure(said, truth, void=void)
