"""Parts of a model, chosen by patterns of names; parts that training leaves as they are."""

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from masklet.errors import TrainingError


def names_matching(names: Iterable[str], patterns: Sequence[str], *, what: str) -> tuple[str, ...]:
    """The names that a pattern means, in their own order.

    Args:
        names: dotted, as a model has them.
        patterns: a name, the beginning of some up to a dot, or either with `*` and `?`.
        what: the names are, for the message.

    Raises:
        TrainingError: a pattern means none of them; the message has the nearest.

    >>> names_matching(["neck.weight", "trunk.bias"], ["trunk"], what="parameter")
    ('trunk.bias',)
    """
    names = tuple(names)
    chosen: set[str] = set()
    for pattern in patterns:
        meant = {name for name in names if _means(pattern, name)}
        if not meant:
            near = _nearest(pattern, names)
            raise TrainingError(
                f"no {what} is called {pattern!r}; expected a name, or the beginning of some up to "
                f"a dot, or either with * for anything. Did you mean {' or '.join(near)}?"
            )
        chosen |= meant
    return tuple(name for name in names if name in chosen)


def freeze(model: nn.Module, patterns: Sequence[str]) -> tuple[str, ...]:
    """Let training leave the parameters that match as they are; gives their names.

    Raises:
        TrainingError: a pattern means none; the message has the nearest.

    >>> freeze(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), ["0"])
    ('0.weight', '0.bias')
    """
    parameters = dict(model.named_parameters())
    names = names_matching(parameters, patterns, what="parameter")
    for name in names:
        parameters[name].requires_grad_(False)
    return names


def set_to_train(model: nn.Module) -> None:
    """Put the model into training mode, but parts that are frozen as a whole into evaluation mode.

    They answer the same to the same then, without dropped paths and with the statistics of their
    norms as they are, so that their answers can be kept.

    >>> model = nn.Sequential(nn.Dropout(), nn.Linear(2, 2), nn.Linear(2, 2))
    >>> names = freeze(model, ["1"])
    >>> set_to_train(model)
    >>> [part.training for part in model]
    [True, False, True]
    """
    model.train()
    for module in model.modules():
        wanted = [parameter.requires_grad for parameter in module.parameters()]
        if wanted and not any(wanted):
            module.eval()


def _means(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def _nearest(pattern: str, names: Sequence[str]) -> list[str]:
    """Up to three beginnings of names that look like the pattern; the parts of all if none does."""
    beginnings: dict[str, None] = {}
    for name in names:
        pieces = name.split(".")
        beginnings |= {".".join(pieces[: end + 1]): None for end in range(len(pieces))}
    near = difflib.get_close_matches(pattern.rstrip("*."), beginnings, n=3, cutoff=0.5)
    return near or [beginning for beginning in beginnings if "." not in beginning]
