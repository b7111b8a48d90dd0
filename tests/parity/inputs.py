"""Pictures, clips, masks and tensors that follow from a few integers, the same bits everywhere.

Integer arithmetic only: a ramp with waves and grain, and striped shapes in front of it that move in
straight lines and turn back at the borders.

Shapes: H W the picture.
"""

import hashlib
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tests.parity.weights import near_normal

_KINDS = ("ellipse", "rect", "diamond")


class Figure(NamedTuple):
    """One shape at one moment: its centre and half its width and height, in pixels."""

    kind: str
    x: int
    y: int
    half_width: int
    half_height: int

    def mask(self, height: int, width: int) -> npt.NDArray[np.bool_]:
        """`(H, W)`, true inside the shape."""
        y, x = _axes(height, width)
        dx, dy = x - self.x, y - self.y
        a, b = self.half_width, self.half_height
        match self.kind:
            case "ellipse":
                inside = dx * dx * b * b + dy * dy * a * a <= a * a * b * b
            case "rect":
                inside = (np.abs(dx) <= a) & (np.abs(dy) <= b)
            case _:
                inside = np.abs(dx) * b + np.abs(dy) * a <= a * b
        return np.asarray(inside, dtype=np.bool_)


def picture(
    height: int, width: int, seed: int = 0, figures: int = 4, time: int = 0
) -> npt.NDArray[np.uint8]:
    """`(H, W, 3)` uint8 RGB: a background and some shapes at a moment of their way."""
    y, x = _axes(height, width)
    slopes = _numbers(f"bg:{seed}", 6)
    ramp = (y * 90) // height + (x * 60) // width
    grain = (_grain(height, width, seed) - 128) // 12
    channels = []
    for channel in range(3):
        slant = x * (3 + slopes[channel] % 3) + y * (2 + channel) + 7 * time
        waves = _triangle(slant, 2 * (width + height)) // 2
        channels.append(30 + waves + ramp // 2 + grain)
    image = np.stack(channels, axis=2)
    for number, figure in enumerate(_figures(height, width, seed, figures, time)):
        colour = np.array(_numbers(f"col:{seed}:{number}", 3)) % 176
        along = (x - figure.x) * (1 + number % 2) + (y - figure.y) * (1 + (number + 1) % 2)
        stripes = (_triangle(along + 4096, 24 + 8 * number) - 128) // 5
        painted = 40 + colour + stripes[..., None]
        image = np.where(figure.mask(height, width)[..., None], painted, image)
    return np.clip(image, 0, 255).astype(np.uint8)


def clip(
    height: int, width: int, frames: int, seed: int = 0, figures: int = 4
) -> list[npt.NDArray[np.uint8]]:
    """The pictures of `frames` moments."""
    return [picture(height, width, seed, figures, time) for time in range(frames)]


def figure_mask(
    size: tuple[int, int], seed: int, figures: int, index: int, time: int
) -> npt.NDArray[np.bool_]:
    """The whole of one shape of a clip at one moment, `(H, W)`, also where others hide it."""
    return _figures(*size, seed, figures, time)[index].mask(*size)


def blob_mask(height: int, width: int, seed: int, threshold: int = 128) -> npt.NDArray[np.bool_]:
    """`(H, W)` bool blobs: grain, averaged over columns and rows, twice."""
    smooth = _grain(height, width, seed)
    for reach in (9, 13):
        # Down the columns, then along the rows, by turning the picture.
        smooth = _averaged(_averaged(smooth, reach).T, reach).T
    return np.asarray(smooth > threshold, dtype=np.bool_)


def tensor(tag: str, shape: tuple[int, ...], deviation: float = 1.0, mean: float = 0.0) -> Tensor:
    """A near-normal float32 tensor with a name."""
    values = near_normal(f"tensor:{tag}", math.prod(shape)) * deviation + mean
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def _figures(height: int, width: int, seed: int, count: int, time: int) -> list[Figure]:
    figures = []
    for number in range(count):
        drawn = _numbers(f"obj:{seed}:{number}", 8)
        half_width = width // 12 + drawn[0] % max(1, width // 10)
        half_height = height // 12 + drawn[1] % max(1, height // 10)
        room_x, room_y = max(1, width - 2 * half_width), max(1, height - 2 * half_height)
        step_x = (drawn[4] % 7 - 3) * max(1, width // 160)
        step_y = (drawn[5] % 5 - 2) * max(1, height // 160)
        x = half_width + _bounced(drawn[2] % room_x + step_x * time, room_x)
        y = half_height + _bounced(drawn[3] % room_y + step_y * time, room_y)
        figures.append(Figure(_KINDS[number % 3], x, y, half_width, half_height))
    return figures


def _bounced(place: int, room: int) -> int:
    """A place on an endless line, folded into `0 .. room - 1`."""
    folded = place % (2 * room)
    return folded if folded < room else 2 * room - 1 - folded


def _numbers(tag: str, count: int) -> list[int]:
    """32-bit numbers that depend on `tag` alone."""
    digests = (hashlib.sha256(f"{tag}:{number}".encode()).digest() for number in range(count))
    return [int.from_bytes(digest[:4], "little") for digest in digests]


def _axes(height: int, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row and column numbers, `(H, 1)` and `(1, W)`."""
    return np.arange(height, dtype=np.int64)[:, None], np.arange(width, dtype=np.int64)[None]


def _triangle(values: npt.NDArray[np.int64], period: int) -> npt.NDArray[np.int64]:
    """A wave of straight flanks between 0 and 255."""
    phase = values % period
    return np.minimum(phase, period - phase) * 510 // period


def _averaged(values: npt.NDArray[np.int64], reach: int) -> npt.NDArray[np.int64]:
    """The mean of `2 * reach` neighbours down every column, rounded down."""
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    sums = np.cumsum(padded, axis=0)
    return (sums[2 * reach :] - sums[: -2 * reach]) // (2 * reach)


def _grain(height: int, width: int, seed: int) -> npt.NDArray[np.int64]:
    """`(H, W)` noise from 0 to 255, the same within cells of 4 x 4 pixels."""
    y, x = (axis // 4 for axis in _axes(height, width))
    mixed = (x * 73856093) ^ (y * 19349663) ^ (seed * 83492791)
    mixed = (mixed ^ (mixed >> 13)) * 1274126177
    return (mixed >> 8) & 255
