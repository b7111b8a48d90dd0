"""What was typed or recorded becomes prompts by frame and object.

The grammar is that of `masklet.cli.inputs` with the frame, counted from 0, before it: `FRAME:X,Y`,
`FRAME:X,Y,LABEL`, `FRAME:X0,Y0,X1,Y1`, `FRAME:FILE`, each with an `@ID` if there are several objects.
"""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from masklet.cli.inputs import read_prompts
from masklet.errors import ImageError, PromptError
from masklet.io import json_parts as parts
from masklet.io.images import DEFAULT_MAX_PIXELS
from masklet.types import ObjectId, Prompt, VideoInfo

VideoPrompts: TypeAlias = dict[int, dict[ObjectId, Prompt]]
"""Frame index to object id to prompt."""

_EXAMPLES = {
    "--point": "--point 0:320,240",
    "--box": "--box 0:100,50,420,380",
    "--mask": "--mask 0:first.png",
}
_WHAT = "a JSON object with a list 'prompts', such as the masklets.json of an earlier run"


@dataclass(slots=True)
class _Typed:
    """What was said on one frame; collected, then read."""

    points: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    labelled: VideoPrompts = field(default_factory=dict)
    """Masks of palette pictures, whose indices are objects."""


def typed_prompts(
    points: Iterable[str], boxes: Iterable[str], masks: Iterable[str]
) -> VideoPrompts:
    """The prompts that were typed, by rising frame.

    Args:
        points: texts of `--point`.
        boxes: texts of `--box`; several without `@ID` on one frame are the objects 1, 2, 3.
        masks: texts of `--mask`. A palette PNG without `@ID` is one mask for every index in it.

    Raises:
        PromptError: a text does not read as a prompt, names no frame, or leaves open which object
            it is about.
        ImageError: the picture of a mask cannot be read.

    >>> typed_prompts(["7:40,30", "0:80,30,0"], [], [])
    {0: {1: Prompt(points 1, on 0)}, 7: {1: Prompt(points 1, on 1)}}
    """
    typed: dict[int, _Typed] = {}
    unnamed: list[tuple[str, str]] = []
    loose_boxes: dict[int, str] = {}
    for text in points:
        frame, rest = _split_frame("--point", text)
        typed.setdefault(frame, _Typed()).points.append(rest)
        if "@" not in rest:
            unnamed.append(("--point", text))
    for text in boxes:
        frame, rest = _split_frame("--box", text)
        typed.setdefault(frame, _Typed()).boxes.append(rest)
        if "@" not in rest:
            loose_boxes[frame] = text
    for text in masks:
        frame, rest = _split_frame("--mask", text)
        labelled = _palette_masks(Path(rest))
        of_frame = typed.setdefault(frame, _Typed())
        if labelled is None:
            of_frame.masks.append(rest)
            unnamed += [] if "@" in rest else [("--mask", text)]
        else:
            of_frame.labelled = _merged(of_frame.labelled, {frame: labelled})
    if len(loose_boxes) > 1:
        unnamed += [("--box", text) for text in loose_boxes.values()]
    read = {frame: _read_frame(frame, typed[frame]) for frame in sorted(typed)}
    _check_named(read, unnamed)
    return read


def recorded_prompts(path: Path, video: VideoInfo) -> VideoPrompts:
    """The prompts of a JSON file, as `masklets.json` has them; all else in it is passed over.

    Each is `{"frame_index": 0, "object_id": 1, "points": [[x, y]], "labels": [1],
    "box": [x0, y0, x1, y1], "mask": RLE}`; what is not said may be missing.

    Raises:
        StateError: the file cannot be read or is something else, or a mask in it has not the size
            of the video.
    """
    document = parts.read_document(path, _WHAT)
    found: VideoPrompts = {}
    for place, described in enumerate(parts.objects(document, "prompts", str(path))):
        where = f"{path}, prompts[{place}]"
        frame = parts.field(described, "frame_index", int, where)
        object_id = parts.field(described, "object_id", int, where)
        whole = {"points": [], "labels": [], **described}
        prompt = parts.read_prompt(whole, video.size, where)
        found = _merged(found, {frame: {object_id: prompt}})
    return found


def joined_prompts(first: VideoPrompts, second: VideoPrompts) -> VideoPrompts:
    """Both; what they say about one object on one frame adds up.

    Raises:
        PromptError: an object has two boxes or two masks on one frame.

    >>> joined_prompts({0: {1: Prompt.point(4, 3)}}, {0: {1: Prompt.point(9, 9, 0)}})
    {0: {1: Prompt(points 2, on 1)}}
    """
    joined = _merged(first, second)
    return {frame: dict(sorted(joined[frame].items())) for frame in sorted(joined)}


def check_prompts(prompts: Mapping[int, Mapping[ObjectId, Prompt]], video: VideoInfo) -> None:
    """Raise `PromptError` unless there are prompts and each fits its frame of the video."""
    if not prompts:
        raise PromptError(
            "no prompt was given; expected --point, --box, --mask or --prompts, which say what to "
            "track. For example --point 0:320,240; `masklet track --help` shows all."
        )
    for frame, of_frame in prompts.items():
        if frame < 0 or (video.num_frames is not None and frame >= video.num_frames):
            last = 0 if video.num_frames is None else video.num_frames - 1
            raise PromptError(
                f"frame {frame} is prompted, but {video.name} has the frames 0 to {last}; expected "
                "a frame of the video, counted from 0. Check the number before the colon."
            )
        for object_id, prompt in of_frame.items():
            _check_prompt(prompt, f"object {object_id} on frame {frame}", video.size)


def _check_prompt(prompt: Prompt, whose: str, size: tuple[int, int]) -> None:
    try:
        prompt.check_inside(size)
    except PromptError as error:
        raise PromptError(f"{whose}: {error}") from error
    if prompt.mask is not None and not prompt.mask.any():
        raise PromptError(
            f"{whose}: the mask is empty; expected at least one pixel inside. Check the file, or "
            "prompt a frame on which the object is seen."
        )


def _split_frame(option: str, text: str) -> tuple[int, str]:
    match = re.fullmatch("([0-9]{1,9}):(.+)", text, re.DOTALL)
    if match is None:
        raise PromptError(
            f"{option} {text!r} names no frame; expected FRAME: before it, counted from 0. For "
            f"example {_EXAMPLES[option]}."
        )
    return int(match[1]), match[2]


def _read_frame(frame: int, typed: _Typed) -> dict[ObjectId, Prompt]:
    try:
        said = read_prompts(typed.points, typed.boxes, typed.masks, max_pixels=DEFAULT_MAX_PIXELS)
    except (PromptError, ImageError) as error:
        raise type(error)(f"frame {frame}: {error}") from error
    return joined_prompts({frame: said}, typed.labelled)[frame]


def _palette_masks(path: Path) -> dict[ObjectId, Prompt] | None:
    """One mask per index of a palette PNG; None for all else, which is read as a single mask."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG"]) as picture:
                labels = np.asarray(picture) if picture.mode == "P" else None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombWarning):
        # Reading it as a single mask says what is wrong.
        return None
    except Image.DecompressionBombError:
        return None
    if labels is None or not labels.any():
        return None
    return {int(value): Prompt(mask=labels == value) for value in np.unique(labels) if value}


def _check_named(read: VideoPrompts, unnamed: Sequence[tuple[str, str]]) -> None:
    several = len({object_id for of_frame in read.values() for object_id in of_frame}) > 1
    if several and unnamed:
        option, text = unnamed[0]
        raise PromptError(
            f"there are several objects, and {option} {text!r} does not say which one is meant; "
            f"expected @ID after it. For example {option} {text}@2."
        )


def _merged(first: VideoPrompts, second: VideoPrompts) -> VideoPrompts:
    merged = {frame: dict(of_frame) for frame, of_frame in first.items()}
    for frame, of_frame in second.items():
        there = merged.setdefault(frame, {})
        for object_id, prompt in of_frame.items():
            try:
                there[object_id] = there[object_id] + prompt if object_id in there else prompt
            except PromptError as error:
                raise PromptError(f"object {object_id} on frame {frame}: {error}") from error
    return merged
