"""Training clips for the memory of masklet-small: labelled videos and photos set in motion, with masks.

The folder of data is that of `first_weights_data`, and `videos-train-open-*.tar` and `val-videos.tar`
with folders CLIP/00000.jpg ... and CLIP/masks.json (RLE per frame and object; null where nobody
looked, an empty mask where the object is hidden).

Shapes: T frames, S side, K objects of a clip.
"""

import io
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from first_weights_data import Mask, Painter, Pixels, Sprite, members
from PIL import Image

from masklet.ops.rle import decode

# Labelled clips that are never trained on: the best checkpoint is chosen by them.
HELD_OUT = ("davis_car-turn", "davis_dog-agility", "davis_lucia", "davis_rhino")
# Of an object on the first frame, in pixels of a 256 x 256 picture: smaller ones teach nothing.
_SMALLEST = 150


@dataclass(frozen=True, slots=True)
class Video:
    """A labelled clip."""

    name: str
    source: str
    frames: tuple[bytes, ...]
    """JPEG."""
    masks: tuple[tuple[dict[str, Any] | None, ...], ...]  # Any: JSON
    """RLE by frame and object; None: not annotated."""

    def frame(self, index: int) -> Pixels:
        """`(H, W, 3)`."""
        return np.array(Image.open(io.BytesIO(self.frames[index])).convert("RGB"))

    def mask(self, index: int, number: int) -> npt.NDArray[np.bool_] | None:
        """`(H, W)` of one object, None where it is not annotated."""
        rle = self.masks[index][number]
        return None if rle is None else decode(rle).astype(bool)


@dataclass(frozen=True, slots=True)
class Clip:
    """What one training clip shows."""

    frames: Pixels
    """`(T, S, S, 3)`."""
    masks: npt.NDArray[np.bool_]
    """`(K, T, S, S)`; every object is there on the first frame."""


def read_videos(paths: list[Path]) -> list[Video]:
    """The clips of video packs."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    for name, content in members(paths):
        clip, _, file = name.rpartition("/")
        found[clip][file] = content
    videos = []
    for clip, files in found.items():
        if "masks.json" not in files:
            continue
        document = json.loads(files.pop("masks.json"))
        videos.append(
            Video(
                name=clip.rpartition("/")[2],
                source=document["video"]["source"],
                frames=tuple(files[name] for name in sorted(files)),
                masks=tuple(tuple(row) for row in document["masklet"]),
            )
        )
    return videos


class Filmer:
    """Makes clips, endlessly: labelled videos, photos under a moving camera, things that cross them."""

    def __init__(self, painter: Painter, videos: list[Video], real_share: float = 0.5) -> None:
        self.painter, self.videos, self.real_share = painter, videos, real_share
        self.rng = painter.rng

    def clip(self, side: int, length: int, objects: int) -> Clip:
        """A clip of `length` frames with 1 to `objects` objects."""
        while True:
            kind = self.rng.random()
            if kind < self.real_share:
                canvas, masks = self.labelled(side, length)
                pastes = int(self.rng.integers(1, 3)) if self.rng.random() < 0.4 else 0
            elif kind < self.real_share + 0.6 * (1 - self.real_share):
                canvas, masks = self.moved_photo(side, length)
                pastes = int(self.rng.integers(1, 4)) if self.rng.random() < 0.7 else 0
            else:
                canvas, masks = self.moved_backdrop(side, length), []
                pastes = int(self.rng.integers(2, 6))
            for sprite in self.cast(pastes):
                masks = self.cross(canvas, masks, sprite)
            smallest = _SMALLEST * (side / 256) ** 2
            masks = [mask for mask in masks if smallest < mask[0].sum() < 0.8 * side * side]
            if masks:
                # What people labelled comes first: it is what moves as things move.
                first = [0] if kind < self.real_share else []
                others = [n for n in self.rng.permutation(len(masks)) if n not in first]
                chosen = [masks[number] for number in [*first, *others][:objects]]
                return self.finished(canvas, np.stack(chosen))

    def finished(self, canvas: Mask, masks: npt.NDArray[np.bool_]) -> Clip:
        """The light drifts, all frames are recoloured alike, some clips mirrored or run backwards."""
        length, side = canvas.shape[:2]
        drift = 1 + self.rng.normal(0, 0.02) * np.arange(length, dtype=np.float32)
        tall = (canvas * drift[:, None, None, None]).reshape(length * side, side, 3)
        frames = self.painter.recoloured(tall).reshape(canvas.shape)
        if self.rng.random() < 0.5:
            frames, masks = frames[:, :, ::-1], masks[..., ::-1]
        # Backwards only if everything is still there at the end.
        if self.rng.random() < 0.5 and masks[:, -1].any(axis=(1, 2)).all():
            frames, masks = frames[::-1], masks[:, ::-1]
        return Clip(np.ascontiguousarray(frames), np.ascontiguousarray(masks))

    def labelled(self, side: int, length: int) -> tuple[Mask, list[npt.NDArray[np.bool_]]]:
        """A part of the frames of a labelled video, every first to fourth of them, cropped alike."""
        while True:
            video = self.videos[self.rng.integers(len(self.videos))]
            stride = int(self.rng.integers(1, min(4, (len(video.frames) - 1) // (length - 1)) + 1))
            start = int(self.rng.integers(0, len(video.frames) - stride * (length - 1)))
            indices = [start + stride * t for t in range(length)]
            number = int(self.rng.integers(len(video.masks[0])))
            found = [video.mask(index, number) for index in indices]
            masks = [mask for mask in found if mask is not None]
            if len(masks) == length and masks[0].any():
                break
        height, width = masks[0].shape
        y, x = (float(np.median(places)) for places in np.nonzero(masks[0]))
        shown = np.array([width, height]) * self.rng.uniform(0.55, 1.0, 2)
        middle = np.array([x, y]) + self.rng.normal(0, 0.2, 2) * shown
        boxes = np.repeat(_box(middle, shown, (width, height))[None], length, axis=0)
        canvas = np.stack(
            [_resized(video.frame(i), side, box) for i, box in zip(indices, boxes, strict=True)]
        )
        moved = [_resized(m, side, box) for m, box in zip(masks, boxes, strict=True)]
        return canvas.astype(np.float32), [np.stack(moved)]

    def camera(self, size: tuple[int, int], length: int, focus: Any) -> npt.NDArray[np.float64]:
        """The rectangles of a picture of `size` (width, height) that a moving camera shows."""
        share = self.rng.uniform(0.45, 0.95)
        zoom = np.exp(self.path(length, 0.0, 0.015))
        speed = 0.0 if self.rng.random() < 0.3 else 0.02 * min(size)
        x, y = (self.path(length, focus[axis], speed) for axis in (0, 1))
        return np.stack(
            [
                _box(np.array([x[t], y[t]]), np.array(size) * share * zoom[t], size)
                for t in range(length)
            ]
        )

    def path(self, length: int, start: float, speed: float) -> npt.NDArray[np.float64]:
        """A smooth way of one number: a speed per frame that itself changes."""
        times = np.arange(length)
        velocity, turn = self.rng.normal(0, speed), self.rng.normal(0, speed / 4)
        way: npt.NDArray[np.float64] = start + velocity * times + turn * times * (times - 1) / 2
        return way

    def moved_photo(self, side: int, length: int) -> tuple[Mask, list[npt.NDArray[np.bool_]]]:
        """A labelled photo under a moving camera."""
        photo = self.painter.random_photo()
        picked = self.rng.choice(
            len(photo.annotations), min(3, len(photo.weights)), False, photo.weights
        )
        asked = [photo.annotations[number] for number in picked]
        x, y, w, h = asked[0]["bbox"]
        height, width = photo.pixels.shape[:2]
        boxes = self.camera((width, height), length, (x + w / 2, y + h / 2))
        canvas = np.stack([_resized(photo.pixels, side, box) for box in boxes])
        drawn = [decode(annotation["segmentation"]).astype(bool) for annotation in asked]
        masks = [np.stack([_resized(mask, side, box) for box in boxes]) for mask in drawn]
        return canvas.astype(np.float32), masks

    def moved_backdrop(self, side: int, length: int) -> Mask:
        """Something without masks under a moving camera."""
        large = self.painter.backdrop(side * 5 // 4).clip(0, 255).astype(np.uint8)
        size = (side * 5 // 4, side * 5 // 4)
        boxes = self.camera(size, length, self.rng.uniform(0.3, 0.7, 2) * size)
        return np.stack([_resized(large, side, box) for box in boxes]).astype(np.float32)

    def cast(self, count: int) -> list[Sprite]:
        """Things to paste; often some of them look alike."""
        sprites = [self.painter.sprite() for _ in range(count)]
        if count > 1 and self.rng.random() < 0.4:
            sprites[1] = sprites[0]
        return sprites

    def cross(
        self, canvas: Mask, masks: list[npt.NDArray[np.bool_]], sprite: Sprite
    ) -> list[npt.NDArray[np.bool_]]:
        """Draw a moving thing on every frame, in place; what it hides leaves the other masks."""
        length, side = canvas.shape[:2]
        rng = self.rng
        height, width = sprite.rgba.shape[:2]
        reach = side * math.exp(rng.uniform(math.log(0.15), math.log(0.6)))
        scale = reach / max(height, width) * np.exp(self.path(length, 0.0, 0.03))
        stretch = math.exp(rng.normal(0, 0.1))
        turn = self.path(length, rng.uniform(-0.5, 0.5), 0.06 if rng.random() < 0.5 else 0.0)
        speed = side * rng.exponential(0.03)
        x, y = (self.path(length, rng.uniform(0.1, 0.9) * side, speed) for _ in range(2))
        if rng.random() < 0.2:
            # It leaves for a while and comes back.
            away = rng.normal(0, 1, 2)
            pulse = np.clip(rng.uniform(1, 2) * np.sin(np.linspace(0, math.pi, length)), 0, None)
            x, y = (
                way + side * pulse * share / np.abs(away).max()
                for way, share in zip((x, y), away, strict=True)
            )
        picture = Image.fromarray(sprite.rgba)
        own = []
        for t in range(length):
            cos, sin = math.cos(turn[t]) / scale[t], math.sin(turn[t]) / scale[t]
            rows = np.array([[cos * stretch, sin * stretch], [-sin / stretch, cos / stretch]])
            offset = np.array([width / 2, height / 2]) - rows @ np.array([x[t], y[t]])
            matrix = (*rows[0], offset[0], *rows[1], offset[1])
            placed = np.asarray(
                picture.transform(
                    (side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
                ),
                np.float32,
            )
            canvas[t] += (placed[..., :3] - canvas[t]) * (placed[..., 3:] / 255.0)
            own.append(placed[..., 3] > 127)
        hidden = np.stack(own)
        return [*(mask & ~hidden for mask in masks), hidden]


def _box(middle: Any, shown: Any, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """A rectangle around `middle`, pushed into the picture: left, top, right, bottom."""
    shown = np.minimum(shown, size)
    start = np.clip(middle - shown / 2, 0, np.array(size) - shown)
    box: npt.NDArray[np.float64] = np.concatenate([start, start + shown])
    return box


def _resized(pixels: npt.NDArray[Any], side: int, box: Any) -> npt.NDArray[Any]:
    """A part of a picture or of a bool mask as a square."""
    if pixels.dtype == np.bool_:
        drawn = Image.fromarray(pixels.astype(np.uint8) * 255)
        small = drawn.resize((side, side), Image.Resampling.BILINEAR, tuple(box))
        return np.asarray(small) > 127
    picture = Image.fromarray(pixels)
    return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR, tuple(box)))
