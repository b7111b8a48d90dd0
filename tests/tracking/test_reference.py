"""Where the tracker does what the reference does, it gives the reference's numbers.

That is: all objects are prompted on the first frame, once each, and tracked forwards. Corrections,
late objects, masks of another size and repeated propagation are deliberately different here.
"""

import json

import pytest
import torch

from masklet.model.preprocess import normalize
from masklet.ops.resize import resize_frame_pil
from masklet.tracking.stream import EncodedFrame
from masklet.tracking.tracker import Tracker
from masklet.types import Prompt
from tests.parity.comparison import compare
from tests.parity.replay import Shown, replay_video
from tests.parity.scenarios import COMMITTED, WHOLE_SET, model_of, names, read_scenario


class Streaming:
    """A video scenario's adapter around the tracker."""

    def __init__(self, model):
        self.model = model
        self.prompts = {}

    def start(self, frames, image_size):
        self.frames = frames
        self.input_size = (image_size, image_size)

    def add_points(self, frame_index, object_id, points, labels, box, *, clear_old_points):
        given = {} if points is None else {"points": points, "labels": labels}
        self.prompts[object_id] = Prompt(**given, box=box)
        return self._asked()

    def add_mask(self, frame_index, object_id, mask):
        self.prompts[object_id] = Prompt.from_mask(mask)
        return self._asked()

    def propagate(self, start, max_frames, *, reverse):
        self.tracker = self._new_tracker()
        for index, frame in enumerate(self.frames):
            yield self._shown(self.tracker, frame, self.prompts if index == 0 else None)

    def peek(self, object_id, frame_index):
        row = self.result.object_ids.index(object_id)
        bank = self.tracker.state.tracks[row][0].bank
        memory = bank.at(frame_index)
        side = self.input_size[0] // 16
        return {
            "low_res": self.result.masks.logits[row][None, None],
            "score": self.result.masks.object_score[row].reshape(1, 1),
            "ptr": memory.pointer_C[None],
            "maskmem": memory.spatial_LD.t().reshape(1, -1, side, side),
            "is_cond": memory in bank.conditioning,
        }

    def _asked(self):
        return self._shown(self._new_tracker(), self.frames[0], self.prompts)

    def _new_tracker(self):
        return Tracker(
            self.model,
            input_size=self.input_size,
            num_frames=len(self.frames),
            memory_dtype=torch.float32,
        )

    def _shown(self, tracker, frame, prompts):
        with torch.inference_mode():
            # As the reference's loader does it: eight-bit, by Pillow.
            image = normalize(resize_frame_pil(frame, self.input_size)[None])
            features = self.model.encode_image(image)
            encoded = EncodedFrame(features, frame.shape[:2], self.input_size)
            self.result = tracker.step_encoded(encoded, prompts)
        logits = self.result.masks.full_logits()[:, None]
        return Shown(self.result.frame_index, self.result.object_ids, logits)


def replayed(scenario):
    recording = replay_video(scenario, Streaming(model_of(scenario)))
    golden = scenario.golden("float32")
    return compare(recording, golden, scenario.limits("float32"))


def is_plain(name):
    fields = json.loads((WHOLE_SET / "golden" / f"{name}.json").read_text(encoding="utf-8"))
    *asked, last = fields["steps"]
    limited = last.get("start_frame_idx") or last.get("max_frame_num_to_track")
    return (
        all(step["op"] in ("add_points", "add_mask") for step in asked)
        and all("h" not in step.get("mask", {}) for step in asked)
        and all(step["frame_idx"] == 0 for step in asked)
        and len({step["obj_id"] for step in asked}) == len(asked)
        and last["op"] == "propagate"
        and not (limited or last.get("reverse") or fields["flags"] or fields["video"].get("blank"))
    )


def plain_videos():
    folder = WHOLE_SET / "golden"
    return [name for name in names(folder, "video") if is_plain(name)] if folder.is_dir() else []


def test_two_objects_tracked_together_are_those_of_the_reference():
    scenario = read_scenario(str(COMMITTED / "golden" / "v_t21_two_obj_512.json"))
    report = replayed(scenario)
    assert (report.failures, report.missing) == ([], [])
    assert report.compared > 50


def test_a_memory_that_is_a_little_off_is_noticed():
    scenario = read_scenario(str(COMMITTED / "golden" / "v_t21_two_obj_512.json"))
    model = model_of(scenario)
    kept = model.maskmem_tpos_enc.detach().clone()
    try:
        with torch.no_grad():
            model.maskmem_tpos_enc.copy_(kept.flip(0))
        assert replayed(scenario).failures
    finally:
        with torch.no_grad():
            model.maskmem_tpos_enc.copy_(kept)


@pytest.mark.slow
@pytest.mark.parametrize("name", plain_videos())
def test_every_plain_video_of_the_whole_set_is_that_of_the_reference(name):
    report = replayed(read_scenario(name, fixtures=WHOLE_SET))
    assert (report.failures, report.missing) == ([], [])
