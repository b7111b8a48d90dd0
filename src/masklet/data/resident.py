"""A store of training data that lies on the device: nothing is read, decoded or copied while training.

Shapes: I items, V drawn clips, T frames of a clip, K objects of a clip, O the most objects and N the
most frames of an item, S side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from masklet.data.batches import RawClips
from masklet.data.draws import Draws
from masklet.data.readings import AnyDataset
from masklet.data.sampling import (
    SamplingOptions,
    Tables,
    Window,
    draw_items,
    draw_windows,
    item_weights,
    object_weights,
)
from masklet.data.shelf import KINDS, Shelf, fill_shelf
from masklet.data.shelf_file import load_shelf, request_of, save_shelf
from masklet.errors import DatasetError


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How a store is made and drawn from."""

    side: int
    """Of the squares that frames are stretched to, a multiple of 8. With large-scale jitter up to 2,
    up to twice the side of the training pictures pays."""
    smallest: float = 1.0
    """Objects that never cover as many pixels of a square are left out."""
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    workers: int = 0
    """Processes that read; with 0 it is done here."""


def _silent(done: int, total: int) -> None:
    """No progress is shown."""


class ResidentStore:
    """Pictures and clips on a device.

    >>> from masklet.data.records import Dataset
    >>> from masklet.data.scenes.tiny import tiny_clips
    >>> tiny = Dataset("tiny", Path(), "generated", tiny_clips())
    >>> store = ResidentStore.build([tiny], StoreOptions(side=32), device="cpu")
    >>> generator = torch.Generator().manual_seed(0)
    >>> store.sample(5, objects=2, length=4, generator=generator).masks_VTKHW.shape
    torch.Size([5, 4, 2, 32, 32])
    """

    def __init__(self, shelf: Shelf, sampling: SamplingOptions) -> None:
        self.shelf = shelf
        self._sampling = sampling
        # Read on the host once, here.
        self.longest = int(shelf.window_I.max())
        """Frames of the longest clip that can be drawn."""
        self._most_objects = int(shelf.objects_I.max())
        self._most_frames = int(shelf.length_I.max())
        self._weight_O = _weights(shelf, sampling)

    @staticmethod
    def build(
        datasets: Sequence[AnyDataset],
        options: StoreOptions,
        *,
        device: torch.device | str,
        cache: Path | None = None,
        progress: Callable[[int, int], None] = _silent,
    ) -> "ResidentStore":
        """Read datasets into a store; what is broken is left out and told in `shelf.problems`.

        Args:
            datasets: pictures and clips.
            options: how.
            device: where it is to lie.
            cache: a file that is read if it holds the same items, prepared alike, and written if not.
                It is not seen when files change behind the same names and sizes: delete it then.
            progress: told how many items are read, and of how many.

        Raises:
            DatasetError: no item can be used, or the side is no multiple of 8.
            OutputError: the cache cannot be written.
        """
        request = request_of(datasets, side=options.side, smallest=options.smallest)
        shelf = load_shelf(cache, request, torch.device(device)) if cache else None
        if shelf is None:
            shelf = fill_shelf(
                datasets,
                side=options.side,
                smallest=options.smallest,
                workers=options.workers,
                progress=progress,
            )
            if cache is not None:
                save_shelf(shelf, cache, request)
        return ResidentStore(shelf.to(device), options.sampling)

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.shelf.frames_P3SS.device

    @property
    def bytes(self) -> int:
        """What it takes on its device."""
        return self.shelf.bytes

    def sample(
        self, count: int, *, objects: int, generator: torch.Generator, length: int = 1
    ) -> RawClips:
        """Draw clips, as `masklet.data.sampling` says.

        Args:
            count: how many clips.
            objects: of each clip at most; what is missing is not known.
            generator: for all that is drawn, on the device of the store if it is to be fast.
            length: frames of each clip; with 1 they are pictures, and frames of clips.

        Raises:
            DatasetError: no clip is as long.
        """
        if length > self.longest:
            raise DatasetError(
                f"clips of {length} frames were asked for; the longest stretch in which an object is "
                f"annotated has {self.longest}. Ask for shorter clips, or add longer videos."
            )
        shelf, draws = self.shelf, Draws(generator, self.device)
        can_I = shelf.window_I >= length
        weights_I = item_weights(shelf.source_I, can_I, self._sampling.source_power)
        item_V = draw_items(weights_I, count, draws)
        window = draw_windows(
            self._tables(item_V),
            length=length,
            objects=objects,
            options=self._sampling,
            draws=draws,
        )
        return self._taken(item_V, window)

    def _tables(self, item_V: Tensor) -> Tables:
        shelf = self.shelf
        place_O = torch.arange(self._most_objects, device=self.device)
        is_object_VO = place_O < shelf.objects_I[item_V, None]
        object_VO = torch.where(is_object_VO, shelf.first_object_I[item_V, None] + place_O, 0)
        frame_N = torch.arange(self._most_frames, device=self.device)
        is_mask_VON = is_object_VO[..., None] & (frame_N < shelf.length_I[item_V, None, None])
        mask_VON = torch.where(is_mask_VON, shelf.first_mask_O[object_VO][..., None] + frame_N, 0)
        return Tables(
            weights_VO=self._weight_O[object_VO] * is_object_VO,
            parents_VO=shelf.parent_O[object_VO],
            seen_VON=shelf.seen_M[mask_VON] & is_mask_VON,
            last_VO=shelf.last_O[object_VO],
        )

    def _taken(self, item_V: Tensor, window: Window) -> RawClips:
        shelf = self.shelf
        is_object_V1K = (window.objects_VK >= 0)[:, None]
        object_VK = shelf.first_object_I[item_V, None] + window.objects_VK.clamp(min=0)
        mask_VTK = shelf.first_mask_O[object_VK][:, None] + window.frames_VT[..., None]
        known_VTK = shelf.known_M[mask_VTK] & is_object_V1K
        masks_VTKSS = _unpacked(shelf.bits_MSC[mask_VTK]) & known_VTK[..., None, None]
        # Names are for people, so the host waits for the device here, once per batch.
        names = tuple(shelf.names[item] for item in item_V.tolist())
        frame_VT = shelf.first_frame_I[item_V, None] + window.frames_VT
        return RawClips(shelf.frames_P3SS[frame_VT], masks_VTKSS, known_VTK, names)


def _weights(shelf: Shelf, sampling: SamplingOptions) -> Tensor:
    """How likely each object is within its item."""
    shares, kinds = shelf.share_O.tolist(), [KINDS[kind] for kind in shelf.kind_O.tolist()]
    weights: list[float] = []
    for count in shelf.objects_I.tolist():
        own = slice(len(weights), len(weights) + count)
        weights += object_weights(shares[own], kinds[own], sampling.region_weight)
    return torch.tensor(weights, device=shelf.share_O.device)


def _unpacked(bits: Tensor) -> Tensor:
    """bool `(..., 8 * C)` of bytes `(..., C)`."""
    place_8 = torch.arange(8, dtype=torch.uint8, device=bits.device)
    return ((bits[..., None] >> place_8) & 1).bool().flatten(-2)
