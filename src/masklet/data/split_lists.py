"""The splits of a dataset: which there are, which is meant, and the lists that name their clips."""

from collections.abc import Sequence
from pathlib import Path

from masklet.errors import DatasetError

_USUAL = ("val", "valid", "test", "train")
"""What is measured on where nobody says, best first."""


def chosen_split(root: Path, split: str | None, found: Sequence[str]) -> str:
    """The split that is meant, one of those found; if None, the one to measure on.

    Raises:
        DatasetError: there is no such split, or none at all.

    >>> chosen_split(Path("mose"), None, ["train", "valid"])
    'valid'
    """
    if not found:
        raise DatasetError(
            f"{root} holds no split of a dataset; expected files or folders such as train and val. "
            "Check the path, or unpack the archive again."
        )
    usual = [name for name in _USUAL if name in found]
    chosen = split or [*usual, *found][0]
    if chosen not in found:
        raise DatasetError(
            f"{root} has no split {chosen}; expected one of {', '.join(found)}. Choose one of "
            "these, or check the path."
        )
    return chosen


def image_set(root: Path, split: str, folders: Sequence[str]) -> Path:
    """The list of a split in ImageSets, in the first of its folders that has one.

    Raises:
        DatasetError: none has.
    """
    lists = root / "ImageSets"
    for folder in folders:
        path = lists / folder / f"{split}.txt"
        if path.is_file():
            return path
    there = sorted({path.stem for folder in folders for path in (lists / folder).glob("*.txt")})
    advice = f"Choose one of {', '.join(there)}" if there else "Unpack the lists too"
    raise DatasetError(
        f"there is no list {split}.txt in {lists / folders[0]}; expected one with a clip on each "
        f"line. {advice}, or check the path."
    )


def read_list(path: Path) -> list[str]:
    """The clips that a list names, each once and in its order.

    A line is the name of a clip, or, as in the lists of DAVIS 2016, the paths of a frame and its
    annotation.

    Raises:
        DatasetError: it cannot be read, or names none.

    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "val.txt"
    >>> _ = path.write_text("/JPEGImages/480p/dog/00000.jpg /Annotations/480p/dog/00000.png")
    >>> read_list(path)
    ['dog']
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"the list {path} cannot be read: {error}; expected a text with a clip on each line. "
            "Check the file, or download it again."
        ) from error
    # A name may hold spaces; a pair of paths begins with a slash.
    names = [
        Path(line.split()[0]).parent.name if line.startswith("/") else line
        for line in (each.strip() for each in lines)
        if line
    ]
    if not names:
        raise DatasetError(
            f"the list {path} is empty; expected a clip on each line. Download it again."
        )
    return list(dict.fromkeys(names))
