"""Run-length encoding: the same bytes as pycocotools, and damage that is named."""

import contextlib
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masklet.ops.rle import (
    area,
    decode,
    encode,
    encode_changes,
    from_uncompressed,
    to_uncompressed,
)

pycocotools = pytest.importorskip("pycocotools.mask")

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
MASKS = hnp.arrays(np.bool_, SHAPES)


def reference(mask):
    return pycocotools.encode(np.asfortranarray(mask.astype(np.uint8)))


@given(MASKS)
def test_encoding_is_byte_identical_to_pycocotools(mask):
    expected = reference(mask)
    rle = encode(mask)
    assert rle["counts"].encode() == expected["counts"]
    assert rle["size"] == list(expected["size"])


@given(MASKS)
def test_decoding_gives_the_mask_back_from_str_and_from_bytes(mask):
    rle = encode(mask)
    np.testing.assert_array_equal(decode(rle), mask)
    np.testing.assert_array_equal(decode(reference(mask)), mask)
    assert area(rle) == mask.sum()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.5, 1.0])
def test_long_runs_are_byte_identical_too(share):
    mask = np.random.default_rng(0).random((700, 900)) < share
    assert encode(mask)["counts"].encode() == reference(mask)["counts"]


def test_an_encoding_survives_json():
    mask = np.eye(9, dtype=bool)
    rle = json.loads(json.dumps(encode(mask)))
    np.testing.assert_array_equal(decode(rle), mask)


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (4, 0)])
def test_a_mask_without_pixels_has_one_empty_run(shape):
    rle = encode(np.zeros(shape, bool))
    assert rle == {"size": list(shape), "counts": "0"}
    assert decode(rle).shape == shape


def test_a_view_of_a_larger_array_encodes_like_its_copy():
    mask = np.random.default_rng(1).random((20, 30)) < 0.5
    for view in (mask[3:17:2, ::-1], mask.T, np.asfortranarray(mask)):
        assert encode(view) == encode(view.copy())


@given(MASKS)
def test_a_mask_is_told_by_the_places_where_its_pixels_change(mask):
    pixels = [False, *mask.T.flatten().tolist()]
    changes = [place for place in range(mask.size) if pixels[place] != pixels[place + 1]]
    assert encode_changes(np.array(changes, np.int64), mask.shape) == encode(mask)


@st.composite
def runs_with_size(draw):
    width = draw(st.integers(1, 12))
    runs = draw(st.lists(st.integers(0, 9), min_size=1, max_size=30))
    runs[-1] += -sum(runs) % width
    return {"size": [sum(runs) // width, width], "counts": runs}


@given(runs_with_size())
def test_uncompressed_runs_survive_the_round_trip_even_empty_ones(uncompressed):
    rle = from_uncompressed(uncompressed)
    expected = pycocotools.frPyObjects(uncompressed, *uncompressed["size"])
    assert rle["counts"].encode() == expected["counts"]
    assert to_uncompressed(rle) == uncompressed


@given(st.binary(max_size=30) | st.text(max_size=30), st.integers(0, 50), st.integers(0, 50))
def test_any_string_either_decodes_to_its_size_or_is_refused(counts, height, width):
    rle = {"size": [height, width], "counts": counts}
    with contextlib.suppress(ValueError):
        assert decode(rle).shape == (height, width)
        assert decode(encode(decode(rle))).tolist() == decode(rle).tolist()


@pytest.mark.parametrize(
    ("size", "counts", "message"),
    [
        pytest.param([2, 2], "1 3", "b' ' at position 1; expected only", id="a foreign character"),
        pytest.param([2, 2], "1ä", "counts are '1ä'; expected a string", id="a letter not ASCII"),
        pytest.param([2, 2], "", "counts are b''; expected a string", id="no runs"),
        pytest.param([2, 2], None, "counts are None; expected a string", id="no counts"),
        pytest.param([2, 2], [1, 3], "list of numbers is read by from_unc", id="a list of runs"),
        pytest.param([2, 2], "1P", "end inside a number, after b'1P'; expected", id="cut off"),
        pytest.param([2, 2], "P" * 7 + "0", "a number of 8 characters; expected", id="a long run"),
        pytest.param([2, 2], "1N5", "run 1 has length -2; expected no negative", id="negative"),
        pytest.param([2, 2], "14", "cover 5 pixels, the mask has 2 x 2 = 4", id="too many"),
        pytest.param([2, 2], "12", "cover 3 pixels, the mask has 2 x 2 = 4", id="too few"),
        pytest.param([4], "13", "size is [4]; expected [height, width]", id="one side"),
        pytest.param([-2, -2], "13", "size is [-2, -2]; expected", id="negative sides"),
        pytest.param([2.0, 2], "13", "size is [2.0, 2]; expected", id="a side not whole"),
        pytest.param(None, "13", "size is None; expected [height, width]", id="no size"),
    ],
)
def test_a_damaged_encoding_is_refused_and_the_damage_named(size, counts, message):
    for read in (decode, area, to_uncompressed):
        with pytest.raises(ValueError, match=re.escape(message)):
            read({"size": size, "counts": counts})


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        pytest.param("13", "'13'; expected a list of whole numbers", id="a compressed string"),
        pytest.param(None, "None; expected a list of whole numbers", id="nothing"),
        pytest.param([], "[]; expected a list of whole numbers", id="no runs"),
        pytest.param([1.5, 2.5], "[1.5, 2.5]; expected a list of whole numbers", id="fractions"),
        pytest.param([5, -1], "run 1 has length -1; expected no negative run", id="negative"),
        pytest.param([1, 2], "cover 3 pixels, the mask has 2 x 2 = 4", id="too few"),
        pytest.param([2**62] * 4 + [4], "pixels, the mask has 2 x 2 = 4", id="an overflow"),
    ],
)
def test_damaged_uncompressed_runs_are_refused(counts, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_uncompressed({"size": [2, 2], "counts": counts})


@pytest.mark.parametrize(
    "mask", [np.zeros((2, 2)), np.zeros((1, 2, 2), bool)], ids=["floats", "three dimensions"]
)
def test_only_bool_masks_of_two_dimensions_are_encoded(mask):
    with pytest.raises(ValueError, match=r"expected bool of shape \(height, width\)"):
        encode(mask)


def test_a_long_damaged_string_is_shown_by_its_beginning_only():
    with pytest.raises(ValueError, match=re.escape("'é11111111111111111111111111111111111...;")):
        decode({"size": [2, 2], "counts": "é" + "1" * 5000})
