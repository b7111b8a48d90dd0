"""The worst objects as pictures: what was asked, what was answered, what would have been right.

The predicted mask is tinted and outlined in the first colour of the palette, the truth outlined in
the second; `case_sheet` says so in its legend. Pictures are `(height, width, 3)` uint8 RGB.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from masklet.data import records
from masklet.data.records import Clip, Mask
from masklet.eval.records import ObjectScores, Series
from masklet.eval.reports.score_words import is_lower_better, shown
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectId, Prompt
from masklet.viz.overlay import Picture, draw_masks, draw_prompts

PREDICTED, TRUTH = 1, 2
"""Whose colours of the palette are used."""

_CLIP_TILE, _PICTURE_TILE = (225, 400), (300, 400)
"""`(height, width)` of a frame of a clip, and of a picture, on the sheet."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A picture with masks drawn on it."""

    picture: Picture
    caption: str


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """An object and how it was answered."""

    heading: str
    """Which object it is."""
    score: str
    """The score for which it is shown, with its name."""
    tiles: tuple[Tile, ...]
    """All of one size, at least one."""
    has_clicks: bool = False
    """Whether clicks are drawn on them."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """One object in one picture."""

    image: Picture
    predicted: Mask
    truth: Mask
    """All False also where nobody drew it."""
    prompt: Prompt | None = None


def worst_objects(
    objects: Iterable[ObjectScores], name: str, *, count: int = 8
) -> tuple[ObjectScores, ...]:
    """The objects with the worst scores of that name, the worst first; those without it never.

    >>> scores = [ObjectScores("goat", number, {"J": number / 10}) for number in (3, 1, 2)]
    >>> [each.object_id for each in worst_objects(scores, "J", count=2)]
    [1, 2]
    """
    sign = -1 if is_lower_better(name) else 1
    scored = [each for each in objects if name in each.values]
    return tuple(sorted(scored, key=lambda each: sign * each.values[name])[:count])


def clip_case(
    clip: Clip,
    scores: ObjectScores,
    answers: Iterable[FrameMasks],
    *,
    name: str,
    prompts: Mapping[int, Prompt] | None = None,
) -> Case:
    """Frames of a clip: the prompted one, the worst one, and one before and one after it.

    Args:
        clip: where the object is.
        scores: of the object, with its series "J", by which the worst frame is found.
        answers: what was predicted; the other objects and frames in it are passed over.
        name: which of the scores is told.
        prompts: what was said of the object, by frame; where it is not known, the first frame that
            was scored stands for the prompted one.

    Raises:
        DatasetError, VideoError: the frames or the truth cannot be read.
    """
    series, said = scores.series.get("J", {}), prompts or {}
    first = min(said) if said else min(series, default=0)
    chosen = sorted({first, *_around_worst(series)})
    views = _views(clip, scores.object_id, chosen, answers)
    if first in said:
        views[first] = replace(views[first], prompt=said[first])
    window = _window(list(views.values()), _CLIP_TILE)
    tiles = []
    for frame, view in views.items():
        told = [f"frame {frame:,}"]
        told += ["prompted"] if frame in said else []
        told += [f"J {shown('J', series[frame])}"] if frame in series else []
        tiles.append(Tile(_drawn(view, window, _CLIP_TILE), ", ".join(told)))
    has_clicks = first in said and len(said[first].points) > 0
    return Case(_heading(scores), _told_score(scores, name), tuple(tiles), has_clicks)


def picture_case(
    picture: records.Picture,
    scores: ObjectScores,
    mask: Mask,
    *,
    name: str,
    prompt: Prompt | None = None,
) -> Case:
    """A picture with what was said, what was predicted and what is true of one object.

    Args:
        picture: where the object is.
        scores: of the object.
        mask: what was predicted, `(height, width)` bool at the size of the picture.
        name: which of the scores is told.
        prompt: what was said, if it is known.

    Raises:
        DatasetError: the picture or the truth cannot be read.
    """
    of_id = {each.object_id: each.segmentation for each in picture.objects()}
    truth = rle.decode(of_id[scores.object_id])
    view = _View(picture.image(), mask, truth, prompt)
    drawn = _drawn(view, _window([view], _PICTURE_TILE), _PICTURE_TILE)
    tile = Tile(drawn, scores.category or "")
    has_clicks = prompt is not None and len(prompt.points) > 0
    return Case(_heading(scores), _told_score(scores, name), (tile,), has_clicks)


def _heading(scores: ObjectScores) -> str:
    return f"{scores.item}, object {scores.object_id}"


def _told_score(scores: ObjectScores, name: str) -> str:
    return f"{name} {shown(name, scores.values[name])}"


def _around_worst(series: Series) -> list[int]:
    """The worst frame and the frames an eighth of the scored ones before and after it."""
    frames = sorted(series)
    if not frames:
        return []
    worst = min(range(len(frames)), key=lambda place: series[frames[place]])
    step = max(len(frames) // 8, 1)
    # At an end of the clip both stand on the other side of it.
    middle = min(max(worst, step), max(len(frames) - 1 - step, 0))
    places = {worst, middle - step, middle + step} | ({middle} if middle != worst else set())
    return [frames[place] for place in places if 0 <= place < len(frames)]


def _views(
    clip: Clip, object_id: ObjectId, chosen: Sequence[int], answers: Iterable[FrameMasks]
) -> dict[int, _View]:
    predicted: dict[int, Mask] = {}
    for frame in answers:
        answer = frame.at(object_id) if frame.frame_index in chosen else None
        if answer is not None:
            predicted[frame.frame_index] = rle.decode(answer.segmentation)
    views = {}
    with clip.open() as video:
        for frame_index in chosen:
            image = video[frame_index]
            nothing = np.zeros(image.shape[:2], bool)
            drawn = clip.truth(frame_index).masks if frame_index in clip.annotated else {}
            views[frame_index] = _View(
                image,
                predicted.get(frame_index, nothing),
                drawn.get(object_id, nothing),
            )
    return views


def _window(views: Sequence[_View], tile: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part that is shown: what is drawn, and some room around."""
    height, width = views[0].image.shape[:2]
    drawn = np.zeros((height, width), bool)
    for view in views:
        drawn |= view.predicted | view.truth
    if not drawn.any():
        return 0, 0, width, height
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    tall, wide = (1.5 * (int(each[-1]) - int(each[0]) + 1) for each in (rows, columns))
    # At least 40 % of each side, or nobody would see where in the picture it is.
    tall, wide = max(tall, 0.4 * height), max(wide, 0.4 * width)
    tall, wide = max(tall, wide * tile[0] / tile[1]), max(wide, tall * tile[1] / tile[0])
    left, right = _span((int(columns[0]) + int(columns[-1]) + 1) / 2, wide, width)
    top, bottom = _span((int(rows[0]) + int(rows[-1]) + 1) / 2, tall, height)
    return left, top, right, bottom


def _span(middle: float, length: float, available: int) -> tuple[int, int]:
    """A stretch around the middle, moved into what there is and no longer than that."""
    whole = min(round(length), available)
    start = min(max(round(middle - whole / 2), 0), available - whole)
    return start, start + whole


def _drawn(view: _View, window: tuple[int, int, int, int], tile: tuple[int, int]) -> Picture:
    """The window at the size of a tile, with everything drawn on it, in the middle of its ground."""
    left, top, right, bottom = window
    scale = min(tile[0] / (bottom - top), tile[1] / (right - left))
    size = (max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1))
    if min(size[0] / tile[1], size[1] / tile[0]) > 0.98:
        size = (tile[1], tile[0])  # nobody sees the difference, but everybody a black line

    def fitted(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        part = Image.fromarray(array[top:bottom, left:right])
        return np.array(part.resize(size, Image.Resampling.BICUBIC))

    # Drawn after the change of size, so that lines are equally wide on all tiles.
    picture = fitted(view.image)
    for mask, number, alpha in ((view.predicted, PREDICTED, 0.45), (view.truth, TRUTH, 0.0)):
        smooth = fitted(mask.astype(np.uint8) * 255) > 127
        picture = draw_masks(picture, smooth[None], ids=[number], alpha=alpha)
    if view.prompt is not None:
        picture = _with_prompt(picture, view.prompt, (left, top), scale)
    canvas = np.full((*tile, 3), 18, np.uint8)
    y, x = (tile[0] - size[1]) // 2, (tile[1] - size[0]) // 2
    canvas[y : y + size[1], x : x + size[0]] = picture
    return canvas


def _with_prompt(
    picture: Picture, prompt: Prompt, corner: tuple[int, int], scale: float
) -> Picture:
    """The clicks and the box; a mask would only lie on the truth."""
    points, box = (prompt.points + 0.5 - corner) * scale - 0.5, None
    if prompt.box is not None:
        box = ((prompt.box - (corner + corner)) * scale).astype(np.float32)
    if box is None and not len(points):
        return picture
    return draw_prompts(
        picture, [Prompt(points=points, labels=prompt.labels, box=box)], ids=[TRUTH]
    )
