"""The JSON of a video's masks: from records and back, without files.

    {"format": "masklet-video", "format_version": 1, "masklet_version": "0.1.0", "model": "...",
     "video": {"name": "clip.mp4", "width": 960, "height": 640, "num_frames": 240 | null,
               "fps": 25.0 | null},
     "settings": {...},
     "prompts": [{"frame_index": 0, "object_id": 1, "points": [[x, y]], "labels": [1],
                  "box": [x0, y0, x1, y1] | null, "mask": RLE | null}],
     "frames": [{"frame_index": 0,
                 "objects": [{"object_id": 1, "segmentation": RLE,
                              "bbox": [x, y, width, height], "area": pixels, "predicted_iou": 0..1,
                              "object_score": logit, "stability": 0..1}]}]}

Frames are counted from 0 and stand in order; RLE and `bbox` are COCO's (see
`masklet.io.json_parts`). The log has the same parts in lines: first everything but the frames, with
the format "masklet-video-log", then the frames, one a line, in the order of tracking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from masklet.errors import StateError
from masklet.io import json_parts as parts
from masklet.types import FrameMasks, ObjectId, ObjectMask, Prompt, VideoInfo

FORMAT = "masklet-video"
LOG_FORMAT = "masklet-video-log"
FORMAT_VERSION = 1

WHAT = "masks of a video as masklet writes them"
"""For messages: what was expected."""


@dataclass(frozen=True, slots=True, eq=False)
class Masklets:
    """Every mask of a video, with what was said and what answered."""

    video: VideoInfo
    model: str
    """The model's name."""
    masklet_version: str
    """The version of this package that tracked."""
    prompts: Mapping[int, Mapping[ObjectId, Prompt]] = field(default_factory=dict)
    """Frame index to object id to prompt."""
    frames: tuple[FrameMasks, ...] = ()
    """By rising frame index; frames that were not tracked are absent."""
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON
    """How it was tracked, whatever JSON can hold."""


def describe_header(masklets: Masklets, kind: str) -> dict[str, Any]:  # Any: JSON
    """Everything but the frames; `kind` is one of the two formats."""
    video = masklets.video
    return {
        "format": kind,
        "format_version": FORMAT_VERSION,
        "masklet_version": masklets.masklet_version,
        "model": masklets.model,
        "video": {
            "name": video.name,
            "width": video.size[1],
            "height": video.size[0],
            "num_frames": video.num_frames,
            "fps": video.fps,
        },
        "settings": dict(masklets.settings),
        "prompts": [
            {"frame_index": index, "object_id": object_id, **parts.describe_prompt(prompt)}
            for index in sorted(masklets.prompts)
            for object_id, prompt in masklets.prompts[index].items()
        ],
    }


def describe_frame(frame: FrameMasks) -> dict[str, Any]:  # Any: JSON
    """The masks of one frame."""
    described = [
        {
            "object_id": mask.object_id,
            **parts.describe_mask(mask.segmentation),
            "predicted_iou": mask.predicted_iou,
            "object_score": mask.object_score,
            "stability": mask.stability,
        }
        for mask in frame.objects
    ]
    return {"frame_index": frame.frame_index, "objects": described}


def read_header(document: dict[str, Any], kind: str, where: str) -> Masklets:
    """What `describe_header` described, without frames.

    Args:
        document: JSON that may hold more.
        kind: which of the two formats it must be.
        where: the file, for messages.

    Raises:
        StateError: it is another format, of a newer version, or damaged.
    """
    _check_format(document, kind, where)
    video = _read_video(parts.field(document, "video", dict, where), f"{where}, video")
    prompts: dict[int, dict[ObjectId, Prompt]] = {}
    for place, described in enumerate(parts.objects(document, "prompts", where)):
        told = f"{where}, prompts[{place}]"
        of_frame = prompts.setdefault(_frame_index(described, video, told), {})
        of_frame[_new_id(described, list(of_frame), told)] = parts.read_prompt(
            described, video.size, told
        )
    return Masklets(
        video=video,
        model=parts.field(document, "model", str, where),
        masklet_version=parts.field(document, "masklet_version", str, where),
        prompts=prompts,
        settings=parts.field(document, "settings", dict, where),
    )


def read_frame(document: dict[str, Any], video: VideoInfo, where: str) -> FrameMasks:
    """What `describe_frame` described, checked against the video; raises `StateError`."""
    index = _frame_index(document, video, where)
    read: list[ObjectMask] = []
    for described in parts.objects(document, "objects", where):
        object_id = _new_id(described, [mask.object_id for mask in read], where)
        told = f"{where}, object {object_id}"
        rle = parts.checked_rle(described.get("segmentation"), video.size, told)
        numbers = ("predicted_iou", "object_score", "stability")
        read.append(
            ObjectMask(object_id, rle, *(parts.number(described, n, told) for n in numbers))
        )
    return FrameMasks(index, tuple(read))


def _check_format(document: dict[str, Any], kind: str, where: str) -> None:
    found = document.get("format")
    if found != kind:
        raise StateError(
            f"{where} has the format {found!r}; expected {kind!r}, {WHAT}. Check the name; "
            f"{FORMAT!r} is read by read_masklets and {LOG_FORMAT!r} by MaskletLog.open."
        )
    version = parts.field(document, "format_version", int, where)
    if not 1 <= version <= FORMAT_VERSION:
        raise StateError(
            f"{where} has version {version} of its format; expected at most {FORMAT_VERSION}. It "
            "was written by a newer masklet: pip install --upgrade masklet."
        )


def _read_video(document: dict[str, Any], where: str) -> VideoInfo:
    height, width = (parts.field(document, name, int, where) for name in ("height", "width"))
    count, fps = document.get("num_frames"), document.get("fps")
    if min(height, width) < 1:
        raise StateError(
            f"{where} is {width} wide and {height} high; expected at least one pixel. The file is "
            "damaged or was edited: write it again."
        )
    return VideoInfo(
        name=parts.field(document, "name", str, where),
        size=(height, width),
        num_frames=None if count is None else parts.field(document, "num_frames", int, where),
        fps=None if fps is None else parts.number(document, "fps", where),
    )


def _frame_index(document: dict[str, Any], video: VideoInfo, where: str) -> int:
    index = parts.field(document, "frame_index", int, where)
    if index < 0 or (video.num_frames is not None and index >= video.num_frames):
        raise StateError(
            f"{where} is of frame {index}, the video has {video.num_frames} frames, counted from "
            "0; expected one of them. The file is damaged or was edited: write it again."
        )
    return index


def _new_id(document: dict[str, Any], before: list[ObjectId], where: str) -> ObjectId:
    object_id = parts.field(document, "object_id", int, where)
    if object_id in before:
        raise StateError(
            f"{where} has object {object_id} twice; expected every object once per frame. The file "
            "is damaged or was edited: write it again."
        )
    return object_id
