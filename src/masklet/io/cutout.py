"""Objects cut out of a video: its pictures with everything else transparent."""

from collections.abc import Collection, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from masklet.errors import OutputError
from masklet.ops import rle
from masklet.types import FrameMasks, ObjectId, ObjectMask


def cut_out(
    pictures: Iterable[npt.NDArray[np.uint8]],
    frames: Iterable[FrameMasks],
    *,
    object_ids: Collection[ObjectId] | None = None,
) -> Iterator[npt.NDArray[np.uint8]]:
    """The objects on each picture, `(height, width, 4)` uint8 RGBA, one picture at a time.

    What lies outside of all masks is black and transparent; the colours are not premultiplied.

    Args:
        pictures: `(height, width, 3)` uint8 RGB, one for each of `frames`.
        frames: the masks, in the same order.
        object_ids: whose masks count; those of all objects if not given.

    Raises:
        OutputError: a mask has another size than its picture.
        ValueError: there are more pictures than frames, or fewer.

    >>> white = np.full((2, 2, 3), 255, np.uint8)
    >>> next(cut_out([white], [FrameMasks(0, ())]))[0, 0].tolist()
    [0, 0, 0, 0]
    """
    for picture, frame in zip(pictures, frames, strict=True):
        yield _cut(picture, frame, object_ids)


def _cut(
    picture: npt.NDArray[np.uint8], frame: FrameMasks, object_ids: Collection[ObjectId] | None
) -> npt.NDArray[np.uint8]:
    inside = np.zeros(picture.shape[:2], np.bool_)
    for mask in frame.objects:
        if object_ids is None or mask.object_id in object_ids:
            inside |= _decoded(mask, inside.shape)
    alpha = inside[..., None].astype(np.uint8)
    return np.concatenate([picture * alpha, alpha * 255], axis=2)


def _decoded(mask: ObjectMask, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    if mask.segmentation["size"] != list(shape):
        height, width = mask.segmentation["size"]
        raise OutputError(
            f"the mask of object {mask.object_id} is {width}x{height}, its picture "
            f"{shape[1]}x{shape[0]}; expected them to be equal. Take the pictures that were tracked."
        )
    return rle.decode(mask.segmentation)
