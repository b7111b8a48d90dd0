"""The law by which items, objects and frames are drawn for training, the same for all that feed it.

Of a large source more is drawn than of a small one, but not in proportion; within an item every size
of object is as likely as any other, and regions less likely than objects and parts.

Shapes: I items, V drawn clips, T frames of a clip, O objects and N annotated frames of an item,
K objects of a clip.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from masklet.data.draws import Draws
from masklet.data.records import Kind


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How things are drawn."""

    source_power: float = 0.5
    """The share of a source is its number of items to this power: 1 in proportion, 0 all alike."""
    region_weight: float = 1 / 3
    """How likely a region is, against an object or a part of the same size."""
    parent_chance: float = 0.25
    """How often, after an object that is part of another one, that one is asked for, too."""
    most_stride: int = 1
    """How many annotated frames lie at most from one frame of a clip to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """What can be drawn of some items; what an item lacks has weight 0."""

    weights_VO: Tensor
    """float32: how likely each object is."""
    parents_VO: Tensor
    """int64: the object that each is a part of, -1 for none."""
    seen_VON: Tensor
    """bool: on which annotated frames it is visible."""
    last_VO: Tensor
    """int64: the last annotated frame on which something is known of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What is drawn of some items."""

    frames_VT: Tensor
    """int64: which of the annotated frames."""
    objects_VK: Tensor
    """int64: which objects, -1 where there is none; the first one always is."""


def object_weights(
    shares: Sequence[float], kinds: Sequence[Kind], region_weight: float
) -> list[float]:
    """How likely each object of an item is, so that each size is as likely as any other.

    Args:
        shares: of the frame that each object covers, above 0; sizes are told apart by octaves.
        kinds: of the objects.
        region_weight: of a region, where others have 1.

    >>> object_weights([0.3, 0.01, 0.011], ["instance", "instance", "region"], 0.5)
    [1.0, 0.5, 0.25]
    """
    octaves = [math.floor(math.log2(share)) for share in shares]
    counts = Counter(octaves)
    return [
        (region_weight if kind == "region" else 1.0) / counts[octave]
        for octave, kind in zip(octaves, kinds, strict=True)
    ]


def item_weights(source_I: Tensor, can_be_drawn_I: Tensor, power: float) -> Tensor:
    """How likely each item is, float64 `(I,)`.

    Args:
        source_I: int64, the number of its source.
        can_be_drawn_I: bool; the others have weight 0 and count for nothing.
        power: see `SamplingOptions.source_power`.

    >>> weights = item_weights(torch.tensor([0, 0, 0, 0, 1]), torch.ones(5).bool(), 0.5)
    >>> weights.tolist()
    [0.5, 0.5, 0.5, 0.5, 1.0]
    """
    can_I = can_be_drawn_I.double()
    count_S = torch.zeros(len(source_I), dtype=torch.float64, device=source_I.device)
    count_S.index_add_(0, source_I, can_I)
    return can_I * count_S[source_I].clamp(min=1) ** (power - 1)


def draw_items(weights_I: Tensor, count: int, draws: Draws) -> Tensor:
    """Items by weight, each as often as it comes, int64 `(count,)`; some weight is above 0.

    >>> draws = Draws(torch.Generator().manual_seed(0), torch.device("cpu"))
    >>> draw_items(torch.tensor([0.0, 1.0, 0.0]), 4, draws).tolist()
    [1, 1, 1, 1]
    """
    ends_I = weights_I.double().cumsum(0)
    # A number of 24 bits is just below 1, and so its place is just below the end.
    places = draws.uniform(0.0, 1.0, count).double() * ends_I[-1]
    return torch.searchsorted(ends_I, places, right=True)


def draw_windows(
    tables: Tables, *, length: int, objects: int, options: SamplingOptions, draws: Draws
) -> Window:
    """Frames and objects of items, each of which has an object that is known for long enough.

    A clip begins where its first object is visible and ends before that object's annotations do. The
    others are visible on the first frame, too.

    Args:
        tables: of the items.
        length: frames of each clip.
        objects: how many objects are drawn of each, if it has as many.
        options: the law.
        draws: for all that is drawn.

    >>> tables = Tables(
    ...     torch.ones(1, 2), torch.tensor([[-1, -1]]),
    ...     torch.tensor([[[True, True, True], [False, False, True]]]), torch.tensor([[2, 2]]),
    ... )
    >>> draws = Draws(torch.Generator().manual_seed(0), torch.device("cpu"))
    >>> window = draw_windows(
    ...     tables, length=3, objects=2, options=SamplingOptions(), draws=draws
    ... )
    >>> window.frames_VT.tolist(), window.objects_VK.tolist()
    ([[0, 1, 2]], [[0, -1]])
    """
    device = tables.weights_VO.device
    frame_N = torch.arange(tables.seen_VON.shape[2], device=device)
    starts_VON = tables.seen_VON & (frame_N + length - 1 <= tables.last_VO[..., None])
    lead_V = draws.pick(tables.weights_VO * starts_VON.any(dim=2))
    start_V = draws.pick(_of(starts_VON, lead_V).float())
    longest_V = (_of(tables.last_VO, lead_V) - start_V) // max(length - 1, 1)
    stride_V = _whole_up_to(longest_V.clamp(1, options.most_stride), draws)
    frames_VT = start_V[:, None] + stride_V[:, None] * torch.arange(length, device=device)
    clips_V = torch.arange(len(lead_V), device=device)
    seen_VO = tables.seen_VON[clips_V, :, start_V]
    objects_VK = _drawn_objects(tables.weights_VO * seen_VO, lead_V, objects, draws)
    parents_VK = _with_parents(objects_VK, tables.parents_VO, seen_VO, options, draws)
    return Window(frames_VT, parents_VK)


def seed_of(*parts: int) -> int:
    """A seed for a generator that depends on all the numbers and on their order.

    Use it with the seed of a run, the epoch, the step and the rank, so that every step can be drawn
    again without what came before it.

    >>> seed_of(0, 3, 17, 0) == seed_of(0, 3, 17, 0), seed_of(0, 3, 17, 0) == seed_of(0, 17, 3, 0)
    (True, False)
    """
    text = ",".join(str(part) for part in parts)
    # The host keeps seeds as signed 64-bit numbers.
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _of(values_VO: Tensor, object_V: Tensor) -> Tensor:
    return values_VO[torch.arange(len(object_V), device=object_V.device), object_V]


def _whole_up_to(most_V: Tensor, draws: Draws) -> Tensor:
    """Whole numbers from 1 to each of some numbers."""
    share_V = draws.uniform(0.0, 1.0, len(most_V))
    return (1 + (share_V * most_V).long()).minimum(most_V)


def _drawn_objects(weights_VO: Tensor, lead_V: Tensor, count: int, draws: Draws) -> Tensor:
    """The leading object and then others by weight, int64 `(V, K)`."""
    ranks_VO = draws.ranks(weights_VO).scatter(1, lead_V[:, None], torch.inf)
    found = min(count, weights_VO.shape[1])
    best_VK, objects_VK = ranks_VO.topk(found, dim=1)
    objects_VK = torch.where(best_VK > -torch.inf, objects_VK, -1)
    missing = objects_VK.new_full((len(objects_VK), count - found), -1)
    return torch.cat([objects_VK, missing], dim=1)


def _with_parents(
    objects_VK: Tensor, parents_VO: Tensor, seen_VO: Tensor, options: SamplingOptions, draws: Draws
) -> Tensor:
    """In some clips the last place is for what the leading object is a part of."""
    clips, places = objects_VK.shape
    is_asked_V = draws.happens(options.parent_chance, clips)
    if places == 1:
        return objects_VK
    parent_V = _of(parents_VO, objects_VK[:, 0])
    is_new_V = (parent_V >= 0) & (objects_VK != parent_V[:, None]).all(dim=1)
    is_asked_V = is_asked_V & is_new_V & _of(seen_VO, parent_V.clamp(min=0))
    last_V = torch.where(is_asked_V, parent_V, objects_VK[:, -1])
    return torch.cat([objects_VK[:, :-1], last_V[:, None]], dim=1)
