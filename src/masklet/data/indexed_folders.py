"""Which clips a folder of frames and indexed PNGs holds, and what of them is missing."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from masklet.data.indexed_png import (
    BLACK_AND_WHITE,
    DAVIS_2016,
    DAVIS_2017,
    FOLDER,
    LVOS,
    MOSE,
    YOUTUBE_VOS,
    IndexedClip,
    IndexedLayout,
)
from masklet.data.label_png import is_black_and_white
from masklet.data.numbered import (
    ANNOTATION_SUFFIXES,
    FRAME_SUFFIXES,
    Numbered,
    folders_in,
    list_numbered,
)
from masklet.data.records import Dataset, Problem, VideoDataset
from masklet.data.split_lists import chosen_split, image_set, read_list
from masklet.data.vos_meta import ObjectNote, VideoNotes, read_meta
from masklet.errors import DatasetError

FRAMES, ANNOTATIONS = "JPEGImages", "Annotations"

# The resolution at which DAVIS is measured.
_USUAL_RESOLUTION = "480p"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the clips of a split are, and what is said of them."""

    root: Path
    frames: Path
    annotations: Path
    layout: IndexedLayout
    split: str | None
    meta: Path | None = None
    notes: VideoNotes | None = None


def open_davis_2016(root: Path, split: str | None = None) -> VideoDataset:
    """DAVIS 2016, also out of the folder of DAVIS 2017: whatever is drawn is one object.

    Args:
        root: what holds JPEGImages, Annotations and ImageSets.
        split: the name of a list in ImageSets/2016 or ImageSets/480p; "val" if None.

    Raises:
        DatasetError: the folders or the list are missing.
    """
    return _open_davis(root, split or "val", DAVIS_2016, ("2016", "480p", "1080p"))


def open_davis_2017(root: Path, split: str | None = None) -> VideoDataset:
    """DAVIS 2017; as `open_davis_2016`, with a list of ImageSets/2017."""
    return _open_davis(root, split or "val", DAVIS_2017, ("2017",))


def open_youtube_vos(root: Path, split: str | None = None) -> VideoDataset:
    """YouTube-VOS; the categories of its training split, where that is beside, are the seen ones.

    Args:
        root: what holds the splits, or the folder of one split.
        split: the name of its folder; "valid" if None.

    Raises:
        DatasetError: there is no such split, or meta.json cannot be read.
    """
    place = _split_place(root, split, YOUTUBE_VOS)
    seen = _seen_categories(place)
    if seen and place.notes is not None:
        notes = {name: _with_seen(of, seen) for name, of in place.notes.items()}
        place = replace(place, notes=notes)
    return _dataset(place, _clips(place, _names_beside(place)))


def open_mose(root: Path, split: str | None = None) -> VideoDataset:
    """MOSE; arguments and errors as `open_youtube_vos`."""
    place = _split_place(root, split, MOSE)
    return _dataset(place, _clips(place, _names_beside(place)))


def open_lvos(root: Path, split: str | None = None) -> VideoDataset:
    """LVOS; arguments and errors as `open_youtube_vos`."""
    place = _split_place(root, split, LVOS)
    return _dataset(place, _clips(place, _names_beside(place)))


def open_folder(root: Path, split: str | None = None) -> VideoDataset:
    """Any folder that lies as DAVIS does, with or without a resolution and lists.

    Index 255 means that a pixel was not judged, except in clips that are drawn in black and white
    without a palette: there it is the object.

    Args:
        root: what holds JPEGImages and Annotations.
        split: the name of a list below ImageSets; all clips if None.

    Raises:
        DatasetError: the folders or the list are missing.
    """
    place = _davis_place(root, split, FOLDER)
    if split is None:
        names: Sequence[str] = _names_beside(place)
    else:
        names = read_list(image_set(root, split, ("", "2017", "2016")))
    return _dataset(place, [_in_its_colours(_clip(place, name)) for name in names])


def splits_of(root: Path) -> list[str]:
    """The folders within that hold frames and are therefore splits, sorted."""
    return [name for name in folders_in(root) if (root / name / FRAMES).is_dir()]


def _open_davis(
    root: Path, split: str, layout: IndexedLayout, lists: tuple[str, ...]
) -> VideoDataset:
    place = _davis_place(root, split, layout)
    return _dataset(place, _clips(place, read_list(image_set(root, split, lists))))


def _davis_place(root: Path, split: str | None, layout: IndexedLayout) -> _Place:
    root = root.absolute()
    resolution = _resolution(root)
    frames, annotations = root / FRAMES / resolution, root / ANNOTATIONS / resolution
    return _Place(root, frames, annotations, layout, split)


def _resolution(root: Path) -> str:
    """The folder between JPEGImages and the clips, "" where there is none."""
    inside = folders_in(root / FRAMES)
    if not inside:
        raise DatasetError(
            f"{root} holds no clips in {FRAMES}; expected {FRAMES}/clip/00000.jpg and {ANNOTATIONS}"
            f"/clip/00000.png, or a folder such as {_USUAL_RESOLUTION} around the clips. Check the "
            "path, or unpack the archive again."
        )
    if _USUAL_RESOLUTION in inside:
        return _USUAL_RESOLUTION
    first = root / FRAMES / inside[0]
    holds_frames = list_numbered(first, FRAME_SUFFIXES, "").files.numbers
    return inside[0] if folders_in(first) and not holds_frames else ""


def _split_place(root: Path, split: str | None, layout: IndexedLayout) -> _Place:
    """A split that is a folder, out of what holds all of them or that folder itself."""
    root = root.absolute()
    if (root / FRAMES).is_dir():
        folder, name = root, chosen_split(root, split, [root.name])
    else:
        name = chosen_split(root, split, splits_of(root))
        folder = root / name
    meta = _meta_file(folder, name, layout)
    notes = None if meta is None else read_meta(meta)
    return _Place(root, folder / FRAMES, folder / ANNOTATIONS, layout, name, meta, notes)


def _meta_file(folder: Path, split: str, layout: IndexedLayout) -> Path | None:
    if layout.meta is None:
        return None
    # LVOS v1 has captions beside, in a file of nearly that name.
    found = [path for path in sorted(folder.glob(layout.meta)) if "expression" not in path.name]
    own = [path for path in found if path.name.startswith(split)]
    return next(iter([*own, *found]), None)


def _seen_categories(place: _Place) -> frozenset[str]:
    train = place.frames.parent.parent / "train" / "meta.json"
    if not train.is_file():
        return frozenset()
    notes = place.notes if train == place.meta else read_meta(train)
    assert notes is not None
    return frozenset(
        note.category for of in notes.values() for note in of if note.category is not None
    )


def _with_seen(notes: Iterable[ObjectNote], seen: Collection[str]) -> tuple[ObjectNote, ...]:
    return tuple(
        note if note.category is None else replace(note, is_seen=note.category in seen)
        for note in notes
    )


def _names_beside(place: _Place) -> list[str]:
    """All clips that there is anything of."""
    found = {*folders_in(place.frames), *folders_in(place.annotations), *(place.notes or ())}
    return sorted(found)


def _dataset(place: _Place, clips: Sequence[IndexedClip]) -> VideoDataset:
    if not clips:
        raise DatasetError(
            f"{place.frames} holds no clips; expected a folder of frames for each. Check the path, "
            "or unpack the archive again."
        )
    name = place.root.name
    if place.split not in (None, name):
        name = f"{name} {place.split}"
    problems = [*_about_meta(place), *(problem for clip in clips for problem in clip.problems)]
    return Dataset(name, place.root, place.layout.name, tuple(clips), tuple(problems))


def _about_meta(place: _Place) -> list[Problem]:
    if place.layout.meta is None or place.meta is not None:
        return []
    missing = str(place.frames.parent / place.layout.meta)
    return [Problem("", missing, "it is missing, so it is not known when each object begins")]


def _clips(place: _Place, names: Iterable[str]) -> list[IndexedClip]:
    return [_clip(place, name) for name in names]


def _clip(place: _Place, name: str) -> IndexedClip:
    frames = list_numbered(place.frames / name, FRAME_SUFFIXES, name)
    drawn = list_numbered(place.annotations / name, ANNOTATION_SUFFIXES, name)
    notes = None if place.notes is None else place.notes.get(name, ())
    expected = _expected(frames.files, notes)
    lacks_some = not expected <= set(drawn.files.numbers)
    may_lack = place.split in place.layout.prompts_only
    clip = IndexedClip(
        name,
        place.layout,
        frames.files,
        drawn.files,
        notes,
        is_prompts_only=may_lack and lacks_some,
    )
    is_strict = not may_lack and (place.layout.is_dense or _lists_frames(notes))
    problems = [*frames.problems, *drawn.problems, *_unnamed(clip, place.meta)]
    problems += _lacking(clip, expected, drawn_too=is_strict)
    return replace(clip, problems=tuple(problems))


def _expected(frames: Numbered, notes: Sequence[ObjectNote] | None) -> set[int]:
    """The numbers of frames on which objects are looked for."""
    if _lists_frames(notes):
        return {number for note in notes or () for number in note.numbers}
    first = min((note.first_number for note in notes or ()), default=0)
    return {number for number in frames.numbers if number >= first}


def _lists_frames(notes: Sequence[ObjectNote] | None) -> bool:
    return any(note.numbers for note in notes or ())


def _unnamed(clip: IndexedClip, meta: Path | None) -> list[Problem]:
    if clip.notes is None or clip.notes:
        return []
    return [Problem(clip.name, str(meta), "it names no object of the clip")]


def _lacking(clip: IndexedClip, expected: set[int], *, drawn_too: bool) -> list[Problem]:
    """Frames and annotations that ought to be there."""
    frames, drawn = clip.frames, clip.annotations
    if not frames.numbers:
        return [Problem(clip.name, str(frames.folder), "there are no frames")]
    if not drawn.numbers:
        return [Problem(clip.name, str(drawn.folder), "there are no annotations")]
    there, annotated = set(frames.numbers), set(drawn.numbers)
    problems = [
        Problem(clip.name, str(drawn.path_of(number)), "there is no frame of this number")
        for number in sorted(annotated - there)
    ]
    problems += [
        Problem(clip.name, str(frames.folder), f"there is no frame {number}, which meta.json lists")
        for number in sorted(expected - there - annotated)
    ]
    if drawn_too:
        problems += [
            Problem(clip.name, str(frames.path_of(number)), "there is no annotation of this number")
            for number in sorted((expected & there) - annotated)
        ]
    return problems


def _in_its_colours(clip: IndexedClip) -> IndexedClip:
    """The clip, with 255 as an object where it is drawn in black and white."""
    for number in clip.annotations.numbers:
        try:
            answer = is_black_and_white(clip.annotations.path_of(number))
        except DatasetError:
            return clip  # told when the clip is read
        if answer is not None:
            return replace(clip, layout=BLACK_AND_WHITE) if answer else clip
    return clip
