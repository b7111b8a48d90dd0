"""Replay a scenario on an implementation: the same inputs, the same calls, in the same order.

An adapter stands between this file and an implementation. Arrays are torch's or numpy's, float32.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor

from tests.parity import inputs
from tests.parity.recording import KEPT, KEPT_OF_MANY, Recording, to_numpy
from tests.parity.scenarios import Scenario, UnreadableError

Values: TypeAlias = Tensor | npt.NDArray[np.generic]
Picture: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Question:
    """The arguments of one prediction on an image, as the reference takes them."""

    points: npt.NDArray[np.float32] | None
    """`(P, 2)` or `(B, P, 2)`, pixels of the image."""
    labels: npt.NDArray[np.int32] | None
    box: npt.NDArray[np.float32] | None
    """`(4,)` or `(B, 4)`, x0 y0 x1 y1."""
    mask_input: npt.NDArray[np.float32] | None
    """`(1, h, w)` logits of an earlier answer."""
    multimask: bool


class Answer(NamedTuple):
    """Raw logits at the size of the image, predicted IoU, small logits clamped to 32."""

    masks: Values
    iou: Values
    low_res: Values


class ImageAdapter(Protocol):
    """What an image scenario needs of an implementation."""

    def set_image(self, image: Picture) -> None:
        """Encode an image."""

    def features(self) -> Mapping[str, Values]:
        """`image_embed`, `high_res_0`, `high_res_1`, and perhaps `fpn_0..2` and `pos_0..2`."""

    def predict(self, question: Question) -> Answer:
        """Masks `(C, H, W)`, or `(B, C, H, W)` for several boxes or rows of points."""

    def predict_batch(
        self, images: Sequence[Picture], questions: Sequence[Question]
    ) -> Sequence[Answer]:
        """Encode several images together and ask one question about each."""


class Shown(NamedTuple):
    """What a video call shows: a frame, its objects, their logits `(N, 1, H, W)`."""

    frame_index: int
    object_ids: Sequence[int]
    logits: Values


class VideoAdapter(Protocol):
    """What a video scenario needs of an implementation; it holds the state of one clip."""

    def start(self, frames: Sequence[Picture], image_size: int) -> None:
        """Begin with a clip, frames resized by Pillow (`masklet.ops.resize.resize_frame_pil`)."""

    def add_points(
        self,
        frame_index: int,
        object_id: int,
        points: Sequence[Sequence[float]] | None,
        labels: Sequence[int] | None,
        box: Sequence[float] | None,
        *,
        clear_old_points: bool,
    ) -> Shown:
        """Prompt with clicks, a box or both, pixels of the video."""

    def add_mask(self, frame_index: int, object_id: int, mask: npt.NDArray[np.bool_]) -> Shown:
        """Prompt with a mask."""

    def propagate(
        self, start: int | None, max_frames: int | None, *, reverse: bool
    ) -> Iterator[Shown]:
        """Track; `max_frames` counts the frames after the first."""

    def remove_object(self, object_id: int) -> tuple[Sequence[int], Iterable[tuple[int, Values]]]:
        """Forget an object: who is left, and the frames whose masks changed."""

    def clear_prompts(self, frame_index: int, object_id: int) -> Shown:
        """Take back what was said about an object on a frame."""

    def reset(self) -> None:
        """Forget all objects."""

    def peek(self, object_id: int, frame_index: int) -> Mapping[str, Values | bool | None]:
        """Any of `low_res`, `score`, `ptr`, `maskmem` and `is_cond` that is kept for a frame."""


def replay_image(scenario: Scenario, adapter: ImageAdapter) -> Recording:
    """One image, one prompt at a time, then a batch of images if there is one."""
    fields = scenario.fields
    recording = Recording()
    adapter.set_image(picture_of(fields["image"]))
    for name, values in adapter.features().items():
        recording.add(f"feat/{name}", values)
    small: dict[str, npt.NDArray[np.float32]] = {}
    for prompt in fields["prompts"]:
        answer = adapter.predict(question(prompt, small))
        small[prompt["name"]] = to_numpy(answer.low_res)
        record_answer(recording, prompt["name"], answer)
    if fields.get("batch"):
        images, questions = batch_of(fields["batch"])
        for number, answer in enumerate(adapter.predict_batch(images, questions)):
            record_answer(recording, f"batch{number}", answer)
    return recording


def question(prompt: Mapping[str, Any], small: Mapping[str, npt.NDArray[np.float32]]) -> Question:
    """A prompt of a scenario; `small` holds the small logits of earlier answers by name."""
    source = prompt.get("mask_input")
    return Question(
        points=_array(prompt.get("point_coords"), np.float32),
        labels=_array(prompt.get("point_labels"), np.int32),
        box=_array(prompt.get("box"), np.float32),
        mask_input=None if source is None else small[source["from"]][source["index"]][None],
        multimask=prompt["multimask_output"],
    )


def batch_of(batch: Mapping[str, Any]) -> tuple[list[Picture], list[Question]]:
    """The images of a scenario's batch and what is asked about each."""
    images = [picture_of(image) for image in batch["images"]]
    questions = []
    for number in range(len(images)):
        own = {
            name: None if batch.get(plural) is None else batch[plural][number]
            for name, plural in (
                ("point_coords", "point_coords"),
                ("point_labels", "point_labels"),
                ("box", "boxes"),
            )
        }
        questions.append(question({**own, "multimask_output": batch["multimask_output"]}, {}))
    return images, questions


def record_answer(recording: Recording, name: str, answer: Answer) -> None:
    """Keep the three arrays of an answer."""
    recording.add(f"{name}/masks", answer.masks)
    recording.add(f"{name}/iou", answer.iou)
    recording.add(f"{name}/low_res", answer.low_res)


def replay_video(scenario: Scenario, adapter: VideoAdapter) -> Recording:
    """One clip, step by step; `sSS/` is the step, `nNNN_fFFF/` the frame that it shows."""
    video = scenario.fields["video"]
    frames = inputs.clip(
        video["h"], video["w"], video["n_frames"], video["seed"], video["n_objects"]
    )
    for blank in video.get("blank") or ():
        # A flat colour, as if something passed in front of the camera.
        frames[blank] = np.full_like(frames[blank], 90)
    recording = Recording()
    adapter.start(frames, scenario.fields["image_size"])
    for number, step in enumerate(scenario.fields["steps"]):
        _replay_step(recording, f"s{number:02d}", step, video, adapter)
    return recording


def _replay_step(
    recording: Recording,
    tag: str,
    step: Mapping[str, Any],
    video: Mapping[str, Any],
    adapter: VideoAdapter,
) -> None:
    match step["op"]:
        case "add_points":
            shown = adapter.add_points(
                step["frame_idx"],
                step["obj_id"],
                step.get("points"),
                step.get("labels"),
                step.get("box"),
                clear_old_points=step.get("clear_old_points", True),
            )
            _record_prompted(recording, tag, shown)
        case "add_mask":
            mask = _mask(step["mask"], video)
            shown = adapter.add_mask(step["frame_idx"], step["obj_id"], mask)
            _record_prompted(recording, tag, shown)
        case "propagate":
            propagated = adapter.propagate(
                step.get("start_frame_idx"),
                step.get("max_frame_num_to_track"),
                reverse=step.get("reverse", False),
            )
            for order, shown in enumerate(propagated):
                _record_tracked(recording, f"{tag}/n{order:03d}_f{shown[0]:03d}", shown, adapter)
        case "remove_object":
            left, changed = adapter.remove_object(step["obj_id"])
            recording.add(f"{tag}/obj_ids", np.array(list(left)))
            for frame_index, logits in changed:
                recording.add(f"{tag}/f{frame_index:03d}/video_res", logits)
        case "clear_prompts":
            shown = adapter.clear_prompts(step["frame_idx"], step["obj_id"])
            recording.add(f"{tag}/video_res", shown[2])
        case "reset":
            adapter.reset()
        case unknown:
            raise UnreadableError(f"the scenario asks for {unknown!r}, which no adapter offers")


def _record_prompted(recording: Recording, tag: str, shown: Shown) -> None:
    _, object_ids, logits = shown
    recording.add(f"{tag}/obj_ids", np.array(list(object_ids)))
    recording.add(f"{tag}/video_res", logits)


def _record_tracked(recording: Recording, tag: str, shown: Shown, adapter: VideoAdapter) -> None:
    frame_index, object_ids, logits = shown
    recording.add(f"{tag}/obj_ids", np.array(list(object_ids)))
    recording.add(f"{tag}/video_res", logits, KEPT_OF_MANY)
    for object_id in object_ids:
        kept = adapter.peek(object_id, frame_index)
        for name in ("low_res", "score", "ptr", "maskmem"):
            size = KEPT_OF_MANY if name == "maskmem" else KEPT
            recording.add(f"{tag}/o{object_id}/{name}", kept.get(name), size)
        if "is_cond" in kept:
            recording.add(f"{tag}/o{object_id}/is_cond", [float(bool(kept["is_cond"]))])


def _mask(mask: Mapping[str, Any], video: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    size = (mask.get("h", video["h"]), mask.get("w", video["w"]))
    match mask["kind"]:
        case "object":
            return inputs.figure_mask(
                size, video["seed"], video["n_objects"], mask["index"], mask["t"]
            )
        case "blob":
            return inputs.blob_mask(*size, mask["seed"])
        case "empty":
            return np.zeros((video["h"], video["w"]), dtype=np.bool_)
        case unknown:
            raise UnreadableError(f"the scenario asks for a mask of kind {unknown!r}")


def picture_of(image: Mapping[str, int]) -> Picture:
    """The picture that a scenario describes."""
    return inputs.picture(image["h"], image["w"], image["seed"], image["n_objects"])


# Any: numbers in lists, as JSON nests them.
def _array(values: Any, dtype: type[np.generic]) -> npt.NDArray[Any] | None:
    return None if values is None else np.array(values, dtype=dtype)
