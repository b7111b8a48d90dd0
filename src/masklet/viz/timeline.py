"""How sure the masks of a video are, over time: a line per object, and when it was seen."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from masklet.types import FrameMasks, ObjectId, ObjectMask
from masklet.viz.palette import INK, WHITE, Colour, colour_of
from masklet.viz.sheet import clock

Floats: TypeAlias = npt.NDArray[np.float64]

# Dark, because the colours of objects are chosen to shine on photographs; yellow is lost on white.
_GROUND: Colour = (24, 26, 32)
_PANEL: Colour = (33, 36, 44)
_GRID: Colour = (60, 64, 76)
_TEXT: Colour = (230, 232, 236)
_QUIET: Colour = (168, 173, 184)

_WIDTH, _LEFT, _RIGHT = 1600, 124, 1564
_TITLE, _HEADING, _CHART, _ROW, _FOOT = 62, 46, 230, 30, 66

# Everything but text is drawn so many times larger and made smaller again, which makes it smooth.
_FINE = 3


@dataclass(frozen=True, slots=True)
class _Track:
    """One object over time; the arrays have a place per frame on which it was tracked."""

    object_id: ObjectId
    frames: Floats
    predicted_iou: Floats
    stability: Floats
    visible: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Panel:
    """A part of the picture over which the frames run from left to right."""

    top: int
    bottom: int
    num_frames: int
    lowest: float = 0.0
    """What the lower edge stands for; the upper one is 1."""

    def x(self, frame: Floats | float) -> Floats:
        """Where a frame is, in pixels; there is half a frame before the first one."""
        share = (np.asarray(frame, np.float64) + 0.5) / self.num_frames
        return _LEFT + share * (_RIGHT - _LEFT)

    def y(self, value: Floats | float) -> Floats:
        """Where a score is, in pixels, a little within the edges."""
        # SAM 2.0 predicts an IoU without bounds.
        share = (1 - np.clip(value, self.lowest, 1)) / (1 - self.lowest)
        return self.top + 8 + share * (self.bottom - self.top - 16)


def draw_timeline(
    frames: Iterable[FrameMasks],
    *,
    prompted: Mapping[ObjectId, Collection[int]],
    num_frames: int | None = None,
    fps: float | None = None,
    title: str = "",
) -> npt.NDArray[np.uint8]:
    """Plot predicted IoU, stability and visibility of every object, `(height, 1600, 3)` uint8 RGB.

    Lines are pale where the object score says that the object is hidden, and broken where it was
    not tracked. Where there are more frames than pixels, the lowest and the highest of a pixel's
    frames are joined, so that no drop is lost.

    Args:
        frames: the masks, in any order; only their numbers are kept.
        prompted: on which frames each object was prompted; they are marked.
        num_frames: how long the video is; up to the last of `frames` if not given.
        fps: frames per second, for times under the frame indices.
        title: what stands above, such as the name of the video.

    >>> draw_timeline([FrameMasks(0, ())], prompted={}, title="nothing").shape[1:]
    (1600, 3)
    """
    tracks, length = _collect(frames)
    count = max(length, num_frames or 0, 1)
    iou = _panel(_TITLE, count, [track.predicted_iou for track in tracks])
    stability = _panel(iou.bottom, count, [track.stability for track in tracks])
    top = stability.bottom + _HEADING
    rows = _Panel(top, top + _ROW * max(len(tracks), 1) + 8, count)
    size = (_WIDTH, rows.bottom + _FOOT)
    fine = Image.new("RGB", (size[0] * _FINE, size[1] * _FINE), _GROUND)
    draw = ImageDraw.Draw(fine)
    for panel in (iou, stability, rows):
        _draw_panel(draw, panel, [] if panel is rows else _levels(panel.lowest))
    for track in reversed(tracks):
        _draw_line(draw, iou, track, track.predicted_iou)
        _draw_line(draw, stability, track, track.stability)
    for number, track in enumerate(tracks):
        _draw_row(draw, rows, number, track, prompted.get(track.object_id, ()))
    picture = fine.resize(size, Image.Resampling.BOX)
    text = ImageDraw.Draw(picture)
    _print(text, (_LEFT, 22), _shortened(title or "Masks over time", 26), 26, _TEXT)
    _label_chart(text, iou, "Predicted IoU")
    _label_chart(text, stability, "Stability of the mask")
    _label_rows(text, rows, [track.object_id for track in tracks])
    _label_frames(text, rows, fps)
    return np.array(picture)


def _collect(frames: Iterable[FrameMasks]) -> tuple[list[_Track], int]:
    """Every object over time, by its id, and how many frames there are up to the last one."""
    numbers: dict[ObjectId, list[tuple[float, ...]]] = {}
    length = 0
    for frame in frames:
        length = max(length, frame.frame_index + 1)
        for mask in frame.objects:
            numbers.setdefault(mask.object_id, []).append(_numbers(frame.frame_index, mask))
    tracks = []
    for object_id in sorted(numbers):
        index, iou, stability, score = np.array(sorted(numbers[object_id]), np.float64).T
        tracks.append(_Track(object_id, index, iou, stability, score > 0))
    return tracks, length


def _numbers(frame_index: int, mask: ObjectMask) -> tuple[float, ...]:
    return frame_index, mask.predicted_iou, mask.stability, mask.object_score


def _panel(above: int, num_frames: int, scores: list[Floats]) -> _Panel:
    """The panel of a score, with a scale that the lowest one just fits on."""
    lowest = min((float(values.min()) for values in scores), default=0.0)
    rounded = min(max(np.floor(lowest * 10) / 10, 0.0), 0.8)
    return _Panel(above + _HEADING, above + _HEADING + _CHART, num_frames, rounded)


def _draw_panel(draw: ImageDraw.ImageDraw, panel: _Panel, levels: list[float]) -> None:
    _rectangle(draw, (_LEFT, panel.top, _RIGHT, panel.bottom), _PANEL)
    for level in levels:
        y = float(panel.y(level))
        _rectangle(draw, (_LEFT, y - 0.5, _RIGHT, y + 0.5), _GRID)
    for frame in _marked_frames(panel.num_frames):
        x = float(panel.x(frame))
        _rectangle(draw, (x - 0.5, panel.top, x + 0.5, panel.bottom), _GRID)


def _draw_line(draw: ImageDraw.ImageDraw, panel: _Panel, track: _Track, scores: Floats) -> None:
    colour = colour_of(track.object_id)
    for start, stop in _runs(track.frames, track.visible):
        shade = colour if track.visible[start] else _mixed(colour, _PANEL, 0.6)
        # A line goes on to the first frame of the next run, unless frames are missing between.
        joined = stop < len(scores) and track.frames[stop] == track.frames[stop - 1] + 1
        x, y = panel.x(track.frames[start : stop + joined]), panel.y(scores[start : stop + joined])
        if len(x) == 1:
            _disc(draw, float(x[0]), float(y[0]), 3, shade)
            continue
        x, y = _thinned(x, y)
        points = [(float(px), float(py)) for px, py in zip(x * _FINE, y * _FINE, strict=True)]
        draw.line(points, fill=shade, width=round(2.4 * _FINE), joint="curve")


def _draw_row(
    draw: ImageDraw.ImageDraw, panel: _Panel, row: int, track: _Track, prompted: Collection[int]
) -> None:
    middle = panel.top + 4 + _ROW * (row + 0.5)
    colour = colour_of(track.object_id)
    step = (_RIGHT - _LEFT) / panel.num_frames
    for start, stop in _runs(track.frames, track.visible):
        seen = track.visible[start]
        half, shade = (8, colour) if seen else (1, _mixed(colour, _PANEL, 0.5))
        left = float(panel.x(track.frames[start])) - step / 2
        right = max(float(panel.x(track.frames[stop - 1])) + step / 2, left + 1)
        _rectangle(draw, (left, middle - half, right, middle + half), shade)
    for frame in prompted:
        x = float(panel.x(frame))
        for reach, shade in ((11, INK), (8, WHITE)):
            corners = ((x, middle - reach), (x + reach, middle), (x, middle + reach))
            whole = [*corners, (x - reach, middle)]
            draw.polygon([(px * _FINE, py * _FINE) for px, py in whole], fill=shade)


def _runs(frames: Floats, visible: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Start and stop of every stretch of following frames that are all visible or all hidden."""
    breaks = (np.diff(frames) != 1) | (visible[1:] != visible[:-1])
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(frames)]
    return pairwise(edges)


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most two points per pixel, its lowest and its highest."""
    if len(x) < 2 * (x[-1] - x[0]):
        return x, y
    starts = np.flatnonzero(np.diff(np.floor(x), prepend=-1))
    ends = np.stack([np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)], axis=1)
    return np.repeat(x[starts], 2), ends.reshape(-1)


def _label_chart(text: ImageDraw.ImageDraw, panel: _Panel, name: str) -> None:
    _print(text, (_LEFT, panel.top - 27), name, 18, _TEXT)
    for level in _levels(panel.lowest):
        place = (_LEFT - 18, float(panel.y(level)))
        _print(text, place, f"{level:.2f}", 16, _QUIET, anchor="rm")


def _label_rows(text: ImageDraw.ImageDraw, panel: _Panel, ids: list[ObjectId]) -> None:
    heading = "Visible, by object score"
    _print(text, (_LEFT, panel.top - 27), heading, 18, _TEXT)
    told = "white diamond: prompted    thin: hidden    empty: not tracked"
    _print(text, (_RIGHT, panel.top - 25), told, 16, _QUIET, anchor="ra")
    for row, object_id in enumerate(ids):
        place = (_LEFT - 18, panel.top + 4 + _ROW * (row + 0.5))
        name = f"object {object_id}" if object_id < 100_000 else str(object_id)
        _print(text, place, name, 17, _bright(colour_of(object_id)), anchor="rm")


def _label_frames(text: ImageDraw.ImageDraw, panel: _Panel, fps: float | None) -> None:
    # Left of the first number, which stands centred below the edge of the panel.
    _print(text, (_LEFT - 40, panel.bottom + 8), "frame", 16, _QUIET, anchor="ra")
    if fps is not None:
        _print(text, (_LEFT - 40, panel.bottom + 31), "time", 16, _QUIET, anchor="ra")
    for frame in _marked_frames(panel.num_frames):
        x = float(panel.x(frame))
        _print(text, (x, panel.bottom + 8), f"{frame:,}", 16, _TEXT, anchor="ma")
        if fps is not None:
            _print(text, (x, panel.bottom + 31), clock(frame / fps), 16, _QUIET, anchor="ma")


def _marked_frames(num_frames: int) -> range:
    """Round frame indices, at most 13 of them."""
    steps = (base * 10**power for power in range(12) for base in (1, 2, 5))
    return range(0, num_frames, next(step for step in steps if num_frames <= 13 * step))


def _levels(lowest: float) -> list[float]:
    """Round scores from the lowest to 1, at most six of them."""
    step = next(step for step in (0.05, 0.1, 0.2) if 1 - lowest <= 5 * step + 1e-9)
    return [1 - step * number for number in range(int((1 - lowest) / step + 1e-9) + 1)]


def _shortened(title: str, size: int) -> str:
    """The title, without its middle if it is too long for the picture."""
    shown, kept = title, len(title)
    while _font(size).getlength(shown) > _RIGHT - _LEFT:
        kept -= 2
        shown = f"{title[: kept // 2]} ... {title[-(kept // 2) :]}"
    return shown


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (
        round(a * (1 - share) + b * share) for a, b in zip(colour, other, strict=True)
    )
    return red, green, blue


def _bright(colour: Colour) -> Colour:
    # Letters are thinner than lines and need more contrast.
    return _mixed(colour, WHITE, 0.3)


def _rectangle(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], colour: Colour
) -> None:
    left, top, right, bottom = (round(edge * _FINE) for edge in box)
    # Pillow's right and lower edges are inside.
    draw.rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), fill=colour)


def _disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: Colour) -> None:
    left, top, right, bottom = x - radius, y - radius, x + radius, y + radius
    draw.ellipse([edge * _FINE for edge in (left, top, right, bottom)], fill=colour)


def _print(
    text: ImageDraw.ImageDraw,
    place: tuple[float, float],
    words: str,
    size: int,
    colour: Colour,
    *,
    anchor: str = "la",
) -> None:
    text.text(place, words, fill=colour, font=_font(size), anchor=anchor)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
