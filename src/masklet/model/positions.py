"""Where a token is: sine grids, pointer times, random Fourier features, axial rotation.

The fixed tables depend on sizes alone and are made once per size and device; for `torch.compile`,
which looks through caches, they are constants (`compiling`).

Shapes: H W a grid, L = H * W its tokens, S tokens anywhere on it, C channels, K pointers, P points.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

_TEMPERATURE = 10_000.0


def sine_grid(grid: tuple[int, int], channels: int, device: torch.device) -> Tensor:
    """The two-dimensional sine table, `(L, C)`: rows in the first half of the channels.

    Rows and columns count 1 to n, divided by n + 1e-6 and turned into a full circle; sines and
    cosines alternate (DETR, arXiv 2005.12872, with normalised coordinates).
    """
    return _sine_grid(grid, channels, device)


@lru_cache(maxsize=32)
def _sine_grid(grid: tuple[int, int], channels: int, device: torch.device) -> Tensor:
    height, width = grid
    with torch.inference_mode(mode=False):
        y_H = _angles(_count(height, device), height, channels // 2)
        x_W = _angles(_count(width, device), width, channels // 2)
        table = torch.cat(
            [y_H[:, None].expand(-1, width, -1), x_W[None].expand(height, -1, -1)], dim=2
        )
        return table.reshape(height * width, channels)


def sine_places(places_S2: Tensor, grid: tuple[int, int], channels: int) -> Tensor:
    """What the sine grid is at any places, `(..., S, C)`.

    Args:
        places_S2: float32 `(..., S, 2)`, x then y in units of tokens: the tokens of the grid lie at
            whole numbers from 0 on.
        grid: the grid.
        channels: C.

    >>> places = torch.tensor([[1.0, 0.0], [1.5, 0.5]])
    >>> torch.equal(sine_places(places, (2, 3), 8)[0], sine_grid((2, 3), 8, places.device)[1])
    True
    """
    height, width = grid
    x_S, y_S = places_S2.unbind(dim=-1)
    return torch.cat(
        [_angles(y_S, height, channels // 2), _angles(x_S, width, channels // 2)], dim=-1
    )


def sine_times(times: Tensor, channels: int) -> Tensor:
    """Times as sines then cosines, `(..., channels)`; unlike the grid they do not alternate."""
    half = channels // 2
    steps = torch.arange(half, dtype=torch.float32, device=times.device)
    angles = times[..., None] / _TEMPERATURE ** (2 * (steps // 2) / half)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def rotary_table(
    grid: tuple[int, int], channels: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the axial rotation, `(L, C / 2)` each, for `rotate`.

    The first half of the pairs turns with x, the second with y (arXiv 2104.09864, in two axes).
    """
    return _rotary_table(grid, channels, device)


@lru_cache(maxsize=32)
def _rotary_table(
    grid: tuple[int, int], channels: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    height, width = grid
    with torch.inference_mode(mode=False):
        token = torch.arange(height * width, dtype=torch.float32, device=device)
        places_L2 = torch.stack([token % width, torch.div(token, width, rounding_mode="floor")], 1)
        return rotary_places(places_L2, channels)


def rotary_places(places_S2: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """What the rotary table is at any places, `(..., S, C / 2)` each; places as in `sine_places`.

    >>> cos, sin = rotary_places(torch.tensor([[1.0, 0.0], [1.5, 0.5]]), 8)
    >>> torch.equal(cos[0], rotary_table((2, 3), 8, cos.device)[0][1])
    True
    """
    pairs = torch.arange(0, channels, 4, dtype=torch.float32, device=places_S2.device)
    frequencies = 1.0 / _TEMPERATURE ** (pairs[: channels // 4] / channels)
    x_S, y_S = places_S2.unbind(dim=-1)
    angles = torch.cat([x_S[..., None] * frequencies, y_S[..., None] * frequencies], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x_BLC: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Turn adjacent pairs of channels by the table's angles, in float32.

    L may be a multiple of the table's length: memories of several frames, one after the other. Or
    the table has an angle for every token of every row.
    """
    if x_BLC.device.type == "cpu" and not torch.compiler.is_compiling():
        return _rotate_complex(x_BLC, table)
    return rotate_real(x_BLC, table)


def rotate_real(x_BLC: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """`rotate` in real numbers, as every device, the compiler and exports have them."""
    cos, sin = table
    batch, tokens, channels = x_BLC.shape
    if cos.dim() == 3:
        pairs = x_BLC.float().reshape(batch, tokens, channels // 2, 2)
    elif torch.compiler.is_compiling():
        # In a shape of its own, one frame would be compiled apart from several.
        frames = tokens // len(cos)
        cos, sin = cos.repeat(frames, 1), sin.repeat(frames, 1)
        pairs = x_BLC.float().reshape(batch, tokens, channels // 2, 2)
    else:
        frames = tokens // len(cos)
        pairs = x_BLC.float().reshape(batch, frames, len(cos), channels // 2, 2)
    a, b = pairs.unbind(dim=-1)
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1)
    return turned.reshape(batch, tokens, channels).to(x_BLC.dtype)


def _rotate_complex(x_BLC: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """`rotate` with pairs as complex numbers, in one pass over memory.

    On one thread of AMD EPYC the keys of seven memories take 3 instead of 27 ms (4096 tokens of 256
    channels each), and 0.14 instead of 2.4 (1024 of 96).
    """
    turns = torch.complex(*table)
    pairs = torch.view_as_complex(x_BLC.float().unflatten(2, (-1, 2)))
    if turns.dim() == 2:
        pairs = pairs.unflatten(1, (pairs.shape[1] // len(turns), len(turns)))
    turned = torch.view_as_real(pairs * turns)
    return turned.reshape(x_BLC.shape).to(x_BLC.dtype)


class LearnedTable:
    """Keeps the last table that was made of small weights, for as long as they hold its numbers.

    The numbers themselves are compared, not addresses or versions, which miss weights that are
    swapped or written to behind their back. That is worth its while on a CPU; elsewhere, and where
    gradients are wanted, the table is made anew.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[int, int], tuple[Tensor, ...], Tensor] | None = None

    def table(
        self, grid: tuple[int, int], weights: Sequence[Tensor], make: Callable[[], Tensor]
    ) -> Tensor:
        """`make()`, or what it gave last time for the same grid and the same weights."""
        trains = torch.is_grad_enabled() and any(weight.requires_grad for weight in weights)
        is_on_cpu = all(weight.device.type == "cpu" for weight in weights)
        if trains or not is_on_cpu or torch.compiler.is_compiling():
            return make()
        if self._kept is None or not self._holds(grid, weights):
            with torch.inference_mode(mode=False), torch.no_grad():
                copies = tuple(weight.detach().clone() for weight in weights)
                self._kept = (grid, copies, make())
        return self._kept[2]

    def _holds(self, grid: tuple[int, int], weights: Sequence[Tensor]) -> bool:
        assert self._kept is not None
        kept_grid, kept, _ = self._kept
        return kept_grid == grid and all(
            old.dtype == new.dtype and torch.equal(old, new)
            for old, new in zip(kept, weights, strict=True)
        )


class FourierPositions(nn.Module):
    """Random Fourier features of coordinates (arXiv 2006.10739), as SAM's prompts use them."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, channels // 2))
        self._grids = LearnedTable()

    def forward(self, xy: Tensor) -> Tensor:
        """Coordinates `(..., 2)`, x then y in 0..1, to `(..., C)`."""
        angles = (2 * xy - 1) @ self.positional_encoding_gaussian_matrix * (2 * math.pi)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def grid(self, grid: tuple[int, int]) -> Tensor:
        """The centre of every cell of a grid, `(L, C)`."""
        weights = (self.positional_encoding_gaussian_matrix,)
        return self._grids.table(grid, weights, lambda: self._grid_of(grid))

    def _grid_of(self, grid: tuple[int, int]) -> Tensor:
        height, width = grid
        device = self.positional_encoding_gaussian_matrix.device
        y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height
        x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        table: Tensor = self(torch.stack([columns, rows], dim=-1).reshape(-1, 2))
        return table


def _count(count: int, device: torch.device) -> Tensor:
    return torch.arange(count, dtype=torch.float32, device=device)


def _angles(places: Tensor, count: int, channels: int) -> Tensor:
    """Sines and cosines, alternating, of places on an axis of `count` tokens, `(..., channels)`."""
    turns = (places + 1) / (count + 1e-6) * (2 * math.pi)
    steps = torch.arange(channels, dtype=torch.float32, device=places.device)
    angles = turns[..., None] / _TEMPERATURE ** (2 * (steps // 2) / channels)
    return torch.stack([angles[..., 0::2].sin(), angles[..., 1::2].cos()], dim=-1).flatten(-2)
