"""Datasets by name or by path: the one place that opens all layouts."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from masklet.data.coco import open_coco
from masklet.data.indexed_folders import (
    open_davis_2016,
    open_davis_2017,
    open_folder,
    open_lvos,
    open_mose,
    open_youtube_vos,
)
from masklet.data.known import CATALOG, Entry, Layout
from masklet.data.layouts import coco_files, detect_layout, tars_in
from masklet.data.packs import open_cutout_pack, open_picture_pack, open_video_pack
from masklet.data.picture_folder import open_picture_folder
from masklet.data.records import ImageDataset, VideoDataset
from masklet.data.sa1b import open_sa1b
from masklet.data.sav import open_sav
from masklet.data.split_lists import chosen_split
from masklet.errors import DatasetError

__all__ = ["CATALOG", "VARIABLE", "Entry", "detect_layout", "open_dataset"]

VARIABLE = "MASKLET_DATASETS"
"""The environment variable that says where datasets with a name are."""

_DIVIDED: Mapping[Layout, Callable[[Path, str | None], VideoDataset]] = {
    "davis-2016": open_davis_2016,
    "davis-2017": open_davis_2017,
    "youtube-vos": open_youtube_vos,
    "mose": open_mose,
    "lvos": open_lvos,
    "sav": open_sav,
    "folder": open_folder,
}
"""The layouts that come in splits, and what opens one."""


def open_dataset(
    source: str | Path, *, split: str | None = None, root: Path | None = None
) -> VideoDataset | ImageDataset:
    """Open a dataset: its items are listed, and read when they are asked for.

    Args:
        source: a name in `CATALOG`, or the path of a file or folder, whose layout is told by what
            is in it (`detect_layout`). A `Path` is never a name.
        split: which part, such as "val"; if None, the one to measure on.
        root: where the folders of datasets with a name are; if None, what MASKLET_DATASETS says,
            else the current folder.

    Raises:
        DatasetError: it is missing, has no such split, no layout that is known, or a file that
            describes all of it cannot be read.

    >>> open_dataset("davis-2017", root=Path("/nowhere"))
    Traceback (most recent call last):
    masklet.errors.DatasetError: DAVIS 2017, several objects, is not in /nowhere/davis-2017; ...
    """
    entry = CATALOG.get(source) if isinstance(source, str) else None
    if entry is None:
        path = Path(source).expanduser().absolute()
        return _opened(path, detect_layout(path), split)
    place = _place_of(entry, root)
    if entry.is_own:
        return _opened(place, detect_layout(place), split)
    if entry.layouts == ("coco",):
        return _open_coco(place, split, prefix="lvis_" if entry.name == "lvis-v1" else "instances_")
    return _opened(place, entry.layouts[0], split)


def _place_of(entry: Entry, root: Path | None) -> Path:
    base = root or Path(os.environ.get(VARIABLE) or ".")
    place = (base / entry.name).expanduser().absolute()
    if place.exists():
        return place
    holds = ", ".join(entry.tree.splitlines())
    if entry.is_own:
        raise DatasetError(
            f"{entry.name} stands for {entry.title}, and there is none in {place}; expected data of "
            f"your own that hold {holds}. Give their path in place of the name."
        )
    raise DatasetError(
        f"{entry.title}, is not in {place}; expected there: {holds}. Get it from {entry.home} "
        f"(licence: {entry.licence}), lay it out so, and say where datasets are with {VARIABLE} or "
        "--root."
    )


def _opened(path: Path, layout: Layout, split: str | None) -> VideoDataset | ImageDataset:
    if layout in _DIVIDED:
        return _DIVIDED[layout](path, split)
    if layout == "coco" and path.is_dir():
        return _open_coco(path, split)
    if split is not None:
        raise DatasetError(
            f"{path} has no split {split}; expected none to be said: it is one of its own. Leave "
            "the split out."
        )
    match layout:
        case "sa-1b":
            return open_sa1b(path)
        case "picture-folder":
            return open_picture_folder(path)
        case "coco":
            return open_coco(path)
        case _:
            return _open_pack(tars_in(path) if path.is_dir() else [path], layout)


def _open_coco(folder: Path, split: str | None, prefix: str = "") -> ImageDataset:
    """The annotations of a split out of a folder that holds those of several."""
    files = [path for path in coco_files(folder) if path.name.startswith(prefix)]
    names = [_split_of(path) for path in files]
    chosen = chosen_split(folder, split, names)
    meant = [path for path, name in zip(files, names, strict=True) if name == chosen]
    if len(meant) > 1:
        raise DatasetError(
            f"{folder} has {' and '.join(path.name for path in meant)} for the split {chosen}; "
            "expected one. Give the path of the one that is meant."
        )
    return replace(open_coco(meant[0]), name=f"{folder.name} {chosen}")


def _split_of(annotations: Path) -> str:
    """instances_val2017.json and lvis_v1_val.json are "val"."""
    return annotations.stem.rpartition("_")[2].removesuffix("2017")


def _open_pack(shards: Sequence[Path], layout: Layout) -> VideoDataset | ImageDataset:
    match layout:
        case "picture-pack":
            return open_picture_pack(shards)
        case "video-pack":
            return open_video_pack(shards)
        case _:
            return _open_cutouts(shards)


def _open_cutouts(shards: Sequence[Path]) -> ImageDataset:
    """Scenes of the cut-outs, before the backgrounds that lie beside them."""
    by_layout: dict[Layout, list[Path]] = {"cutout-pack": [], "background-pack": []}
    for shard in shards:
        by_layout[detect_layout(shard)].append(shard)
    if not by_layout["cutout-pack"]:
        raise DatasetError(
            f"{shards[0]} holds backgrounds, which have no masks; expected labelled pictures or "
            "clips. Give it to `masklet train` with a pack of cut-outs, or put both into one folder."
        )
    return open_cutout_pack(by_layout["cutout-pack"], by_layout["background-pack"])
