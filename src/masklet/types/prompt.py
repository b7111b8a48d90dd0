"""A `Prompt` says which object is meant. Coordinates as in `masklet.types`."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from masklet.errors import PromptError


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """What a user says about one object: clicks, a box, a mask, or any mixture of them.

    Args:
        points: `(P, 2)` clicks, x then y.
        labels: `(P,)`, 1 for a click on the object, 0 for a click beside it.
        box: `(4,)` x0, y0, x1, y1 around the object.
        mask: `(height, width)` bool, a first guess of the object, as large as the image.

    Raises:
        PromptError: nothing is said, the lengths differ, a number is not finite, a label is neither
            0 nor 1, the box has no area, or the mask is no two-dimensional array.

    >>> Prompt.point(40, 30) + Prompt.point(80, 30, label=0)
    Prompt(points 2, on 1)
    """

    points: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    labels: npt.NDArray[np.int8] = field(default_factory=lambda: np.zeros((0,), np.int8))
    box: npt.NDArray[np.float32] | None = None
    mask: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        points, labels = _checked_points(self.points, self.labels)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "labels", labels)
        if self.box is not None:
            object.__setattr__(self, "box", _checked_box(self.box))
        if self.mask is not None:
            object.__setattr__(self, "mask", _checked_mask(self.mask))
        if len(points) == 0 and self.box is None and self.mask is None:
            raise PromptError(
                "the prompt is empty; expected at least a point, a box or a mask. "
                "To mask everything in an image without prompts, prompt it with a grid of points."
            )

    @staticmethod
    def point(x: float, y: float, label: int = 1) -> "Prompt":
        """One click; label 1 is on the object, 0 beside it."""
        return Prompt(points=np.array([[x, y]], np.float32), labels=np.array([label]))

    @staticmethod
    def box_xyxy(x0: float, y0: float, x1: float, y1: float) -> "Prompt":
        """A box from its top left to its bottom right corner."""
        return Prompt(box=np.array([x0, y0, x1, y1], np.float32))

    @staticmethod
    def from_mask(mask: npt.ArrayLike) -> "Prompt":
        """A mask, `(height, width)`, of bool or of 0 and 1 (or 0 and 255)."""
        return Prompt(mask=np.asarray(mask))

    def __add__(self, other: "Prompt") -> "Prompt":
        """Both prompts about the same object: clicks add up; there is one box and one mask."""
        for name in ("box", "mask"):
            if getattr(self, name) is not None and getattr(other, name) is not None:
                raise PromptError(
                    f"both prompts have a {name}; one object has at most one. "
                    f"Give two objects as a list of two prompts."
                )
        return Prompt(
            points=np.concatenate([self.points, other.points]),
            labels=np.concatenate([self.labels, other.labels]),
            box=other.box if self.box is None else self.box,
            mask=other.mask if self.mask is None else self.mask,
        )

    def __repr__(self) -> str:
        said = []
        if len(self.points):
            said.append(f"points {len(self.points)}, on {int(self.labels.sum())}")
        if self.box is not None:
            said.append(f"box {[round(float(value), 1) for value in self.box]}")
        if self.mask is not None:
            said.append(f"mask {int(self.mask.sum())} of {self.mask.size} pixels")
        return f"Prompt({', '.join(said)})"

    def point_tokens(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Everything that is a point to the network, `(P, 2)`, and its labels, `(P,)`.

        A box is two points, its corners, with labels 2 and 3, before the clicks (parity 10).
        """
        corners = [] if self.box is None else [self.box.reshape(2, 2)]
        labels = [2, 3] * len(corners) + self.labels.tolist()
        return np.concatenate([*corners, self.points]), np.array(labels, np.int64)

    def check_inside(self, size: tuple[int, int]) -> None:
        """Raise `PromptError` unless the whole prompt lies in an image of `size`."""
        height, width = size
        for x, y in self.points:
            if not (-0.5 <= x <= width and -0.5 <= y <= height):
                raise PromptError(
                    f"point ({x:g}, {y:g}) lies outside the image, which is {width} wide and "
                    f"{height} high; points are (x, y) in pixels of the original image."
                    + _guess_of_the_mistake(float(x), float(y), size)
                )
        if self.box is not None:
            x0, y0, x1, y1 = (float(value) for value in self.box)
            if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
                raise PromptError(
                    f"box ({x0:g}, {y0:g}, {x1:g}, {y1:g}) lies outside the image, which is "
                    f"{width} wide and {height} high; a box is x0, y0, x1, y1 in pixels of the "
                    "original image." + _guess_of_the_mistake(x0, y0, size)
                )
        if self.mask is not None and self.mask.shape != (height, width):
            raise PromptError(
                f"the mask is {self.mask.shape[1]} wide and {self.mask.shape[0]} high, the image "
                f"{width} wide and {height} high; a mask prompt has the size of the image. "
                "Resize the mask with nearest neighbours first."
            )


def _checked_points(
    points: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    xy, on = _copied_floats(points, "points"), np.asarray(labels)
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise PromptError(
            f"points have shape {xy.shape}; expected (P, 2), one (x, y) per click. "
            "Wrap a single click in a list: [[x, y]]."
        )
    if on.shape != (len(xy),):
        raise PromptError(
            f"{len(xy)} points but labels of shape {on.shape}; expected one label per point, "
            "1 on the object, 0 beside it."
        )
    if not np.isfinite(xy).all():
        raise PromptError(f"a point is not finite: {xy.tolist()}; expected pixels of the image.")
    if not np.isin(on, (0, 1)).all():
        raise PromptError(
            f"labels are {on.tolist()}; expected 1 (on the object) or 0 (beside it). "
            "A box is given as a box, not as points with labels 2 and 3."
        )
    return xy, on.astype(np.int8)


def _checked_box(box: npt.ArrayLike) -> npt.NDArray[np.float32]:
    xyxy = _copied_floats(box, "box")
    if xyxy.shape != (4,):
        raise PromptError(
            f"the box has shape {xyxy.shape}; expected four numbers x0, y0, x1, y1. "
            "Give several boxes as a list of prompts."
        )
    if not np.isfinite(xyxy).all():
        raise PromptError(f"the box {xyxy.tolist()} is not finite; expected pixels of the image.")
    x0, y0, x1, y1 = (float(value) for value in xyxy)
    if x1 <= x0 or y1 <= y0:
        raise PromptError(
            f"the box ({x0:g}, {y0:g}, {x1:g}, {y1:g}) is empty or inverted; expected x0 < x1 and "
            "y0 < y1. Did you pass x, y, width, height, or swap the corners?"
        )
    return xyxy


def _checked_mask(mask: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.ndim != 2:
        raise PromptError(
            f"the mask has shape {array.shape}; expected (height, width). "
            "Give several masks as a list of prompts."
        )
    if not np.isfinite(array).all():
        raise PromptError("the mask holds values that are not finite; expected bool or 0 and 1.")
    if array.dtype != np.bool_ and not _is_two_valued(np.unique(array)):
        shown = ", ".join(f"{value:g}" for value in np.unique(array)[:4])
        raise PromptError(
            f"the mask holds {len(np.unique(array))} different values ({shown} ...); expected two, "
            "0 outside and one other inside. Threshold it, or give one mask per object."
        )
    return array > 0


def _is_two_valued(values: npt.NDArray[Any]) -> bool:
    return len(values) < 2 or (len(values) == 2 and values[0] == 0)


def _copied_floats(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    # A copy: what the caller does to the array later must not change the prompt.
    try:
        return np.array(values, np.float32)
    except (TypeError, ValueError) as error:
        raise PromptError(
            f"the {name} {values!r} cannot be read as numbers: {error}; expected an array of "
            "floats. Check for parts of different lengths."
        ) from error


def _guess_of_the_mistake(x: float, y: float, size: tuple[int, int]) -> str:
    height, width = size
    if 0 <= x <= height and 0 <= y <= width:
        return " Did you pass (row, column)?"
    return ""
