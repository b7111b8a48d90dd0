"""A tiny batch: coloured squares that move in straight lines before a grey ground."""

import torch

from masklet.data.batches import ClipBatch

SIDE = 64
COLOURS = ((0.9, 0.2, 0.2), (0.2, 0.3, 0.9), (0.2, 0.8, 0.3))


def tiny_batch(clips=2, frames=4, objects=2, hidden=(), seed=0):
    """`hidden` lists (frame, row) where the row's object is nowhere to be seen."""
    drawn = torch.Generator().manual_seed(seed)
    rows = clips * objects
    pictures = 0.5 + 0.05 * torch.randn(clips * frames, 3, SIDE, SIDE, generator=drawn)
    masks = torch.zeros(frames, rows, SIDE, SIDE, dtype=torch.bool)
    corner = torch.randint(4, 28, (rows, 2), generator=drawn)
    step = torch.randint(0, 6, (rows, 2), generator=drawn)
    for row in range(rows):
        for frame in range(frames):
            if (frame, row) in hidden:
                continue
            y, x = (corner[row] + frame * step[row]).tolist()
            masks[frame, row, y : y + 20, x : x + 16] = True
            place = row // objects * frames + frame
            colour = torch.tensor(COLOURS[row % objects])
            pictures[place, :, y : y + 20, x : x + 16] = colour[:, None, None]
        # What lies in front hides what lies behind.
        for behind in range(row // objects * objects, row):
            masks[:, behind] &= ~masks[:, row]
    return ClipBatch(
        frames_F3SS=pictures.clamp(0, 1),
        masks_TBSS=masks,
        known_TB=torch.ones(frames, rows, dtype=torch.bool),
        row_to_frame_TB=torch.arange(frames)[:, None]
        + torch.arange(clips).repeat_interleave(objects) * frames,
        names=tuple(f"clip {number}" for number in range(clips)),
    )
