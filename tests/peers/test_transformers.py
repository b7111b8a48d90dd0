"""The same weights, in transformers' layout, give the same features and masks in transformers."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from masklet.eval.bench.torchvision_stand_in import offer_torchvision
from masklet.model.preprocess import preprocess_image, to_input_pixels
from masklet.weights.save import save_huggingface
from tests.parity.adapters import CompatImages
from tests.parity.comparison import Golden, compare
from tests.parity.replay import Answer, replay_image
from tests.parity.scenarios import model_of
from tests.peers.scenario import LIMITS, scenario_for

# The peer's own imports warn of what Python and torch have deprecated.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

CONFIGS = ("sam2.1_hiera_tiny", "sam2_hiera_base_plus")
# transformers takes a box or clicks, not both, and adds padding points to a mask without clicks,
# where the reference has no point at all.
OTHERWISE_IN_TRANSFORMERS = ("box_pts", "mask_only")


class TransformersImages:
    """An image scenario's adapter around `Sam2Model`."""

    def __init__(self, model):
        self.model = model

    def set_image(self, image):
        self.size = image.shape[:2]
        pixels = preprocess_image(image, (1024, 1024), torch.device("cpu"))
        self.embeddings = self.model.get_image_embeddings(pixels)

    def features(self):
        fine, finer, embedding = self.embeddings
        return {"high_res_0": fine, "high_res_1": finer, "image_embed": embedding}

    def predict(self, question):
        given = {}
        if question.points is not None:
            # Objects of one image, each with its points.
            points = question.points.reshape(1, -1, *question.points.shape[-2:])
            given["input_points"] = self._pixels(points)
            labels = question.labels.reshape(1, -1, question.labels.shape[-1])
            given["input_labels"] = torch.from_numpy(labels).long()
        if question.box is not None:
            corners = self._pixels(question.box.reshape(1, -1, 2, 2))
            given["input_boxes"] = corners.flatten(2)
        if question.mask_input is not None:
            given["input_masks"] = torch.from_numpy(question.mask_input)[None]
        output = self.model(
            image_embeddings=self.embeddings, multimask_output=question.multimask, **given
        )
        low_res, iou = output.pred_masks[0], output.iou_scores[0]
        masks = F.interpolate(low_res, self.size, mode="bilinear", align_corners=False)
        return Answer(*(self._few(x) for x in (masks, iou, low_res.clamp(-32, 32))))

    def _pixels(self, points):
        return to_input_pixels(torch.from_numpy(points), self.size, (1024, 1024))

    @staticmethod
    def _few(values):
        return values[0] if len(values) == 1 else values


@pytest.fixture
def load(tmp_path):
    pytest.importorskip("transformers", reason="transformers is missing: run `make test-peers`")
    offer_torchvision()
    from transformers import Sam2Model

    def from_weights(model):
        save_huggingface(model, tmp_path / "saved")
        loaded, notes = Sam2Model.from_pretrained(
            tmp_path / "saved", local_files_only=True, output_loading_info=True
        )
        assert not notes["missing_keys"]
        assert not notes["mismatched_keys"]
        return TransformersImages(loaded.eval())

    return from_weights


def only_what_transformers_does_alike(scenario):
    asked = scenario.fields["prompts"]
    prompts = [prompt for prompt in asked if prompt["name"] not in OTHERWISE_IN_TRANSFORMERS]
    scenario.fields.update(prompts=prompts, batch=None)
    return scenario


@pytest.mark.parametrize("config", CONFIGS)
@torch.no_grad()
def test_features_and_masks_of_every_kind_of_prompt_equal_transformers(load, config):
    scenario = only_what_transformers_does_alike(scenario_for(config))
    ours = model_of(scenario)
    expected = Golden(replay_image(scenario, load(ours)).arrays)
    report = compare(replay_image(scenario, CompatImages(ours)), expected, LIMITS)
    assert report.passed, report.text()
    assert report.missing == []
    assert report.compared > 30


@torch.no_grad()
def test_a_saved_model_masks_in_transformers_what_it_masks_here(load):
    """The end a user sees: one click, one binary mask."""
    scenario = only_what_transformers_does_alike(scenario_for(CONFIGS[0]))
    scenario.fields["prompts"] = scenario.fields["prompts"][:1]
    ours = model_of(scenario)
    answers = []
    for adapter in (load(ours), CompatImages(ours)):
        seen = replay_image(scenario, adapter)
        answers.append(seen.arrays["pt_multi/masks"] > 0)
    assert np.array_equal(*answers)
