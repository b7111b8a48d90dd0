"""Clips on their way into training: as they are stored, and as a training step takes them.

Shapes: V clips, T frames of a clip, K objects of a clip, F = V * T frames, B rows (objects of all
clips), H W stored pictures, S side of the training pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from masklet.errors import DatasetError


@dataclass(frozen=True, slots=True, eq=False)
class RawClips:
    """Clips as stored, before augmentation; a picture is a clip of one frame.

    Raises:
        DatasetError: a tensor has another type or shape than its name says.

    >>> clips = RawClips(
    ...     torch.zeros(2, 1, 3, 8, 8, dtype=torch.uint8),
    ...     torch.zeros(2, 1, 5, 8, 8, dtype=torch.bool),
    ...     torch.zeros(2, 1, 5, dtype=torch.bool),
    ...     ("cat", "dog"),
    ... )
    >>> len(clips), clips.size, clips.device
    (2, (8, 8), device(type='cpu'))
    """

    frames_VT3HW: Tensor
    """uint8 RGB."""
    masks_VTKHW: Tensor
    """bool; all False where an object is hidden, and where nothing is known of it."""
    known_VTK: Tensor
    """bool; False: nobody annotated that object on that frame, or there is no such object."""
    names: tuple[str, ...]
    """Of the clips."""

    def __post_init__(self) -> None:
        frames, masks, known = self.frames_VT3HW, self.masks_VTKHW, self.known_VTK
        check_tensor("frames_VT3HW", frames, torch.uint8, (None, None, 3, None, None))
        clips, length, _, height, width = frames.shape
        check_tensor("masks_VTKHW", masks, torch.bool, (clips, length, None, height, width))
        check_tensor("known_VTK", known, torch.bool, (clips, length, masks.shape[2]))
        _check_names(self.names, clips)

    def __len__(self) -> int:
        """How many clips there are."""
        return len(self.names)

    @property
    def length(self) -> int:
        """Frames of each clip."""
        return self.frames_VT3HW.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """`(height, width)` of the frames."""
        height, width = self.frames_VT3HW.shape[-2:]
        return height, width

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.frames_VT3HW.device

    def to(self, device: torch.device | str) -> "RawClips":
        """The same clips on a device; from pinned memory without waiting for the copy."""
        return replace(
            self,
            frames_VT3HW=self.frames_VT3HW.to(device, non_blocking=True),
            masks_VTKHW=self.masks_VTKHW.to(device, non_blocking=True),
            known_VTK=self.known_VTK.to(device, non_blocking=True),
        )

    def pin_memory(self) -> "RawClips":
        """The same clips in memory from which a device can copy on its own; loaders call this."""
        return replace(
            self,
            frames_VT3HW=self.frames_VT3HW.pin_memory(),
            masks_VTKHW=self.masks_VTKHW.pin_memory(),
            known_VTK=self.known_VTK.pin_memory(),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ClipBatch:
    """What a training step takes. There may be no rows at all, and then nothing to learn.

    Raises:
        DatasetError: a tensor has another type or shape than its name says.

    >>> batch = ClipBatch(
    ...     torch.zeros(4, 3, 16, 16),
    ...     torch.zeros(2, 3, 16, 16, dtype=torch.bool),
    ...     torch.ones(2, 3, dtype=torch.bool),
    ...     torch.tensor([[0, 0, 2], [1, 1, 3]]),
    ...     ("cat", "dog"),
    ... )
    >>> batch.clips, batch.length, batch.rows, batch.side
    (2, 2, 3, 16)
    """

    frames_F3SS: Tensor
    """float32 RGB, 0 to 1; the frame of clip v at time t is number v * T + t."""
    masks_TBSS: Tensor
    """bool."""
    known_TB: Tensor
    """bool; False: nothing is known of that object on that frame, and its mask says nothing."""
    row_to_frame_TB: Tensor
    """int64 into the frames; every row belongs to one clip."""
    names: tuple[str, ...]
    """Of the clips."""

    def __post_init__(self) -> None:
        frames, masks = self.frames_F3SS, self.masks_TBSS
        side = frames.shape[-1] if frames.dim() == 4 else None
        check_tensor("frames_F3SS", frames, torch.float32, (None, 3, side, side))
        check_tensor("masks_TBSS", masks, torch.bool, (None, None, side, side))
        length, rows = masks.shape[:2]
        check_tensor("known_TB", self.known_TB, torch.bool, (length, rows))
        check_tensor("row_to_frame_TB", self.row_to_frame_TB, torch.int64, (length, rows))
        if len(frames) != length * len(self.names):
            raise DatasetError(
                f"there are {len(frames)} frames of {len(self.names)} clips of {length}; expected "
                f"{length * len(self.names)}, those of each clip one after another. Give one name "
                "per clip and a mask per frame of a clip."
            )

    @property
    def clips(self) -> int:
        """V."""
        return len(self.names)

    @property
    def length(self) -> int:
        """T, the frames of each clip."""
        return self.masks_TBSS.shape[0]

    @property
    def rows(self) -> int:
        """B, the objects of all clips."""
        return self.masks_TBSS.shape[1]

    @property
    def side(self) -> int:
        """S, the side of the pictures."""
        return self.frames_F3SS.shape[-1]

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.frames_F3SS.device

    def to(self, device: torch.device | str) -> "ClipBatch":
        """The same batch on a device; from pinned memory without waiting for the copy."""
        return replace(
            self,
            frames_F3SS=self.frames_F3SS.to(device, non_blocking=True),
            masks_TBSS=self.masks_TBSS.to(device, non_blocking=True),
            known_TB=self.known_TB.to(device, non_blocking=True),
            row_to_frame_TB=self.row_to_frame_TB.to(device, non_blocking=True),
        )


def joined(clips: Sequence[RawClips]) -> RawClips:
    """Clips of the same size and length as one record; missing objects are filled up as not known.

    Raises:
        DatasetError: there are none, or they differ in size or length.

    >>> def blank(objects):
    ...     return RawClips(
    ...         torch.zeros(1, 2, 3, 8, 8, dtype=torch.uint8),
    ...         torch.zeros(1, 2, objects, 8, 8, dtype=torch.bool),
    ...         torch.ones(1, 2, objects, dtype=torch.bool),
    ...         (f"{objects} objects",),
    ...     )
    >>> both = joined([blank(1), blank(3)])
    >>> both.names, both.known_VTK[:, 0].tolist()
    (('1 objects', '3 objects'), [[True, False, False], [True, True, True]])
    """
    kinds = {(each.length, *each.size) for each in clips}
    if len(kinds) != 1:
        shown = ", ".join(f"{length}x{h}x{w}" for length, h, w in sorted(kinds)) or "no clips"
        raise DatasetError(
            f"{shown} were to be one batch (frames x height x width); expected clips that are all "
            "alike. Sample them with the same length and side."
        )
    objects = max(each.masks_VTKHW.shape[2] for each in clips)
    return RawClips(
        frames_VT3HW=torch.cat([each.frames_VT3HW for each in clips]),
        masks_VTKHW=torch.cat([_padded(each.masks_VTKHW, objects) for each in clips]),
        known_VTK=torch.cat([_padded(each.known_VTK, objects) for each in clips]),
        names=tuple(name for each in clips for name in each.names),
    )


def areas(masks: Tensor) -> Tensor:
    """The pixels of masks `(..., H, W)`, float32 `(...)`, which is exact up to 16 million.

    >>> areas(torch.ones(2, 4, 4, dtype=torch.bool)).tolist()
    [16.0, 16.0]
    """
    # Summing bools goes through int64, which takes six times as long on a CPU.
    return masks.float().sum(dim=(-2, -1))


def check_tensor(
    name: str, tensor: Tensor, dtype: torch.dtype, shape: tuple[int | None, ...]
) -> None:
    """Raise `DatasetError` unless a tensor is what its name says.

    Args:
        name: of the tensor, with the letters of its shape.
        tensor: what was given.
        dtype: what it has to be.
        shape: its sides; None where any will do.

    >>> check_tensor("known_TB", torch.zeros(2, 3), torch.bool, (2, None))
    Traceback (most recent call last):
    masklet.errors.DatasetError: known_TB is float32 of shape (2, 3); expected bool of shape (2, ...
    """
    fits = tensor.dim() == len(shape) and all(
        wanted in (None, side) for wanted, side in zip(shape, tensor.shape, strict=True)
    )
    if tensor.dtype != dtype or not fits:
        sides = ", ".join("any" if side is None else str(side) for side in shape)
        raise DatasetError(
            f"{name} is {_plain(tensor.dtype)} of shape {tuple(tensor.shape)}; expected "
            f"{_plain(dtype)} of shape ({sides}). Convert it, and check the order of its sides."
        )


def _check_names(names: tuple[str, ...], clips: int) -> None:
    if len(names) != clips:
        raise DatasetError(
            f"there are {len(names)} names for {clips} clips; expected one each. Name every clip."
        )


def _padded(values: Tensor, objects: int) -> Tensor:
    """With `objects` along the third dimension, the new ones False."""
    missing = objects - values.shape[2]
    if missing == 0:
        return values
    shape = (*values.shape[:2], missing, *values.shape[3:])
    return torch.cat([values, values.new_zeros(shape)], dim=2)


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
