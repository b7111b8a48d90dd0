"""SA-V: its training videos with masks in JSON; the other splits are in `masklet.data.sav_frames`.

Of a training video there is `{video}.mp4` at 24 frames a second, and `{video}_manual.json` with what
people drew, `{video}_auto.json` with what SAM 2 drew. Entry k of their masks is frame 4k.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from masklet.data.records import Dataset, FrameTruth, ObjectRecord, Problem, VideoDataset
from masklet.data.sav_frames import FRAMES, open_sav_frames
from masklet.data.split_lists import chosen_split
from masklet.errors import DatasetError, StateError, VideoError
from masklet.io.json_parts import checked_rle, field, read_document
from masklet.io.open import open_video
from masklet.io.video import FrameSource
from masklet.ops import rle
from masklet.ops.rle import Rle

Drawn: TypeAlias = Literal["manual", "auto"]
"""Who drew: people, or SAM 2."""

_STEP = 4
"""Frames from one annotation to the next."""

_WHAT = "the masks of a video, as SA-V describes them"

_SPLITS = {"val": "sav_val", "test": "sav_test", "train": "sav_train", "train-auto": "sav_train"}
"""The folder of each split; "train-auto" is what SAM 2 drew."""


@dataclass(frozen=True, slots=True)
class SavClip:
    """A training video of SA-V; see `masklet.data.records.Clip`.

    Its length and what is annotated stand in its files only, so every property may read them, and
    raise `DatasetError` where that fails. The files that were read last are remembered.
    """

    name: str
    video: Path
    annotations: Path

    @property
    def frame_names(self) -> tuple[str, ...]:
        """The frames of the file by their index."""
        return tuple(f"{index:05d}" for index in range(_info(self.video).num_frames))

    @property
    def annotated(self) -> tuple[int, ...]:
        """Every fourth frame."""
        return tuple(range(0, _STEP * len(_masks(self.annotations).frames), _STEP))

    def objects(self) -> tuple[ObjectRecord, ...]:
        """The objects that have pixels on some frame.

        Raises:
            DatasetError: a file cannot be read, a mask is damaged, or none has pixels.
        """
        masks = self._fitting_masks()
        found = []
        for place, object_id in enumerate(masks.object_ids):
            drawn = (self._drawn(masks, place, k) for k in range(len(masks.frames)))
            shown = (k for k, mask in enumerate(drawn) if mask is not None and rle.area(mask) > 0)
            first = next(shown, None)
            if first is not None:
                found.append(ObjectRecord(object_id, _STEP * first))
        if not found:
            raise DatasetError(
                f"{self.annotations} shows no object on any of its {len(masks.frames)} frames; "
                "expected masks with pixels. Leave the clip out, or download it again."
            )
        return tuple(sorted(found, key=lambda each: each.object_id))

    def truth(self, frame_index: int) -> FrameTruth:
        """The masks of a frame, all False where an object is hidden.

        Raises:
            DatasetError: a file cannot be read, or a mask is damaged or of another size than the
                video.
            IndexError: the frame is not annotated.
        """
        masks = self._fitting_masks()
        k, between = divmod(frame_index, _STEP)
        if between or not 0 <= k < len(masks.frames):
            raise IndexError(
                f"frame {frame_index} of {self.name} has no annotation; expected every fourth, "
                f"from 0 to {_STEP * (len(masks.frames) - 1)}. Choose one of these."
            )
        found = {}
        for place, object_id in enumerate(masks.object_ids):
            mask = self._drawn(masks, place, k)
            # SA-V writes an empty mask where an object is hidden, others null for "not known".
            if mask is not None:
                found[object_id] = rle.decode(mask)
        return FrameTruth(dict(sorted(found.items())))

    def open(self) -> FrameSource:
        """The video file. Raises `VideoError` where it cannot be read."""
        return open_video(self.video)

    def _fitting_masks(self) -> "_Masks":
        """The masks, of which none lies after the end of the video."""
        masks = _masks(self.annotations)
        num_frames = _info(self.video).num_frames
        last = _STEP * (len(masks.frames) - 1)
        if last >= num_frames:
            raise DatasetError(
                f"{self.annotations} has a mask for frame {last}, {self.video.name} has "
                f"{num_frames} frames; expected every fourth frame of the video. One of the two "
                "was cut off: download both again."
            )
        return masks

    def _drawn(self, masks: "_Masks", place: int, k: int) -> Rle | None:
        value = masks.frames[k][place]
        if value is None:
            return None
        where = f"{self.annotations}, object {masks.object_ids[place]} on frame {_STEP * k},"
        try:
            return checked_rle(value, _info(self.video).size, where)
        except StateError as error:
            raise DatasetError(str(error)) from error


def open_sav(root: Path, split: str | None = None) -> VideoDataset:
    """A split of SA-V.

    Args:
        root: what holds the folders sav_train, sav_val and sav_test, or one of these.
        split: "val", "test", "train" or "train-auto"; the first of these that is there if None.

    Raises:
        DatasetError: there is no such split, or it holds no clips.
    """
    root = root.absolute()
    if (root / FRAMES).is_dir():
        chosen_split(root, split, [root.name.removeprefix("sav_")])
        return open_sav_frames(root)
    found = [name for name, folder in _SPLITS.items() if (root / folder).is_dir()]
    if not found and sav_files(root):
        chosen = chosen_split(root, split, ["train", "train-auto"])
        return open_sav_videos(root, _by_whom(chosen))
    chosen = chosen_split(root, split, found)
    folder = root / _SPLITS[chosen]
    is_train = chosen.startswith("train")
    dataset = open_sav_videos(folder, _by_whom(chosen)) if is_train else open_sav_frames(folder)
    return replace(dataset, name=f"{root.name} {chosen}")


def open_sav_videos(root: Path, drawn: Drawn = "manual") -> VideoDataset:
    """Training videos of SA-V.

    Args:
        root: what holds the files, or the folders such as sav_000 that hold them.
        drawn: by whom. Some videos have nothing that SAM 2 drew; these are left out for "auto".

    Raises:
        DatasetError: there are no such videos.
    """
    files = sav_files(root)
    clips = tuple(_clips(files, f"_{drawn}.json", are_told=drawn == "manual"))
    if not clips:
        raise DatasetError(
            f"{root} holds no videos with masks; expected pairs such as sav_000001.mp4 and "
            f"sav_000001_{drawn}.json, or folders of these. Check the path, or unpack the archive "
            "again."
        )
    problems = tuple(
        Problem(clip.name, str(path), "there is no such file")
        for clip in clips
        for path in (clip.video, clip.annotations)
        if path not in files
    )
    name = root.name if drawn == "manual" else f"{root.name} auto"
    return Dataset(name, root, "sav", clips, problems)


def sav_files(root: Path) -> frozenset[Path]:
    """The files of training videos of SA-V in a folder and in the folders within."""
    endings = ("_manual.json", "_auto.json", ".mp4")
    found = (path for pattern in ("*", "*/*") for path in root.glob(pattern))
    files = frozenset(path for path in found if path.name.endswith(endings))
    # Other folders hold videos too.
    return files if any(path.suffix == ".json" for path in files) else frozenset()


def _by_whom(split: str) -> Drawn:
    return "auto" if split == "train-auto" else "manual"


def _clips(files: frozenset[Path], ending: str, *, are_told: bool) -> Iterator[SavClip]:
    """The clips by name; `are_told` says that every video has masks, or that is a problem."""
    videos = {path.with_suffix("") for path in files if path.suffix == ".mp4"}
    told = {
        path.with_name(path.name.removesuffix(ending))
        for path in files
        if path.name.endswith(ending)
    }
    for stem in sorted(told | videos if are_told else told, key=lambda path: path.name):
        name = stem.name
        yield SavClip(name, stem.with_name(f"{name}.mp4"), stem.with_name(f"{name}{ending}"))


@dataclass(frozen=True, slots=True)
class _Masks:
    """What a JSON says."""

    object_ids: tuple[int, ...]
    frames: Sequence[Sequence[Any]]  # Any: JSON
    """For every annotated frame the encoding of each object, as yet unchecked."""


@dataclass(frozen=True, slots=True)
class _Info:
    """What a video file is."""

    num_frames: int
    size: tuple[int, int]


def _info(video: Path) -> _Info:
    return _remembered_info(video, *_stamp(video))


def _masks(path: Path) -> _Masks:
    return _remembered_masks(path, *_stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file is replaced."""
    try:
        status = path.stat()
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read: {error.strerror or error}; expected a file of SA-V. Put it "
            "back, or leave the clip out."
        ) from error
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1024)
def _remembered_info(video: Path, _changed: int, _bytes: int) -> _Info:
    try:
        with open_video(video) as frames:
            return _Info(len(frames), frames.info.size)
    except VideoError as error:
        raise DatasetError(str(error)) from error


# A document may take a hundred megabytes, so only those of the clip at hand stay.
@lru_cache(maxsize=2)
def _remembered_masks(path: Path, _changed: int, _bytes: int) -> _Masks:
    try:
        document = read_document(path, _WHAT)
        object_ids = field(document, "masklet_id", list, str(path))
        frames = field(document, "masklet", list, str(path))
    except StateError as error:
        raise DatasetError(str(error)) from error
    are_ids = all(type(each) is int for each in object_ids)
    if not are_ids or len(set(object_ids)) < len(object_ids):
        raise DatasetError(
            f"{path} says {str(object_ids)[:40]} for 'masklet_id'; expected different whole "
            "numbers. The file is damaged: download it again."
        )
    for k, frame in enumerate(frames):
        if not isinstance(frame, list) or len(frame) != len(object_ids):
            raise DatasetError(
                f"{path} has {len(frame) if isinstance(frame, list) else 'no'} masks at place {k} "
                f"of 'masklet'; expected {len(object_ids)}, one for each object. The file is "
                "damaged: download it again."
            )
    return _Masks(tuple(object_ids), frames)
