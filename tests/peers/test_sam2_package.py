"""The same calls with the same weights on PyPI's `sam2` and on the drop-in layer."""

import pytest
import torch

from masklet.model.config import VARIANTS
from tests.parity.adapters import CompatImages
from tests.parity.comparison import Golden, compare
from tests.parity.replay import Answer, replay_image
from tests.parity.scenarios import model_of
from tests.peers.scenario import LIMITS, scenario_for
from tests.peers.torchvision_on_cpu import offer_torchvision

# The peer's own imports warn of what Python and torch have deprecated.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

CONFIG_FILES = {
    "sam2.1_hiera_tiny": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "sam2_hiera_small": "configs/sam2/sam2_hiera_s.yaml",
    "sam2.1_hiera_base_plus": "configs/sam2.1/sam2.1_hiera_b+.yaml",
}


class PackageImages:
    """An image scenario's adapter around the peer's own predictor."""

    def __init__(self, predictor):
        self.predictor = predictor

    def set_image(self, image):
        self.predictor.set_image(image)

    def features(self):
        features = self.predictor._features
        fine = {f"high_res_{n}": image for n, image in enumerate(features["high_res_feats"])}
        return {"image_embed": features["image_embed"], **fine}

    def predict(self, question):
        return Answer(
            *self.predictor.predict(
                point_coords=question.points,
                point_labels=question.labels,
                box=question.box,
                mask_input=question.mask_input,
                multimask_output=question.multimask,
                return_logits=True,
            )
        )

    def predict_batch(self, images, questions):
        self.predictor.set_image_batch(images)
        answers = self.predictor.predict_batch(
            box_batch=[question.box for question in questions],
            multimask_output=questions[0].multimask,
            return_logits=True,
        )
        return [Answer(*of_one_image) for of_one_image in zip(*answers, strict=True)]


@pytest.fixture
def build():
    pytest.importorskip("sam2", reason="PyPI's sam2 is not installed: run `make test-peers`")
    offer_torchvision()
    from sam2.build_sam import build_sam2
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    def from_weights(config, weights):
        model = build_sam2(CONFIG_FILES[config], device="cpu")
        model.load_state_dict(weights)
        return PackageImages(SAM2ImagePredictor(model))

    return from_weights


@pytest.mark.parametrize("config", CONFIG_FILES)
@torch.no_grad()
def test_features_and_masks_of_every_kind_of_prompt_equal_the_packages(build, config):
    assert config.replace("_", "-") in VARIANTS
    scenario = scenario_for(config)
    ours = model_of(scenario)
    theirs = build(config, ours.state_dict())
    expected = Golden(replay_image(scenario, theirs).arrays)
    report = compare(replay_image(scenario, CompatImages(ours)), expected, LIMITS)
    assert report.passed, report.text()
    assert report.missing == []
    assert report.compared > 30
