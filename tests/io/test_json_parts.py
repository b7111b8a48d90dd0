"""Prompts and masks as JSON, and what is said about JSON that is none of ours."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from masklet.errors import StateError
from masklet.io.json_parts import (
    checked_rle,
    describe_mask,
    describe_prompt,
    field,
    number,
    objects,
    parse_object,
    read_document,
    read_prompt,
)
from masklet.ops import rle
from masklet.types import Prompt
from tests.io.made import SIZE, square

PROMPTS = {
    "points": Prompt.point(4.5, 3) + Prompt.point(1, 2, label=0),
    "box": Prompt.box_xyxy(0.1, 2, 8, 9),
    "mask": Prompt.from_mask(square(2, 3)),
    "all": Prompt.point(4, 3) + Prompt.box_xyxy(1, 2, 8, 9) + Prompt.from_mask(square(2, 3)),
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_a_prompt_is_read_as_it_was_described(prompt):
    described = json.loads(json.dumps(describe_prompt(prompt)))
    read = read_prompt(described, SIZE, "it")
    np.testing.assert_array_equal(read.points, prompt.points)
    np.testing.assert_array_equal(read.labels, prompt.labels)
    for name in ("box", "mask"):
        np.testing.assert_array_equal(getattr(read, name), getattr(prompt, name))


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_box_and_area_are_those_of_the_pixels(mask):
    described = describe_mask(rle.encode(mask))
    assert described["area"] == mask.sum()
    left, top, width, height = described["bbox"]
    box = np.zeros_like(mask)
    box[top : top + height, left : left + width] = True
    assert not (mask & ~box).any()
    if mask.any():
        tight = mask[top : top + height, left : left + width]
        edges = (tight[0], tight[-1], tight[:, 0], tight[:, -1])
        assert all(edge.any() for edge in edges)
        assert tight.shape == (height, width)
    else:
        assert described["bbox"] == [0, 0, 0, 0]


def test_an_empty_run_inside_is_no_pixel():
    runs = rle.from_uncompressed({"size": [2, 2], "counts": [1, 0, 2, 1]})
    assert describe_mask(runs)["bbox"] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, r"it says None for 'points'; expected a list"),
        ({"points": [[1, 2]], "labels": [1, 1]}, r"it is no prompt: 1 points but labels"),
        ({"points": [[1, 2]], "labels": [0.5]}, r"it is no prompt: labels are \[0\.5\]"),
        ({"points": [[1, 2], [3]], "labels": [1, 1]}, r"it is no prompt"),
        ({"points": [], "labels": []}, r"it is no prompt: the prompt is empty"),
        ({"points": [], "labels": [], "box": {}}, r"it is no prompt: the box"),
    ],
)
def test_a_prompt_that_is_none_is_refused(document, says):
    with pytest.raises(StateError, match=says):
        read_prompt(document, SIZE, "it")


def test_a_mask_of_another_size_is_refused_before_it_is_laid_out():
    huge = {"size": [10**6, 10**6], "counts": "0"}
    with pytest.raises(StateError, match=r"size \[1000000, 1000000\], its picture has \[20, 30\]"):
        checked_rle(huge, SIZE, "it")


@pytest.mark.parametrize("value", [None, [], {"size": [20, 30], "counts": "1"}])
def test_runs_that_are_none_are_refused(value):
    with pytest.raises(StateError, match=r"it has a damaged mask: .* Expected COCO's compressed"):
        checked_rle(value, SIZE, "it")


@pytest.mark.parametrize("value", [None, "3", 3.0, True])
def test_a_value_of_another_kind_is_refused(value):
    with pytest.raises(StateError, match=r"it says .* for 'area'; expected a whole number. The"):
        field({"area": value}, "area", int, "it")


@pytest.mark.parametrize("value", [None, "3", True, float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(value):
    with pytest.raises(StateError, match=r"it says .* for 'fps'; expected a number\. The file"):
        number({"fps": value}, "fps", "it")


def test_a_list_of_anything_else_is_refused():
    with pytest.raises(StateError, match=r"it says 3 at place 1 of 'frames'; expected an object"):
        objects({"frames": [{}, 3]}, "frames", "it")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=repr)
def test_what_is_no_json_is_refused(data):
    with pytest.raises(StateError, match=r"it is no JSON: .*; expected masks\. It is another file"):
        parse_object(data, "it", "masks")


def test_json_that_is_no_object_is_refused():
    with pytest.raises(StateError, match=r"it holds \[1, 2\]; expected masks, a JSON object\."):
        parse_object(b"[1, 2]", "it", "masks")


@pytest.mark.parametrize("name", ["gone.json", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(StateError, match=r"cannot be read: .*; expected masks\. Check the name"):
        read_document(tmp_path / name, "masks")
