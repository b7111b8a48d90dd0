"""The forms of attention that a benchmark measures give what the plain one gives."""

import pytest
import torch
from benchmarks.attention import SHAPES, Shape, forms, measured

CPU = torch.device("cpu")
SMALL = Shape("small", rows=2, queries=24, keys=40, width=16, value_width=8)


@pytest.mark.parametrize("name", ["ours", "plain", "torch's choice", "flash"])
def test_a_form_that_a_cpu_has_is_measured_and_equal(name):
    seconds, difference = measured(forms()[name], SMALL, CPU, torch.float32, repeats=1)
    assert seconds > 0
    assert difference < 1e-5


def test_a_form_that_a_cpu_does_not_have_is_an_error_of_torch():
    with pytest.raises(RuntimeError):
        measured(forms()["cuDNN"], SMALL, CPU, torch.float32, repeats=1)


def test_the_arithmetic_of_a_shape_is_that_of_its_two_products():
    assert SMALL.flops == 2 * 2 * 24 * 40 * (16 + 8)
    assert len({shape.name for shape in SHAPES}) == len(SHAPES)
