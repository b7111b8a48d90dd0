"""Video scenarios are replayed call by call, and the drop-in layer answers as the reference does."""

import dataclasses

import numpy as np
import pytest
import torch

from masklet.compat.video_state import Answer
from tests.parity import inputs
from tests.parity.replay import Shown, replay_video
from tests.parity.run import predictor_for, replay
from tests.parity.scenarios import (
    COMMITTED,
    WHOLE_SET,
    Scenario,
    UnreadableError,
    names,
    read_scenario,
)
from tests.parity.ties import TIES, Tie

# A few seconds each; the other committed ones would take the tests of every change minutes longer.
QUICK = {
    ("v_s20_mini_512", "float32"),
    ("v_t21_box_512", "bfloat16"),
    ("v_t21_refine_512", "float32"),
}
VIDEO = {"h": 24, "w": 32, "n_frames": 4, "seed": 17, "n_objects": 3, "blank": [2]}


class Bookkeeper:
    """The frames and objects that the reference would show, with empty masks.

    It follows the reference's rules of who is shown when, and computes nothing.
    """

    def __init__(self):
        self.calls = []
        self.prompted = {}

    def start(self, frames, image_size):
        self.frames = frames
        self.image_size = image_size
        self.calls.append(("start", image_size))

    def add_points(self, frame_index, object_id, points, labels, box, *, clear_old_points):
        self.calls.append(("points", frame_index, object_id, points, labels, box, clear_old_points))
        return self._prompt(frame_index, object_id)

    def add_mask(self, frame_index, object_id, mask):
        self.calls.append(("mask", frame_index, object_id, mask))
        return self._prompt(frame_index, object_id)

    def propagate(self, start, max_frames, *, reverse):
        last = len(self.frames) - 1
        first = min(min(frames) for frames in self.prompted.values()) if start is None else start
        count = last if max_frames is None else max_frames
        if reverse:
            shown = range(first, max(first - count, 0) - 1, -1) if first else ()
        else:
            shown = range(first, min(first + count, last) + 1)
        for frame_index in shown:
            yield self._show(frame_index)

    def remove_object(self, object_id):
        changed = sorted(self.prompted.pop(object_id))
        left = list(self.prompted)
        return left, [(frame, self._show(frame).logits) for frame in changed if left]

    def clear_prompts(self, frame_index, object_id):
        self.calls.append(("clear", frame_index, object_id))
        self.prompted[object_id].discard(frame_index)
        return self._show(frame_index)

    def reset(self):
        self.prompted = {}

    def peek(self, object_id, frame_index):
        side = self.image_size // 16
        return {
            "low_res": np.zeros((1, 1, 4 * side, 4 * side)),
            "score": np.zeros((1, 1)),
            "ptr": np.zeros((1, 256)),
            "maskmem": np.zeros((1, 64, side, side)),
            "is_cond": frame_index in self.prompted[object_id],
        }

    def _prompt(self, frame_index, object_id):
        self.prompted.setdefault(object_id, set()).add(frame_index)
        return self._show(frame_index)

    def _show(self, frame_index):
        size = self.frames[0].shape[:2]
        return Shown(frame_index, list(self.prompted), np.zeros((len(self.prompted), 1, *size)))


def scenario(*steps):
    return Scenario("short", "video", {"video": VIDEO, "image_size": 512, "steps": steps}, ())


def click(frame, object_id, **more):
    return {
        "op": "add_points",
        "frame_idx": frame,
        "obj_id": object_id,
        "points": [[3, 4]],
        "labels": [1],
        **more,
    }


def mask(frame, object_id, **how):
    return {"op": "add_mask", "frame_idx": frame, "obj_id": object_id, "mask": how}


def test_frames_are_the_clip_with_flat_ones_where_it_was_blanked():
    adapter = Bookkeeper()
    replay_video(scenario(), adapter)
    clip = inputs.clip(24, 32, 4, seed=17, figures=3)
    assert adapter.calls == [("start", 512)]
    assert np.array_equal(adapter.frames[1], clip[1])
    assert (adapter.frames[2] == 90).all()


def test_prompts_arrive_as_the_scenario_states_them():
    adapter = Bookkeeper()
    steps = (
        click(0, 7, box=[1, 2, 9, 9], clear_old_points=False),
        click(1, 7),
        mask(0, 8, kind="object", index=1, t=3),
        mask(0, 9, kind="blob", seed=5, h=40, w=50),
        mask(1, 9, kind="empty"),
    )
    replay_video(scenario(*steps), adapter)
    assert adapter.calls[1] == ("points", 0, 7, [[3, 4]], [1], [1, 2, 9, 9], False)
    assert adapter.calls[2] == ("points", 1, 7, [[3, 4]], [1], None, True)
    masks = [call[3] for call in adapter.calls[3:]]
    assert np.array_equal(masks[0], inputs.figure_mask((24, 32), 17, 3, index=1, time=3))
    assert np.array_equal(masks[1], inputs.blob_mask(40, 50, seed=5))
    assert masks[2].shape == (24, 32)
    assert not masks[2].any()


def test_everything_shown_is_recorded_by_step_order_frame_and_object():
    steps = (
        click(1, 4),
        {"op": "propagate", "max_frame_num_to_track": 1},
        {"op": "propagate", "start_frame_idx": 1, "reverse": True},
        {"op": "clear_prompts", "frame_idx": 1, "obj_id": 4},
        {"op": "reset"},
        click(2, 6),
        click(2, 5),
        {"op": "remove_object", "obj_id": 6},
    )
    recording = replay_video(scenario(*steps), Bookkeeper())
    tracked = ("obj_ids", "video_res", "o4/low_res", "o4/score", "o4/ptr", "o4/maskmem")
    expected = {
        *("s00/obj_ids", "s00/video_res"),
        "s03/video_res",
        *(f"s0{step}/{name}" for step in (5, 6) for name in ("obj_ids", "video_res")),
        *("s07/obj_ids", "s07/f002/video_res"),
    }
    for place in ("s01/n000_f001", "s01/n001_f002", "s02/n000_f001", "s02/n001_f000"):
        expected |= {f"{place}/{name}" for name in (*tracked, "o4/is_cond")}
    assert set(recording.shapes) == expected
    assert recording.arrays["s06/obj_ids"].tolist() == [6, 5]
    assert recording.arrays["s01/n000_f001/o4/is_cond"].tolist() == [1]
    assert recording.arrays["s01/n001_f002/o4/is_cond"].tolist() == [0]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"op": "sing"}, "asks for 'sing', which no adapter offers"),
        (mask(0, 1, kind="cloud"), "a mask of kind 'cloud'"),
    ],
)
def test_what_the_format_does_not_know_is_refused_by_name(step, message):
    with pytest.raises(UnreadableError, match=message):
        replay_video(scenario(step), Bookkeeper())


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE_SET.is_dir(), reason="the whole set is not beside the repository")
@pytest.mark.parametrize("name", names(WHOLE_SET / "golden", "video"))
def test_the_names_and_shapes_are_those_of_the_reference(name):
    stored = read_scenario(name, WHOLE_SET)
    recording = replay_video(stored, Bookkeeper())
    expected = {key: tuple(shape) for key, shape in stored.fields["array_shapes"].items()}
    assert recording.shapes == expected


def stored(folder, *, quick=frozenset()):
    found = names(folder / "golden", "video") if folder.is_dir() else []
    return [
        pytest.param(
            read_scenario(name, folder),
            dtype,
            id=f"{name}-{dtype}",
            marks=[] if (name, dtype) in quick else [pytest.mark.slow],
        )
        for name in found
        if (folder / "golden" / f"{name}.npz").is_file()
        for dtype in ("float32", "bfloat16")
    ]


@pytest.mark.parametrize(("scenario", "dtype"), stored(COMMITTED, quick=QUICK))
def test_the_drop_in_layer_answers_as_the_reference_with_either_dtype_of_memories(scenario, dtype):
    report = replay(scenario, dtype)
    assert report.passed, report.text()
    assert report.missing == []


@pytest.mark.parametrize(("scenario", "dtype"), stored(WHOLE_SET))
def test_the_drop_in_layer_answers_as_the_reference_in_every_stored_value(scenario, dtype):
    report = replay(scenario, dtype)
    assert report.passed, report.text()
    assert report.missing == []


def test_memories_of_the_other_dtype_are_noticed():
    stored_one = read_scenario("v_t21_refine_512", COMMITTED)
    steps = [*stored_one.fields["steps"][:-1], {"op": "propagate", "max_frame_num_to_track": 1}]
    fields = {**stored_one.fields, "steps": steps}
    fields["files"] = {"float32": fields["files"]["bfloat16"]}
    report = replay(dataclasses.replace(stored_one, fields=fields))
    assert report.failures
    assert all("s03/" in failure for failure in report.failures)


def test_a_setting_that_nobody_knows_is_refused():
    stored_one = read_scenario("v_t21_refine_512", COMMITTED)
    fields = {**stored_one.fields, "flags": {"sing": True}}
    with pytest.raises(
        UnreadableError, match=r"v_t21_refine_512: the override '\+\+model\.sing=True'"
    ):
        predictor_for(dataclasses.replace(stored_one, fields=fields), "float32")


def answer(logits_hw):
    nothing = torch.zeros(())
    return Answer(logits_hw, torch.zeros(8), nothing, nothing)


@pytest.mark.parametrize(("row", "column"), [(9, 11), (5, 2), (12, 13)])
@pytest.mark.parametrize("seen", [3e-6, -3e-6])
def test_a_tie_is_settled_on_the_references_side_and_everything_else_is_left(row, column, seen):
    given = answer(torch.full((4, 4), seen))
    for is_inside in (True, False):
        settled = Tie(1, 0, row, column, is_inside).settled(given)
        assert (settled is given) == ((seen > 0) == is_inside)
        large = torch.nn.functional.interpolate(
            settled.logits_hw[None, None], (16, 16), mode="bilinear"
        )
        assert (float(large[0, 0, row, column]) > 0) == is_inside
        assert (settled.logits_hw - given.logits_hw).abs().max() <= 2e-5
        assert (settled.logits_hw != given.logits_hw).sum() in (0, 4)


def test_a_pixel_far_from_the_threshold_is_no_tie():
    given = answer(torch.full((4, 4), 2e-5))
    assert Tie(1, 0, 9, 9, is_inside=False).settled(given) is given


def test_ties_are_of_scenarios_and_of_first_prompts_that_exist():
    if not WHOLE_SET.is_dir():
        pytest.skip("the whole set is not beside the repository")
    for name, ties in TIES.items():
        steps = read_scenario(name, WHOLE_SET).fields["steps"]
        prompts = {(step.get("obj_id"), step.get("frame_idx")) for step in steps}
        assert {(tie.object_id, tie.frame_index) for tie in ties} <= prompts
