"""Pictures and clips with a textured disk on softly lit ground, and what is right about them."""

import numpy as np
import torch

from masklet.ops.resize import resize_logits
from masklet.ops.rle import decode

SIZE = (96, 128)


def disk(x, y, radius=18, size=SIZE):
    """`(height, width)` bool."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def texture(colour, seed, spread, blob):
    """`(height, width, 3)` uint8: lighter and darker blobs of so many pixels."""
    height, width = SIZE
    noise = np.random.default_rng(seed).normal(0, spread, (1, height // blob, width // blob))
    blobs = resize_logits(torch.from_numpy(noise), SIZE).numpy()[0]
    return np.clip(np.array(colour) + blobs[..., None], 0, 255).astype(np.uint8)


# The flow needs a rough object on smooth ground to see what comes out behind it, and GrabCut needs
# colours that differ from those of the ground.
GROUND = texture((60, 120, 70), seed=1, spread=15, blob=16)
SILK = texture((190, 70, 60), seed=2, spread=30, blob=4)
FUR = texture((190, 70, 60), seed=2, spread=60, blob=4)


def picture(mask):
    """Red silk where the mask is, green ground elsewhere."""
    return np.where(mask[..., None], SILK, GROUND)


def moving(x, y, step, frames=11, radius=18):
    """A disk of fur that takes its texture with it, `(frames, height, width, 3)`, and its masks."""
    masks = np.stack([disk(x + step * t, y, radius) for t in range(frames)])
    furs = [np.roll(FUR, step * t, axis=1) for t in range(frames)]
    pixels = [np.where(m[..., None], fur, GROUND) for m, fur in zip(masks, furs, strict=True)]
    return np.stack(pixels), masks


def iou(said, true):
    """Of two bool masks, or a run-length encoding and a mask."""
    said = decode(said) if isinstance(said, dict) else said
    return (said & true).sum() / (said | true).sum()
