"""Clips whose colours tell the truth: red is the first object, green the second, blue the third."""

import torch

from masklet.data.batches import RawClips
from masklet.data.draws import Draws

SIDE = 48


def coded(masks_VTKHW, known=None, names=None):
    """Pixels are full of an object's colour where it is, and nothing elsewhere."""
    clips, length, objects, height, width = masks_VTKHW.shape
    frames = torch.zeros(clips, length, 3, height, width, dtype=torch.uint8)
    frames[:, :, :objects] = masks_VTKHW.to(torch.uint8) * 255
    known = torch.ones(clips, length, objects, dtype=torch.bool) if known is None else known
    return RawClips(frames, masks_VTKHW, known, names or tuple(f"clip {n}" for n in range(clips)))


def blobs(clips=3, length=2, objects=3, side=SIDE):
    """Discs of many places and sizes, which overlap and move; the same ones every time."""
    drawn = generator(5)
    middle = side * (0.25 + 0.5 * torch.rand(clips, length, objects, 2, generator=drawn))
    radius = side * (0.1 + 0.15 * torch.rand(clips, 1, objects, generator=drawn))
    line = torch.arange(side) + 0.5
    down = (line[:, None] - middle[..., 1, None, None]) ** 2
    across = (line - middle[..., 0, None, None]) ** 2
    return down + across < radius[..., None, None] ** 2


def frames_by_clip(batch):
    """`(V, T, 3, S, S)`."""
    return batch.frames_F3SS.unflatten(0, (batch.clips, batch.length))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draws(seed=0):
    return Draws(generator(seed), torch.device("cpu"))
