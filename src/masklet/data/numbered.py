"""What lies in the folders of a clip: frames and annotations, named by their numbers."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from masklet.data.records import Problem
from masklet.errors import DatasetError
from masklet.io.folder import PictureVideo

FRAME_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
ANNOTATION_SUFFIXES = (".png",)


@dataclass(frozen=True, slots=True)
class Numbered:
    """Files of one folder; that of number 7 may be 7.png, 00007.png or 00000007.png."""

    folder: Path
    numbers: tuple[int, ...] = ()
    """Rising, each once; they may begin anywhere and leave numbers out."""
    names: tuple[str, ...] = ()

    def path_of(self, number: int) -> Path:
        """The file of a number that is there.

        >>> Numbered(Path("clip"), (5, 10), ("005.jpg", "010.jpg")).path_of(10).name
        '010.jpg'
        """
        return self.folder / self.names[bisect_left(self.numbers, number)]

    def stems(self) -> tuple[str, ...]:
        """The names without their suffixes."""
        return tuple(Path(name).stem for name in self.names)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a folder holds, and what is wrong with it."""

    files: Numbered
    problems: tuple[Problem, ...]


def list_numbered(folder: Path, suffixes: tuple[str, ...], clip: str) -> Listed:
    """The files with one of the suffixes; a folder that is missing is empty.

    Other files and hidden ones are passed over. A name that is no number, and a number that is
    there twice, are problems of the clip.

    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> for name in ("10.jpg", "9.jpg", "cover.jpg"):
    ...     (folder / name).touch()
    >>> listed = list_numbered(folder, FRAME_SUFFIXES, "bear")
    >>> listed.files.numbers, listed.problems[0].what
    ((9, 10), 'its name is no number')
    """
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return Listed(Numbered(folder), ())
    except OSError as error:
        problem = Problem(clip, str(folder), f"it cannot be listed: {error.strerror or error}")
        return Listed(Numbered(folder), (problem,))
    problems, names = [], dict[int, str]()
    for path in found:
        if path.suffix.lower() not in suffixes:
            continue
        number = number_of(path.stem)
        if number is None:
            problems.append(Problem(clip, str(path), "its name is no number"))
        elif number in names:
            problems.append(Problem(clip, str(path), f"it is number {number}, as {names[number]}"))
        else:
            names[number] = path.name
    numbers = sorted(names)
    files = Numbered(folder, tuple(numbers), tuple(names[number] for number in numbers))
    return Listed(files, tuple(problems))


def number_of(text: str) -> int | None:
    """The number that a name is, None where it is another name.

    >>> number_of("00012"), number_of("cover")
    (12, None)
    """
    return int(text) if text.isascii() and text.isdigit() else None


def folders_in(place: Path) -> list[str]:
    """The names of the folders in a folder, sorted, without hidden ones; none if it is missing."""
    if not place.is_dir():
        return []
    visible = (path for path in place.iterdir() if not path.name.startswith("."))
    return sorted(path.name for path in visible if path.is_dir())


def annotated_frames(frames: Numbered, drawn: Collection[int]) -> tuple[int, ...]:
    """The frames whose number is one of those that are drawn, counted from 0.

    >>> annotated_frames(Numbered(Path("clip"), (5, 10, 15)), {15, 5, 40})
    (0, 2)
    """
    return tuple(index for index, number in enumerate(frames.numbers) if number in drawn)


def annotated_number(frames: Numbered, drawn: Collection[int], frame_index: int) -> int:
    """The number of a frame that is drawn; raises `IndexError` for other frames."""
    annotated = annotated_frames(frames, drawn)
    if frame_index not in annotated:
        raise IndexError(
            f"frame {frame_index} of {frames.folder} has no annotation; expected one of the "
            f"{len(annotated)} that have. `annotated` names them."
        )
    return frames.numbers[frame_index]


def open_whole(name: str, frames: Numbered, problems: Sequence[Problem]) -> PictureVideo:
    """The frames of a clip as a video.

    Raises:
        DatasetError: there are problems.
        VideoError: a picture cannot be read.
    """
    check_whole(name, problems)
    return PictureVideo([frames.folder / each for each in frames.names], name)


def check_whole(name: str, problems: Sequence[Problem]) -> None:
    """Raise `DatasetError` where something is wrong with a clip."""
    if not problems:
        return
    first = problems[0]
    more = f", and {len(problems) - 1} more problems" if len(problems) > 1 else ""
    raise DatasetError(
        f"the clip {name} is broken: {first.where}: {first.what}{more}; expected frames and "
        "annotations that belong together. Put back what is missing, or leave the clip out."
    )
