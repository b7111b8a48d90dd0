"""Training pictures for masklet-small: labelled photos, cut-outs and invented scenes, with masks.

The folder of data holds tar files: `images-train-open-*.tar` and `val-images.tar` with pairs KEY.jpg
and KEY.json (COCO annotations with compressed RLE), `cutouts-*.tar` with pairs KEY.png (RGBA) and
KEY.json (the masks of its parts), `backgrounds-*.tar` with photo/*.jpg. masklet-small.md lists what
was in them.

Shapes: S picture side, h = w = S / 4 mask grid, K masks. Masks on the grid are soft: the covered share
of every cell.
"""

import io
import json
import math
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter

from masklet.ops.rle import decode

# The backgrounds that may be used for anything.
BACKGROUNDS = ("elementary_wallpapers", "kodak24")
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture with the masks that people drew; `weights` say how often each is asked for."""

    pixels: Pixels
    annotations: tuple[dict[str, Any], ...]  # Any: JSON
    weights: npt.NDArray[np.float64]
    source: str


@dataclass(frozen=True, slots=True)
class Sprite:
    """Something to paste: RGBA pixels and the masks of its parts, 0 to 255."""

    rgba: Pixels
    parts: tuple[Pixels, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """All training data, decoded, in memory."""

    photos: dict[str, list[Photo]]
    cutouts: list[tuple[Pixels, list[dict[str, Any]]]]  # Any: JSON
    backgrounds: list[Pixels]


def members(paths: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file of some tar files."""
    for path in paths:
        with tarfile.open(path) as tar:
            for member in tar:
                if (file := tar.extractfile(member)) is not None:
                    yield member.name, file.read()


def pairs(paths: list[Path]) -> Iterator[tuple[Image.Image, dict[str, Any]]]:
    """Every picture with its JSON."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    for name, content in members(paths):
        key, _, kind = name.partition(".")
        found[key]["json" if kind == "json" else "picture"] = content
    for pair in found.values():
        yield Image.open(io.BytesIO(pair["picture"])), json.loads(pair["json"])


def read_photos(paths: list[Path]) -> list[Photo]:
    """The pictures of image packs that have masks."""
    photos = []
    for picture, document in pairs(paths):
        annotations = tuple(document["annotations"])
        if not annotations:
            continue
        # Every size of object as often as any other, regions (stuff) less often than objects.
        area = picture.width * picture.height
        buckets = [int(math.log2(area / max(a["area"], 1))) for a in annotations]
        weights = [
            (1.0 if a["kind"] == "region" else 3.0) / buckets.count(bucket)
            for a, bucket in zip(annotations, buckets, strict=True)
        ]
        photos.append(
            Photo(
                pixels=np.array(picture.convert("RGB")),
                annotations=annotations,
                weights=np.array(weights) / sum(weights),
                source=document["image"]["source"],
            )
        )
    return photos


def read_library(data: Path) -> Library:
    """Everything with an open licence; about 1.5 GB."""
    photos: dict[str, list[Photo]] = defaultdict(list)
    for photo in read_photos(sorted(data.glob("images-train-open-*.tar"))):
        photos[photo.source].append(photo)
    cutouts = [
        (np.asarray(picture.convert("RGBA")), document["parts"])
        for picture, document in pairs(sorted(data.glob("cutouts-*.tar")))
    ]
    backgrounds = [
        np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        for name, content in members(sorted(data.glob("backgrounds-*.tar")))
        if name.startswith(tuple(f"photo/{source}" for source in BACKGROUNDS))
    ]
    return Library(dict(photos), cutouts, backgrounds)


class Painter:
    """Makes training pictures, endlessly: photos and invented scenes with things pasted on them."""

    def __init__(self, library: Library, seed: int) -> None:
        self.library = library
        self.rng = np.random.default_rng(seed)
        self.sources = list(library.photos)
        counts = np.sqrt([len(library.photos[source]) for source in self.sources])
        self.chances = counts / counts.sum()

    def sample(self, side: int, prompts: int) -> tuple[Pixels, Pixels]:
        """A picture `(S, S, 3)` and the masks to ask for, `(K, h, w)`, 0 to 255."""
        while True:
            if self.rng.random() < 0.6:
                canvas, masks = self.photo_canvas(side)
                pastes = int(self.rng.integers(1, 4)) if self.rng.random() < 0.5 else 0
            else:
                canvas, masks = self.backdrop(side), []
                pastes = int(self.rng.integers(2, 9))
            for _ in range(pastes):
                masks = self.paste(canvas, masks, self.sprite())
            cells = (side // 4) ** 2
            masks = [mask for mask in masks if max(9, cells / 600) < mask.sum() < 0.95 * cells]
            if masks:
                chosen = self.rng.permutation(np.resize(self.rng.permutation(len(masks)), prompts))
                targets = np.stack([masks[number] for number in chosen])
                flip = slice(None, None, -1 if self.rng.random() < 0.5 else 1)
                picture = self.recoloured(canvas)[:, flip]
                return picture.copy(), (targets[:, :, flip] * 255).astype(np.uint8)

    def random_photo(self) -> Photo:
        """Large sources more often than small ones, but not in proportion."""
        photos = self.library.photos[self.rng.choice(self.sources, p=self.chances)]
        return photos[self.rng.integers(len(photos))]

    def photo_canvas(self, side: int) -> tuple[Mask, list[Mask]]:
        """A labelled photo under large-scale jitter: a part of it, or all of it on a backdrop."""
        photo = self.random_photo()
        height, width = photo.pixels.shape[:2]
        scale = math.exp(self.rng.uniform(math.log(0.6), math.log(2.0)))
        stretch = math.exp(self.rng.uniform(-0.2, 0.2))
        inner = np.minimum(1.0, [stretch / scale, 1 / stretch / scale]) * (width, height)
        picked = self.rng.choice(
            len(photo.annotations), min(10, len(photo.weights)), False, photo.weights
        )
        asked = [photo.annotations[number] for number in picked]
        x, y, w, h = asked[0]["bbox"]
        centre = np.array([x + w / 2, y + h / 2]) + self.rng.normal(0, 0.15, 2) * inner
        start = np.clip(centre - inner / 2, 0, (width, height) - inner)
        box = (*start, *(start + inner))
        shown = max(32, int(min(scale, 1.0) * side) // 4 * 4)
        top, left = self.rng.integers(0, (side - shown) // 4 + 1, 2) * 4
        canvas = self.backdrop(side) if shown < side else np.empty((side, side, 3), np.float32)
        picture = Image.fromarray(photo.pixels).resize(
            (shown, shown), Image.Resampling.BILINEAR, box
        )
        canvas[top : top + shown, left : left + shown] = np.asarray(picture)
        masks = []
        for annotation in asked:
            mask = Image.fromarray(decode(annotation["segmentation"]).astype(np.uint8) * 255)
            small = mask.resize((shown // 4, shown // 4), Image.Resampling.BOX, box)
            place = np.zeros((side // 4, side // 4), np.float32)
            place[top // 4 : (top + shown) // 4, left // 4 : (left + shown) // 4] = (
                np.asarray(small) / 255.0
            )
            masks.append(place)
        return canvas, masks

    def backdrop(self, side: int) -> Mask:
        """Something to paste on, without masks: a photo or an invented texture."""
        kind = self.rng.random()
        if kind < 0.35:
            return self.texture(side)
        photos = self.library.backgrounds
        pixels = (
            photos[self.rng.integers(len(photos))] if kind < 0.7 else self.random_photo().pixels
        )
        height, width = pixels.shape[:2]
        inner = self.rng.uniform(0.4, 1.0) * np.array([width, height])
        start = self.rng.random(2) * ((width, height) - inner)
        picture = Image.fromarray(pixels).resize(
            (side, side), Image.Resampling.BILINEAR, (*start, *(start + inner))
        )
        return np.array(picture, np.float32)

    def texture(self, side: int) -> Mask:
        """Noise of several scales around one colour, with or without a slope, stripes or checks."""
        texture = np.broadcast_to(
            self.rng.uniform(0, 255, 3).astype(np.float32), (side, side, 3)
        ).copy()
        for cells in (2, 7, 30, side):
            noise = self.rng.normal(
                0, self.rng.exponential(12.0), (cells, cells, 1 if cells > 7 else 3)
            )
            grown = F.interpolate(
                torch.from_numpy(noise).float().permute(2, 0, 1)[None],
                size=(side, side),
                mode="bilinear",
            )
            texture += grown[0].permute(1, 2, 0).numpy()
        if self.rng.random() < 0.3:
            angle, period = self.rng.uniform(0, math.pi), side * self.rng.uniform(0.03, 0.3)
            y, x = np.mgrid[:side, :side].astype(np.float32)
            wave = np.sin((x * math.cos(angle) + y * math.sin(angle)) / period * 2 * math.pi)
            if self.rng.random() < 0.4:
                wave = wave * np.sin(
                    (y * math.cos(angle) - x * math.sin(angle)) / period * 2 * math.pi
                )
            texture += np.sign(wave)[..., None] * self.rng.normal(0, 30, 3).astype(np.float32)
        return texture.clip(0, 255)

    def sprite(self) -> Sprite:
        """A cut-out, an object out of another photo, or an invented shape."""
        kind = self.rng.random()
        if kind < 0.35:
            rgba, parts = self.library.cutouts[self.rng.integers(len(self.library.cutouts))]
            whole = (rgba[..., 3] > 127).sum()
            large = [part for part in parts if 0.02 * whole < part["area"] < 0.9 * whole]
            picked = self.rng.permutation(len(large))[:4]
            masks = (
                decode(large[number]["segmentation"]).astype(np.uint8) * 255 for number in picked
            )
            return Sprite(rgba, tuple(masks))
        if kind < 0.6:
            photo = self.random_photo()
            number = self.rng.choice(len(photo.annotations), p=photo.weights)
            inside = decode(photo.annotations[number]["segmentation"])
            x, y, w, h = (int(value) for value in photo.annotations[number]["bbox"])
            box = (slice(y, y + max(h, 4)), slice(x, x + max(w, 4)))
            alpha = Image.fromarray(inside[box].astype(np.uint8) * 255).filter(
                ImageFilter.GaussianBlur(0.7)
            )
            return Sprite(np.dstack([photo.pixels[box], np.asarray(alpha)]), ())
        return self.shape()

    def outline(self, side: int) -> Pixels:
        """A filled random outline: a blob, star, polygon, ellipse, ring or stroke, `(side, side)`."""
        drawn = Image.new("L", (side * 2, side * 2))
        pen = ImageDraw.Draw(drawn)
        kind = self.rng.integers(5)
        angles = np.linspace(
            0, 2 * math.pi, 72 if kind < 2 else int(self.rng.integers(3, 9)), endpoint=False
        )
        radii = np.full(len(angles), 0.95)
        if kind == 0:
            for order in range(2, 7):
                radii += self.rng.normal(0, 0.3 / order) * np.cos(
                    order * angles + self.rng.uniform(0, 6.3)
                )
        elif kind == 2:
            angles = np.linspace(0, 2 * math.pi, 2 * len(angles), endpoint=False)
            radii = np.tile([0.95, self.rng.uniform(0.3, 0.8)], len(angles) // 2)
        radii = radii / radii.max() * 0.98
        points = np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None] * side + side
        if kind == 4:
            path = self.rng.uniform(0.1, 1.9, (4, 2)) * side
            t = np.linspace(0, 1, 40)[:, None]
            curve = sum(math.comb(3, n) * t**n * (1 - t) ** (3 - n) * path[n] for n in range(4))
            pen.line(
                [tuple(point) for point in curve],
                255,
                int(side * self.rng.uniform(0.04, 0.25)),
                "curve",
            )
        else:
            pen.polygon([tuple(point) for point in points], 255)
        if kind < 4 and self.rng.random() < 0.2:
            inset = side * self.rng.uniform(0.25, 0.7)
            pen.ellipse((inset, inset, 2 * side - inset, 2 * side - inset), 0)
        return np.asarray(drawn.resize((side, side), Image.Resampling.BOX))

    def shape(self) -> Sprite:
        """An invented object: shaded, textured, perhaps with parts on it."""
        side = 128
        alpha = self.outline(side)
        colours = self.texture(side) if self.rng.random() < 0.75 else self.backdrop(side)
        parts: list[Pixels] = []
        for _ in range(int(self.rng.integers(0, 4))):
            small = int(side * self.rng.uniform(0.2, 0.6))
            top, left = self.rng.integers(0, side - small, 2)
            part = np.zeros((side, side), np.uint8)
            part[top : top + small, left : left + small] = self.outline(small)
            part = np.minimum(part, alpha)
            cover = part[..., None].astype(np.float32) / 255.0
            colours = colours * (1 - cover) + self.texture(side) * cover
            parts = [np.where(part > 127, 0, earlier) for earlier in parts] + [part]
        slope = self.rng.normal(0, 0.35, 2)
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        shaded = colours * (1 + slope[0] * x + slope[1] * y)[..., None]
        return Sprite(np.dstack([shaded.clip(0, 255), alpha]).astype(np.uint8), tuple(parts))

    def paste(self, canvas: Mask, masks: list[Mask], sprite: Sprite) -> list[Mask]:
        """Draw a sprite on the canvas, in place; what it hides leaves the other masks."""
        side = len(canvas)
        reach = side * math.exp(self.rng.uniform(math.log(0.12), math.log(0.8)))
        height, width = sprite.rgba.shape[:2]
        stretch = math.exp(self.rng.normal(0, 0.12))
        size = [
            max(4, int(v * reach / max(height, width))) for v in (width * stretch, height / stretch)
        ]
        angle = self.rng.uniform(-180, 180) if self.rng.random() < 0.3 else 0.0
        mirrored = self.rng.random() < 0.5

        def transformed(pixels: Pixels) -> Image.Image:
            picture = Image.fromarray(pixels[:, ::-1] if mirrored else pixels)
            picture = picture.resize(size, Image.Resampling.BILINEAR)
            return (
                picture.rotate(angle, Image.Resampling.BILINEAR, expand=True) if angle else picture
            )

        rgba = transformed(sprite.rgba)
        left, top = (int(self.rng.uniform(-0.25 * own, side - 0.75 * own)) for own in rgba.size)
        placed = Image.new("RGBA", (side, side))
        placed.paste(rgba, (left, top))
        pixels = np.asarray(placed, np.float32)
        alpha = pixels[..., 3] / 255.0
        if self.rng.random() < 0.3:
            shadow = Image.fromarray((alpha * 255).astype(np.uint8)).filter(
                ImageFilter.GaussianBlur(side / 50)
            )
            moved = np.roll(
                np.asarray(shadow), self.rng.integers(-side // 20, side // 20, 2), (0, 1)
            )
            canvas *= 1 - 0.5 * moved[..., None] / 255.0
        canvas += (pixels[..., :3] - canvas) * alpha[..., None]
        hidden = _shrunk(alpha)
        masks = [mask * (1 - hidden) for mask in masks]
        for part in sprite.parts:
            sheet = Image.new("L", (side, side))
            sheet.paste(transformed(part), (left, top))
            masks.append(np.minimum(_shrunk(np.asarray(sheet, np.float32) / 255.0), hidden))
        return [*masks, hidden]

    def recoloured(self, canvas: Mask) -> Pixels:
        """Other light, contrast, saturation, sharpness and noise."""
        rng = self.rng
        picture = canvas
        if rng.random() < 0.8:
            grey = picture.mean(axis=2, keepdims=True)
            saturation = 0.0 if rng.random() < 0.06 else rng.uniform(0.5, 1.4)
            picture = grey + (picture - grey) * saturation
            mean, (contrast, light) = picture.mean(), rng.uniform(0.6, 1.4, 2)
            picture = (picture - mean) * contrast + mean * light
            picture = picture * rng.uniform(0.85, 1.15, 3).astype(np.float32)
        if rng.random() < 0.2:
            noise = rng.normal(0, rng.uniform(2, 12), picture.shape)
            picture = picture + noise.astype(np.float32)
        pixels = np.asarray(picture).clip(0, 255).astype(np.uint8)
        if rng.random() < 0.15:
            blurred = Image.fromarray(pixels).filter(
                ImageFilter.GaussianBlur(rng.uniform(0.4, 1.5))
            )
            pixels = np.asarray(blurred)
        return pixels


def _shrunk(mask: Mask) -> Mask:
    side = len(mask) // 4
    return mask.reshape(side, 4, side, 4).mean(axis=(1, 3))
