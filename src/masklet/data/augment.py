"""From stored clips to what a training step takes, changed at random; the same on every device.

Geometry is drawn once per clip and applied in one look-up, so pictures and masks move together; then
objects of other clips are pasted, and then colours change.

Shapes: V clips, T frames, K objects, B rows, S side.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from masklet.data.batches import ClipBatch, RawClips, areas
from masklet.data.colour import ColourOptions, Jitter, recoloured
from masklet.data.draws import Draws
from masklet.data.paste import PasteOptions, pasted
from masklet.data.views import Scene, ViewOptions, draw_view, seen


@dataclass(frozen=True, slots=True)
class AugmentOptions:
    """How clips are changed. Without changes as in the recipe released with SAM 2.1."""

    view: ViewOptions = field(default_factory=ViewOptions)
    colour: ColourOptions = field(default_factory=ColourOptions)
    paste: PasteOptions = field(default_factory=PasteOptions)
    reverse: float = 0.0
    """The share of clips that run backwards, where the objects of the first frame are on the last."""
    smallest: int = 1
    """The fewest pixels of an object on the first frame."""
    largest: float = 1.0
    """The largest share of the first frame that an object covers."""
    misfits: Literal["drop", "keep"] = "drop"
    """What becomes of objects that are known on the first frame but hidden there, out of view, or
    of another size: they are left out, or they stay, perhaps without a mask to begin with."""


RELEASED = AugmentOptions()
"""For fine-tuning: what the recipe released with SAM 2.1 does."""

FROM_SCRATCH = AugmentOptions(
    view=ViewOptions(
        turn=15.0,
        lean=10.0,
        scale=(0.5, 2.5),
        tries=4,
        staying=0.5,
        mosaic=0.05,
        fills_with_others=True,
    ),
    colour=ColourOptions(
        clip=Jitter(brightness=0.3, contrast=0.3, saturation=0.4),
        hue=15.0,
        drift=0.3,
        blur=(0.15, 1.5),
        noise=(0.2, 0.05),
    ),
    paste=PasteOptions(chance=0.5),
    reverse=0.5,
    # Nine cells of mask logits: a network that knows nothing yet learns nothing from less.
    smallest=144,
    largest=0.9,
)
"""For training from scratch on little data: large-scale jitter and copy-paste above all."""

UNCHANGED = AugmentOptions(
    view=ViewOptions(mirror=0.0, turn=0.0, lean=0.0),
    colour=ColourOptions(clip=Jitter(), frame=Jitter(), grey=0.0),
)
"""Clips are only resized."""


def augment(
    raw: RawClips, options: AugmentOptions, *, side: int, generator: torch.Generator
) -> ClipBatch:
    """Change clips at random and make them a batch.

    Rows are the objects that are annotated on the first frame, and fit as the options say; there may
    be none. What is unknown stays unknown.

    Args:
        raw: clips on any device, which is where the work is done.
        options: how they are changed.
        side: of the training pictures; stored ones are stretched to the square as SAM 2 does it.
        generator: for all that is drawn, on the device of the clips if it is to be fast.

    >>> raw = RawClips(
    ...     torch.full((2, 3, 3, 32, 32), 128, dtype=torch.uint8),
    ...     torch.ones(2, 3, 1, 32, 32, dtype=torch.bool),
    ...     torch.ones(2, 3, 1, dtype=torch.bool),
    ...     ("a", "b"),
    ... )
    >>> batch = augment(raw, RELEASED, side=64, generator=torch.Generator().manual_seed(0))
    >>> batch.frames_F3SS.shape, batch.row_to_frame_TB.T.tolist()
    (torch.Size([6, 3, 64, 64]), [[0, 1, 2], [3, 4, 5]])
    """
    draws = Draws(generator, raw.device)
    raw = _some_reversed(raw, options.reverse, draws)
    view = draw_view(raw, options.view, side, draws)
    scene = seen(raw, view, fills_with_others=options.view.fills_with_others, draws=draws)
    scene = pasted(scene, options.paste, draws)
    frames_VT3SS = recoloured(scene.frames_VT3SS, options.colour, draws)
    # The number of rows decides about shapes, so the host waits for it here, once per batch.
    clip_B, object_B = _rows(scene, options).nonzero(as_tuple=True)
    times_T1 = torch.arange(raw.length, device=raw.device)[:, None]
    return ClipBatch(
        frames_F3SS=frames_VT3SS.flatten(0, 1),
        masks_TBSS=scene.masks_VTKSS[clip_B, :, object_B].transpose(0, 1),
        known_TB=scene.known_VTK[clip_B, :, object_B].T,
        row_to_frame_TB=clip_B * raw.length + times_T1,
        names=raw.names,
    )


def _some_reversed(raw: RawClips, share: float, draws: Draws) -> RawClips:
    """Some clips backwards, if nothing is lost by it: what is seen first is seen last, too."""
    if share == 0 or raw.length == 1:
        return raw
    clips, length = len(raw), raw.length
    is_there_VTK = raw.masks_VTKHW.flatten(3).any(dim=3) & raw.known_VTK
    stays_V = (is_there_VTK[:, -1] | ~is_there_VTK[:, 0]).all(dim=1)
    is_reversed_V1 = (draws.happens(share, clips) & stays_V)[:, None]
    times_T = torch.arange(length, device=raw.device)
    times_VT = torch.where(is_reversed_V1, length - 1 - times_T, times_T)
    clips_V1 = torch.arange(clips, device=raw.device)[:, None]
    return RawClips(
        frames_VT3HW=raw.frames_VT3HW[clips_V1, times_VT],
        masks_VTKHW=raw.masks_VTKHW[clips_V1, times_VT],
        known_VTK=raw.known_VTK[clips_V1, times_VT],
        names=raw.names,
    )


def _rows(scene: Scene, options: AugmentOptions) -> Tensor:
    """Which objects of which clips become rows, bool `(V, K)`."""
    known_VK = scene.known_VTK[:, 0]
    if options.misfits == "keep":
        return known_VK
    first_VKSS = scene.masks_VTKSS[:, 0]
    area_VK = areas(first_VKSS)
    most = options.largest * first_VKSS.shape[-1] ** 2
    return known_VK & (area_VK >= options.smallest) & (area_VK <= most)
