"""Ask all questions of an image scenario at once, through `ImagePredictor`.

It takes several objects in one call where the reference takes one, and sorts three masks by their
predicted IoU where the reference does not; the recordings have the names and the order of the
reference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from masklet.image.predictor import ImagePredictor
from masklet.model.sam2 import SAM2
from masklet.types import MaskSet, Prompt
from tests.parity.recording import Recording, to_numpy
from tests.parity.replay import Answer, Question, batch_of, picture_of, record_answer
from tests.parity.scenarios import Scenario


@torch.inference_mode()
def predict_together(scenario: Scenario, model: SAM2, scores: Mapping[str, Any]) -> Recording:
    """All prompts in one call for three masks each and in one for a single mask each.

    Prompts that start from an earlier answer follow in a third call. One that is nothing else is
    left out: `ImagePredictor` refines a prompt, and there is none.

    Args:
        scenario: of an image.
        model: its model.
        scores: the golden arrays `name/iou`, which tell the order of three masks.
    """
    predictor, recording = ImagePredictor(model), Recording()
    features = predictor.encode(picture_of(scenario.fields["image"]))
    asked = [_Asked(prompt, scores) for prompt in scenario.fields["prompts"]]
    fresh = [one for one in asked if one.source is None]
    prompts = [prompt for one in fresh for prompt in one.prompts]
    of_three = predictor.predict(features, prompts, multimask=True)
    single = predictor.predict(features, prompts, multimask=False)
    answers: dict[str, MaskSet] = {}
    first = 0
    for one in fresh:
        answers[one.name] = one.ordered(of_three if one.multimask else single, first)
        first += len(one.prompts)
    refined = [one for one in asked if one.source is not None and one.prompts]
    if refined:
        masks = predictor.predict(
            features,
            [one.prompts[0] for one in refined],
            multimask=False,
            refine=_joined([one.started_from(answers) for one in refined]),
        )
        answers.update({one.name: masks[row] for row, one in enumerate(refined)})
    for one in asked:
        if one.name in answers:
            record_answer(recording, one.name, one.answer(answers[one.name]))
    return recording


@torch.inference_mode()
def predict_images_together(
    scenario: Scenario, model: SAM2, scores: Mapping[str, Any]
) -> Recording:
    """The batch of images of a scenario, in one pass of the encoder."""
    predictor, recording = ImagePredictor(model), Recording()
    images, questions = batch_of(scenario.fields["batch"])
    encoded = predictor.encode_batch(images)
    for number, (features, question) in enumerate(zip(encoded, questions, strict=True)):
        one = _Asked(_as_prompt(f"batch{number}", question), scores)
        masks = predictor.predict(features, one.prompts, multimask=one.multimask)
        record_answer(recording, one.name, one.answer(one.ordered(masks, first=0)))
    return recording


class _Asked:
    """One prompt of a scenario as prompts of this package: several boxes are several objects."""

    def __init__(self, prompt: Mapping[str, Any], scores: Mapping[str, Any]) -> None:
        self.name: str = prompt["name"]
        self.multimask: bool = prompt["multimask_output"]
        self.source: Mapping[str, Any] | None = prompt.get("mask_input")
        points, labels, box = (
            None if prompt.get(key) is None else np.array(prompt[key], np.float32)
            for key in ("point_coords", "point_labels", "box")
        )
        has_rows = (box is not None and box.ndim == 2) or (points is not None and points.ndim == 3)
        if not has_rows:
            points, labels, box = (None if x is None else x[None] for x in (points, labels, box))
        self.prompts = [
            _prompt(*(None if x is None else x[row] for x in (points, labels, box)))
            for row in range(max(len(x) for x in (points, box, ()) if x is not None))
        ]
        self._scores = scores[f"{self.name}/iou"].reshape(len(self.prompts) or 1, -1)

    def ordered(self, masks: MaskSet, first: int) -> MaskSet:
        """This prompt's masks in the order of the reference, from prompt number `first` on."""
        index = np.array(masks.prompt_index)
        places = [np.flatnonzero(index == first + row) for row in range(len(self.prompts))]
        if self.multimask:
            places = [
                own[np.argsort(np.argsort(-golden, kind="stable"))]
                for own, golden in zip(places, self._scores, strict=True)
            ]
        return masks[np.concatenate(places)]

    def started_from(self, answers: Mapping[str, MaskSet]) -> MaskSet:
        """The earlier mask that this prompt refines."""
        assert self.source is not None
        return answers[self.source["from"]][self.source["index"]]

    def answer(self, masks: MaskSet) -> Answer:
        """Those masks in the shapes of the reference."""
        per_row = 3 if self.multimask else 1
        low_res = to_numpy(masks.logits.clamp(-32, 32))
        values = (masks.full_logits(), masks.scores(), low_res)
        if len(self.prompts) > 1:
            return Answer(*(x.reshape(-1, per_row, *x.shape[1:]) for x in values))
        return Answer(*values)


def _prompt(
    points: npt.NDArray[np.float32] | None,
    labels: npt.NDArray[np.float32] | None,
    box: npt.NDArray[np.float32] | None,
) -> Prompt:
    if points is None or labels is None:
        return Prompt(box=box)
    return Prompt(points=points, labels=labels.astype(np.int8), box=box)


def _as_prompt(name: str, question: Question) -> Mapping[str, Any]:
    return {
        "name": name,
        "point_coords": question.points,
        "point_labels": question.labels,
        "box": question.box,
        "multimask_output": question.multimask,
    }


def _joined(parts: Sequence[MaskSet]) -> MaskSet:
    return MaskSet(
        logits=torch.cat([part.logits for part in parts]),
        iou=torch.cat([part.iou for part in parts]),
        object_score=torch.cat([part.object_score for part in parts]),
        size=parts[0].size,
        prompt_index=tuple(range(len(parts))),
    )
