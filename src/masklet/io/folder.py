"""A video that is a folder, or a list, of pictures."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import SupportsIndex

import numpy as np

from masklet.errors import ImageError, VideoError
from masklet.io.images import SUFFIXES, ImageSource, read_image
from masklet.io.video import Frame, Timeless, check_size, checked_index
from masklet.types.video import VideoInfo

# Longer numbers are dates and times of day, not counts of frames.
_LONGEST_COUNT = 9


class PictureVideo(Timeless):
    """Pictures as the frames of a video, read as they are asked for; see `FrameSource`.

    Each is read as `masklet.io.images.read_image` does, the right way up. Only the first is read
    at once; a picture of another size shows when its turn comes.

    Args:
        pictures: paths, Pillow images or arrays, in order.
        name: of the video, for people.

    Raises:
        VideoError: there are no pictures or the first cannot be read. Reading a frame raises it
            where that picture cannot be read or has another size than the first.

    >>> len(PictureVideo([np.zeros((32, 48, 3), np.uint8)] * 5))
    5
    """

    def __init__(self, pictures: Sequence[ImageSource], name: str = "") -> None:
        self._pictures = tuple(pictures)
        if not self._pictures:
            raise VideoError(
                "the list of pictures is empty; expected at least one. Check how it was made."
            )
        height, width, _ = self._read(0).shape
        info = VideoInfo(name, (height, width), len(self._pictures), None)
        super().__init__(info, len(self._pictures))

    def __getitem__(self, frame_index: SupportsIndex) -> Frame:
        """One picture, read now."""
        index = checked_index(frame_index, len(self))
        return check_size(self._read(index), self._named(index), self._info)

    def _read(self, index: int) -> Frame:
        picture = self._pictures[index]
        try:
            frame = read_image(picture)
        except ImageError as error:
            raise VideoError(f"frame {index} cannot be read: {error}") from error
        # An array that is a picture already comes back as it is, not as a copy.
        return frame.copy() if isinstance(picture, np.ndarray) else frame

    def _named(self, index: int) -> str:
        picture = self._pictures[index]
        is_named = not isinstance(picture, np.ndarray) and hasattr(picture, "__fspath__")
        return (
            f"frame {index} ({picture})"
            if is_named or isinstance(picture, str)
            else f"frame {index}"
        )


def open_folder(folder: Path, *, allow_gaps: bool = False) -> PictureVideo:
    """The pictures of a folder as a video, in natural order: `2.jpg` before `10.jpg`.

    What its name says is a picture (`masklet.io.images.SUFFIXES`) is a frame. All other files,
    hidden ones and folders within are passed over. Frames may be numbered from anywhere and in
    even steps, as the sets that annotate every fifth frame are.

    Args:
        folder: an existing folder.
        allow_gaps: take numbered pictures as they are, though some seem to be missing.

    Raises:
        VideoError: it cannot be listed, holds no pictures, two pictures have the same number, or
            numbers are missing; or as `PictureVideo`.

    >>> from tempfile import mkdtemp
    >>> from masklet.io.images import write_png
    >>> folder = Path(mkdtemp())
    >>> for number in (10, 2):
    ...     write_png(folder / f"{number}.png", np.full((8, 8), number, np.uint8))
    >>> [int(frame[0, 0, 0]) for frame in open_folder(folder, allow_gaps=True)]
    [2, 10]
    """
    pictures = sorted(_pictures_in(folder), key=_natural)
    numbers = _frame_numbers(pictures)
    _check_doubles(folder, pictures, numbers)
    if not allow_gaps:
        _check_gaps(folder, numbers)
    return PictureVideo(pictures, folder.name)


def _pictures_in(folder: Path) -> list[Path]:
    try:
        files = [path for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise VideoError(
            f"the folder {folder} cannot be listed: {error.strerror or error}; expected a folder "
            "of pictures. Check your rights to read it."
        ) from error
    visible = [path for path in files if not path.name.startswith(".")]
    pictures = [path for path in visible if path.suffix.lower() in SUFFIXES]
    if not pictures:
        raise VideoError(
            f"the folder {folder} holds no pictures, only {len(visible)} other files; expected "
            "frames such as 00000.jpg or 00000.png. Check the path: folders within are not read."
        )
    return pictures


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort digits by their value, the rest as letters, and names that are equal so as they are."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.stem.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def _frame_numbers(pictures: Sequence[Path]) -> tuple[int, ...]:
    """The number at the end of each name; none if the names do not count frames.

    They do where they differ in that number only.
    """
    matches = [re.fullmatch(r"(.*?)([0-9]+)", path.stem) for path in pictures]
    found = [match for match in matches if match is not None]
    counts = (
        len(found) == len(pictures)
        and len({match[1] for match in found}) == 1
        and all(len(match[2]) <= _LONGEST_COUNT for match in found)
    )
    return tuple(int(match[2]) for match in found) if counts else ()


def _check_doubles(folder: Path, pictures: Sequence[Path], numbers: Sequence[int]) -> None:
    for index in range(1, len(numbers)):
        if numbers[index] == numbers[index - 1]:
            raise VideoError(
                f"in {folder}, {pictures[index - 1].name} and {pictures[index].name} are both "
                f"number {numbers[index]}; expected one picture per frame. "
                "Move those that are no frames, such as masks, to another folder."
            )


def _check_gaps(folder: Path, numbers: Sequence[int]) -> None:
    steps = np.diff(numbers)
    if len(steps) == 0 or (steps == steps.min()).all():
        return
    step = int(steps.min())
    gaps = [
        (numbers[index] + step, numbers[index + 1] - step)
        for index in np.flatnonzero(steps > step).tolist()
    ]
    shown = ", ".join(f"{a}" if a >= b else f"{a} to {b}" for a, b in gaps[:3])
    more = f" and {len(gaps) - 3} more gaps" if len(gaps) > 3 else ""
    raise VideoError(
        f"in {folder}, between {numbers[0]} and {numbers[-1]}, there is no picture numbered "
        f"{shown}{more}; expected steps of {step}. Put the missing frames back, or say that the "
        "gaps are meant: allow_gaps=True."
    )
