"""Which rewrites are profiled, and what is kept of a profile."""

import torch
from benchmarks import profiles, tables


def row(name, part, before, after):
    return {"name": name, "part": part, "before_ms": before, "after_ms": after}


def test_the_largest_wins_are_profiled_each_once():
    rows = [
        row("tiles", "short", 20, 10),
        row("tiles", "long", 90, 10),
        row("tables", "sine", 9, 0),
        row("quads", "masks", 50, 20),
        row("order", "windows", 10, 12),
    ]
    assert profiles.largest(rows) == [("tiles", "long"), ("quads", "masks"), ("tables", "sine")]


def test_a_profile_names_the_operators_that_take_most_first():
    x = torch.randn(600, 600)
    found = profiles.profiled(lambda: (x @ x @ x, x + x))
    names = [one["name"] for one in found["operators"]]
    assert names[0] == "aten::mm"
    assert found["operators"][0]["calls"] == 2
    assert 0 < found["operators"][0]["ms"] < found["whole_ms"]


def test_both_profiles_stand_side_by_side():
    before = {"whole_ms": 3.0, "operators": [{"name": "aten::mm", "calls": 2, "ms": 2.5}]}
    after = {"whole_ms": 1.0, "operators": [{"name": "aten::add", "calls": 1, "ms": 0.5}]}
    described = {"name": "tiles", "part": "long", "before": before, "after": after}
    table = tables.profiles_table({"environment": "a processor", "profiles": [described]})
    assert table.splitlines()[-1] == "| `aten::mm` | 2 | 2.5 | `aten::add` | 1 | 0.500 |"
