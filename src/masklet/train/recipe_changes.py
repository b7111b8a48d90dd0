"""What differs between two recipes, in words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_AT_MOST = 12


def recipe_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Every key whose value differs, with both values; of very many, the first and a count.

    Args:
        then: a recipe as JSON gave it back.
        now: one made of what JSON can hold; tuples count as lists.

    >>> recipe_changes({"optim": {"rate": 0.1}, "size": 256}, {"optim": {"rate": 0.2}, "size": 256})
    ('optim.rate was 0.1 and is 0.2',)
    """
    old = dict(_flat(then))
    new = dict(_flat(json.loads(json.dumps(now))))
    names = list(dict.fromkeys([*old, *new]))
    changes = [
        f"{name} was {_said(old, name)} and is {_said(new, name)}"
        for name in names
        if _said(old, name) != _said(new, name)
    ]
    more = len(changes) - _AT_MOST
    return (*changes[:_AT_MOST], f"and {more} more") if more > 0 else tuple(changes)


def _flat(recipe: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in recipe.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{start}{key}.")
        else:
            yield f"{start}{key}", value


def _said(recipe: Mapping[str, Any], name: str) -> str:
    return json.dumps(recipe[name]) if name in recipe else "absent"
