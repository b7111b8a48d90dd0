"""The same calls with the same weights on PyPI's `sam2` and on the drop-in layer."""

import dataclasses

import pytest
import torch
from PIL import Image

from masklet.eval.bench.peers import sam2_config
from masklet.eval.bench.torchvision_stand_in import offer_torchvision
from masklet.model.config import VARIANTS
from tests.parity.adapters import CompatImages, CompatVideos
from tests.parity.comparison import Golden, compare
from tests.parity.replay import Answer, Shown, replay_image, replay_video
from tests.parity.run import predictor_for
from tests.parity.scenarios import COMMITTED, model_of, read_scenario
from tests.peers.scenario import LIMITS, scenario_for

# The peer's own imports warn of what Python and torch have deprecated.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

CONFIGS = ("sam2.1_hiera_tiny", "sam2_hiera_small", "sam2.1_hiera_base_plus")


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
        model = build_sam2(sam2_config(config.replace("_", "-")), device="cpu")
        model.load_state_dict(weights)
        return PackageImages(SAM2ImagePredictor(model))

    return from_weights


@pytest.mark.parametrize("config", CONFIGS)
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


def write_jpegs(frames, folder):
    """The peer reads nothing but files, so both read the same ones."""
    folder.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number}.jpg", quality=95)
    return str(folder)


class OurVideos(CompatVideos):
    """The drop-in layer, reading files."""

    def __init__(self, predictor, folder):
        super().__init__(predictor)
        self.predictor, self.folder = predictor, folder

    def start(self, frames, image_size):
        self._state = self.predictor.init_state(write_jpegs(frames, self.folder))
        self.images = torch.stack([self._state["images"][index] for index in range(len(frames))])


class PackageVideos:
    """A video scenario's adapter around the peer's own predictor."""

    def __init__(self, predictor, folder):
        self.predictor, self.folder = predictor, folder

    def start(self, frames, image_size):
        self.state = self.predictor.init_state(write_jpegs(frames, self.folder))
        self.images = self.state["images"]

    def add_points(self, frame_index, object_id, points, labels, box, *, clear_old_points):
        given = {"points": points, "labels": labels, "box": box}
        return self._shown(
            self.predictor.add_new_points_or_box(
                self.state, frame_index, object_id, clear_old_points=clear_old_points, **given
            )
        )

    def add_mask(self, frame_index, object_id, mask):
        return self._shown(self.predictor.add_new_mask(self.state, frame_index, object_id, mask))

    def propagate(self, start, max_frames, *, reverse):
        walk = self.predictor.propagate_in_video(self.state, start, max_frames, reverse)
        return map(self._shown, walk)

    def remove_object(self, object_id):
        return self.predictor.remove_object(self.state, object_id)

    def clear_prompts(self, frame_index, object_id):
        cleared = self.predictor.clear_all_prompts_in_frame(self.state, frame_index, object_id)
        return self._shown(cleared)

    def reset(self):
        self.predictor.reset_state(self.state)

    def peek(self, object_id, frame_index):
        return {}

    @staticmethod
    def _shown(shown):
        return Shown(*shown)


@pytest.fixture
def build_for_videos():
    pytest.importorskip("sam2", reason="PyPI's sam2 is not installed: run `make test-peers`")
    offer_torchvision()
    from sam2.build_sam import build_sam2_video_predictor

    def from_weights(weights, size):
        overrides = [f"++model.image_size={size}"]
        predictor = build_sam2_video_predictor(
            sam2_config("sam2.1-hiera-tiny"), device="cpu", hydra_overrides_extra=overrides
        )
        predictor.load_state_dict(weights)
        # With a compiled kernel, which a CPU has not.
        predictor.fill_hole_area = 0
        # Without it the package fails where there are memories and no pointers, as before the first
        # prompt of an object.
        predictor.memory_attention.register_forward_pre_hook(widen, with_kwargs=True)
        return predictor

    def widen(module, arguments, keywords):
        return arguments, {**keywords, "memory": keywords["memory"].float()}

    return from_weights


def unstored_video():
    """Clicks, a box, a mask, a correction, a removal and a late object on a clip of its own."""
    known = read_scenario("v_t21_correct_512", COMMITTED)
    ids = ({"op": op, "frame_idx": frame, "obj_id": number} for op, frame, number in PROMPTS)
    steps = [{**said, **more} for said, more in zip(ids, WHAT, strict=True)]
    whole = {"op": "propagate"}
    steps = [*steps[:3], whole, steps[3], {"op": "propagate", "start_frame_idx": 3}]
    steps += [{"op": "remove_object", "obj_id": 1}, {"op": "clear_prompts", **CLEARED}, whole]
    fields = {**known.fields, "video": {**known.fields["video"], "seed": 71, "n_frames": 4}}
    return dataclasses.replace(known, name="unstored", fields={**fields, "steps": steps})


PROMPTS = [("add_points", 0, 1), ("add_points", 0, 2), ("add_mask", 1, 4), ("add_points", 2, 2)]
WHAT = [
    {"points": [[200, 130]], "labels": [1]},
    {"box": [90, 60, 300, 200]},
    {"mask": {"kind": "object", "index": 0, "t": 1}},
    {"points": [[240, 60], [100, 100]], "labels": [0, 1]},
]
CLEARED = {"frame_idx": 2, "obj_id": 2}


def test_a_video_with_prompts_of_every_kind_equals_the_packages(build_for_videos, tmp_path):
    scenario = unstored_video()
    ours = OurVideos(predictor_for(scenario, "bfloat16"), tmp_path / "ours")
    theirs = PackageVideos(
        build_for_videos(ours.predictor.state_dict(), ours.predictor.image_size),
        tmp_path / "theirs",
    )
    expected = Golden(replay_video(scenario, theirs).arrays)
    recording = replay_video(scenario, ours)
    assert torch.equal(ours.images, theirs.images)
    # Memories are rounded to bfloat16 by the package, which magnifies what kernels differ by.
    report = compare(recording, expected, scenario.limits("bfloat16"))
    assert report.passed, report.text()
    assert report.missing == []
    assert report.compared > 25
