"""Which layout a file or folder has, told by the names in it."""

import itertools
from collections.abc import Iterable
from pathlib import Path

from masklet.data.backgrounds import background_photos
from masklet.data.indexed_folders import ANNOTATIONS as DRAWN
from masklet.data.indexed_folders import FRAMES, splits_of
from masklet.data.known import Layout
from masklet.data.picture_folder import IMAGES, MASKS, is_picture_folder
from masklet.data.pictures import errors_of_dataset
from masklet.data.sav import sav_files
from masklet.data.sav_frames import FRAMES as SAV_FRAMES
from masklet.data.spans import Span
from masklet.data.tars import index_tar
from masklet.errors import DatasetError
from masklet.io import json_parts as parts

_KNOWN = (
    f"{FRAMES} and {DRAWN} (DAVIS and its like), train and valid with these (YouTube-VOS, MOSE, "
    f"LVOS), {SAV_FRAMES} or *_manual.json (SA-V), sa_*.json (SA-1B), annotations/*.json or one "
    f"such file (COCO, LVIS), {IMAGES} and {MASKS}, or *.tar (packs)"
)


def detect_layout(path: Path) -> Layout:
    """The layout of a file or folder.

    Args:
        path: a JSON of COCO or LVIS, a tar that is a pack, or a folder; see
            `masklet.data.known.Layout`.

    Raises:
        DatasetError: there is no such thing, it has no layout that is known, or a tar cannot be read.

    >>> from tempfile import mkdtemp
    >>> root = Path(mkdtemp())
    >>> for name in ("JPEGImages/bear", "Annotations/bear"):
    ...     (root / name).mkdir(parents=True)
    >>> detect_layout(root)
    'folder'
    """
    if path.is_dir():
        found = _of_folder(path)
    elif path.suffix.lower() == ".json":
        found = "coco"
    elif path.suffix.lower() == ".tar":
        found = _of_tar(path)
    else:
        found = None
    if found is None:
        raise DatasetError(
            f"{path} {_described(path)}; expected a dataset that is laid out with {_KNOWN}. Check "
            "the path, or lay the files out so."
        )
    return found


def tars_in(folder: Path) -> list[Path]:
    """The tar files in a folder, by name."""
    return sorted(folder.glob("*.tar"))


def coco_files(folder: Path) -> list[Path]:
    """The annotations of COCO and LVIS in a folder, or in its folder `annotations`, by name."""
    patterns = ("instances_*.json", "lvis_*.json")
    places = (folder / "annotations", folder)
    return sorted(
        itertools.chain.from_iterable(
            place.glob(pattern) for place in places for pattern in patterns
        ),
        key=lambda path: path.name,
    )


def _of_folder(folder: Path) -> Layout | None:
    if (folder / FRAMES).is_dir():
        return _of_clips(folder)
    if splits := splits_of(folder):
        return _by_meta([folder / name for name in splits]) or "mose"
    if _is_sav(folder):
        return "sav"
    if any(folder.glob("sa_*.json")):
        return "sa-1b"
    if coco_files(folder):
        return "coco"
    return "picture-folder" if is_picture_folder(folder) else _of_tars(tars_in(folder))


def _is_sav(folder: Path) -> bool:
    frames = (folder / place / SAV_FRAMES for place in ("", "sav_val", "sav_test"))
    videos = (folder, folder / "sav_train")
    return any(place.is_dir() for place in frames) or any(sav_files(place) for place in videos)


def _of_clips(folder: Path) -> Layout:
    """The layout of a folder that holds frames itself: DAVIS, or one split of another dataset."""
    lists = folder / "ImageSets"
    if (lists / "2017").is_dir():
        return "davis-2017"
    if any((lists / place).is_dir() for place in ("2016", "480p", "1080p")):
        return "davis-2016"
    return _by_meta([folder]) or "folder"


def _by_meta(splits: Iterable[Path]) -> Layout | None:
    for split in splits:
        if (split / "meta.json").is_file():
            return "youtube-vos"
        if any(split.glob("*_meta.json")):
            return "lvos"
    return None


def _of_tar(path: Path) -> Layout | None:
    files = {file.name: file for file in index_tar(path).files}
    if any(name.endswith("/masks.json") for name in files):
        return "video-pack"
    stems = [name.removesuffix(".json") for name in files if name.endswith(".json")]
    if any(f"{stem}.jpg" in files for stem in stems):
        return "picture-pack"
    described = next((stem for stem in stems if f"{stem}.png" in files), None)
    if described is not None:
        return _of_png(files[f"{described}.json"])
    return "background-pack" if background_photos(tuple(files.values())) else None


def _of_png(annotations: Span) -> Layout | None:
    """The layout of a tar of PNGs, which are pictures or cut-outs: their JSON tells."""
    try:
        with errors_of_dataset():
            document = parts.parse_object(annotations.read(), str(annotations), "annotations")
    except DatasetError:
        return None
    if "parts" in document:
        return "cutout-pack"
    return "picture-pack" if "annotations" in document else None


def _of_tars(paths: Iterable[Path]) -> Layout | None:
    """The layout that all have; raises `DatasetError` where they differ."""
    examples: dict[Layout | None, str] = {}
    for path in paths:
        examples.setdefault(_of_tar(path), path.name)
    if "cutout-pack" in examples:
        # They lie behind the others.
        examples.pop("background-pack", None)
    if len(examples) > 1:
        shown = ", ".join(f"{name} ({layout or 'unknown'})" for layout, name in examples.items())
        raise DatasetError(
            f"the tar files of the folder are not of one kind, such as {shown}; expected all pictures, "
            "all clips, or all cut-outs and their backgrounds. Give the path of one file, or put each "
            "kind into a folder of its own."
        )
    return next(iter(examples), None)


def _described(path: Path) -> str:
    if not path.exists():
        return "does not exist"
    if not path.is_dir():
        return "has no layout that is known"
    names = sorted(each.name for each in itertools.islice(path.iterdir(), 1000))
    shown = ", ".join(names[:6])
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"has no layout that is known: it holds {shown or 'nothing'}{more}"
