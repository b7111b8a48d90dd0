"""Contact sheets: several pictures with captions on one."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

_PAPER = (247, 246, 243)
_TEXT = (46, 48, 54)


def contact_sheet(
    pictures: Sequence[npt.NDArray[np.uint8]],
    captions: Sequence[str],
    *,
    columns: int = 3,
    tile: tuple[int, int] = (300, 450),
) -> npt.NDArray[np.uint8]:
    """Lay out pictures in rows with a caption under each, `(height, width, 3)` uint8 RGB.

    Args:
        pictures: `(h, w, 3)` RGB or `(h, w, 4)` RGBA uint8, of any size; transparency is shown as a
            checkerboard.
        captions: one line of text per picture.
        columns: pictures per row.
        tile: `(height, width)` that each picture is made to fit into.

    >>> contact_sheet([np.zeros((20, 30, 3), np.uint8)] * 2, ["one", "two"], columns=2).shape
    (390, 960, 3)
    """
    height, width = tile
    gap, line = width // 22, width // 9
    count = max(min(columns, len(pictures)), 1)
    rows = -(-len(pictures) // count)
    sheet = Image.new(
        "RGB", (gap + count * (width + gap), gap + rows * (height + line + gap)), _PAPER
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=line * 0.42)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = gap + number % count * (width + gap)
        top = gap + number // count * (height + line + gap)
        fitted = _fitted(_on_checkerboard(picture), tile)
        sheet.paste(
            fitted, (left + (width - fitted.width) // 2, top + (height - fitted.height) // 2)
        )
        draw.text((left, top + height + line * 0.24), caption, fill=_TEXT, font=font)
    return np.array(sheet)


def video_sheet(
    pictures: Sequence[npt.NDArray[np.uint8]],
    frame_indices: Sequence[int],
    *,
    fps: float | None = None,
    columns: int = 4,
) -> npt.NDArray[np.uint8]:
    """Lay out frames of a video in rows, `(height, width, 3)` uint8 RGB, each with its number.

    Args:
        pictures: the frames, with or without masks drawn on them, all of one size, as in
            `contact_sheet`.
        frame_indices: which frames they are (see `evenly_spaced`).
        fps: frames per second, for the time beside the number.
        columns: frames per row.

    >>> video_sheet([np.zeros((20, 30, 3), np.uint8)] * 4, [0, 30, 60, 90], fps=25).shape
    (390, 1900, 3)
    """
    height, width = pictures[0].shape[:2] if len(pictures) else (1, 1)
    # Every tile has the same area, unless the caption no longer fits below or the picture is a strip.
    across = min(max(round(math.sqrt(135_000 * width / height)), 300), 600)
    tile = (min(max(round(across * height / width), 60), 600), across)
    captions = [
        f"frame {index:,}" if fps is None else f"frame {index:,},  {clock(index / fps)}"
        for index in frame_indices
    ]
    return contact_sheet(pictures, captions, columns=columns, tile=tile)


def evenly_spaced(num_frames: int, count: int = 16) -> tuple[int, ...]:
    """At most `count` frame indices from the first to the last frame of a video.

    >>> evenly_spaced(100, 4)
    (0, 33, 66, 99)
    """
    if num_frames <= count:
        return tuple(range(num_frames))
    return tuple(number * (num_frames - 1) // max(count - 1, 1) for number in range(count))


def clock(seconds: float) -> str:
    """A time in a video, for people.

    >>> clock(3.25), clock(83.5), clock(3723)
    ('3.25 s', '1:23.50', '1:02:03')
    """
    # Rounded first, or 59.999 would become 60.00.
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest // 100:02d}"
    return f"{minutes}:{rest / 100:05.2f}" if minutes else f"{rest / 100:.2f} s"


def _fitted(picture: npt.NDArray[np.uint8], tile: tuple[int, int]) -> Image.Image:
    height, width = picture.shape[:2]
    scale = min(tile[0] / height, tile[1] / width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)


def _on_checkerboard(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if picture.shape[2] == 3:
        return picture
    height, width = picture.shape[:2]
    square = max(max(height, width) // 24, 1)
    y, x = np.mgrid[:height, :width] // square
    board = np.where((x + y) % 2 == 0, 255, 224)[..., None]
    alpha = picture[..., 3:].astype(np.float32) / 255
    return np.rint(picture[..., :3] * alpha + board * (1 - alpha)).astype(np.uint8)
