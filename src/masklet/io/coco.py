"""Masks of a video in COCO's JSON: an image per frame, an annotation per object and frame.

Beside COCO's own names there are ours, which make a video of the images: "frame_index" of an image;
"object_id", "object_score" and "stability" of an annotation, whose "score" is the predicted IoU;
"num_frames" and "fps" of the file. Ids are counted from 1, because pycocotools takes an id of 0 for
none. An object has no annotation on frames on which it is hidden.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from masklet.errors import StateError
from masklet.io import json_parts as parts
from masklet.io.given import given_mask
from masklet.io.segmentations import any_segmentation
from masklet.io.streamed import growing_text
from masklet.types import FrameMasks, ObjectMask, VideoInfo

CATEGORIES = ({"id": 1, "name": "object"},)

_WHAT = "COCO's JSON of the frames of a video"


def frame_name(frame_index: int) -> str:
    """The file name that a frame gets where the video's own are unknown.

    >>> frame_name(7)
    '00007.jpg'
    """
    return f"{frame_index:05d}.jpg"


def write_coco(
    path: str | Path,
    video: VideoInfo,
    frames: Iterable[FrameMasks],
    *,
    name_of: Callable[[int], str] = frame_name,
) -> None:
    """Write the frames as images with their annotations, taking one frame at a time.

    Args:
        path: the JSON file; it appears whole or not at all.
        video: what the frames are of.
        frames: what to write; only these become images.
        name_of: the file name of a frame, for those who will look at its pixels.

    Raises:
        OutputError: the file cannot be written.

    >>> from tempfile import mkdtemp
    >>> video = VideoInfo("clip.mp4", size=(48, 64), num_frames=1, fps=25.0)
    >>> path = Path(mkdtemp()) / "clip.json"
    >>> write_coco(path, video, [FrameMasks(0, ())])
    >>> read_coco(path)[1]
    (FrameMasks(frame_index=0, objects=()),)
    """
    info = {"description": video.name, "num_frames": video.num_frames, "fps": video.fps}
    head = {"info": info, "licenses": [], "categories": CATEGORIES}
    images, count = [], 0
    with growing_text(path) as write:
        write(json.dumps(head)[:-1] + ', "annotations": [')
        for frame in frames:
            images.append(_describe_image(frame.frame_index, video, name_of))
            for annotation in _describe_objects(frame):
                line = json.dumps({"id": count + 1, **annotation}, allow_nan=False)
                write((",\n" if count else "\n") + line)
                count += 1
        told = ",\n".join(json.dumps(image) for image in images)
        write(f'\n], "images": [\n{told}\n]}}\n')


def read_coco(path: str | Path) -> tuple[VideoInfo, tuple[FrameMasks, ...]]:
    """Read the masks of a video: those that `write_coco` wrote, or another program.

    Without "frame_index" the images count as frames in the order of their ids. The object of an
    annotation is its "object_id", "track_id" or "instance_id"; masks without scores are certain.
    Segmentations may be runs, compressed or not, or polygons.

    Raises:
        StateError: the file cannot be read or is damaged, its images have several sizes, or an
            annotation does not say of which object it is.
    """
    document = parts.read_document(path, _WHAT)
    indices, size = _read_images(parts.objects(document, "images", str(path)), str(path))
    frames: dict[int, list[ObjectMask]] = {index: [] for index in indices.values()}
    for place, annotation in enumerate(parts.objects(document, "annotations", str(path))):
        where = f"{path}, annotations[{place}]"
        image_id = parts.field(annotation, "image_id", int, where)
        if image_id not in indices:
            raise StateError(
                f"{where} is of image {image_id}, which is not in the file; expected one of its "
                f"{len(indices)} images. The file is damaged or was edited."
            )
        mask = _read_object(annotation, size, where)
        of_frame = frames[indices[image_id]]
        if any(mask.object_id == other.object_id for other in of_frame):
            raise StateError(
                f"{where} is the second one of object {mask.object_id} on image {image_id}; "
                "expected one. Join the parts into one segmentation."
            )
        of_frame.append(mask)
    video = _read_info(document, size, str(path))
    return video, tuple(FrameMasks(index, tuple(frames[index])) for index in sorted(frames))


def _describe_image(
    index: int, video: VideoInfo, name_of: Callable[[int], str]
) -> dict[str, Any]:  # Any: JSON
    height, width = video.size
    return {
        "id": index + 1,
        "frame_index": index,
        "file_name": name_of(index),
        "width": width,
        "height": height,
    }


def _describe_objects(frame: FrameMasks) -> Iterable[dict[str, Any]]:
    for mask in frame.objects:
        described = parts.describe_mask(mask.segmentation)
        if described["area"] > 0:
            yield {
                "image_id": frame.frame_index + 1,
                "category_id": CATEGORIES[0]["id"],
                "object_id": mask.object_id,
                **described,
                "iscrowd": 0,
                "score": mask.predicted_iou,
                "object_score": mask.object_score,
                "stability": mask.stability,
            }


def _read_images(images: list[dict[str, Any]], path: str) -> tuple[dict[int, int], tuple[int, int]]:
    """Image id to frame index, and the size that all images have."""
    read = [_Image.read(image, f"{path}, images[{place}]") for place, image in enumerate(images)]
    if all(image.frame_index is None for image in read):
        ordered = sorted(read, key=lambda image: image.id)
        read = [replace(image, frame_index=index) for index, image in enumerate(ordered)]
    sizes = sorted({image.size for image in read})
    if len(sizes) != 1:
        shown = ", ".join(f"{width}x{height}" for height, width in sizes[:3]) or "none"
        raise StateError(
            f"{path} has images of {len(sizes)} sizes ({shown}); expected the frames of one video, "
            "all of one size. Split the file by video."
        )
    indices = {image.id: image.frame_index for image in read if image.frame_index is not None}
    if len(indices) != len(read) or len(set(indices.values())) != len(read):
        raise StateError(
            f"{path} has two images with the same id or the same 'frame_index', or one without; "
            "expected one image per frame. The file is damaged or was edited."
        )
    return indices, sizes[0]


@dataclass(frozen=True, slots=True)
class _Image:
    id: int
    size: tuple[int, int]
    frame_index: int | None

    @staticmethod
    def read(image: dict[str, Any], where: str) -> "_Image":
        named = "frame_index" in image
        return _Image(
            id=parts.field(image, "id", int, where),
            size=(
                parts.field(image, "height", int, where),
                parts.field(image, "width", int, where),
            ),
            frame_index=parts.field(image, "frame_index", int, where) if named else None,
        )


def _read_object(annotation: dict[str, Any], size: tuple[int, int], where: str) -> ObjectMask:
    names = [name for name in ("object_id", "track_id", "instance_id") if name in annotation]
    if not names:
        raise StateError(
            f"{where} does not say of which object it is; expected 'object_id' or 'track_id', the "
            "same from frame to frame. Pictures that belong to no video are no masklets."
        )
    object_id = parts.field(annotation, names[0], int, where)
    mask = given_mask(object_id, any_segmentation(annotation.get("segmentation"), size, where))
    scores: dict[str, Any] = {  # Any: replace() takes fields of several kinds
        ours: parts.number(annotation, theirs, where)
        for ours, theirs in (
            ("predicted_iou", "score"),
            ("object_score", "object_score"),
            ("stability", "stability"),
        )
        if theirs in annotation
    }
    return replace(mask, **scores)


def _read_info(document: dict[str, Any], size: tuple[int, int], path: str) -> VideoInfo:
    info = document.get("info")
    told = info if isinstance(info, dict) else {}
    name, count, fps = told.get("description"), told.get("num_frames"), told.get("fps")
    return VideoInfo(
        name=name if isinstance(name, str) else "",
        size=size,
        num_frames=None if count is None else parts.field(told, "num_frames", int, path),
        fps=None if fps is None else parts.number(told, "fps", path),
    )
