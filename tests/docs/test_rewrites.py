"""Every exact rewrite in the table gives what its plain form gives, here on a model of milliseconds."""

import pytest
import torch
from benchmarks import rewrites, tables
from benchmarks.rewrite_cases import every_rewrite
from benchmarks.rewrite_inputs import Inputs
from torch.utils._python_dispatch import TorchDispatchMode

from masklet.model import kernels
from masklet.model.precision import set_precision
from tests.tiny import tiny_model

SIDE = 64
# Ours rounds scores to bfloat16 before the softmax, those up to ten by 1/32; torch's form does not.
NARROW = 0.06


@pytest.fixture(scope="module")
def cases():
    with torch.inference_mode():
        exact = Inputs.of(tiny_model(), SIDE)
        narrow = Inputs.of(set_precision(tiny_model(), torch.bfloat16), SIDE)
        return list(every_rewrite(exact, narrow, exact))


@pytest.fixture
def as_if_large(monkeypatch):
    """Attention takes its tiles, and rows come one by one, although everything is small."""
    monkeypatch.setattr(kernels, "_TILED_FROM", 0)
    monkeypatch.setattr(kernels, "_CACHED", 0)


def test_a_rewrite_equals_its_plain_form(cases, as_if_large):
    with torch.inference_mode():
        found = {
            (case.name, case.part): rewrites.apart(case.before(), case.after()) for case in cases
        }
    too_far = {
        key: apart
        for key, (apart, _) in found.items()
        if apart > (NARROW if "bfloat16" in key[1] else 1e-4)
    }
    assert too_far == {}
    # Of zeros, everything is equal.
    assert min(scale for _, scale in found.values()) > 0.1


class Operators(TorchDispatchMode):
    """What was called, with the shapes of what it was called with."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        shapes = [tuple(one.shape) for one in args if isinstance(one, torch.Tensor)]
        self.calls.append((str(operator), shapes))
        return operator(*args, **(kwargs or {}))


def test_no_plain_form_is_ours_by_another_name(cases, as_if_large):
    same = []
    with torch.inference_mode():
        for case in cases:
            with Operators() as plain:
                case.before()
            with Operators() as ours:
                case.after()
            if plain.calls == ours.calls:
                same.append((case.name, case.part))
    assert same == []


def test_every_row_of_the_table_is_one_of_these_rewrites(cases):
    rows = tables._figures("rewrites")["rows"]
    assert [(row["name"], row["part"]) for row in rows] == [
        (case.name, case.part) for case in cases
    ]


def test_the_table_tells_of_differences_beside_the_values_they_are_in(cases):
    row = rewrites.measured(cases[-1], seconds=0)
    rates = [{"torch": 99.6, "onednn": 214.0}, {"torch": 90.2, "onednn": 214.4}]
    figures = {"environment": "a processor", "rates": rates, "rows": [row]}
    lines = tables.rewrites_table(figures).splitlines()
    rate = "products of 1024 x 1024 at 90 to 100 GFLOP/s by torch, 214 by oneDNN"
    assert lines[0] == f"a processor; {rate}."
    assert lines[-1].startswith("| table made once | `model/positions.py` | made anew | rotation |")
    assert lines[-1].endswith("| 0 of 1 |")


def test_rates_of_products_are_measured_for_both_libraries():
    rates = rewrites.product_rates()
    assert sorted(rates) == ["onednn", "torch"]
    assert min(rates.values()) > 0
