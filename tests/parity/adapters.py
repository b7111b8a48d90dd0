"""Put the drop-in layer behind the calls of an image scenario, one question at a time."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from masklet.compat.sam2.sam2_image_predictor import SAM2ImagePredictor
from masklet.model.positions import sine_grid
from masklet.model.sam2 import SAM2
from masklet.model.trunks.hiera import TokenMap
from tests.parity.image_cases import pyramid
from tests.parity.replay import Answer, Picture, Question


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
