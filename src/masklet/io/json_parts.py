"""What the JSON of pictures and of videos have in common: prompts and masks.

A prompt is `{"points": [[x, y]], "labels": [1], "box": [x0, y0, x1, y1] | null, "mask": RLE | null}`
in pixels; a mask is `{"segmentation": RLE, "bbox": [x, y, width, height], "area": pixels}`, where RLE
is COCO's compressed run-length encoding, `{"size": [height, width], "counts": "..."}`, and `bbox` is
COCO's too, all zero where the mask is empty.
"""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from masklet.errors import PromptError, StateError
from masklet.ops import rle
from masklet.ops.rle import Rle
from masklet.types import Prompt

_Kind = TypeVar("_Kind")

_KINDS = {dict: "an object", list: "a list", str: "a string", int: "a whole number"}


def describe_prompt(prompt: Prompt) -> dict[str, Any]:  # Any: JSON
    """A prompt as JSON.

    >>> describe_prompt(Prompt.point(4, 3))
    {'points': [[4.0, 3.0]], 'labels': [1], 'box': None, 'mask': None}
    """
    return {
        "points": prompt.points.tolist(),
        "labels": prompt.labels.tolist(),
        "box": None if prompt.box is None else prompt.box.tolist(),
        "mask": None if prompt.mask is None else dict(rle.encode(prompt.mask)),
    }


def describe_mask(segmentation: Rle) -> dict[str, Any]:  # Any: JSON
    """A mask as JSON, with the box and the area of its pixels.

    >>> describe_mask(rle.encode(np.eye(3, dtype=bool)))["bbox"]
    [0, 0, 3, 3]
    """
    height = segmentation["size"][0]
    runs = np.array(rle.to_uncompressed(segmentation)["counts"], np.int64)
    ends = np.cumsum(runs)
    first, after = ends[:-1:2], ends[1::2]
    first, after = first[after > first], after[after > first]
    if len(first) == 0:
        return {"segmentation": dict(segmentation), "bbox": [0, 0, 0, 0], "area": 0}
    left, right = int(first[0]) // height, (int(after[-1]) - 1) // height
    # A run that goes on in the next column touches the lower and the upper edge of the picture.
    within = first // height == (after - 1) // height
    top = int(np.where(within, first % height, 0).min())
    bottom = int(np.where(within, (after - 1) % height, height - 1).max())
    return {
        "segmentation": dict(segmentation),
        "bbox": [left, top, right + 1 - left, bottom + 1 - top],
        "area": int((after - first).sum()),
    }


def read_document(path: str | Path, what: str) -> dict[str, Any]:  # Any: JSON
    """The JSON object in a file.

    Raises:
        StateError: the file cannot be read, is no JSON, or another kind of JSON; `what` says in the
            message what was expected.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StateError(
            f"{path} cannot be read: {reason}; expected {what}. Check the name and the folder."
        ) from error
    return parse_object(data, str(path), what)


def parse_object(data: bytes, where: str, what: str) -> dict[str, Any]:  # Any: JSON
    """One JSON object; raises `StateError`, which tells `where` it stood and `what` was expected."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StateError(
            f"{where} is no JSON: {error}; expected {what}. It is another file or was cut off: "
            "check the name, or write it again."
        ) from error
    if not isinstance(document, dict):
        raise StateError(
            f"{where} holds {_short(document)}; expected {what}, a JSON object. Check the name."
        )
    return document


def field(document: dict[str, Any], name: str, kind: type[_Kind], where: str) -> _Kind:
    """The value of that name, of that kind.

    Raises:
        StateError: there is none, or it is of another kind.

    >>> field({"area": 3}, "area", int, "the mask")
    3
    """
    value = document.get(name)
    # JSON's true is no number, though Python's is.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise StateError(
            f"{where} says {_short(value)} for '{name}'; expected {_KINDS[kind]}. The file is "
            "damaged or was edited: write it again."
        )
    return value


def number(document: dict[str, Any], name: str, where: str) -> float:
    """The finite number of that name; raises `StateError` as `field` does."""
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise StateError(
            f"{where} says {_short(value)} for '{name}'; expected a number. The file is damaged or "
            "was edited: write it again."
        )
    return float(value)


def objects(document: dict[str, Any], name: str, where: str) -> list[dict[str, Any]]:
    """The list of JSON objects of that name; raises `StateError` as `field` does."""
    values = field(document, name, list, where)
    for place, value in enumerate(values):
        if not isinstance(value, dict):
            raise StateError(
                f"{where} says {_short(value)} at place {place} of '{name}'; expected an object. "
                "The file is damaged or was edited: write it again."
            )
    return values


def read_prompt(document: dict[str, Any], size: tuple[int, int], where: str) -> Prompt:
    """What `describe_prompt` described.

    Args:
        document: the prompt as JSON.
        size: `(height, width)` of the picture, which a mask must have.
        where: what the prompt belongs to, for messages.

    Raises:
        StateError: it is no prompt, or of a picture of another size.
    """
    mask = document.get("mask")
    points = field(document, "points", list, where)
    try:
        return Prompt(
            points=np.asarray(points) if points else np.zeros((0, 2), np.float32),
            labels=np.asarray(field(document, "labels", list, where)),
            box=None if document.get("box") is None else np.asarray(document["box"]),
            mask=None if mask is None else rle.decode(checked_rle(mask, size, where)),
        )
    except StateError:
        raise
    except (PromptError, TypeError, ValueError, OverflowError) as error:
        raise StateError(
            f"{where} is no prompt: {error} Expected what masklet writes; the file is damaged or "
            "was edited."
        ) from error


def checked_rle(value: object, size: tuple[int, int], where: str) -> Rle:
    """The encoding, if it is one of a mask of `(height, width)`; raises `StateError` otherwise."""
    # The size comes first: runs of a mask of another size must not be laid out.
    if isinstance(value, dict) and value.get("size") != list(size):
        raise StateError(
            f"{where} has a mask of size {_short(value.get('size'))}, its picture has {list(size)} "
            "(height, width); expected them to be equal. The masks belong to another video or were "
            "resized."
        )
    try:
        rle.area(value if isinstance(value, dict) else {})
    except ValueError as error:
        raise StateError(
            f"{where} has a damaged mask: {error} Expected COCO's compressed run-length encoding."
        ) from error
    assert isinstance(value, dict)
    counts = value["counts"]
    return {"size": list(size), "counts": counts}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
