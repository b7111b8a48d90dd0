"""What the official video predictor knows of one video: prompts, answers and who was tracked where.

As in the reference, every object has an account of its own, and what was prompted since the last
propagation is kept apart until the next one. Shapes: P points, C channels of a pointer, L tokens
and D channels of a spatial memory, S the side of the input, h w the mask-logit grid.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor

from masklet.compat.video_frames import VideoFrames
from masklet.memory.bank import Memory, MemoryBank
from masklet.model.tensors import FrameFeatures

ObjectId: TypeAlias = Hashable
"""Anything that can be the key of a dictionary, as in the reference."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Clicks and corners of one object on one frame, in pixels of the input."""

    points_P2: Tensor
    labels_P: Tensor

    def followed_by(self, more: "Points") -> "Points":
        """These points and then the others."""
        return Points(
            torch.cat([self.points_P2, more.points_P2]), torch.cat([self.labels_P, more.labels_P])
        )


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What one frame is for one object."""

    logits_hw: Tensor
    """After the filling of holes."""
    pointer_C: Tensor
    object_score: Tensor
    """0-d logit."""
    iou: Tensor
    """0-d."""
    spatial_LD: Tensor | None = None
    """None until a propagation begins, on frames that were prompted."""

    def memory(self, frame_index: int) -> Memory:
        """This answer as a memory."""
        assert self.spatial_LD is not None
        return Memory(frame_index, self.spatial_LD, self.pointer_C, self.object_score, self.iou)


@dataclass(slots=True, eq=False)
class Account:
    """Everything about one object, by frame; the order of entries is that of their making."""

    points: dict[int, Points] = field(default_factory=dict)
    masks_SS: dict[int, Tensor] = field(default_factory=dict)
    conditioning: dict[int, Answer] = field(default_factory=dict)
    others: dict[int, Answer] = field(default_factory=dict)
    new_conditioning: dict[int, Answer] = field(default_factory=dict)
    """Prompted since the last propagation, and to be conditioned on."""
    new_others: dict[int, Answer] = field(default_factory=dict)
    """Prompted since the last propagation, on frames that had been tracked."""
    tracked: dict[int, bool] = field(default_factory=dict)
    """By frame, whether it was last tracked backwards."""

    def known(self, frame_index: int) -> Answer | None:
        """The answer that the last propagation left."""
        return self.conditioning.get(frame_index) or self.others.get(frame_index)

    def drafts(self, *, conditioning: bool) -> dict[int, Answer]:
        """What was prompted since the last propagation, of one kind."""
        return self.new_conditioning if conditioning else self.new_others

    def prompted(self) -> list[int]:
        """The frames about which something is said."""
        return sorted({*self.points, *self.masks_SS})

    def bank(self, frame_index: int, reach: int) -> MemoryBank:
        """The memories that a frame may attend to: others only within so many frames."""
        near = range(frame_index - reach, frame_index + reach + 1)
        return MemoryBank(
            # In the order of their making: it breaks ties among equally close ones.
            tuple(answer.memory(frame) for frame, answer in self.conditioning.items()),
            tuple(self.others[frame].memory(frame) for frame in near if frame in self.others),
        )

    def forget_around(self, frame_index: int, reach: int) -> None:
        """Drop what was merely tracked within so many frames."""
        for frame in range(frame_index - reach, frame_index + reach + 1):
            self.others.pop(frame, None)

    def unprompt(self, frame_index: int) -> None:
        """Take back what was said about a frame; a conditioning answer becomes an ordinary one."""
        self.points.pop(frame_index, None)
        self.masks_SS.pop(frame_index, None)
        self.new_conditioning.pop(frame_index, None)
        self.new_others.pop(frame_index, None)
        answer = self.conditioning.pop(frame_index, None)
        if answer is not None:
            self.others[frame_index] = answer
            self.tracked.pop(frame_index, None)


class InferenceState(Mapping[str, Any]):  # Any: every key has a type of its own
    """What `init_state` returns, readable under the names that official programs use.

    Args:
        frames: the video.
        offload_state_to_cpu: whether masks and memories are kept in main memory.
        offload_video_to_cpu: as it was asked; frames are read when needed in any case.
        device: where the model computes.
    """

    features: tuple[int, FrameFeatures] | None
    """Of the frame that was looked at last."""

    def __init__(
        self,
        frames: VideoFrames,
        *,
        offload_video_to_cpu: bool,
        offload_state_to_cpu: bool,
        device: torch.device,
    ) -> None:
        self.frames = frames
        self.device = device
        self.storage_device = torch.device("cpu") if offload_state_to_cpu else device
        self.accounts: dict[ObjectId, Account] = {}
        self.object_ids: list[ObjectId] = []
        """The very list that is handed out; the reference empties it on reset."""
        self.features = None
        self._offload = (offload_video_to_cpu, offload_state_to_cpu)

    def account_of(self, object_id: ObjectId) -> Account:
        """The account of an object, a new one if it was never heard of."""
        if object_id not in self.accounts:
            self.accounts[object_id] = Account()
            self.object_ids.append(object_id)
        return self.accounts[object_id]

    def remove(self, object_id: ObjectId) -> Account:
        """Close the account of an object; lists handed out earlier stay as they are."""
        account = self.accounts.pop(object_id)
        self.object_ids = list(self.accounts)
        return account

    def reset(self) -> None:
        """Close all accounts, also for those who hold the list of objects."""
        self.accounts.clear()
        self.object_ids.clear()

    def answers_on(self, frame_index: int, *, conditioning: bool) -> list[Answer | None]:
        """What every object is on a frame: its draft of one kind, else what was known."""
        return [
            account.drafts(conditioning=conditioning).get(frame_index) or account.known(frame_index)
            for account in self.accounts.values()
        ]

    def __getitem__(self, key: str) -> Any:  # Any: as of the class
        view = self._view()
        if key not in view:
            raise KeyError(
                f"the inference state has no {key!r}; expected one of {', '.join(view)}. "
                "What lies deeper in the reference's state is private here."
            )
        return view[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._view())

    def __len__(self) -> int:
        return len(self._view())

    def _view(self) -> dict[str, Any]:  # Any: as of the class
        height, width = self.frames.size
        return {
            "images": self.frames,
            "num_frames": len(self.frames),
            "video_height": height,
            "video_width": width,
            "device": self.device,
            "storage_device": self.storage_device,
            "offload_video_to_cpu": self._offload[0],
            "offload_state_to_cpu": self._offload[1],
            "obj_ids": self.object_ids,
            "obj_id_to_idx": {object_id: row for row, object_id in enumerate(self.accounts)},
            "obj_idx_to_id": dict(enumerate(self.accounts)),
        }
