"""Pages of HTML that stand alone: styles, script and pictures are inside, nothing is loaded."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from masklet.eval.reports.figures import Figure


@dataclass(frozen=True, slots=True)
class FigureView:
    """A figure as a page shows it."""

    title: str
    caption: str
    light_uri: str
    dark_uri: str | None
    width: int
    height: int
    is_wide: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a table of names and values."""

    title: str
    """Empty for the first rows, which belong to no part."""
    rows: tuple[tuple[str, str], ...]


def render(template: str, view: Mapping[str, Any]) -> str:  # Any: what the template shows
    """A page from one of the templates beside this file; all text in it is escaped."""
    environment = Environment(
        loader=PackageLoader("masklet.eval.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(view)


def figure_view(figure: Figure) -> FigureView:
    """A figure with its pictures as data URIs."""
    with Image.open(io.BytesIO(figure.light)) as picture:
        width, height = picture.size
    return FigureView(
        title=figure.title,
        caption=figure.caption,
        light_uri=_data_uri(figure.light),
        dark_uri=None if figure.dark is None else _data_uri(figure.dark),
        # Drawn with twice the pixels that a page shows.
        width=width // 2,
        height=height // 2,
        is_wide=figure.is_wide,
    )


def sections(values: Mapping[str, Any]) -> tuple[Section, ...]:  # Any: JSON
    """Settings as rows of names and values, a section for each mapping among them.

    >>> sections({"seed": 0, "protocol": {"prompt": "mask", "non_overlap": True}})[1]
    Section(title='protocol', rows=(('prompt', 'mask'), ('non overlap', 'yes')))
    """
    plain = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
    parts = [Section("", _rows(plain))] if plain else []
    parts += [
        Section(_words(name), _rows(value))
        for name, value in values.items()
        if isinstance(value, Mapping)
    ]
    return tuple(parts)


def _rows(values: Mapping[str, Any], inside: str = "") -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _rows(value, f"{inside}{_words(name)}: ")
        else:
            rows.append((f"{inside}{_words(name)}", setting_text(value)))
    return tuple(rows)


def _words(name: str) -> str:
    return name.replace("_", " ")


def setting_text(value: object) -> str:
    """A setting for people; `value` is JSON.

    >>> setting_text([480, 854]), setting_text(True), setting_text(None)
    ('480, 854', 'yes', 'none')
    """
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(setting_text(each) for each in value)
        case Mapping():
            return ", ".join(f"{_words(name)} {setting_text(each)}" for name, each in value.items())
        case _:
            return str(value)


def _data_uri(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
