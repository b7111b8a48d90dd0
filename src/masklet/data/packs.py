"""Labelled pictures and clips in tar files, which are read where they lie.

A pack is one tar or several, its shards. What is in them is said in `masklet.data.packed_pictures`
and `masklet.data.packed_clips`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from masklet.data.packed_clips import clips_in
from masklet.data.packed_pictures import pictures_in
from masklet.data.records import Clip, Dataset, ImageDataset, Picture, Problem, VideoDataset
from masklet.data.spans import Span
from masklet.data.tars import index_tar
from masklet.errors import DatasetError

_Item = TypeVar("_Item", Clip, Picture)


def open_picture_pack(paths: Sequence[Path]) -> ImageDataset:
    """List the pictures of some shards; their pixels and masks are read when they are asked for.

    Args:
        paths: uncompressed tar files.

    Raises:
        DatasetError: a file cannot be read or is no uncompressed tar, or they hold no pictures with
            annotations.

    >>> from tempfile import mkdtemp
    >>> open_picture_pack([Path(mkdtemp()) / "val.tar"])
    Traceback (most recent call last):
    masklet.errors.DatasetError: ...val.tar cannot be read: No such file or directory; ...
    """
    expected = "pairs such as 000123.jpg and 000123.json"
    return _open(paths, "picture-pack", pictures_in, expected)


def open_video_pack(paths: Sequence[Path]) -> VideoDataset:
    """List the clips of some shards, with a look at all their annotations and first frames.

    Args:
        paths: uncompressed tar files.

    Raises:
        DatasetError: a file cannot be read or is no uncompressed tar, or they hold no clips with
            annotations.

    >>> open_video_pack([])
    Traceback (most recent call last):
    masklet.errors.DatasetError: no tar files were given; expected the shards of a pack. ...
    """
    expected = "folders such as dog with dog/00000.jpg and dog/masks.json"
    return _open(paths, "video-pack", clips_in, expected)


def _open(
    paths: Sequence[Path],
    layout: str,
    list_items: Callable[[Sequence[Span]], Iterable[_Item | Problem]],
    expected: str,
) -> Dataset[_Item]:
    if not paths:
        raise DatasetError(
            "no tar files were given; expected the shards of a pack. Check the pattern of their "
            "names."
        )
    items: dict[str, _Item] = {}
    problems: list[Problem] = []
    for path in paths:
        index = index_tar(path)
        problems += index.problems
        for found in list_items(index.files):
            if isinstance(found, Problem):
                problems.append(found)
            elif found.name in items:
                what = "its name was in the pack already; this one is left out"
                problems.append(Problem(found.name, str(path), what))
            else:
                items[found.name] = found
    if not items:
        shown = ", ".join(str(path) for path in paths[:3])
        why = f" (the first of {len(problems)} problems: {problems[0]})" if problems else ""
        raise DatasetError(
            f"nothing that can be used is in {shown}{why}; expected {expected}. Check which files "
            "these are."
        )
    return Dataset(_name(paths), paths[0].parent, layout, tuple(items.values()), tuple(problems))


def _name(paths: Sequence[Path]) -> str:
    """Of one tar its own, of several what they share: train-000 and train-001 are "train"."""
    if len(paths) == 1:
        return paths[0].stem
    names = {re.sub(r"[-_.]?[0-9]+$", "", path.stem) for path in paths}
    return names.pop() if len(names) == 1 else paths[0].parent.name
