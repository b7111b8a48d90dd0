"""One quiet look for all plots; needs matplotlib, the extra `[eval]`.

Figures are made through matplotlib's objects: nothing here touches pyplot or settings that other
parts of a program share. All text is drawn as it is; a "$" in the name of a clip is no formula.
"""

import io

from masklet.errors import MissingExtra
from masklet.eval.reports.theme import Theme, css

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties, findfont, get_font
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.text import Text
except ImportError as error:
    raise MissingExtra(
        "plots need matplotlib, which is not installed; expected the packages of the extra 'eval': "
        "pip install 'masklet[eval]'"
    ) from error

__all__ = [
    "Axes",
    "Figure",
    "drawable",
    "dress",
    "key",
    "label",
    "new_figure",
    "png",
    "shortened",
    "write",
]

SMALL, NORMAL = 8.0, 9.0
"""Sizes of text in points."""

_FONT = FontProperties(family="DejaVu Sans")  # comes with matplotlib: the same everywhere


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """An empty figure of so many inches; a hundredth of one is a pixel of a page."""
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    figure = Figure(figsize=(width, height), dpi=100, layout=layout)
    figure.set_facecolor(css(theme.ground))
    return figure


def dress(axes: Axes, theme: Theme, *, grid: str = "y") -> None:
    """No frame but the lower edge, small quiet numbers, a thin grid; call it last."""
    axes.set_facecolor(css(theme.ground))
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(css(theme.line))
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=css(theme.quiet), pad=5)
    axes.grid(visible=True, axis=grid, color=css(theme.line), linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    for text in (axes.xaxis.label, axes.yaxis.label):
        text.set(color=css(theme.quiet), fontsize=SMALL)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set(fontfamily="DejaVu Sans", parse_math=False)


def label(axes: Axes, heading: str, note: str, theme: Theme) -> None:
    """A heading over the left edge of a plot and a quieter note over the right one."""
    left = axes.set_title(drawable(shortened(heading, 48)), loc="left", fontsize=NORMAL)
    left.set(color=css(theme.text), fontweight="bold")
    right = axes.set_title(drawable(shortened(note, 48)), loc="right", fontsize=SMALL)
    right.set(color=css(theme.quiet))
    for title in (left, right):
        title.set(parse_math=False, fontfamily="DejaVu Sans")


def write(
    axes: Axes,
    place: tuple[float, float],
    words: str,
    theme: Theme,
    *,
    shift: tuple[float, float] = (0, 0),
) -> Text:
    """Quiet words at a place in the units of the plot, shifted right and up by so many points."""
    text = axes.annotate(drawable(words), place, shift, textcoords="offset points")
    text.set(fontsize=SMALL, color=css(theme.quiet), parse_math=False, fontfamily="DejaVu Sans")
    return text


def key(figure: Figure, axes: Axes, theme: Theme) -> None:
    """What the lines of a plot are, above the whole figure, at its left edge."""
    legend = figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside upper left",
        ncols=8,
        frameon=False,
        fontsize=SMALL,
        labelcolor=css(theme.text),
        handlelength=1.6,
        borderpad=0.2,
    )
    for text in legend.get_texts():
        text.set(parse_math=False, fontfamily="DejaVu Sans")


def png(figure: Figure) -> bytes:
    """The figure as a PNG file of twice as many pixels as it is shown with."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
    return buffer.getvalue()


def drawable(words: str) -> str:
    """The words without letters that the font lacks, which would only be warned of.

    >>> drawable("Löwe \\u72ee\\u5b50")
    'Löwe \\u25a1\\u25a1'
    """
    known = get_font(findfont(_FONT)).get_charmap()
    return "".join(letter if ord(letter) in known else "\u25a1" for letter in words)


def shortened(words: str, length: int) -> str:
    """At most so many letters; what is cut out was in the middle.

    >>> shortened("a-very-long-name-of-a-clip", 12)
    'a-very…-clip'
    """
    if len(words) <= length:
        return words
    tail = (length - 1) // 2
    return f"{words[: length - 1 - tail]}\u2026{words[len(words) - tail :]}"
