"""Records of settings as JSON and back, and single settings changed by text, as `a.b=value`.

What a field may hold is read from its type: numbers, words, `None`, tuples, and further records. A
field that may hold one of several records takes the one whose fields the JSON has.
"""

import dataclasses
import difflib
import json
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from masklet.errors import TrainingError

R = TypeVar("R")

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_NONE = ("none", "null")


def as_document(record: object) -> dict[str, Any]:  # Any: JSON
    """A record, and all records in it, as what JSON can hold.

    >>> from masklet.train.schedules import Schedule
    >>> as_document(Schedule())["warm_up"]
    0.0
    """
    document: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(record)))  # type: ignore[call-overload]  # a record
    return document


def from_document(kind: type[R], document: Mapping[str, Any], name: str = "recipe") -> R:
    """The record that a document describes; what the document leaves out is as by default.

    Args:
        kind: of record.
        document: JSON, as `as_document` gives it.
        name: what the record is called in messages.

    Raises:
        TrainingError: a field is unknown, missing or of the wrong type, or its record refuses it.

    >>> from masklet.train.schedules import Schedule
    >>> from_document(Schedule, {"warm_up": 0.5}).warm_up
    0.5
    """
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # a record
    for key in document:
        if key not in fields:
            raise _unknown(f"{name}.{key}", [f"{name}.{field}" for field in fields])
    missing = [field.name for field in fields.values() if _is_needed(field)]
    for key in missing:
        if key not in document:
            raise TrainingError(
                f"{name} has no {key}; expected {', '.join(missing)} at least. Give it a value."
            )
    values = {key: _read(hints[key], value, f"{name}.{key}") for key, value in document.items()}
    return kind(**values)


def with_settings(record: R, settings: Sequence[str]) -> R:
    """The record with some settings changed.

    Args:
        record: of settings.
        settings: such as `optim.learning_rate=1e-3`, `stages.0.side=192`, `clips.mixed=none` or
            `optim.betas=0.9,0.98`; the last one counts where two change the same.

    Raises:
        TrainingError: there is no such setting, whose nearest names are told, or its value is of
            the wrong type or out of range.

    >>> from masklet.train.schedules import Schedule
    >>> with_settings(Schedule(), ["warm_up=0.02", "kind=cosine"]).kind
    'cosine'
    """
    document = as_document(record)
    for setting in settings:
        key, found, text = setting.partition("=")
        if not found:
            raise TrainingError(
                f"the setting {setting!r} has no value; expected KEY=VALUE, for example "
                f"{next(iter(setting_names(record)))}=... Give it one."
            )
        _place(document, type(record), key.strip(), text.strip(), setting_names(record))
    return from_document(type(record), document)


def setting_names(record: object) -> tuple[str, ...]:
    """All settings, dotted.

    >>> from masklet.train.losses import LossWeights
    >>> setting_names(LossWeights())
    ('focal', 'dice', 'iou', 'object_score')
    """
    return tuple(_names(as_document(record)))


def _names(document: Any, start: str = "") -> list[str]:  # Any: JSON
    if isinstance(document, dict) and document:
        return [n for key, value in document.items() for n in _names(value, f"{start}{key}.")]
    if isinstance(document, list) and document and isinstance(document[0], dict):
        return [n for i, value in enumerate(document) for n in _names(value, f"{start}{i}.")]
    return [start.removesuffix(".")]


def _place(
    document: dict[str, Any], kind: Any, key: str, text: str, names: Sequence[str]
) -> None:  # Any: JSON, and types
    """Put a value, read from text, where a dotted key says."""
    place: Any = document
    *path, last = key.split(".")
    hint = kind
    for step in path:
        hint, entry = _inner(hint, place, step, key, names)
        if place[entry] is None:
            # A part that is switched off is switched on by any of its settings.
            place[entry] = {}
        place = place[entry]
    hint, entry = _inner(hint, place, last, key, names)
    place[entry] = _spoken(hint, text, key)


def _inner(hint: Any, place: Any, step: str, key: str, names: Sequence[str]) -> Any:  # Any: types
    """The type of what `step` leads to, and under what it stands in the document."""
    if isinstance(place, list):
        if not step.isdigit() or int(step) >= len(place):
            raise _unknown(key, names)
        return get_args(_without_none(hint))[0], int(step)
    for record in _records(hint):
        if isinstance(place, dict) and set(place) <= set(get_type_hints(record)):
            hints = get_type_hints(record)
            if step in hints:
                return hints[step], step
    raise _unknown(key, names)


def _spoken(hint: Any, text: str, key: str) -> Any:  # Any: types, JSON
    """Text as JSON of the type that is wanted."""
    hint_kinds = _kinds(hint)
    if types.NoneType in hint_kinds and text.lower() in _NONE:
        return None
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise _wrong(hint, text, key) from error
    for kind in hint_kinds:
        value = _word(kind, text)
        if value is not None:
            return value
    raise _wrong(hint, text, key)


def _word(kind: Any, text: str) -> Any:  # Any: types, JSON
    """Text as a value of one kind; None if it is none."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        parts = [part.strip() for part in text.split(",")] if text else []
        kinds = [inner[0]] * len(parts) if inner[-1] is ... else inner
        if len(kinds) != len(parts):
            return None
        values = [_word(each, part) for each, part in zip(kinds, parts, strict=True)]
        return None if None in values else values
    if get_origin(kind) is Literal:
        return next((each for each in get_args(kind) if str(each) == text), None)
    if kind is bool:
        return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}.get(text.lower())
    if kind in (int, float):
        return _number(kind, text)
    return text if kind is str or _is_enum(kind) else None


def _number(kind: type[int] | type[float], text: str) -> int | float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if kind is float:
        return number
    return int(number) if number == round(number) else None


def _read(hint: Any, value: Any, name: str) -> Any:  # Any: types, JSON
    """A value out of JSON as a field of that type holds it."""
    for kind in _kinds(hint):
        if dataclasses.is_dataclass(kind):
            if isinstance(value, dict) and set(value) <= set(get_type_hints(kind)):
                return from_document(kind, value, name)  # type: ignore[arg-type]  # a record
        elif get_origin(kind) is tuple:
            if isinstance(value, list):
                return _tuple(kind, value, name)
        elif _fits(kind, value):
            return kind(value) if kind is float or _is_enum(kind) else value
    records = _records(hint)
    if records and isinstance(value, dict):
        # Tells which field of the only record it could be is unknown.
        return from_document(records[0], value, name)
    raise _wrong(hint, json.dumps(value), name)


def _tuple(kind: Any, values: list[Any], name: str) -> tuple[Any, ...]:  # Any: types, JSON
    inner = get_args(kind)
    kinds = [inner[0]] * len(values) if inner[-1] is ... else inner
    if len(kinds) != len(values):
        raise _wrong(kind, json.dumps(values), name)
    pairs = enumerate(zip(kinds, values, strict=True))
    return tuple(_read(each, value, f"{name}.{place}") for place, (each, value) in pairs)


def _fits(kind: Any, value: Any) -> bool:  # Any: types, JSON
    if kind is types.NoneType:
        return value is None
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if _is_enum(kind):
        return value in [each.value for each in kind]
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def _kinds(hint: Any) -> tuple[Any, ...]:  # Any: types
    """What a field may hold: the members of a union, or the type itself."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _records(hint: Any) -> list[type]:  # Any: types
    return [kind for kind in _kinds(hint) if dataclasses.is_dataclass(kind)]  # type: ignore[misc]  # a class


def _without_none(hint: Any) -> Any:  # Any: types
    return next(kind for kind in _kinds(hint) if kind is not types.NoneType)


def _is_enum(kind: Any) -> bool:  # Any: types
    return isinstance(kind, type) and issubclass(kind, Enum)


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    nothing = dataclasses.MISSING
    return field.default is nothing and field.default_factory is nothing


def _unknown(name: str, names: Sequence[str]) -> TrainingError:
    # What people shorten to initials, such as lr, looks like nothing to difflib.
    meant = [each for each in names if _initials(each) == name]
    near = meant or difflib.get_close_matches(name, names, n=3, cutoff=0.5) or list(names)
    shown = ", ".join(near[:12])
    return TrainingError(
        f"there is no setting {name!r}; expected one of this recipe. Did you mean {shown}?"
    )


def _initials(name: str) -> str:
    """optim.learning_rate is optim.lr."""
    start, dot, last = name.rpartition(".")
    return start + dot + "".join(word[:1] for word in last.split("_"))


def _wrong(hint: Any, text: str, name: str) -> TrainingError:  # Any: types
    return TrainingError(
        f"the setting {name} was given as {text}; expected {_told(hint)}. Change its value."
    )


def _told(hint: Any) -> str:  # Any: types
    """A type in words."""
    words = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}
    told = []
    for kind in _kinds(hint):
        if kind is types.NoneType:
            told.append("none")
        elif get_origin(kind) is Literal:
            told += [str(each) for each in get_args(kind)]
        elif _is_enum(kind):
            told += [str(each.value) for each in kind]
        elif get_origin(kind) is tuple:
            inner = get_args(kind)
            many = "several, each" if inner[-1] is ... else f"{len(inner)} values, each"
            told.append(f"{many} {_told(inner[0])}, with commas between them")
        else:
            told.append(words.get(kind, f"the settings of {kind.__name__} as JSON"))
    return " or ".join(told)
