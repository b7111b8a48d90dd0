"""Masks of a video in YouTube-VIS's JSON: an annotation per object, with a list over all frames.

"segmentations", "bboxes" and "areas" have a place per frame of the video, null where the object is
hidden or was not tracked. Beside them stand our scores in lists of the same kind, "predicted_ious",
"object_scores" and "stabilities", which are null only where it was not tracked. "score" is the mean
predicted IoU of the frames that show the object.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from masklet.errors import StateError
from masklet.io import json_parts as parts
from masklet.io.coco import CATEGORIES, frame_name
from masklet.io.given import given_mask
from masklet.io.segmentations import any_segmentation
from masklet.io.streamed import growing_text
from masklet.ops.rle import Rle, from_uncompressed
from masklet.types import FrameMasks, ObjectId, ObjectMask, VideoInfo

_WHAT = "YouTube-VIS's JSON"

_SCORES = {
    "predicted_iou": "predicted_ious",
    "object_score": "object_scores",
    "stability": "stabilities",
}


def write_youtube_vis(
    path: str | Path,
    video: VideoInfo,
    frames: Iterable[FrameMasks],
    *,
    name_of: Callable[[int], str] = frame_name,
) -> None:
    """Write the objects of a video; the encoded masks of all frames are held until then.

    Args:
        path: the JSON file; it appears whole or not at all.
        video: what the frames are of; if it does not know how many it has, the last of `frames` is
            its last.
        frames: what to write.
        name_of: the file name of a frame, for those who will look at its pixels.

    Raises:
        OutputError: the file cannot be written.

    >>> from tempfile import mkdtemp
    >>> video = VideoInfo("clip.mp4", size=(48, 64), num_frames=2, fps=25.0)
    >>> path = Path(mkdtemp()) / "clip.json"
    >>> write_youtube_vis(path, video, [FrameMasks(0, ())])
    >>> read_youtube_vis(path)[0].num_frames
    2
    """
    masks: dict[ObjectId, dict[int, ObjectMask]] = {}
    last = -1
    for frame in frames:
        last = max(last, frame.frame_index)
        for mask in frame.objects:
            masks.setdefault(mask.object_id, {})[frame.frame_index] = mask
    length = last + 1 if video.num_frames is None else video.num_frames
    height, width = video.size
    shape = {"width": width, "height": height, "length": length}
    names = [name_of(index) for index in range(length)]
    described = {"id": 1, "name": video.name, **shape, "fps": video.fps, "file_names": names}
    head = {"info": {"description": video.name}, "licenses": [], "categories": CATEGORIES}
    with growing_text(path) as write:
        write(json.dumps({**head, "videos": [described]})[:-1] + ', "annotations": [')
        for number, (object_id, of_object) in enumerate(masks.items()):
            annotation = {"id": number + 1, **shape, **_describe(object_id, of_object, length)}
            write((",\n" if number else "\n") + json.dumps(annotation, allow_nan=False))
        write("\n]}\n")


def read_youtube_vis(
    path: str | Path, *, video_id: int | None = None
) -> tuple[VideoInfo, tuple[FrameMasks, ...]]:
    """Read the masks of one video, those that `write_youtube_vis` wrote or another program.

    An annotation without "object_id" is the object of its "id"; masks without scores are certain.
    Frames on which there is no object have no place in what is returned.

    Args:
        path: the JSON file.
        video_id: which of its videos; it may be left out if there is one.

    Raises:
        StateError: the file cannot be read or is damaged, has no such video, or has several and
            none was chosen.
    """
    document = parts.read_document(path, _WHAT)
    found = _choose(parts.objects(document, "videos", str(path)), video_id, str(path))
    video = _read_video(found, f"{path}, video {found.get('id')}")
    frames: dict[int, list[ObjectMask]] = {}
    for place, annotation in enumerate(parts.objects(document, "annotations", str(path))):
        if annotation.get("video_id") == found.get("id"):
            where = f"{path}, annotations[{place}]"
            for index, mask in _read_object(annotation, video, where).items():
                frames.setdefault(index, []).append(mask)
    return video, tuple(FrameMasks(index, tuple(frames[index])) for index in sorted(frames))


def _describe(
    object_id: ObjectId, masks: dict[int, ObjectMask], length: int
) -> dict[str, Any]:  # Any: JSON
    described = {index: parts.describe_mask(mask.segmentation) for index, mask in masks.items()}
    seen = {index: each for index, each in described.items() if each["area"] > 0}
    scores = [masks[index].predicted_iou for index in seen]

    def listed(name: str) -> list[Any]:
        return [seen[index][name] if index in seen else None for index in range(length)]

    def scored(name: str) -> list[float | None]:
        return [getattr(masks[index], name) if index in masks else None for index in range(length)]

    return {
        "video_id": 1,
        "category_id": CATEGORIES[0]["id"],
        "object_id": object_id,
        "iscrowd": 0,
        "score": sum(scores) / max(len(scores), 1),
        "segmentations": listed("segmentation"),
        "bboxes": listed("bbox"),
        "areas": listed("area"),
        **{theirs: scored(ours) for ours, theirs in _SCORES.items()},
    }


def _choose(
    videos: list[dict[str, Any]], video_id: int | None, path: str
) -> dict[str, Any]:  # Any: JSON
    fitting = [video for video in videos if video_id in (None, video.get("id"))]
    if len(fitting) != 1:
        ids = ", ".join(str(video.get("id")) for video in videos[:8])
        more = ", ..." if len(videos) > 8 else ""
        asked = "none was chosen" if video_id is None else f"{video_id} was asked for"
        raise StateError(
            f"{path} has {len(videos)} videos ({ids}{more}) and {asked}; expected exactly one that "
            "fits. Name one by its id with video_id."
        )
    return fitting[0]


def _read_video(video: dict[str, Any], where: str) -> VideoInfo:
    name, fps = video.get("name"), video.get("fps")
    return VideoInfo(
        name=name if isinstance(name, str) else "",
        size=(parts.field(video, "height", int, where), parts.field(video, "width", int, where)),
        num_frames=parts.field(video, "length", int, where),
        fps=None if fps is None else parts.number(video, "fps", where),
    )


def _read_object(annotation: dict[str, Any], video: VideoInfo, where: str) -> dict[int, ObjectMask]:
    name = "object_id" if "object_id" in annotation else "id"
    object_id = parts.field(annotation, name, int, where)
    listed = {"segmentations": _per_frame(annotation, "segmentations", video, where)} | {
        theirs: _per_frame(annotation, theirs, video, where)
        for theirs in _SCORES.values()
        if theirs in annotation
    }
    masks = {}
    for index in range(len(listed["segmentations"])):
        here = {theirs: values[index] for theirs, values in listed.items()}
        if any(value is not None for value in here.values()):
            masks[index] = _read_mask(object_id, here, video.size, f"{where}, frame {index}")
    return masks


def _read_mask(
    object_id: ObjectId, here: dict[str, Any], size: tuple[int, int], where: str
) -> ObjectMask:
    segmentation = here["segmentations"]
    rle = _nothing(size) if segmentation is None else any_segmentation(segmentation, size, where)
    scores: dict[str, Any] = {  # Any: replace() takes fields of several kinds
        ours: parts.number(here, theirs, where)
        for ours, theirs in _SCORES.items()
        if here.get(theirs) is not None
    }
    return replace(given_mask(object_id, rle), **scores)


def _per_frame(
    annotation: dict[str, Any], name: str, video: VideoInfo, where: str
) -> list[Any]:  # Any: JSON
    values = parts.field(annotation, name, list, where)
    if len(values) != video.num_frames:
        raise StateError(
            f"{where} has {len(values)} places in '{name}', its video has {video.num_frames} "
            "frames; expected as many. The file is damaged or was edited."
        )
    return values


def _nothing(size: tuple[int, int]) -> Rle:
    return from_uncompressed({"size": list(size), "counts": [size[0] * size[1]]})
