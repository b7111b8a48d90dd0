"""Recordings are thinned evenly, and a comparison notices every way of being wrong."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.comparison import Golden, compare
from tests.parity.recording import Recording, coprime_step, stride

LIMITS = {"low_res": 0.1, "area_fraction": 0.01, "features": 0.1}
SHAPES = st.lists(st.integers(1, 40), min_size=1, max_size=4).map(tuple)


def recording(name="click/low_res", shape=(1, 64, 80), change=None):
    values = np.sin(np.arange(math.prod(shape), dtype=np.float32) * 0.7).reshape(shape)
    if change is not None:
        change(values)
    made = Recording()
    made.add(name, values)
    return made


def golden(**options):
    return Golden(recording(**options).arrays)


@given(SHAPES, st.integers(1, 200))
def test_a_stride_leaves_few_values_and_visits_every_column(shape, kept):
    step = stride(shape, kept)
    positions = np.arange(0, math.prod(shape), step)
    assert len(positions) <= kept
    columns = set((positions % shape[-1]).tolist())
    assert len(columns) == min(len(positions), shape[-1])


def test_small_arrays_are_kept_whole_and_large_ones_thinned_with_their_sums():
    made = Recording()
    made.add("small", np.arange(7))
    made.add("large", torch.linspace(-1, 2, 90_000).reshape(300, 300))
    assert made.arrays["small"].tolist() == list(range(7))
    assert "small#stat" not in made.arrays
    assert len(made.arrays["large"]) <= 4096
    count, mean, _, _, low, high, positive = made.arrays["large#stat"]
    assert (count, low, high) == (90_000, -1, 2)
    assert mean == pytest.approx(0.5, abs=1e-4)
    assert positive == pytest.approx(60_000, abs=1)
    assert made.shapes["large"] == (300, 300)


def test_what_an_implementation_does_not_offer_is_not_recorded():
    made = Recording()
    made.add("maskmem", None)
    assert made.arrays == {}


def test_equal_recordings_pass():
    report = compare(recording(), golden(), LIMITS)
    assert report.passed
    assert (report.compared, report.failures, report.missing) == (1, [], [])
    assert report.worst["low_res"][0] == 0


def set_one(value):
    def change(values):
        values[0, 0, 0] = value

    return change


def test_a_value_beyond_its_limit_fails_with_its_name_and_kind():
    report = compare(recording(change=set_one(0.2)), golden(), LIMITS)
    assert not report.passed
    assert report.failures == ["click/low_res [low_res]: 0.2 is more than 0.1"]
    assert "FAILED click/low_res" in report.text()


def test_a_value_that_is_no_number_fails():
    report = compare(recording(change=set_one(np.nan)), golden(), LIMITS)
    assert not report.passed


def test_what_was_not_recorded_is_listed_and_nothing_at_all_fails():
    report = compare(Recording(), golden(), LIMITS)
    assert report.missing == ["click/low_res"]
    assert not report.passed
    assert "missing: click/low_res" in report.text()


def test_another_shape_fails():
    report = compare(recording(shape=(1, 64, 40)), golden(), LIMITS)
    assert not report.passed
    assert "thinned values of (1, 64, 40)" in report.failures[0]


def test_another_count_fails_even_where_as_many_values_are_left():
    # 4104 and 8208 values are both thinned to 1368 or so; the sums know how many there were.
    other = recording()
    other.arrays["click/low_res#stat"][0] += 1
    report = compare(other, golden(), LIMITS)
    assert report.failures == ["click/low_res: 5121 values, expected 5120"]


def test_a_change_that_thinning_skipped_shows_in_the_area():
    step = stride((1, 64, 80), 4096)

    def between(values):
        flat = values.reshape(-1)
        skipped = np.arange(flat.size) % step != 0
        flat[skipped] = np.abs(flat[skipped])

    report = compare(recording(change=between), golden(), {**LIMITS, "low_res": 9.0})
    assert step > 1
    assert [failure.split(":")[0] for failure in report.failures] == [
        "click/low_res [area_fraction]"
    ]


def test_a_memory_is_held_to_its_mean_difference_too():
    limits = {"maskmem": 1.0, "maskmem_mean_abs": 0.01}
    off = recording("s00/maskmem", change=lambda values: values.__iadd__(0.1))
    report = compare(off, golden(name="s00/maskmem"), limits)
    assert [failure.split(":")[0] for failure in report.failures] == [
        "s00/maskmem [maskmem_mean_abs]"
    ]


def test_identities_are_compared_exactly():
    made, expected = Recording(), Recording()
    made.add("s00/obj_ids", np.array([1, 2]))
    expected.add("s00/obj_ids", np.array([1, 3]))
    assert not compare(made, Golden(expected.arrays), {}).passed


def test_a_golden_that_was_thinned_again_is_compared_at_the_values_it_kept():
    whole = recording()
    step = coprime_step((1, 64, 80), 4)
    kept = {
        name: values if "#" in name else values[::step] for name, values in whole.arrays.items()
    }
    again = Golden(kept, thinned_again=4, spared=256)
    assert compare(whole, again, LIMITS).passed
    assert not compare(recording(change=set_one(0.2)), again, LIMITS).passed
