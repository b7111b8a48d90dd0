"""Read an item of a dataset for training: what can be drawn of it, and then what was drawn.

Masks and frames are stretched to a square, as SAM 2 does it with every picture.

Shapes: T frames, K objects of a clip, O objects and N annotated frames of an item, S side.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard, cast

import numpy as np
import torch
from torch import Tensor

from masklet.data.batches import RawClips
from masklet.data.packed_pictures import PackedPicture
from masklet.data.pictures import errors_of_dataset
from masklet.data.records import Clip, ImageDataset, Kind, Mask, Picture, VideoDataset
from masklet.data.sampling import SamplingOptions, Tables, object_weights
from masklet.errors import DatasetError
from masklet.io import json_parts as parts
from masklet.io.video import Frame
from masklet.ops import rle
from masklet.ops.resize import resize_image, resize_mask
from masklet.ops.rle import Rle
from masklet.types import ObjectId

AnyDataset: TypeAlias = VideoDataset | ImageDataset


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an item comes from, and how its objects belong together, as far as that is written."""

    source: str
    parents: Mapping[ObjectId, ObjectId]
    """The object that another one is a part of."""


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What can be drawn of an item: one object at least."""

    name: str
    frames: tuple[int, ...]
    """The annotated frames, ascending; of a picture 0."""
    object_ids: tuple[ObjectId, ...]
    kinds: tuple[Kind, ...]
    parents: tuple[int, ...]
    """The place of the object that each is a part of, -1 for none."""
    shares_ON: Tensor
    """float32: of the frame that each object covers; 0 where it is hidden, -1 where nobody knows."""
    specks: int
    """How many objects were left out because they are too small."""
    segmentations: tuple[Rle, ...] = ()
    """Of the objects of a picture."""

    @property
    def mean_share_O(self) -> Tensor:
        """Of the frame that each object covers, on the mean of the frames that show it."""
        is_seen_ON = self.shares_ON > 0
        return (self.shares_ON * is_seen_ON).sum(dim=1) / is_seen_ON.sum(dim=1)

    @property
    def last_O(self) -> Tensor:
        """int64: the last annotated frame on which something is known of each object."""
        frame_N = torch.arange(self.shares_ON.shape[1])
        return torch.where(self.shares_ON >= 0, frame_N, -1).amax(dim=1)

    @property
    def longest_window(self) -> int:
        """How many frames the longest clip has that can be drawn; see `draw_windows`."""
        first_O = (self.shares_ON > 0).int().argmax(dim=1)
        return int((self.last_O - first_O).max()) + 1


def origin_of(item: Clip | Picture, dataset: str) -> Origin:
    """Where an item comes from: of packed pictures what they say themselves, else the dataset.

    Raises:
        DatasetError: the annotations of a packed picture cannot be read.
    """
    if not isinstance(item, PackedPicture):
        return Origin(dataset, {})
    where = str(item.annotations)
    with errors_of_dataset():
        document = parts.parse_object(item.annotations.read(), where, "a picture's annotations")
        annotations = parts.objects(document, "annotations", where)
    image = document.get("image")
    source = image.get("source") if isinstance(image, dict) else None
    # Objects of packs count from 1, their parents point to places in the list.
    parents = {
        place + 1: annotation["parent"] + 1
        for place, annotation in enumerate(annotations)
        if type(annotation.get("parent")) is int and 0 <= annotation["parent"] < len(annotations)
    }
    return Origin(source if isinstance(source, str) else dataset, parents)


def contents_of(item: Clip | Picture, origin: Origin, *, side: int, smallest: float) -> Contents:
    """What can be drawn of an item; its annotations are read, of a clip all of them.

    Args:
        item: of a dataset.
        origin: of the item.
        side: of the square that it is stretched to.
        smallest: objects that never cover as many pixels of the square are left out.

    Raises:
        DatasetError: the annotations cannot be read, or no object is left.

    >>> from masklet.data.scenes.tiny import tiny_clips
    >>> clip = tiny_clips()[1]
    >>> contents = contents_of(clip, origin_of(clip, "tiny"), side=64, smallest=1)
    >>> contents.object_ids, (contents.shares_ON > 0).sum(dim=1).tolist()
    ((1, 2), [7, 10])
    """
    found = _of_picture(item) if is_picture(item) else _of_clip(cast("Clip", item))
    largest = [max(row, default=-1.0) for row in found.shares]
    kept = [n for n, share in enumerate(largest) if share * side**2 >= smallest and share > 0]
    specks = sum(share > 0 for share in largest) - len(kept)
    if not kept:
        raise DatasetError(
            f"{item.name} has no object that could be asked for, and {specks} that cover less than "
            f"{smallest:g} pixels of a {side}x{side} picture; expected one at least. Take it out of "
            "the training data, or allow smaller objects."
        )
    places = {found.object_ids[n]: place for place, n in enumerate(kept)}
    parents = {**found.parents, **origin.parents}
    return Contents(
        name=item.name,
        frames=found.frames,
        object_ids=tuple(places),
        kinds=tuple(found.kinds[n] for n in kept),
        parents=tuple(_parent(each, parents, places) for each in places),
        shares_ON=torch.tensor([found.shares[n] for n in kept]),
        specks=specks,
        segmentations=tuple(found.segmentations[n] for n in kept) if found.segmentations else (),
    )


def tables_of(contents: Contents, options: SamplingOptions) -> Tables:
    """The contents of one item as the law of sampling takes them."""
    shares = contents.mean_share_O.tolist()
    weights = object_weights(shares, contents.kinds, options.region_weight)
    return Tables(
        weights_VO=torch.tensor([weights]),
        parents_VO=torch.tensor([contents.parents]),
        seen_VON=contents.shares_ON[None] > 0,
        last_VO=contents.last_O[None],
    )


def read_clip(
    item: Clip | Picture,
    contents: Contents,
    *,
    frames: Sequence[int],
    objects: Sequence[int],
    side: int,
) -> RawClips:
    """Read some annotated frames with the masks of some objects, as a single clip.

    Args:
        item: of a dataset.
        contents: of the item.
        frames: places in `contents.frames`.
        objects: places in `contents.object_ids`; -1 for an object that is not there.
        side: of the square that everything is stretched to.

    Raises:
        DatasetError: something cannot be read, or a mask has another size than its frame.
        VideoError: a frame cannot be read.

    >>> from masklet.data.scenes.tiny import tiny_clips
    >>> clip = tiny_clips()[1]
    >>> contents = contents_of(clip, origin_of(clip, "tiny"), side=64, smallest=1)
    >>> read = read_clip(clip, contents, frames=[3, 4, 5], objects=[0, 1, -1], side=64)
    >>> read.known_VTK[0, 0].tolist(), read.masks_VTKHW.any(dim=(3, 4))[0].tolist()
    ([True, True, False], [[True, True, False], [False, True, False], [False, True, False]])
    """
    pixels = torch.zeros((1, len(frames), 3, side, side), dtype=torch.uint8)
    masks = torch.zeros((1, len(frames), len(objects), side, side), dtype=torch.bool)
    known = torch.zeros((1, len(frames), len(objects)), dtype=torch.bool)
    if is_picture(item):
        read = _picture_read(item, contents, objects)
    else:
        read = _frames_read(cast("Clip", item), contents, frames, objects)
    for time, (frame, drawn) in enumerate(read):
        pixels[0, time] = squared_frame(frame, side)
        for place, mask in drawn.items():
            _check_mask_size(mask, frame, f"{item.name}, frame {frames[time]}")
            known[0, time, place] = True
            masks[0, time, place] = squared_mask(mask, side)
    return RawClips(pixels, masks, known, (contents.name,))


def squared_frame(frame: Frame, side: int) -> Tensor:
    """A picture `(H, W, 3)` stretched to a square, uint8 `(3, S, S)`.

    >>> squared_frame(np.full((4, 6, 3), 7, np.uint8), 2).unique().tolist()
    [7]
    """
    pixels = torch.from_numpy(np.require(frame, requirements=["C", "W"])).permute(2, 0, 1)
    return resize_image(pixels[None].float(), (side, side))[0].round().to(torch.uint8)


def squared_mask(mask: Mask, side: int) -> Tensor:
    """A mask `(H, W)` stretched to a square, bool `(S, S)`: where half of a pixel is covered."""
    covered = torch.from_numpy(np.require(mask, requirements=["C", "W"]))
    return resize_mask(covered[None], (side, side))[0] >= 0.5


def is_picture(item: Clip | Picture) -> TypeGuard[Picture]:
    """Whether an item is a picture; else it is a clip."""
    return hasattr(type(item), "image")


@dataclass(frozen=True, slots=True)
class _Found:
    """The objects of an item, too small ones included; fields as in `Contents`."""

    frames: tuple[int, ...]
    object_ids: Sequence[ObjectId]
    kinds: Sequence[Kind]
    shares: Sequence[Sequence[float]]
    parents: Mapping[ObjectId, ObjectId] = field(default_factory=dict)
    """As far as the objects tell them themselves."""
    segmentations: Sequence[Rle] = ()


def _of_picture(picture: Picture) -> _Found:
    objects = picture.objects()
    shares = []
    for each in objects:
        height, width = each.segmentation["size"]
        shares.append([rle.area(each.segmentation) / (height * width)])
    return _Found(
        frames=(0,),
        object_ids=[each.object_id for each in objects],
        kinds=[each.kind for each in objects],
        shares=shares,
        parents={each.object_id: each.parent for each in objects if each.parent is not None},
        segmentations=[each.segmentation for each in objects],
    )


def _of_clip(clip: Clip) -> _Found:
    shares: dict[ObjectId, list[float]] = {}
    unknown = [-1.0] * len(clip.annotated)
    for place, frame_index in enumerate(clip.annotated):
        for object_id, mask in clip.truth(frame_index).masks.items():
            shares.setdefault(object_id, list(unknown))[place] = float(mask.mean())
    ids = sorted(shares)
    return _Found(
        frames=tuple(clip.annotated),
        object_ids=ids,
        kinds=["instance"] * len(ids),
        shares=[shares[each] for each in ids],
    )


def _parent(
    object_id: ObjectId, parents: Mapping[ObjectId, ObjectId], places: Mapping[ObjectId, int]
) -> int:
    parent = parents.get(object_id)
    return -1 if parent is None or parent == object_id else places.get(parent, -1)


def _picture_read(
    picture: Picture, contents: Contents, objects: Sequence[int]
) -> Iterator[tuple[Frame, dict[int, Mask]]]:
    """The picture with the masks that are asked for, by their place among those."""
    asked = {place: number for place, number in enumerate(objects) if number >= 0}
    decoded = {place: rle.decode(contents.segmentations[asked[place]]) for place in asked}
    yield picture.image(), decoded


def _frames_read(
    clip: Clip, contents: Contents, frames: Sequence[int], objects: Sequence[int]
) -> Iterator[tuple[Frame, dict[int, Mask]]]:
    """Every frame with the masks that are known, by their place among those that are asked for."""
    asked = {contents.object_ids[n]: place for place, n in enumerate(objects) if n >= 0}
    with clip.open() as source:
        for number in frames:
            frame_index = contents.frames[number]
            drawn = clip.truth(frame_index).masks
            known = {asked[each]: mask for each, mask in drawn.items() if each in asked}
            yield source[frame_index], known


def _check_mask_size(mask: Mask, frame: Frame, where: str) -> None:
    if mask.shape != frame.shape[:2]:
        (height, width), (mask_height, mask_width) = frame.shape[:2], mask.shape
        raise DatasetError(
            f"{where} is {width}x{height}, a mask of it {mask_width}x{mask_height} pixels; expected "
            "them to be equal. The masks are those of another picture, or one was resized."
        )
