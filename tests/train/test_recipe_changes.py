"""Recipes are compared value by value."""

import pytest

from masklet.train.recipe_changes import recipe_changes


@pytest.mark.parametrize(
    ("then", "now", "changes"),
    [
        ({"a": 1}, {"a": 1}, ()),
        ({"a": [1, 2]}, {"a": (1, 2)}, ()),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, ()),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ("a.b was 1 and is 2",)),
        ({"a": None}, {}, ("a was null and is absent",)),
        ({}, {"a": {}}, ("a was absent and is {}",)),
        ({"a": 1}, {"a": {"b": 1}}, ("a was 1 and is absent", "a.b was absent and is 1")),
        ({"a": True}, {"a": 1}, ("a was true and is 1",)),
        ({"a": "x"}, {"a": "y"}, ('a was "x" and is "y"',)),
    ],
)
def test_changes_are_told_with_both_values(then, now, changes):
    assert recipe_changes(then, now) == changes


def test_of_very_many_changes_the_first_are_told():
    changes = recipe_changes({str(n): 0 for n in range(20)}, {str(n): 1 for n in range(20)})
    assert len(changes) == 13
    assert changes[-1] == "and 8 more"
