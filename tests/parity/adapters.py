"""Put the drop-in layer behind the calls of a scenario, one at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masklet.compat.sam2.sam2_image_predictor import SAM2ImagePredictor
from masklet.compat.sam2.sam2_video_predictor import SAM2VideoPredictor
from masklet.model.positions import sine_grid
from masklet.model.sam2 import SAM2
from masklet.model.trunks.token_map import TokenMap
from tests.parity.image_cases import pyramid
from tests.parity.replay import Answer, Picture, Question, Shown
from tests.parity.ties import Tie


class CompatImages:
    """An image scenario's adapter around `masklet.compat.sam2`."""

    def __init__(self, model: SAM2) -> None:
        self._model = model
        self._predictor = SAM2ImagePredictor(model)
        self._stages: tuple[TokenMap, ...] = ()

    def set_image(self, image: Picture) -> None:
        """Encode an image."""

        def keep(module: object, images: object, stages: tuple[TokenMap, ...]) -> None:
            self._stages = stages

        # Encoded once: the pyramid is made of what the trunk gave to the predictor.
        hook = self._model.image_encoder.trunk.register_forward_hook(keep)
        try:
            self._predictor.set_image(image)
        finally:
            hook.remove()

    @torch.inference_mode()
    def features(self) -> Mapping[str, Tensor]:
        """What the decoder sees, and the pyramid behind it with its positions."""
        features: dict[str, Tensor] = {}
        for level, image in enumerate(pyramid(self._model, self._stages)):
            grid = (image.shape[2], image.shape[3])
            positions_LC = sine_grid(grid, self._model.config.width, image.device)
            features[f"fpn_{level}"] = image
            features[f"pos_{level}"] = positions_LC.T.unflatten(1, grid)[None]
        features["image_embed"] = self._predictor.get_image_embedding()
        # The name under which programs written for the reference read the fine maps.
        official = self._predictor._features
        assert official is not None
        for level, fine in enumerate(official["high_res_feats"]):
            features[f"high_res_{level}"] = fine
        return features

    def predict(self, question: Question) -> Answer:
        """One question, for one object or for several boxes or rows of points."""
        return Answer(
            *self._predictor.predict(
                point_coords=question.points,
                point_labels=question.labels,
                box=question.box,
                mask_input=question.mask_input,
                multimask_output=question.multimask,
                return_logits=True,
            )
        )

    def predict_batch(
        self, images: Sequence[Picture], questions: Sequence[Question]
    ) -> Sequence[Answer]:
        """Several images, a question about each; what one leaves out, all do."""
        self._predictor.set_image_batch(list(images))
        first = questions[0]
        answers = self._predictor.predict_batch(
            None if first.points is None else [question.points for question in questions],
            None if first.labels is None else [question.labels for question in questions],
            None if first.box is None else [question.box for question in questions],
            multimask_output=first.multimask,
            return_logits=True,
        )
        return [Answer(*of_one_image) for of_one_image in zip(*answers, strict=True)]


class CompatVideos:
    """A video scenario's adapter around `masklet.compat.sam2`."""

    def __init__(self, predictor: SAM2VideoPredictor, ties: Sequence[Tie] = ()) -> None:
        self._predictor = predictor
        self._ties = ties

    def start(self, frames: Sequence[Picture], image_size: int) -> None:
        """Begin with a clip."""
        assert self._predictor.image_size == image_size
        self._state = self._predictor.init_state(frames)

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
        """Prompt with clicks, a box or both."""
        shown = self._predictor.add_new_points_or_box(
            self._state,
            frame_index,
            object_id,
            points=points,
            labels=labels,
            clear_old_points=clear_old_points,
            box=box,
        )
        return Shown(*shown)

    def add_mask(self, frame_index: int, object_id: int, mask: npt.NDArray[np.bool_]) -> Shown:
        """Prompt with a mask."""
        return Shown(*self._predictor.add_new_mask(self._state, frame_index, object_id, mask))

    def propagate(
        self, start: int | None, max_frames: int | None, *, reverse: bool
    ) -> Iterator[Shown]:
        """Track; `max_frames` counts the frames after the first."""
        for tie in self._ties:
            drafts = self._state.accounts[tie.object_id].new_conditioning
            if tie.frame_index in drafts:
                drafts[tie.frame_index] = tie.settled(drafts[tie.frame_index])
        for shown in self._predictor.propagate_in_video(
            self._state, start, max_frames, reverse=reverse
        ):
            yield Shown(*shown)

    def remove_object(self, object_id: int) -> tuple[Sequence[int], Iterable[tuple[int, Tensor]]]:
        """Forget an object."""
        return self._predictor.remove_object(self._state, object_id)

    def clear_prompts(self, frame_index: int, object_id: int) -> Shown:
        """Take back what was said about an object on a frame."""
        shown = self._predictor.clear_all_prompts_in_frame(self._state, frame_index, object_id)
        return Shown(*shown)

    def reset(self) -> None:
        """Forget all objects."""
        self._predictor.reset_state(self._state)

    def peek(self, object_id: int, frame_index: int) -> Mapping[str, Tensor | bool | None]:
        """What is kept for a frame."""
        account = self._state.accounts[object_id]
        answer = account.known(frame_index)
        side = self._predictor.image_size // 16
        return {
            "low_res": answer.logits_hw[None, None],
            "score": answer.object_score.reshape(1, 1),
            "ptr": answer.pointer_C[None],
            "maskmem": answer.spatial_LD.t().reshape(1, -1, side, side),
            "is_cond": frame_index in account.conditioning,
        }
