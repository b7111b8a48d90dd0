"""Masklet's own models behind the protocols of `masklet.eval.methods`."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from masklet.errors import PromptError
from masklet.eval.methods import Answer
from masklet.image.predictor import ImageFeatures, ImagePredictor
from masklet.io.video import FrameSource
from masklet.memory.policy import MemoryPolicy
from masklet.memory.standard import StandardPolicy
from masklet.model.protocol import SegmentationModel
from masklet.ops.rle import decode
from masklet.tracking.checkpoints import Budgets
from masklet.tracking.session import Session
from masklet.tracking.spans import Context
from masklet.tracking.stream import encode_frames
from masklet.tracking.tracker import Tracker
from masklet.types import FrameMasks, MaskSet, ObjectId, Prompt

# A user who corrects a clip has it tracked again and again: 128 frames of a 1024 pixel model, or
# two thousand of a 256 pixel one, are encoded only once.
_BUDGETS = Budgets(feature_cache_bytes=2 << 30)


class PictureModel:
    """A model on pictures: encoded once, all objects of a question decoded together.

    A single first click gives three candidates, of which the one with the highest predicted IoU is
    the answer; further clicks go in with the logits of the answer before.

    Args:
        model: from `masklet.load`.
        name: for tables.
        input_size: side, or (height, width), of the network's input, multiples of 32; the model's
            own unless given.
        max_hole_area: holes of at most so many pixels are filled.
        max_speck_area: separate pieces of at most so many pixels are dropped.
        zoom: small objects are looked at again, as `ImagePredictor.zoom` does, after every answer.

    >>> import masklet
    >>> run = PictureModel(masklet.load(), name="small").open(np.zeros((48, 64, 3), np.uint8))
    >>> run.ask({1: Prompt.point(32, 24)})[1].mask.shape
    (48, 64)
    """

    def __init__(
        self,
        model: SegmentationModel,
        *,
        name: str,
        input_size: int | tuple[int, int] | None = None,
        max_hole_area: int = 0,
        max_speck_area: int = 0,
        zoom: bool = False,
    ) -> None:
        self.name = name
        self._zooms = zoom
        self._predictor = ImagePredictor(
            model, max_hole_area=max_hole_area, max_speck_area=max_speck_area
        )
        self._input_size = _sides(model, input_size)

    @property
    def settings(self) -> Mapping[str, Any]:  # Any: JSON
        """All that its masks depend on."""
        return {
            "model": self.name,
            "input_size": list(self._input_size),
            "dtype": _dtypes(self._predictor.model),
            "max_hole_area": self._predictor.max_hole_area,
            "max_speck_area": self._predictor.max_speck_area,
            "zoom": self._zooms,
        }

    def open(self, image: npt.NDArray[np.uint8]) -> "PictureModelRun":
        """Encode a picture, `(height, width, 3)` uint8 RGB. Raises `ImageError`."""
        features = self._predictor.encode(image, size=self._input_size)
        return PictureModelRun(self._predictor, features, image if self._zooms else None)


class PictureModelRun:
    """A picture that a model is asked about; `PictureModel.open` makes it."""

    def __init__(
        self,
        predictor: ImagePredictor,
        features: ImageFeatures,
        image: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        self._predictor = predictor
        self._features = features
        # For closer looks; None where none are taken.
        self._image = image
        # One mask each, as logits: what the next click of the object corrects.
        self._answers: dict[ObjectId, MaskSet] = {}

    def ask(self, prompts: Mapping[ObjectId, Prompt]) -> Mapping[ObjectId, Answer]:
        """The best mask for each prompt; what was said before of an object is forgotten."""
        found = self._predictor.predict(self._features, list(prompts.values()))
        return self._remembered(prompts, found.best())

    def refine(self, prompts: Mapping[ObjectId, Prompt]) -> Mapping[ObjectId, Answer]:
        """`ask`, each answer correcting the object's answer before.

        An object of which there is none, or whose whole prompt is a mask, is asked about anew.
        """
        known = {i: _pointed(said) for i, said in prompts.items() if self._corrects(i, said)}
        new = {i: said for i, said in prompts.items() if i not in known}
        answers = dict(self.ask(new))
        if known:
            before = _together([self._answers[i] for i in known])
            found = self._predictor.predict(self._features, list(known.values()), refine=before)
            answers |= self._remembered(known, found)
        return {i: answers[i] for i in prompts}

    def _corrects(self, object_id: ObjectId, said: Prompt) -> bool:
        is_pointed = len(said.points) > 0 or said.box is not None
        return object_id in self._answers and is_pointed

    def _remembered(
        self, asked: Mapping[ObjectId, Prompt], found: MaskSet
    ) -> dict[ObjectId, Answer]:
        """One mask each, in the order of the objects, after a closer look if that is wanted."""
        if self._image is not None:
            found = self._predictor.zoom(self._image, list(asked.values()), found)
        self._answers |= dict(zip(asked, found, strict=True))
        numbers = zip(asked, found.masks(), found.scores().tolist(), strict=True)
        return {i: Answer(mask, predicted_iou) for i, mask, predicted_iou in numbers}


class VideoModel:
    """A model on clips: streamed where nothing is corrected, a session where something is.

    With context "all" a corrected clip is tracked as SAM 2 does: every prompted frame conditions
    every other one, and after a correction the memories of earlier frames are computed again too,
    also where only later masks are asked for.

    Args:
        model: from `masklet.load`.
        name: for tables.
        policy: which memories, which mask, what stays; SAM 2's own rule unless given.
        input_size: side, or (height, width), of the network's input, multiples of 32; the model's
            own unless given.
        memory_dtype: how spatial memories are stored.
        max_rows: objects per call of the network; 1 makes an object's masks independent, bit for
            bit, of which others are tracked with it.
        context: from which prompted frames a frame of a corrected clip is tracked, as for
            `masklet.tracking.session.Session`.

    >>> import masklet
    >>> from masklet.io.arrays import ArrayVideo
    >>> method = VideoModel(masklet.load(), name="small")
    >>> video = ArrayVideo(np.zeros((3, 48, 64, 3), np.uint8))
    >>> walk = method.track(video, {1: {5: Prompt.point(32, 24)}}, non_overlap=True)
    >>> [frame.frame_index for frame in walk]
    [1, 2]
    """

    def __init__(
        self,
        model: SegmentationModel,
        *,
        name: str,
        policy: MemoryPolicy[Any] | None = None,  # Any: the state is the policy's own affair
        input_size: int | tuple[int, int] | None = None,
        memory_dtype: torch.dtype = torch.bfloat16,
        max_rows: int | None = None,
        context: Context = "all",
    ) -> None:
        self.name = name
        self._model = model
        self._policy = StandardPolicy() if policy is None else policy
        self._input_size = _sides(model, input_size)
        self._memory_dtype = memory_dtype
        self._max_rows = max_rows
        self._context: Context = context

    @property
    def settings(self) -> Mapping[str, Any]:  # Any: JSON
        """All that its masks depend on."""
        return {
            "model": self.name,
            "input_size": list(self._input_size),
            "dtype": _dtypes(self._model),
            "policy": repr(self._policy),
            "memory_dtype": str(self._memory_dtype),
            "max_rows": self._max_rows,
            "context": self._context,
        }

    def track(
        self,
        video: FrameSource,
        prompts: Mapping[int, Mapping[ObjectId, Prompt]],
        *,
        non_overlap: bool,
    ) -> Iterator[FrameMasks]:
        """The masks from the first prompted frame to the end, in constant memory.

        Frames before the first prompted one are not read.

        Raises:
            PromptError: a prompt does not fit its frame, or the clip does not have that frame.
        """
        _check_frames(prompts, len(video))
        start = min(prompts)
        tracker = Tracker(
            self._model,
            policy=self._policy,
            input_size=self._input_size,
            num_frames=len(video),
            first_frame=start,
            memory_dtype=self._memory_dtype,
            non_overlap=non_overlap,
            max_rows=self._max_rows,
        )
        stream = encode_frames(self._model, video.frames(start), input_size=tracker.input_size)
        for frame in stream:
            yield tracker.step_encoded(frame, prompts.get(tracker.state.frame_index)).kept()

    def open(self, video: FrameSource) -> "VideoModelRun":
        """Begin with a clip that is corrected again and again; reads its first frame."""
        return VideoModelRun(
            Session(
                self._model,
                video,
                policy=self._policy,
                input_size=self._input_size,
                context=self._context,
                memory_dtype=self._memory_dtype,
                max_rows=self._max_rows,
                budgets=_BUDGETS,
            )
        )


class VideoModelRun:
    """A clip that a model is corrected on; `VideoModel.open` makes it."""

    def __init__(self, session: Session[Any]) -> None:  # Any: the state of its policy
        self._session = session

    def prompt(self, object_id: ObjectId, frame_index: int, prompt: Prompt) -> Answer:
        """Add to what is said of an object on a frame. Raises what `Session.prompt` raises."""
        mask = self._session.prompt(object_id, frame_index, prompt).at(object_id)
        assert mask is not None
        return Answer(decode(mask.segmentation), mask.predicted_iou)

    def propagate(
        self, start: int, *, objects: Collection[ObjectId] | None = None
    ) -> Iterator[FrameMasks]:
        """Carry all that was said from frame `start` to the end; may be left at any frame."""
        # A session shows the frames on the way to `start` too, where they have to be tracked again.
        for frame in self._session.propagate(start, objects=objects):
            if frame.frame_index >= start:
                yield frame


def _check_frames(prompts: Collection[int], num_frames: int) -> None:
    lost = [frame for frame in sorted(prompts) if not 0 <= frame < num_frames]
    if lost:
        raise PromptError(
            f"frame {lost[0]} is prompted, but the clip has frames 0 to {num_frames - 1}; expected "
            "prompts on these. Do the annotations belong to another cut of the clip?"
        )


def _sides(model: SegmentationModel, size: int | tuple[int, int] | None) -> tuple[int, int]:
    given = model.config.image_size if size is None else size
    return (given, given) if isinstance(given, int) else given


def _dtypes(model: SegmentationModel) -> list[str]:
    """Of its weights, each kind once; empty for a model that is no torch module."""
    if not isinstance(model, torch.nn.Module):
        return []
    return sorted({str(each.dtype) for each in model.parameters()})


def _pointed(said: Prompt) -> Prompt:
    """Without its mask, which the answer to it stands for."""
    return Prompt(points=said.points, labels=said.labels, box=said.box)


def _together(answers: list[MaskSet]) -> MaskSet:
    """Sets of one mask as one set."""
    return replace(
        answers[0],
        logits=torch.cat([each.logits for each in answers]),
        iou=torch.cat([each.iou for each in answers]),
        object_score=torch.cat([each.object_score for each in answers]),
        prompt_index=tuple(range(len(answers))),
        close_ups={row: each.close_ups[0] for row, each in enumerate(answers) if each.close_ups},
    )
