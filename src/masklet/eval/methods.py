"""What can be evaluated: anything that answers prompts on pictures or carries masks through clips.

Masklet's own models (`masklet.eval.model_methods`) and classical methods (`masklet.eval.classical`)
stand behind the same two protocols, so every table can hold both.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from masklet.data.records import Mask
from masklet.io.video import FrameSource
from masklet.types import FrameMasks, ObjectId, Prompt


@dataclass(frozen=True, slots=True)
class Answer:
    """A mask and what the method itself thinks of it."""

    mask: Mask
    predicted_iou: float | None = None
    """None where the method does not say."""


class PictureMethod(Protocol):
    """Masks in pictures."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def settings(self) -> Mapping[str, Any]:  # Any: JSON
        """All that its masks depend on."""

    def open(self, image: npt.NDArray[np.uint8]) -> "PictureRun":
        """Begin with a picture, `(height, width, 3)` uint8 RGB."""


class PictureRun(Protocol):
    """A picture that is being asked about."""

    def ask(self, prompts: Mapping[ObjectId, Prompt]) -> Mapping[ObjectId, Answer]:
        """The best mask for each prompt; what was said before of an object is forgotten."""

    def refine(self, prompts: Mapping[ObjectId, Prompt]) -> Mapping[ObjectId, Answer]:
        """`ask` with all that was said of each object so far, clicks added: the method may look at
        its earlier answers."""


class VideoMethod(Protocol):
    """Masks through clips."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def settings(self) -> Mapping[str, Any]:  # Any: JSON
        """All that its masks depend on."""

    def track(
        self,
        video: FrameSource,
        prompts: Mapping[int, Mapping[ObjectId, Prompt]],
        *,
        non_overlap: bool,
    ) -> Iterator[FrameMasks]:
        """The masks from the first prompted frame to the end, frame by frame.

        Args:
            video: the frames.
            prompts: by frame, what is said about which object. Objects may begin on different
                frames; before its first prompt an object has no mask.
            non_overlap: whether a pixel belongs to one object at most.
        """

    def open(self, video: FrameSource) -> "VideoRun":
        """Begin with a clip that is corrected again and again."""


class VideoRun(Protocol):
    """A clip that is being corrected; it remembers everything that was said."""

    @abstractmethod
    def prompt(self, object_id: ObjectId, frame_index: int, prompt: Prompt) -> Answer:
        """Add to what is said of an object on a frame; the answer there, at once."""

    @abstractmethod
    def propagate(
        self, start: int, *, objects: Collection[ObjectId] | None = None
    ) -> Iterator[FrameMasks]:
        """Carry all that was said from frame `start` to the end; may be left at any frame.

        An object has no mask before the first frame on which it is prompted.
        """
