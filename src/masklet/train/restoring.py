"""Pictures of which squares are missing are restored: a trunk learns from them without any truth.

The way of SimMIM (arXiv 2111.09886), which suits convolutions too, as they see all places: squares
become the mean colour, the whole image encoder sees what is left, one linear map of every stride-16
token tells the 16 x 16 pixels below it, and the missing ones are compared. That map, the head, is
part of a model only while this is what it learns.

Shapes: F pictures, S their side, L stride-16 tokens, C channels, N squares of a picture.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from masklet.errors import TrainingError
from masklet.model.preprocess import normalize
from masklet.model.sam2 import SAM2

_HEAD = "restoring_head"
_ENCODER = "image_encoder."
# The deepest stage has a token for so many pixels; the head tells those of a token of the neck.
_STRIDE, _CELL = 32, 16


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What is missing.

    Raises:
        TrainingError: a number lies outside its range.
    """

    masked: float = 0.6
    """The share of the squares of every picture that are missing."""
    patch: int = 32
    """The side of a square in pixels, a multiple of 32; it divides the side of the pictures."""

    def __post_init__(self) -> None:
        if not 0 < self.masked < 1:
            raise TrainingError(
                f"restore.masked is {self.masked}; expected a share between 0 and 1. Change it in "
                "the recipe, or with --set."
            )
        if self.patch <= 0 or self.patch % _STRIDE:
            raise TrainingError(
                f"restore.patch is {self.patch}; expected a multiple of {_STRIDE}, so that no token "
                "of the trunk sees both sides of an edge. Change it in the recipe, or with --set."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """Pictures, and what the network thinks is in their missing squares."""

    frames_F3SS: Tensor
    """As they were, 0 to 1."""
    masked_F1SS: Tensor
    """bool, what was missing."""
    guess_F3SS: Tensor
    """Of all pixels, normalised; of those that were there it means nothing."""

    @property
    def left_F3SS(self) -> Tensor:
        """What the network saw, 0 to 1."""
        return _denormalised(_blanked(normalize(self.frames_F3SS), self.masked_F1SS))

    @property
    def whole_F3SS(self) -> Tensor:
        """The pictures with the guess in their missing squares, 0 to 1."""
        guess_F3SS = _denormalised(self.guess_F3SS.float()).clamp(0, 1)
        return torch.where(self.masked_F1SS, guess_F3SS, self.frames_F3SS)


@dataclass(frozen=True, slots=True, eq=False)
class RestoreReport:
    """The mean error of the missing pixels, normalised: 0-d tensors on the device."""

    total: Tensor
    """The loss."""
    blank: Tensor
    """No loss: what the error would be if the squares stayed as they were shown."""


class RestoringHead(nn.Module):
    """A linear map of every token to its pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # No `nn.Linear`, which Muon would take for a hidden layer.
        self.weight = nn.Parameter(torch.empty(3 * _CELL * _CELL, width))
        self.bias = nn.Parameter(torch.zeros(3 * _CELL * _CELL))

    def forward(self, embedding_FLC: Tensor, grid: tuple[int, int]) -> Tensor:
        """Pixels of whole pictures, `(F, 3, S, S)`."""
        pixels_FLP = F.linear(embedding_FLC, self.weight, self.bias)
        pixels_FPHW = pixels_FLP.transpose(1, 2).unflatten(2, grid)
        return F.pixel_shuffle(pixels_FPHW, _CELL)


def add_head(model: SAM2, *, generator: torch.Generator) -> None:
    """Give a model a fresh head, and freeze everything that does not help to restore pictures.

    Args:
        model: that has none, of any trunk.
        generator: on the CPU, that draws the head.
    """
    for name, parameter in model.named_parameters():
        if not name.startswith(_ENCODER):
            parameter.requires_grad_(False)
    head = RestoringHead(model.config.width)
    nn.init.trunc_normal_(head.weight, std=0.02, generator=generator)
    model.add_module(_HEAD, head.to(model.device))


@contextmanager
def without_head(model: SAM2) -> Iterator[None]:
    """The model as everybody else knows it, for as long as the block runs; one without a head stays."""
    head = dict(model.named_children()).get(_HEAD)
    if head is None:
        yield
        return
    delattr(model, _HEAD)
    try:
        yield
    finally:
        model.add_module(_HEAD, head)


def restore(
    model: SAM2, frames_F3SS: Tensor, options: RestoreOptions, *, generator: torch.Generator
) -> Restored:
    """Hide squares of pictures and let the network guess what is there.

    Args:
        model: with a head; its mode and its precision are the caller's.
        frames_F3SS: 0 to 1, on the device of the model; a square divides their side.
        options: how much is hidden. As many squares of every picture, at least one.
        generator: that draws the squares, on any device.

    >>> from masklet.model.config import SAM2_1_TINY
    >>> model, dice = SAM2(SAM2_1_TINY), torch.Generator().manual_seed(0)
    >>> add_head(model, generator=dice)
    >>> restored = restore(model, torch.rand(2, 3, 128, 128), RestoreOptions(), generator=dice)
    >>> restored.masked_F1SS.float().mean()
    tensor(0.6250)
    >>> restoring_loss(restored).total.backward()
    """
    masked_F1SS = _draw_squares(frames_F3SS, options, generator)
    features = model.encode_image(_blanked(normalize(frames_F3SS), masked_F1SS))
    head = model.get_submodule(_HEAD)
    guess_F3SS = head(features.embedding_FLC, features.grid)
    return Restored(frames_F3SS, masked_F1SS, guess_F3SS)


def restoring_loss(restored: Restored) -> RestoreReport:
    """The mean absolute error over the missing pixels; the others do not count."""
    truth_F3SS = normalize(restored.frames_F3SS)
    masked_F1SS = restored.masked_F1SS
    count = 3 * masked_F1SS.sum()
    error_F3SS = (restored.guess_F3SS.float() - truth_F3SS).abs()
    return RestoreReport(
        total=error_F3SS.where(masked_F1SS, 0.0).sum() / count,
        blank=truth_F3SS.abs().where(masked_F1SS, 0.0).sum() / count,
    )


def _draw_squares(
    frames_F3SS: Tensor, options: RestoreOptions, generator: torch.Generator
) -> Tensor:
    """Which pixels are missing, bool `(F, 1, S, S)`."""
    count, across = len(frames_F3SS), frames_F3SS.shape[-1] // options.patch
    squares = across * across
    # With two squares or more one stays: of nothing nothing can be guessed.
    missing = max(min(round(options.masked * squares), squares - 1), 1)
    draws_FN = torch.rand((count, squares), generator=generator, device=generator.device)
    # The rank of a draw among those of its picture.
    rank_FN = draws_FN.argsort(dim=1).argsort(dim=1)
    is_missing_FN = (rank_FN < missing).to(frames_F3SS.device)
    is_missing_F1nn = is_missing_FN.reshape(count, 1, across, across)
    wide = is_missing_F1nn.repeat_interleave(options.patch, dim=2)
    return wide.repeat_interleave(options.patch, dim=3)


def _blanked(normalised_F3SS: Tensor, masked_F1SS: Tensor) -> Tensor:
    """With the mean colour, which is 0, where something is missing."""
    return normalised_F3SS.masked_fill(masked_F1SS, 0.0)


def _denormalised(normalised_F3SS: Tensor) -> Tensor:
    """What `normalize` makes these numbers of."""
    like = normalised_F3SS[:1, :, :1, :1]
    black, white = normalize(torch.zeros_like(like)), normalize(torch.ones_like(like))
    return (normalised_F3SS - black) / (white - black)
