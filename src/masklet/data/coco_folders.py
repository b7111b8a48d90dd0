"""Where the pictures of a COCO or LVIS file are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from masklet.data.spans import failures_told
from masklet.errors import DatasetError

_BESIDE = ("train2017", "val2017", "train2014", "val2014", "images", ".")


def find_pictures(
    annotations: Path, names: Sequence[str], folder: Path | None = None
) -> Mapping[str, Path]:
    """The files of the pictures that are there.

    All are taken from one folder, the one that holds most of them: pictures of train and val may
    have the same names. Without `folder` it is looked for beside the annotations, in "images" there,
    and in "train2017", "val2017" and the like beside their folder.

    Args:
        annotations: the JSON file.
        names: what it says of its pictures' files, such as "a.jpg" or "val2017/a.jpg".
        folder: where they are. The folders in the names may be there or not.

    Returns:
        Path by name; the names that are missing here are not there.

    Raises:
        DatasetError: there is none of the pictures, no such folder, or two folders hold as many.

    >>> find_pictures(Path("coco/annotations/instances_val2017.json"), ["1.jpg"])
    Traceback (most recent call last):
    masklet.errors.DatasetError: none of the 1 pictures ... is in .../coco/annotations, ...
    """
    folders = _usual_folders(annotations) if folder is None else [_checked(folder)]
    places = [place for each in folders for place in _places(each, names)]
    most = max(len(place.files) for place in places)
    if most == 0:
        looked = ", ".join(str(each) for each in folders)
        raise DatasetError(
            f"none of the {len(names):,} pictures of {annotations}, such as {names[0]}, is in "
            f"{looked}; expected them in one of these folders. Name the folder that holds them."
        )
    best = [place for place in places if len(place.files) == most]
    # Reached by the names' own folders or without, the files may be the same.
    different = [best[0], *(place for place in best if place.files != best[0].files)]
    named = [place for place in different if place.folder.name in annotations.stem]
    chosen = named if len(different) > 1 else different
    if len({place.folder for place in chosen}) != 1:
        looked = ", ".join(dict.fromkeys(str(place.folder) for place in different))
        raise DatasetError(
            f"the pictures of {annotations}, such as {names[0]}, are in several folders: {looked}; "
            "expected one. Name the folder that is meant."
        )
    return chosen[0].files


@dataclass(frozen=True, slots=True)
class _Place:
    folder: Path
    files: Mapping[str, Path]


def _usual_folders(annotations: Path) -> list[Path]:
    here = annotations.absolute().parent
    folders = [here, here / "images", *(here.parent / name for name in _BESIDE)]
    return list(dict.fromkeys(folders))


def _checked(folder: Path) -> Path:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder} is no folder; expected the one that holds the pictures. Check the name."
        )
    return folder


def _places(folder: Path, names: Sequence[str]) -> list[_Place]:
    """What of the names is in a folder, with the folders in the names and without them."""
    whole = _present(folder, {name: name for name in names})
    bare = {name: name.rpartition("/")[2] for name in names}
    if whole or len(set(bare.values())) < len(names):
        return [_Place(folder, whole)]
    return [_Place(folder, _present(folder, bare))]


def _present(folder: Path, names: Mapping[str, str]) -> dict[str, Path]:
    """The files that are there, found by listing every folder once: there may be a million."""
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for name, path in names.items():
        parent, _, file = path.rpartition("/")
        wanted[parent][file] = name
    found: dict[str, Path] = {}
    for parent, files in wanted.items():
        inside = folder / parent
        if not inside.is_dir():
            continue
        with failures_told(inside):
            there = {path.name for path in inside.iterdir()}
        found |= {files[file]: inside / file for file in files.keys() & there}
    return found
