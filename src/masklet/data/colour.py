"""Other light, colours, sharpness and grain, for whole batches of clips.

Shapes: V clips, T frames, S side; pixels are RGB from 0 to 1.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from masklet.data.draws import Draws

# How bright red, green and blue look: ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True)
class Jitter:
    """How far colours change at most, as shares: 0.1 is 0.9 to 1.1 times as much."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0


@dataclass(frozen=True, slots=True)
class ColourOptions:
    """How colours change. Without changes the released recipe's."""

    clip: Jitter = Jitter(brightness=0.1, contrast=0.03, saturation=0.03)
    """Of all frames of a clip alike."""
    frame: Jitter = Jitter(brightness=0.1, contrast=0.05, saturation=0.05)
    """Of each frame by itself."""
    hue: float = 0.0
    """How far colours turn around the circle at most, in degrees, per clip."""
    grey: float = 0.05
    """The share of clips without colours."""
    drift: float = 0.0
    """How much brighter or darker a clip is at its end than at its beginning at most, in stops."""
    blur: tuple[float, float] = (0.0, 0.0)
    """The share of blurred clips, and the largest standard deviation in pixels."""
    noise: tuple[float, float] = (0.0, 0.0)
    """The share of noisy clips, and the largest standard deviation, 0 to 1."""


def recoloured(frames_VT3SS: Tensor, options: ColourOptions, draws: Draws) -> Tensor:
    """The frames in other colours, 0 to 1.

    >>> frames = torch.rand(2, 3, 3, 8, 8)
    >>> draws = Draws(torch.Generator().manual_seed(0), frames.device)
    >>> grey = recoloured(frames, ColourOptions(grey=1.0), draws)
    >>> bool((grey[:, :, 0] - grey[:, :, 2]).abs().max() < 1e-5)
    True
    """
    matrices_VT33, offsets_VT = _drawn_colours(frames_VT3SS, options, draws)
    frames_VT3SS = torch.einsum("vtij,vtjhw->vtihw", matrices_VT33, frames_VT3SS)
    frames_VT3SS = frames_VT3SS + offsets_VT[:, :, None, None, None]
    if options.blur[0] > 0:
        frames_VT3SS = blurred(
            frames_VT3SS, _drawn_strengths(len(frames_VT3SS), options.blur, draws)
        )
    if options.noise[0] > 0:
        strength_V = _drawn_strengths(len(frames_VT3SS), options.noise, draws)
        grain = draws.normal(*frames_VT3SS.shape)
        frames_VT3SS = frames_VT3SS + strength_V[:, None, None, None, None] * grain
    return frames_VT3SS.clamp(0, 1)


def hue_matrices(angle: Tensor) -> Tensor:
    """`(..., 3, 3)`: turn colours by an angle in radians; greys stay, and so does their brightness.

    >>> third = hue_matrices(torch.tensor(2 * math.pi / 3))
    >>> (third @ torch.tensor([1.0, 0.0, 0.0])).round().abs().tolist()
    [0.0, 1.0, 0.0]
    """
    cos, sin = angle.cos()[..., None, None], angle.sin()[..., None, None] / math.sqrt(3)
    same = torch.eye(3, device=angle.device)
    across = angle.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    return cos * same + sin * across + (1 - cos) / 3


def light_paths(stops: float, clips: int, length: int, draws: Draws) -> Tensor:
    """Factors `(V, T)` around 1 that rise or fall steadily, by so many stops at most.

    >>> draws = Draws(torch.Generator().manual_seed(0), torch.device("cpu"))
    >>> light_paths(0.0, 1, 3, draws).tolist()
    [[1.0, 1.0, 1.0]]
    """
    times_T = torch.linspace(-0.5, 0.5, length, device=draws.device)
    return torch.exp2(draws.uniform(-stops, stops, clips, 1) * times_T)


def blurred(frames_VT3SS: Tensor, deviation_V: Tensor) -> Tensor:
    """Smoothed with a Gaussian of each clip's own width in pixels, from 0 to 2."""
    clips, length, _, height, width = frames_VT3SS.shape
    steps = torch.arange(-4, 5, device=frames_VT3SS.device)
    # With a width near 0 all weight is in the middle.
    weights = torch.exp(-0.5 * (steps / deviation_V.clamp(min=1e-3)[:, None]) ** 2)
    weights = (weights / weights.sum(dim=1, keepdim=True)).repeat_interleave(length * 3, dim=0)
    planes = frames_VT3SS.reshape(1, clips * length * 3, height, width)
    padded = F.pad(planes, (4, 4, 4, 4), mode="replicate")
    count = len(weights)
    rows = F.conv2d(padded, weights[:, None, None, :], groups=count)
    return F.conv2d(rows, weights[:, None, :, None], groups=count).view(frames_VT3SS.shape)


def _drawn_colours(
    frames_VT3SS: Tensor, options: ColourOptions, draws: Draws
) -> tuple[Tensor, Tensor]:
    """A matrix for the colours of every frame, and what is added to all three."""
    clips, length = frames_VT3SS.shape[:2]
    brightness_VT, contrast_VT, saturation_VT = (
        _factors(clip, clips, 1, draws) * _factors(frame, clips, length, draws)
        for clip, frame in (
            (options.clip.brightness, options.frame.brightness),
            (options.clip.contrast, options.frame.contrast),
            (options.clip.saturation, options.frame.saturation),
        )
    )
    is_grey_V1 = draws.happens(options.grey, clips, 1)
    saturation_VT = torch.where(is_grey_V1, 0.0, saturation_VT)
    brightness_VT = brightness_VT * light_paths(options.drift, clips, length, draws)
    luma_3 = frames_VT3SS.new_tensor(_LUMA)
    same = torch.eye(3, device=frames_VT3SS.device)
    # One of saturation 0 gives all three colours the brightness of the pixel.
    saturation = saturation_VT[..., None, None]
    mixing_VT33 = saturation * same + (1 - saturation) * luma_3.expand(3, 3)
    turn = math.radians(options.hue)
    hue_V33 = hue_matrices(draws.uniform(-turn, turn, clips))
    gain_VT = brightness_VT * contrast_VT
    mean_VT = torch.einsum("vtc,c->vt", frames_VT3SS.mean(dim=(3, 4)), luma_3)
    offset_VT = (1 - contrast_VT) * brightness_VT * mean_VT
    return gain_VT[..., None, None] * (hue_V33[:, None] @ mixing_VT33), offset_VT


def _factors(share: float, clips: int, length: int, draws: Draws) -> Tensor:
    return draws.uniform(1 - share, 1 + share, clips, length)


def _drawn_strengths(clips: int, option: tuple[float, float], draws: Draws) -> Tensor:
    chance, most = option
    return draws.uniform(0.0, most, clips) * draws.happens(chance, clips)
