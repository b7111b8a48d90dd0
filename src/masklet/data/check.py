"""A full check of a dataset: every frame is decoded and every annotation is read.

A dataset's listing tells what is missing; here is what shows only when the files are read.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TypeAlias

from masklet.data.coco import CocoPicture
from masklet.data.cutout_scenes import CutoutScene
from masklet.data.findings import Findings
from masklet.data.indexed_png import IndexedClip
from masklet.data.numbered import Numbered
from masklet.data.packed_clips import PackedClip
from masklet.data.pictures import read_packed_picture
from masklet.data.records import (
    Clip,
    FrameTruth,
    ImageDataset,
    Picture,
    Problem,
    VideoDataset,
)
from masklet.data.sav import SavClip
from masklet.data.sav_frames import SavFramesClip
from masklet.io.images import read_image
from masklet.io.video import FrameSource

FolderClip: TypeAlias = IndexedClip | SavFramesClip
"""Clips whose frames are files, and whose listing is kept in them."""

# Those of other datasets leave frames out as they like.
_WITHOUT_GAPS = ("davis-2016", "davis-2017", "folder")

# Larger numbers are dates and times of day.
_LARGEST_COUNT = 999_999_999


def listed_problems(dataset: VideoDataset | ImageDataset) -> tuple[Problem, ...]:
    """What is wrong with a dataset before any of its items is read.

    These are `Dataset.problems` and names that stand for several items.
    """
    counts = Counter(item.name for item in dataset.items)
    doubles = [
        Problem(name, str(dataset.root), f"{count} items have this name")
        for name, count in counts.items()
        if count > 1
    ]
    return tuple(dict.fromkeys((*dataset.problems, *doubles)))


def check_clip(clip: Clip) -> tuple[Problem, ...]:
    """What is wrong with a clip, beyond what was told when its dataset was listed.

    Every frame is decoded and every annotation read; nothing is raised.

    >>> from masklet.data.scenes.tiny import tiny_clips
    >>> check_clip(tiny_clips()[0])
    ()
    """
    findings = Findings(clip.name)
    if not _lacks_a_file(clip):
        _check_clip(clip, findings)
    return findings.problems()


def check_picture(picture: Picture) -> tuple[Problem, ...]:
    """What is wrong with a picture, beyond what was told when its dataset was listed.

    Its pixels and all its annotations are read, of a scene of cut-outs those of the first one and
    the background; nothing is raised. A picture without objects is none: COCO has some.
    """
    findings = Findings(picture.name)
    if isinstance(picture, CutoutScene):
        _check_scene(picture, findings)
        return findings.problems()
    findings.attempt("", picture.image)
    for part in _by_annotation(picture):
        findings.attempt("", part.objects)
    return findings.problems()


def _check_scene(scene: CutoutScene, findings: Findings) -> None:
    # Every cut-out is the first one of one scene; others would be told over and over again.
    lead = scene.cutouts[0]
    findings.attempt("", lead.pixels)
    findings.attempt("", lead.read)
    if scene.photo is not None:
        findings.attempt("", partial(read_packed_picture, scene.photo))


def _lacks_a_file(clip: Clip) -> bool:
    """Whether the listing named a file that is missing, without which nothing else is known."""
    return isinstance(clip, SavClip) and not (clip.video.exists() and clip.annotations.exists())


def _check_clip(clip: Clip, findings: Findings) -> None:
    names = findings.attempt("", lambda: clip.frame_names)
    annotated = findings.attempt("", lambda: clip.annotated)
    was_told = isinstance(clip, FolderClip) and bool(clip.problems)
    if names is None or (not names and was_told):
        return
    if not names:
        findings.add("", "there are no frames")
        return
    _check_numbers(clip, findings)
    good = _good_frames(clip, names, findings)
    if annotated:
        frames = {index: names[index] for index in annotated if index in good}
        _check_annotations(clip, frames, findings)
    elif annotated is not None and not was_told:
        findings.add("", "no frame is annotated")


def _check_numbers(clip: Clip, findings: Findings) -> None:
    """Frames that are missing without a trace, which shows in that the others count evenly."""
    if isinstance(clip, SavFramesClip):
        drawn = {number for each in clip.drawn for number in each.files.numbers}
    elif isinstance(clip, IndexedClip) and clip.layout.name in _WITHOUT_GAPS:
        drawn = set(clip.annotations.numbers)
    else:
        return
    numbers = clip.frames.numbers
    steps = [after - before for before, after in pairwise(numbers)]
    if not steps or numbers[-1] > _LARGEST_COUNT:
        return
    step = min(steps)
    for before, after in pairwise(numbers):
        missing = range(before + step, after, step)
        # Those that are annotated were told by the listing.
        if any(number not in drawn for number in missing):
            ends = f"{missing[0]}" if len(missing) == 1 else f"{missing[0]} to {missing[-1]}"
            what = f"there is no frame {ends}, though the others are {step} apart"
            findings.add(str(clip.frames.folder), what)


def _good_frames(clip: Clip, names: Sequence[str], findings: Findings) -> frozenset[int]:
    """The frames that can be decoded and have one size, counted from 0."""
    if isinstance(clip, FolderClip):
        return _good_files(clip, findings)
    source = findings.attempt("", clip.open)
    if source is None:
        return frozenset()
    with source:
        return frozenset(
            index
            for index in range(len(source))
            if findings.attempt(f"frame {names[index]}", partial(_size, source, index)) is not None
        )


def _good_files(clip: FolderClip, findings: Findings) -> frozenset[int]:
    sizes: dict[int, tuple[int, ...]] = {}
    stems = clip.frames.stems()
    for index, number in enumerate(clip.frames.numbers):
        path = clip.frames.path_of(number)
        picture = findings.attempt(f"frame {stems[index]}", partial(read_image, path))
        if picture is not None:
            sizes[index] = picture.shape
    if not sizes:
        return frozenset()
    usual, _ = Counter(sizes.values()).most_common(1)[0]
    for index, (height, width, _) in sizes.items():
        if sizes[index] != usual:
            what = f"it is {width}x{height}, most frames {usual[1]}x{usual[0]}"
            findings.add(f"frame {stems[index]}", what)
    return frozenset(index for index, size in sizes.items() if size == usual)


def _size(source: FrameSource, index: int) -> tuple[int, ...]:
    return source[index].shape


@dataclass(frozen=True, slots=True)
class _Part:
    """One annotation: a clip that has, as far as its layout allows, no other."""

    where: str
    clip: Clip
    frame_index: int

    def truth(self) -> FrameTruth:
        return self.clip.truth(self.frame_index)


def _check_annotations(clip: Clip, frames: Mapping[int, str], findings: Findings) -> None:
    """Read the annotations of frames, which have names, and look for objects in them."""
    named, shown, are_read = _named_objects(clip), set[int](), True
    for part in _by_frame(clip, frames):
        truth = findings.attempt(part.where, part.truth)
        if truth is None:
            are_read = False
            continue
        named |= truth.masks.keys()
        shown |= {object_id for object_id, mask in truth.masks.items() if mask.any()}
    # What could not be read may show what is not seen elsewhere.
    if not are_read or len(frames) < len(clip.annotated):
        return
    if not shown:
        findings.add("", "no object is visible on any annotated frame")
        return
    for object_id in sorted(named - shown):
        findings.add(f"object {object_id}", "it is named, but never visible")


def _named_objects(clip: Clip) -> set[int]:
    """The objects that are named elsewhere than in the masks."""
    match clip:
        case IndexedClip():
            return {note.object_id for note in clip.notes or ()}
        case SavFramesClip():
            return {each.object_id for each in clip.drawn}
        case PackedClip():
            return set(clip.object_ids)
        case _:
            return set()


def _by_frame(clip: Clip, frames: Mapping[int, str]) -> Iterator[_Part]:
    """Every annotation for itself, so that a damaged one does not hide another."""
    for index, name in frames.items():
        where = f"frame {name}"
        match clip:
            case IndexedClip():
                yield _Part(where, _with_one_file(clip, index), index)
            case SavFramesClip():
                yield from _by_object(clip, where, index)
            case _:
                yield _Part(where, clip, index)


def _by_object(clip: SavFramesClip, where: str, frame_index: int) -> Iterator[_Part]:
    number = clip.frames.numbers[frame_index]
    for each in clip.drawn:
        if number in each.files.numbers:
            alone = replace(clip, drawn=(each,))
            yield _Part(f"{where}, object {each.object_id}", alone, frame_index)


def _with_one_file(clip: IndexedClip, frame_index: int) -> IndexedClip:
    number = clip.frames.numbers[frame_index]
    name = clip.annotations.path_of(number).name
    # Where meta.json names no object at all, the listing told so, and each index would tell it again.
    notes = clip.notes or None
    return replace(
        clip, annotations=Numbered(clip.annotations.folder, (number,), (name,)), notes=notes
    )


def _by_annotation(picture: Picture) -> Iterator[Picture]:
    """The picture once for every annotation, where they can be read one by one."""
    if not isinstance(picture, CocoPicture):
        yield picture
        return
    listed = picture.listed
    for place in range(len(listed.places)):
        only = slice(place, place + 1)
        alone = replace(listed, places=listed.places[only], categories=listed.categories[only])
        yield replace(picture, listed=alone)
