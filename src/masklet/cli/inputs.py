"""What was typed becomes prompts by object id, and a list of pictures.

The grammar, shared by all commands: `X,Y`, `X,Y,LABEL` and `X0,Y0,X1,Y1`, each with an `@ID` if there
are several objects. Without `@ID` everything is about object 1, but several boxes are the objects
1, 2, 3 in their order, and then clicks and masks must say whose they are.
"""

import glob
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from masklet.errors import ImageError, PromptError
from masklet.io.images import SUFFIXES, read_mask
from masklet.types import ObjectId, Prompt

Said: TypeAlias = tuple[ObjectId | None, Prompt]
"""One option: the object it names, if it does, and what it says about it."""


def read_prompts(
    points: Iterable[str], boxes: Iterable[str], masks: Iterable[str], *, max_pixels: int
) -> dict[ObjectId, Prompt]:
    """The prompts that were typed, by object id, in rising order.

    Args:
        points: texts of `--point`.
        boxes: texts of `--box`.
        masks: texts of `--mask`.
        max_pixels: the largest picture of a mask that is read.

    Raises:
        PromptError: a text does not read as a prompt, or it is unclear which object it is about.
        ImageError: the picture of a mask cannot be read.

    >>> read_prompts(["40,30", "80,30,0"], [], [], max_pixels=100)
    {1: Prompt(points 2, on 1)}
    """
    clicks = [_point(text) for text in points]
    frames = _numbered([_box(text) for text in boxes])
    guesses = [_mask(text, max_pixels) for text in masks]
    said = [*frames, *clicks, *guesses]
    several = len(frames) > 1 or any(object_id is not None for object_id, _ in said)
    if several:
        _check_named("--point", "320,240,1@2", clicks)
        _check_named("--mask", "guess.png@2", guesses)
    by_object: dict[ObjectId, list[Prompt]] = {}
    for object_id, prompt in said:
        by_object.setdefault(object_id or 1, []).append(prompt)
    return {number: _joined(number, by_object[number]) for number in sorted(by_object)}


def find_images(arguments: Iterable[str]) -> list[Path]:
    """The pictures that were named: files as they are, folders and patterns in natural order.

    Of a folder, files that end like pictures are taken, not those of folders in it. A file that was
    named twice is taken once; one that does not exist is kept, and fails when it is read.

    Raises:
        ImageError: a folder or a pattern holds no picture, or a folder cannot be read.

    >>> [path.name for path in find_images(["a.jpg", "b.jpg", "a.jpg"])]
    ['a.jpg', 'b.jpg']
    """
    found: dict[Path, Path] = {}
    for argument in arguments:
        for path in _expanded(argument):
            found.setdefault(path.absolute(), path)
    return list(found.values())


def output_names(paths: Sequence[Path]) -> list[str]:
    """What the results of each picture are called: its name without suffix, if that is unique.

    Otherwise its folder and its suffix are part of the name, and as a last resort a number.

    >>> output_names([Path("a/x.jpg"), Path("b/x.jpg"), Path("b/y.jpg")])
    ['a_x_jpg', 'b_x_jpg', 'y']
    """
    # Upper and lower case are one to many file systems.
    counts = Counter(path.stem.casefold() for path in paths)
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        parts = (path.absolute().parent.name, path.stem, path.suffix[1:])
        long = "_".join(part for part in parts if part)
        wanted = path.stem if counts[path.stem.casefold()] == 1 else long
        name, copy = wanted, 2
        while name.casefold() in taken:
            name, copy = f"{wanted}_{copy}", copy + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sorts frame2 before frame10.

    >>> [path.name for path in sorted([Path("b10"), Path("b9"), Path("A1")], key=natural_key)]
    ['A1', 'b9', 'b10']
    """
    parts = re.split("([0-9]+)", str(path).casefold())
    return [(int(part), "") if number % 2 else (0, part) for number, part in enumerate(parts)]


def _point(text: str) -> Said:
    body, object_id = _split("--point", text)
    numbers = _numbers(body)
    if len(numbers) not in (2, 3):
        raise PromptError(
            f"--point {text!r} does not read as a click; expected X,Y or X,Y,LABEL in pixels. "
            "For example --point 320,240 on the object, --point 20,30,0 beside it."
        )
    x, y, label = (*numbers, 1.0)[:3]
    if label not in (0, 1):
        raise PromptError(
            f"--point {text!r} has the label {label:g}; expected 1 (on the object) or 0 (beside "
            "it). A box is given with --box."
        )
    return object_id, Prompt.point(x, y, int(label))


def _box(text: str) -> Said:
    body, object_id = _split("--box", text)
    numbers = _numbers(body)
    if len(numbers) != 4:
        raise PromptError(
            f"--box {text!r} does not read as a box; expected X0,Y0,X1,Y1 in pixels, the top left "
            "and the bottom right corner. For example --box 100,50,420,380."
        )
    x0, y0, x1, y1 = numbers
    return object_id, Prompt.box_xyxy(x0, y0, x1, y1)


def _mask(text: str, max_pixels: int) -> Said:
    # A file whose name ends in @2 is that file, not one about object 2.
    body, object_id = (text, None) if _exists(Path(text)) else _split("--mask", text)
    return object_id, Prompt.from_mask(read_mask(body, max_pixels=max_pixels))


def _split(option: str, text: str) -> tuple[str, ObjectId | None]:
    body, sign, number = text.rpartition("@")
    if not sign:
        return text, None
    if not re.fullmatch("[1-9][0-9]{0,8}", number):
        raise PromptError(
            f"{option} {text!r} names the object {number!r}; expected a whole number from 1 after "
            "the @. For example @2."
        )
    return body, int(number)


def _numbers(text: str) -> list[float]:
    """The numbers between commas; none at all unless every part is one."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        return []


def _numbered(boxes: list[Said]) -> list[Said]:
    named = sum(object_id is not None for object_id, _ in boxes)
    if 0 < named < len(boxes):
        raise PromptError(
            f"{named} of {len(boxes)} boxes name their object; expected all, or none, which makes "
            "them the objects 1, 2, 3 in their order. Add @ID to each --box."
        )
    if named or len(boxes) < 2:
        return boxes
    return [(number, prompt) for number, (_, prompt) in enumerate(boxes, start=1)]


def _check_named(option: str, example: str, said: Sequence[Said]) -> None:
    unnamed = sum(object_id is None for object_id, _ in said)
    if unnamed:
        raise PromptError(
            f"there are several objects, and {unnamed} of {len(said)} {option} do not say which "
            f"one is meant; expected @ID after each. For example {option} {example}."
        )


def _joined(object_id: ObjectId, prompts: Sequence[Prompt]) -> Prompt:
    boxes = sum(prompt.box is not None for prompt in prompts)
    masks = sum(prompt.mask is not None for prompt in prompts)
    if boxes > 1 or masks > 1:
        raise PromptError(
            f"object {object_id} has {boxes} boxes and {masks} masks; expected at most one of "
            "each. Several objects are told apart by @1, @2 and so on."
        )
    whole = prompts[0]
    for prompt in prompts[1:]:
        whole = whole + prompt
    _check_pixels(whole)
    return whole


def _check_pixels(prompt: Prompt) -> None:
    said = prompt.points.ravel() if prompt.box is None else np.append(prompt.points, prompt.box)
    values = [float(value) for value in said]
    if all(0 <= value <= 1 for value in values) and any(math.fmod(value, 1) for value in values):
        raise PromptError(
            f"the coordinates {', '.join(f'{value:g}' for value in values)} all lie between 0 and "
            "1; expected pixels of the picture. Multiply x by its width and y by its height."
        )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # No name that this file system could hold; reading it says so.
        return False


def _expanded(argument: str) -> list[Path]:
    path = Path(argument).expanduser()
    if _exists(path):
        return _inside(path) if path.is_dir() else [path]
    if not glob.has_magic(argument):
        return [path]
    # `Path.glob` takes no absolute pattern.
    matches = (Path(match) for match in glob.iglob(str(path), recursive=True))  # noqa: PTH207
    found = sorted((match for match in matches if match.is_file()), key=natural_key)
    if not found:
        raise ImageError(
            f"the pattern {argument} matches no file; expected names of pictures. Check it, and "
            "put patterns in quotes."
        )
    return found


def _inside(folder: Path) -> list[Path]:
    try:
        names = list(folder.iterdir())
    except OSError as error:
        raise ImageError(
            f"the folder {folder} cannot be read: {error.strerror}; expected one with pictures. "
            "Check your rights to read it."
        ) from error
    found = [path for path in names if path.suffix.lower() in SUFFIXES and path.is_file()]
    shown = sorted((path for path in found if not path.name.startswith(".")), key=natural_key)
    if not shown:
        raise ImageError(
            f"the folder {folder} holds no picture; expected files ending in {', '.join(SUFFIXES)}. "
            f"For folders inside it, give the pattern '{folder}/**/*.jpg'."
        )
    return shown
