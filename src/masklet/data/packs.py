"""Labelled pictures and clips in tar files, which are read where they lie.

A pack is one tar or several, its shards. What is in them is said in `masklet.data.packed_pictures`,
`masklet.data.packed_clips`, `masklet.data.packed_cutouts` and `masklet.data.backgrounds`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from masklet.data.backgrounds import PHOTOS, background_photos
from masklet.data.cutout_scenes import scenes_of
from masklet.data.packed_clips import clips_in
from masklet.data.packed_cutouts import PackedCutout, cutouts_in
from masklet.data.packed_pictures import pictures_in
from masklet.data.records import Clip, Dataset, ImageDataset, Picture, Problem, VideoDataset
from masklet.data.spans import Span
from masklet.data.tars import index_tar
from masklet.errors import DatasetError

_Item = TypeVar("_Item", Clip, Picture, PackedCutout)


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
    items, problems = _listed(paths, pictures_in, expected)
    return Dataset(_name(paths), paths[0].parent, "picture-pack", items, problems)


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
    items, problems = _listed(paths, clips_in, expected)
    return Dataset(_name(paths), paths[0].parent, "video-pack", items, problems)


def open_cutout_pack(paths: Sequence[Path], backgrounds: Sequence[Path] = ()) -> ImageDataset:
    """List the scenes that are made of the cut-outs of some shards, one named after each cut-out.

    Args:
        paths: uncompressed tar files.
        backgrounds: tar files with photos that may lie behind the cut-outs; without any, all
            backgrounds are made up.

    Raises:
        DatasetError: a file cannot be read or is no uncompressed tar, the first ones hold no
            cut-outs with parts, or one of the others no photos.

    >>> open_cutout_pack([])
    Traceback (most recent call last):
    masklet.errors.DatasetError: no tar files were given; expected the shards of a pack. ...
    """
    expected = "pairs such as 00042.png and 00042.json"
    cutouts, problems = _listed(paths, cutouts_in, expected)
    photos: list[Span] = []
    for path in backgrounds:
        index = index_tar(path)
        problems += index.problems
        found = background_photos(index.files)
        if not found:
            raise DatasetError(
                f"{path} holds no photos for backgrounds; expected some such as {PHOTOS}/sea.jpg. "
                "Check which file this is."
            )
        photos += found
    name = _name(paths)
    scenes = scenes_of(cutouts, photos, name)
    return Dataset(name, paths[0].parent, "cutout-pack", scenes, problems)


def _listed(
    paths: Sequence[Path],
    list_items: Callable[[Sequence[Span]], Iterable[_Item | Problem]],
    expected: str,
) -> tuple[tuple[_Item, ...], tuple[Problem, ...]]:
    """What is in some shards, each name once, and what is wrong with them."""
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
    return tuple(items.values()), tuple(problems)


def _name(paths: Sequence[Path]) -> str:
    """Of one tar its own, of several what they share: train-000 and train-001 are "train"."""
    if len(paths) == 1:
        return paths[0].stem
    names = {re.sub(r"[-_.]?[0-9]+$", "", path.stem) for path in paths}
    return names.pop() if len(names) == 1 else paths[0].parent.name
