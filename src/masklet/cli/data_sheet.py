"""Some items of a dataset with their masks drawn, on one sheet."""

import math
from collections.abc import Sequence
from statistics import median

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from masklet.cli.data_items import Items
from masklet.cli.progress import one_line
from masklet.data.records import Clip, Mask, Picture
from masklet.data.statistics import Facts
from masklet.ops import rle
from masklet.viz import overlay
from masklet.viz.labels import draw_labels
from masklet.viz.overlay import draw_masks
from masklet.viz.palette import INK, colour_of
from masklet.viz.sheet import contact_sheet, evenly_spaced

_COLUMNS = 4
_TILE_PIXELS = 120_000
# A caption of so many letters is as wide as a tile, whatever that measures.
_LETTERS = 46
# More numbers than these hide what they name.
_MOST_LABELS = 12


def draw_sheet(items: Items, facts: Sequence[Facts], count: int) -> overlay.Picture:
    """At most `count` of the items that were read, evenly spread, `(height, width, 3)` uint8 RGB.

    Of a clip the frame is shown on which most objects are visible.

    Raises:
        DatasetError, VideoError: an item that was read before cannot be read any more.
    """
    chosen = [facts[index] for index in evenly_spaced(len(facts), count)]
    tile = _tile([each.size for each in chosen])
    drawn, captions = [], []
    if items.are_clips:
        clips = {clip.name: clip for clip in items.clips}
        for each in chosen:
            drawn.append(_drawn_clip(clips[each.name], each.shows_most, tile))
            frames = f"{each.num_frames:,} frame{'' if each.num_frames == 1 else 's'}"
            captions.append(_caption(each.name, f"{frames}, {_objects(each)}"))
    else:
        pictures = {picture.name: picture for picture in items.pictures}
        for each in chosen:
            drawn.append(_drawn_picture(pictures[each.name], tile))
            captions.append(_caption(each.name, _objects(each)))
    sheet = contact_sheet(drawn, captions, columns=_COLUMNS, tile=tile)
    some = f"{len(chosen):,} of " if len(chosen) < items.total else ""
    title = f"{items.dataset.name}: {some}{items.counted(items.total)}"
    return _titled(sheet, title, gap=tile[1] // 22)


def _drawn_clip(clip: Clip, frame_index: int, tile: tuple[int, int]) -> overlay.Picture:
    masks = clip.truth(frame_index).masks
    with clip.open() as frames:
        image = _resized(frames[frame_index], tile)
    fitted = _fitted(list(masks.values()), image)
    drawn = draw_masks(image, fitted, ids=list(masks))
    return draw_labels(drawn, fitted, ids=list(masks)) if len(masks) <= _MOST_LABELS else drawn


def _drawn_picture(picture: Picture, tile: tuple[int, int]) -> overlay.Picture:
    image = _resized(picture.image(), tile)
    masks = _fitted([rle.decode(each.segmentation) for each in picture.objects()], image)
    first = _first_colour(image)
    return draw_masks(image, masks, ids=range(first, first + len(masks)))


def _first_colour(image: overlay.Picture) -> int:
    """The number, 1 to 4, whose colour is least like the picture: most have one object only."""
    usual = image.reshape(-1, 3).mean(axis=0)
    return max(range(1, 5), key=lambda number: float(np.abs(usual - colour_of(number)).sum()))


def _resized(image: overlay.Picture, tile: tuple[int, int]) -> overlay.Picture:
    """The picture as large as it will be shown, so that lines have one width on all of them."""
    height, width = image.shape[:2]
    scale = min(tile[0] / height, tile[1] / width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def _fitted(masks: Sequence[Mask], image: overlay.Picture) -> npt.NDArray[np.bool_]:
    """The masks as large as the picture, `(N, height, width)`."""
    height, width = image.shape[:2]
    fitted = np.zeros((len(masks), height, width), np.bool_)
    for row, mask in enumerate(masks):
        levels = Image.fromarray(mask.astype(np.uint8) * 255)
        fitted[row] = np.asarray(levels.resize((width, height), Image.Resampling.BILINEAR)) > 127
    return fitted


def _tile(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """`(height, width)` that suits pictures of these sizes."""
    ratio = min(max(median(height / width for height, width in sizes), 0.4), 1.6)
    width = round(math.sqrt(_TILE_PIXELS / ratio))
    return round(width * ratio), width


def _objects(facts: Facts) -> str:
    count = len(facts.objects)
    return f"{count:,} object{'' if count == 1 else 's'}"


def _caption(name: str, numbers: str) -> str:
    """Both on one line; a long name loses its beginning, which many names share."""
    room = _LETTERS - len(numbers) - 2
    name = one_line(name)
    shown = name if len(name) <= room else f"...{name[3 - room :]}"
    return f"{shown}: {numbers}"


def _titled(sheet: overlay.Picture, title: str, *, gap: int) -> overlay.Picture:
    """The sheet with a line above it, on its own paper and as far from its edge."""
    size, title = 30, one_line(title)
    length = ImageFont.load_default(size=size).getlength(title)
    font = ImageFont.load_default(size=size * min((sheet.shape[1] - 2 * gap) / length, 1))
    paper = tuple(sheet[0, 0].tolist())
    strip = Image.new("RGB", (sheet.shape[1], 2 * size), paper)
    ImageDraw.Draw(strip).text((gap, gap), title, fill=INK, font=font)
    return np.concatenate([np.array(strip), sheet])
